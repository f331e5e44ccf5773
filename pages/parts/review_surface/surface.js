// The review surface: what is on the screen, what a key does to it, and what is kept of it live in one
// object, so that a decision can only ever be about the row that was shown when the key went down.

const URL_AFTER_MS = 150;
const BOTTOM_GAP = 32; // Streamlit's own padding below the page
const NARROW = "(max-width: 640px)";

class Surface {
  constructor(data) {
    this.data = data;
    this.item = null;
    this.rank = null; // null for a row that is not in the queue
    this.ledger = new Ledger(data);
    this.keymap = new Keymap(data.workspace);
    this.build();
    this.outbox = outboxFor(`${data.workspace}:${data.dataset}:${data.annotator}`);
    this.outbox.onChange = () => this.header.saved(this.outbox);
    this.outbox.onReceipt = (op, receipt) => this.received(op, receipt);
    this.update(data);
  }

  build() {
    const feed = new Feed(this.data, (error) => this.arrived(error));
    const sized = el("span", { class: "sized" });
    const give = () => this.focus();
    this.feed = feed;
    const { keymap } = this;
    this.header = new Header(this.data, keymap, { focus: give, flush: () => this.outbox.flush(), help: () => this.help() });
    this.stage = new Stage(feed, keymap, sized, give);
    this.panel = new Panel(this.data, keymap, this);
    this.dialog = makeDialog("", give);
    this.strip = new Strip(this.data, (item) => this.panel.explain(item), (tile) => this.peek(tile));
    this.notice = new Notice(give);
    this.live = el("div", { class: "live", "aria-live": "polite" });
    this.saved = el("div", { class: "live", "aria-live": "polite" });
    this.root = el(
      "section",
      { class: "surface", role: "region", "aria-label": "Review surface", tabindex: "0" },
      this.header.node,
      this.notice.node,
      el("div", { class: "main" }, el("div", { class: "left" }, this.stage.node, makeTools(this, sized)), this.panel.node),
      this.strip.node,
      this.dialog.node,
      this.live,
      this.saved,
    );
    this.root.dataset.kind = this.data.kind;
  }

  // --- life -----------------------------------------------------------------------------------------

  mount(parent) {
    parent.append(this.root);
    this.stops = [
      listenToKeys(this.root, this.keymap, this),
      watchFocus(this.root, (on) => this.keysOn(on), () => this.focus()),
      listen(window, "resize", () => this.fill()),
    ];
    this.fill();
    if (document.activeElement === null || document.activeElement === document.body) this.focus();
    this.keysOn(this.root.getRootNode().activeElement === this.root);
    this.begin();
  }

  close() {
    this.stops.forEach((stop) => stop());
    clearTimeout(this.urlTimer);
    this.notice.close();
    this.strip.close();
    this.feed.close();
    this.stage.close();
    this.outbox.onChange = this.outbox.onReceipt = null;
    this.root.remove();
  }

  // A rerun of the page brings a fresh token.
  update(data) {
    Object.assign(this.data, data);
    this.outbox.token = data.token;
    this.header.saved(this.outbox);
    this.outbox.flush();
  }

  fill() {
    const narrow = window.matchMedia(NARROW).matches;
    const top = this.root.getBoundingClientRect().top;
    this.root.style.height = narrow ? "" : `${Math.max(420, window.innerHeight - Math.max(0, top) - BOTTOM_GAP)}px`;
  }

  async begin() {
    this.stage.message("Fetching the first rows…");
    // What an earlier page left unsent goes first, so that the rows arrive with it.
    await Promise.race([this.outbox.flush(), new Promise((done) => setTimeout(done, 1500))]);
    try {
      const { rank, alone } = await this.feed.start(this.data.row);
      this.startRank = rank;
      if (alone) this.display(alone, null);
      else this.go(rank);
    } catch (error) {
      this.arrived(error);
    }
  }

  arrived(error) {
    if (error === null) {
      if (this.item === null && this.rank !== null && this.rank < this.feed.total) this.go(this.rank);
      return;
    }
    if (error instanceof HttpError && error.status === 409) this.notice.tell(error.message, "Reload", () => window.location.reload());
    if (this.item !== null) return; // what was fetched before is still there to work on
    const again = el("button", { type: "button", class: "plain" }, "Try again");
    again.addEventListener("click", () => (this.feed.total === null ? this.begin() : this.go(this.rank)));
    this.stage.message(el("p", { class: "strong" }, this.whyEmpty(error)), again);
  }

  whyEmpty(error) {
    if (error instanceof HttpError) return error.message;
    const unsent = this.outbox.ops.size;
    const safe = `${count(unsent)} decisions are safe on this device and will be sent when the connection returns.`;
    const lost = this.feed.total === null ? "The server cannot be reached." : "Last stored row.";
    return unsent ? `${lost} ${safe}` : `${lost} The next rows come when the connection returns.`;
  }

  // --- what is on the screen ------------------------------------------------------------------------

  go(rank) {
    this.rank = rank;
    if (this.feed.total === null) return;
    if (rank >= this.feed.total) return this.end();
    const item = this.feed.get(rank);
    if (item) this.display(item, rank);
    else this.wait();
    this.feed.prefetch(rank);
  }

