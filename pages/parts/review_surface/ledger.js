// What is known of each row beyond what came with it, and the steps that can be undone and redone. A redo is an
// UNDO of the UNDO: the decision itself is never sent again.

const VERDICTS = new Set(["keep", "relabel", "exclude", "ambiguous", "needs_review"]);

class Ledger {
  constructor(data) {
    this.data = data;
    this.states = new Map(); // row_id -> {decision, notes, tags, own_tags}, over what came with the item
    this.unsettled = new Map(); // row_id -> [op_id, seq] of the last step on it; no seq before it is stored
    this.done = []; // steps, the last to be undone first at the end
    this.undone = []; // steps with the op_id of their UNDO, the last to be redone first at the end
    this.steps = new Map(); // op_id -> step, of those of this page
    this.changes = 0; // counts what was decided here
  }

  stateOf(item) {
    const { decision, notes, tags, own_tags } = item;
    return this.states.get(item.row_id) ?? { decision, notes, tags, own_tags };
  }

  decisionOf(item) {
    return this.stateOf(item).decision;
  }

  // Whether a row waits for this annotator, as far as is known here.
  waits(item) {
    const decision = this.decisionOf(item);
    return decision === item.decision ? item.waits : !decision;
  }

  // An item has come. Where the server knew of the last step on its row, what came is what is so.
  refreshed(item) {
    const [, seq] = this.unsettled.get(item.row_id) ?? [null, 0];
    if (seq === null || item.seen < seq) return;
    this.states.delete(item.row_id);
    this.unsettled.delete(item.row_id);
  }

  stored(op, seq) {
    if (this.unsettled.get(op.row_id)?.[0] === op.op_id) this.unsettled.set(op.row_id, [op.op_id, seq]);
  }

  // screen: what else was on the screen, for the record.
  operation(item, action, screen, more) {
    return {
      op_id: freshId(),
      dataset: this.data.dataset,
      row_id: item.row_id,
      action,
      given_label: item.given ?? "",
      label: null,
      undoes: null,
      shown: JSON.stringify({ suggestion: item.suggestion, find: this.data.find, mark: item.mark, ...screen }),
      ...more,
    };
  }

  // A verdict, a note or tags on the row that is on the screen. change: what it makes of the row.
  commit(item, rank, op, change) {
    const before = this.stateOf(item);
    const step = { op_id: op.op_id, action: op.action, label: op.label, row_id: op.row_id, n: 1, item, rank, op, before };
    step.after = { ...before, ...change };
    this.push(step);
    this.become(op, step.after);
    return step;
  }

  become(op, state) {
    this.unsettled.set(op.row_id, [op.op_id, null]);
    if (state) this.states.set(op.row_id, state);
  }

  decide(item, rank, op) {
    const { op_id, action, label, final } = op;
    return this.commit(item, rank, op, { decision: { op_id, action, label, final, annotator: this.data.annotator } });
  }

  remark(item, rank, op, { text: words, tags }) {
    const { notes, tags: all, own_tags: own } = this.stateOf(item);
    const note = { op_id: op.op_id, text: words, annotator: this.data.annotator, at: new Date().toISOString() };
    const others = all.filter((tag) => !own.includes(tag));
    const change = op.action === "note" ? { notes: [...notes, note] } : { own_tags: tags, tags: [...new Set([...others, ...tags])] };
    return this.commit(item, rank, op, change);
  }

  // A new step empties what can be redone, as in an editor.
  push(step) {
    this.changes += 1;
    this.steps.set(step.op_id, step);
    this.done.push(step);
    this.undone = [];
  }

  // Takes back the last step. Returns it, with the UNDO to send, or null.
  undo() {
    const step = this.done.pop();
    if (!step) return null;
    const op = this.reversal(step, step.op_id);
    this.undone.push({ ...step, undo: op.op_id });
    this.become(op, step.before);
    return { step, op };
  }

  redo() {
    const step = this.undone.pop();
    if (!step) return null;
    const op = this.reversal(step, step.undo);
    this.done.push(step);
    this.become(op, step.after);
    return { step, op };
  }

  reversal(step, undoes) {
    const row = { row_id: step.row_id, given: step.given_label ?? step.item?.given, suggestion: null };
    return this.operation(row, "undo", {}, { undoes });
  }

  // The stacks as the log has them. What this page knows of a step stays with it.
  load(done, undone) {
    this.done = done.map((step) => this.steps.get(step.op_id) ?? step);
    this.undone = undone.map((step) => {
      const known = this.steps.get(step.undoes) ?? { ...step, op_id: step.undoes };
      return { ...known, undo: step.op_id };
    });
  }

  // The server would not store an operation: the row shows again what it showed before.
  refused(op) {
    const step = this.steps.get(op.op_id);
    this.unsettled.delete(op.row_id);
    this.done = this.done.filter((one) => one.op_id !== op.op_id && one.op_id !== op.undoes);
    this.undone = this.undone.filter((one) => one.op_id !== op.op_id && one.undo !== op.op_id && one.undo !== op.undoes);
    if (step && this.states.get(op.row_id) === step.after) this.states.set(op.row_id, step.before);
    else this.states.delete(op.row_id);
  }
}
