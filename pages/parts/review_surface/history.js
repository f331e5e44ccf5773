// Undo and redo without end: the steps of this page first, then what the log knows of this annotator, from other
// tabs and other days. Each key press takes back one step, however fast they come.

class History {
  constructor(surface) {
    this.surface = surface;
    this.waiting = []; // "undo" and "redo" in the order of the key presses, while the log is asked
    this.loading = false;
  }

  // A decision made meanwhile is the newest step: what was asked for before it must not take it back.
  cancel() {
    this.waiting = [];
  }

  // way: "undo" or "redo"
  run(way) {
    if (this.loading) return this.waiting.push(way);
    const found = this.surface.ledger[way]();
    if (found) this.apply(way, found);
    else this.older(way);
  }

  async older(way) {
    const { ledger, notice } = this.surface;
    this.loading = true;
    this.waiting = [way];
    try {
      const { changes } = ledger;
      const answer = await this.ask();
      if (ledger.changes === changes) ledger.load(answer.done, answer.undone);
    } catch (error) {
      this.cancel();
      const why = error instanceof HttpError ? error.message : "The server cannot be reached.";
      notice.mention(`What was done before cannot be fetched. ${why}`);
    }
    this.loading = false;
    for (const asked of this.waiting.splice(0)) {
      const found = ledger[asked]();
      if (!found) return this.surface.say(`Nothing to ${asked}.`);
      this.apply(asked, found);
    }
  }

  async ask() {
    const { outbox, data } = this.surface;
    // The log must know what is in the stacks here.
    if (!(await outbox.drained())) throw new HttpError(0, outbox.reason || "The server cannot be reached.");
    return call("labelmend/timeline", { token: data.token, params: { ds: data.dataset } });
  }

  apply(way, { step, op }) {
    const { surface } = this;
    surface.outbox.add(op);
    surface.pace.reverted(way, step);
    const said = way === "undo" ? "Undone" : "Redone";
    if (!step.row_id) this.many(step, said);
    else if (!step.item) this.elsewhere(step, said);
    else this.here(way, step, said);
  }

  // A row that this page has shown: it is still known.
  here(way, step, said) {
    const { surface } = this;
    const { item, rank } = step;
    if (rank !== null) surface.feed.items.set(rank, item);
    if (way === "redo" && VERDICTS.has(step.action)) surface.goOn(rank);
    else surface.display(item, rank);
    if (rank !== null) surface.feed.prefetch(rank);
    surface.say(`${said}: ${this.now(step, item)}`);
  }

  // A row of another tab or day: it is fetched as it is after this step.
  async elsewhere(step, said) {
    const item = await this.surface.open(step.row_id);
    if (item) this.surface.say(`${said}: ${this.now(step, item)}`);
  }

  now(step, item) {
    if (step.action === "note" || step.action === "tag") return `${step.action} on row ${count(item.number)}`;
    const { decision } = this.surface.ledger.stateOf(item);
    return `row ${count(item.number)} is ${decision ? decisionWords(decision).toLowerCase() : "undecided"}`;
  }

  // Something about many rows, or about none.
  async many(step, said) {
    const { surface } = this;
    const what = VERDICTS.has(step.action) ? `${count(step.n)} rows` : { class: "class list", assign: "assignment" }[step.action];
    surface.notice.mention(`${said}: ${what}`);
    surface.say(`${said}: ${what}`);
    await surface.refetch();
  }
}