  display(item, rank) {
    const on = !this.root.classList.contains("keys-off");
    this.item = item;
    this.rank = rank;
    this.shownAt = new Date().toISOString();
    this.root.dataset.rowId = item.row_id;
    this.root.classList.remove("empty");
    this.header.show(item, rank, this.feed.total, this.ledger.decisionOf(item), this.data.annotator);
    this.panel.show(item, this.ledger.decisionOf(item));
    this.stage.show(item);
    this.strip.show(item);
    this.announceRow(item, rank);
    this.writeUrl();
    // What had the focus may be gone with the row before: a similar row, a button that is disabled now.
    if (on && !this.root.contains(this.root.getRootNode().activeElement)) this.focus();
  }

  blank() {
    this.item = null;
    delete this.root.dataset.rowId;
    this.root.classList.add("empty");
    this.header.show(null, null, this.feed.total, null);
    this.strip.show(null);
  }

  wait() {
    this.blank();
    this.stage.message("Fetching the next rows…");
  }

  end() {
    this.blank();
    const { total } = this.feed;
    const words = total ? `That was the last of ${count(total)} rows in this queue.` : "No rows match these filters.";
    this.stage.message(
      el("p", { class: "strong" }, words),
      total ? el("p", {}, "Back ", this.keymap.cap("back"), "  Next undecided row ", this.keymap.cap("undecided")) : null,
    );
    this.say(words);
  }

  announceRow(item, rank) {
    const where = rank === null ? "" : `, ${rank + 1} of ${this.feed.total}`;
    const p = new Map(item.classes).get(item.suggestion);
    const sure = p === undefined || p === null ? "" : `, ${Math.round(p * 100)} percent`;
    const suggested = item.suggestion === null ? "" : ` Suggested ${item.suggestion}${sure}.`;
    this.say(`Row ${item.number}${where}. Given ${item.given ?? "no label"}.${suggested}`);
  }

  say(words) {
    text(this.live, words);
  }

  // The stable row id, so that the address can be shared; not on every key, which browsers would throttle.
  writeUrl() {
    clearTimeout(this.urlTimer);
    this.urlTimer = setTimeout(() => window.history.replaceState(window.history.state, "", this.rowUrl()), URL_AFTER_MS);
  }

  rowUrl() {
    const url = new URL(window.location.href);
    url.searchParams.set("ds", this.data.dataset);
    if (this.item) url.searchParams.set("row", this.item.row_id);
    return url;
  }

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
    if (this.item.suggestion === null) this.say("There is no suggestion for this row.");
    else this.decide("relabel", this.item.suggestion);
  }

  choose(name) {
    if (!this.item || name === null) return;
    this.panel.closeSearch();
    this.focus();
    if (name === this.item.given) this.decide("keep");
    else this.decide("relabel", name);
  }

  decide(action, label = null) {
    if (this.item) this.commit(this.ledger.decide(this.item, this.rank, action, label, this.screen()));
  }

  commit(entry) {
    this.header.decided(entry.rank, this.feed.total);
    this.outbox.add(entry.op); // kept on this device; sent after the next row is painted
    this.go(entry.rank === null ? this.startRank : entry.rank + 1);
  }

  screen() {
    return { queue: this.feed.tag, rank: this.rank, shown_at: this.shownAt };
  }

  undo() {
    const entry = this.ledger.undo(this.screen());
    if (!entry) return this.say("Nothing to undo.");
    this.outbox.add(entry.undo);
    this.header.undone();
    if (entry.rank !== null) this.feed.items.set(entry.rank, entry.item);
    this.display(entry.item, entry.rank);
    if (entry.rank !== null) this.feed.prefetch(entry.rank);
    const now = entry.before ? decisionWords(entry.before).toLowerCase() : "undecided";
    this.say(`Undone: row ${entry.item.number} is ${now}`);
  }

  redo() {
    const entry = this.ledger.redo(this.screen());
    if (entry) this.commit(entry);
    else this.say("Nothing to redo.");
  }

  received(op, receipt) {
    if (!receipt.error) {
      text(this.saved, `Saved: ${op.action === "undo" ? "undone" : decisionWords(op).toLowerCase()}.`);
      return;
    }
    this.ledger.refused(op);
    this.notice.tell(`A decision on row ${op.row_id} was not stored. ${receipt.error}`, "Dismiss");
  }

  // --- moving and looking ---------------------------------------------------------------------------

  next() {
    if (this.feed.total === null) return;
    if (this.rank === null) this.go(this.startRank);
    else if (this.rank < this.feed.total) this.go(this.rank + 1);
  }

  back() {
    if (this.rank !== null && this.rank > 0) this.go(this.rank - 1);
  }

  async undecided() {
    const { total } = this.feed;
    if (total === null) return;
    const decided = (item) => Boolean(this.ledger.decisionOf(item));
    const from = this.rank === null ? 0 : Math.min(this.rank + 1, total);
    try {
      let found = await this.feed.undecided(from, decided);
      if (found >= total) found = await this.feed.undecided(0, decided);
      if (found < total) this.go(found);
      else this.notice.mention("Every row of this queue is decided.");
    } catch (error) {
      this.arrived(error);
    }
  }

  fit() {
    this.stage.toggleFit();
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

  search() {
    this.panel.search.focus();
  }

  digit(i) {
    this.choose(this.panel.classAt(i));
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
    if (this.dialog.close()) return;
    this.panel.closeSearch();
    this.focus();
  }

  typing(event) {
    if (event.composedPath()[0] === this.panel.search && this.panel.searchKey(event)) event.preventDefault();
  }

  focus() {
    this.root.focus({ preventScroll: true });
  }

  keysOn(on) {
    this.root.classList.toggle("keys-off", !on);
  }
}
