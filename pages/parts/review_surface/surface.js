// The review surface: what keys and buttons do to the row that is on the screen.

class Surface extends Screen {
  // --- deciding -------------------------------------------------------------------------------------

  keep() {
    this.decide("keep");
  }

  exclude() {
    this.decide("exclude");
  }

  ambiguous() {
    this.decide("ambiguous");
  }

  needs_review() {
    this.decide("needs_review");
  }

  take() {
    if (!this.item) return;
    if (this.item.suggestion === null) this.say(`${this.panel.noSuggestion(this.item)}.`);
    else this.decide("relabel", this.item.suggestion);
  }

  choose(name) {
    if (!this.item || name === null) return;
    this.panel.closeSearch();
    this.focus();
    if (this.panel.sets) return this.tick(name);
    if (name === this.item.given_name) this.decide("keep");
    else this.decide("relabel", name);
  }

  // Rows with several labels: a class is ticked or unticked, and Enter saves what is ticked.
  tick(name) {
    this.panel.toggle(name);
    this.say(`${name} ${this.panel.ticked.has(name) ? "ticked" : "unticked"}. Labels: ${this.panel.tickedWords()}.`);
  }

  // Returns whether there was a set to save or to say something of.
  saveSet() {
    if (!this.panel.sets || !this.item) return false;
    const label = this.panel.label();
    if (label === null) this.notice.mention("Nothing is ticked, and every row has a label here. Tick one, exclude the row or call it ambiguous.");
    else if (label === this.item.given) this.decide("keep");
    else this.decide("relabel", label);
    return true;
  }

  // The class and the row that first gets it go out together, in this order.
  addClass(name) {
    if (!this.mayChange()) return;
    const detail = JSON.stringify({ add: name });
    const op = this.ledger.operation(this.item, "class", this.screen(), { row_id: "", given_label: "", detail });
    this.outbox.add(op);
    this.panel.setClasses([...this.panel.classes, name]);
    this.choose(name);
  }

  decide(action, label = null) {
    if (!this.mayChange()) return;
    const { item, rank } = this;
    const more = { label, based_on: item.seen, final: this.standing.ends(item) };
    const op = this.ledger.operation(item, action, this.screen(), more);
    this.history.cancel();
    this.ledger.decide(item, rank, op);
    this.pace.decided(op, rank === null ? null : this.feed.total - rank - 1);
    this.outbox.add(op); // kept on this device; sent after the next row is painted
    this.goOn(rank);
  }

  mayChange() {
    if (!this.item) return false;
    const why = this.standing.readOnly(this.item);
    if (why) this.say(`${why} Read only.`);
    return why === "";
  }

  screen() {
    const { blind, hidden, second_look } = this.item;
    return { queue: this.feed.tag, rank: this.rank, shown_at: this.shownAt, blind, hidden, second_look };
  }

  note() {
    if (this.mayChange()) this.remarks.writeNote();
  }

  tag() {
    if (this.mayChange()) this.remarks.writeTags();
  }

  // A note or tags on the row; it stays on the screen.
  remark(action, detail) {
    const { item, rank } = this;
    const op = this.ledger.operation(item, action, this.screen(), { detail: JSON.stringify(detail) });
    this.history.cancel();
    this.ledger.remark(item, rank, op, detail);
    this.outbox.add(op);
    this.tell();
  }

  undo() {
    this.history.run("undo");
  }

  redo() {
    this.history.run("redo");
  }

  lowYield() {
    const stop = ["Stop here", () => this.stopHere()];
    this.notice.tell(`Fewer than 1 in 10 of your last ${YIELD_OF} rows changed.`, stop, ["Go on"]);
  }

  // A spot check wants no more answers: in its queue there is nothing left to do.
  over(words) {
    if (!this.data.filters.gate) return;
    this.blank();
    this.outbox.release(this.data.dataset);
    const on = el("a", { class: "pill", href: `${this.data.evidence}&tab=batches` }, "What it says");
    this.stage.message(el("p", { class: "strong" }, words), on);
    this.say(words);
  }

  // The stop sign of the evidence; the work goes on where it is not answered.
  mayStop(words) {
    this.notice.tell(`${words}.`, ["Stop here", () => this.stopHere()], ["Go on"]);
  }

  stopHere() {
    this.blank();
    this.outbox.release(this.data.dataset);
    const on = el("button", { type: "button", class: "pill" }, "Go on");
    on.addEventListener("click", () => {
      this.feed.clear();
      this.go(this.rank ?? this.startRank);
      this.focus();
    });
    this.stage.message(el("p", { class: "strong" }, "You stopped here. Your decisions are kept; the rows held for you are free."), on);
  }

  // --- what the server says -------------------------------------------------------------------------

