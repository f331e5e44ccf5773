// What this page has decided: the decision of each row as shown here, and what can be undone and redone.

class Ledger {
  constructor(data) {
    this.data = data;
    this.decisions = new Map(); // row_id -> decision or null, over what the server told with the item
    this.done = [];
    this.undone = [];
  }

  decisionOf(item) {
    return this.decisions.has(item.row_id) ? this.decisions.get(item.row_id) : item.decision;
  }

  // One decision on the row that is on the screen. screen: what else was on it, for the record.
  operation(item, action, screen, more) {
    return {
      op_id: freshId(),
      dataset: this.data.dataset,
      row_id: item.row_id,
      action,
      given_label: item.given ?? "",
      label: null,
      undoes: null,
      shown: JSON.stringify({ suggestion: item.suggestion, find: this.data.find, ...screen }),
      ...more,
    };
  }

  decide(item, rank, action, label, screen) {
    this.undone = [];
    return this.commit({ item, rank, op: this.operation(item, action, screen, { label }) });
  }

  commit({ item, rank, op }) {
    const entry = { item, rank, op, before: this.decisionOf(item) };
    const { annotator } = this.data;
    this.done.push(entry);
    this.decisions.set(item.row_id, { op_id: op.op_id, action: op.action, label: op.label, annotator });
    return entry;
  }

  // Takes back the last decision. Returns its entry, with the UNDO to send, or null.
  undo(screen) {
    const entry = this.done.pop();
    if (!entry) return null;
    this.undone.push(entry);
    this.decisions.set(entry.item.row_id, entry.before);
    const undo = this.operation(entry.item, "undo", screen, { undoes: entry.op.op_id });
    return { ...entry, undo };
  }

  redo(screen) {
    const entry = this.undone.pop();
    if (!entry) return null;
    const { action, label } = entry.op;
    return this.commit({ ...entry, op: this.operation(entry.item, action, screen, { label }) });
  }

  // The server would not store an operation: the row shows again what it showed before.
  refused(op) {
    const entry = this.done.find((one) => one.op.op_id === op.op_id);
    this.done = this.done.filter((one) => one !== entry);
    if (entry && this.decisions.get(op.row_id)?.op_id === op.op_id) this.decisions.set(op.row_id, entry.before);
  }
}