  received(op, receipt) {
    const { item } = this.ledger.steps.get(op.op_id) ?? {};
    if (receipt.error) {
      this.ledger.refused(op);
      if (this.item?.row_id === op.row_id) this.tell();
      const what = op.row_id ? `A decision on row ${op.row_id}` : "An undo of many rows";
      return this.notice.tell(`${what} was not stored. ${receipt.error}`);
    }
    this.ledger.stored(op, receipt.seq);
    this.feed.renewed();
    if (receipt.meanwhile) this.notice.tell(meanwhileWords(item?.number ?? op.row_id, receipt.meanwhile));
    if (op.final) this.feed.refresh([op.row_id]); // who said what is told now
    const said = { undo: "undone", note: "note", tag: "tags" }[op.action] ?? decisionWords(op).toLowerCase();
    text(this.saved, `Saved: ${said}.`);
    this.grid.refresh();
  }

  // The outbox has sent, or could not.
  sent() {
    const { outbox } = this;
    this.header.saved(outbox);
    if (outbox.reason === this.trouble) return;
    this.trouble = outbox.reason;
    this.troubleLine?.remove();
    if (!outbox.reason) return;
    const kept = outbox.kept ? `${count(outbox.ops.size)} decisions are kept on this device.` : "Keep this tab open.";
    this.troubleLine = this.notice.tell(`${outbox.reason} ${kept}`, ["Try again", () => outbox.flush()]);
  }

  // --- moving and looking ---------------------------------------------------------------------------

  next() {
    if (this.feed.total === null) return;
    if (this.rank === null) this.go(this.startRank);
    else if (this.rank < this.feed.total) this.go(this.rank + 1);
  }

  back() {
    if (this.rank !== null && this.rank > 0) this.go(this.rank - 1, -1);
  }

  async undecided() {
    const { total } = this.feed;
    if (total === null) return;
    const waits = (item) => this.ledger.waits(item);
    const from = this.rank === null ? 0 : Math.min(this.rank + 1, total);
    try {
      let found = await this.feed.undecided(from, waits);
      if (found >= total) found = await this.feed.undecided(0, waits);
      if (found < total) this.go(found);
      else this.notice.mention("No row of this queue waits for you.");
    } catch (error) {
      this.arrived(error);
    }
  }

  fit() {
    this.stage.toggleFit();
  }

  closeUp() {
    this.stage.toggleCloseUp();
  }

  others() {
    this.stage.toggleOthers();
    this.say(`Other boxes ${this.stage.boxes.othersOn ? "shown" : "hidden"}.`);
  }

  overlay() {
    this.stage.overlay.cycle();
  }

  zoomIn() {
    this.stage.zoomBy(ZOOM_STEP);
  }

  zoomOut() {
    this.stage.zoomBy(1 / ZOOM_STEP);
  }

  findings() {
    this.panel.findings.toggle();
  }

  near() {
    this.strip.focus();
  }

  showGrid() {
    this.grid.show();
  }

  showLike() {
    this.grid.showLike(this.item);
  }

  applyAll() {
    if (this.feed.total) this.grid.bulk.ask();
  }

  search() {
    this.panel.search.focus();
  }

  digit(i) {
    if (this.data.targets) this.panel.begin(String(i + 1));
    else this.choose(this.panel.classAt(i));
  }

  async link() {
    const url = this.rowUrl().href;
    try {
      await navigator.clipboard.writeText(url);
      this.notice.mention("Link copied.");
    } catch (error) {
      // Not on plain http: the browser forbids it, so the link is shown to be copied by hand.
      const field = el("input", { type: "text", class: "search", readonly: true, "aria-label": "Link to this row" });
      field.value = url;
      this.dialog.open("Link to this row", field);
      field.select();
    }
  }

  help() {
    openHelp(this.dialog, this.keymap, () => {
      this.keymap.show(this.root);
      this.panel.hint();
    });
  }

  peek(tile) {
    const body = tile.full
      ? el("img", { class: "peek", alt: `Picture, row ${tile.number}`, src: address(tile.full) })
      : el("p", { class: "prose", dir: "auto" }, tile.text);
    this.dialog.open(`Row ${tile.number}, labelled ${tile.label ?? "nothing"}`, body);
  }

  // --- keys and focus -------------------------------------------------------------------------------

  modal() {
    return !this.dialog.node.hidden;
  }

  escape(event) {
    event.preventDefault();
    if (this.dialog.close() || this.grid.escape() || this.remarks.leave()) return;
    this.panel.closeSearch();
    this.focus();
  }

  typing(event) {
    if (this.remarks.key(event)) event.preventDefault();
    else if (event.composedPath()[0] === this.panel.search && this.panel.searchKey(event)) event.preventDefault();
  }

  focus() {
    if (this.grid.open) this.grid.focus();
    else this.root.focus({ preventScroll: true });
  }

  keysOn(on) {
    this.root.classList.toggle("keys-off", !on);
  }
}
