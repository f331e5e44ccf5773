// What is on the screen: the row, what is known of it, and its place in the queue. What keys do to it is in
// Surface, which is one object with this, so that a decision can only ever be about the row that was shown when
// the key went down.

const URL_AFTER_MS = 150;
const BOTTOM_GAP = 32; // Streamlit's own padding below the page
const NARROW = "(max-width: 640px)";

class Screen {
  constructor(data) {
    this.data = data;
    this.item = null;
    this.rank = null; // null for a row that is not in the queue
    this.turn = 0; // counts what was shown, so that what is fetched for another moment is not
    this.ledger = new Ledger(data);
    this.history = new History(this);
    this.keymap = new Keymap(data.workspace);
    this.build();
    this.outbox = outboxFor(`${data.workspace}:${data.dataset}:${data.annotator}`);
    this.outbox.onChange = () => this.sent();
    this.outbox.onReceipt = (op, receipt) => this.received(op, receipt);
    this.outbox.onOver = (words) => this.over(words);
    this.update(data);
  }

  build() {
    const feed = new Feed(this.data, (error) => this.arrived(error), (item) => this.newer(item));
    const sized = el("span", { class: "sized" });
    const give = () => this.focus();
    this.feed = feed;
    const { data, keymap } = this;
    this.pace = new Pace(data, { goal: () => askGoal(this.dialog, this.pace), low: () => this.lowYield() });
    this.dialog = makeDialog("", give);
    this.evidence = new EvidenceLine(data, this.dialog, (words) => this.mayStop(words));
    this.team = new TeamLine(data, feed, this.evidence, (rows) => this.othersDecided(rows));
    this.standing = new Standing(data, () => this.next());
    const remark = { note: (words) => this.remark("note", { text: words }), tag: (tags) => this.remark("tag", { tags }) };
    this.remarks = new Remarks(data, { ...remark, focus: give });
    const actions = { focus: give, flush: () => this.outbox.flush(), help: () => this.help() };
    const beside = { row: [this.standing.chip], right: [this.team.node, this.pace.node] };
    this.header = new Header(data, keymap, actions, beside);
    this.stage = new Stage(feed, keymap, sized, give);
    const Kind = data.sets ? SetPanel : data.targets ? NumberPanel : Panel;
    this.panel = new Kind(data, keymap, this);
    this.panel.node.firstChild.after(this.standing.sides);
    this.strip = new Strip(this.data, (item) => this.panel.explain(item), (tile) => this.peek(tile));
    this.notice = new Notice(give);
    this.grid = new Grid(this);
    this.live = el("div", { class: "live", "aria-live": "polite" });
    this.saved = el("div", { class: "live", "aria-live": "polite" });
    this.root = el(
      "section",
      { class: "surface", role: "region", "aria-label": "Review surface", tabindex: "0" },
      this.header.node,
      this.notice.node,
      this.standing.banner,
      el("div", { class: "main" }, el("div", { class: "left" }, this.stage.node, this.remarks.node, makeTools(this, sized)), this.panel.node),
      this.strip.node,
      this.evidence.node,
      this.grid.node,
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
      listen(window, "pagehide", () => this.outbox.release(this.data.dataset)),
    ];
    this.team.start();
    this.fill();
    if (document.activeElement === null || document.activeElement === document.body) this.focus();
    this.keysOn(this.root.getRootNode().activeElement === this.root);
    this.begin();
  }

  close() {
    this.stops.forEach((stop) => stop());
    clearTimeout(this.urlTimer);
    this.outbox.release(this.data.dataset);
    this.team.close();
    this.notice.close();
    this.strip.close();
    this.feed.close();
    this.stage.close();
    this.outbox.onChange = this.outbox.onReceipt = this.outbox.onOver = null;
    this.root.remove();
  }

  // A rerun of the page brings a fresh token.
  update(data) {
    Object.assign(this.data, data);
    this.outbox.token = data.token;
    this.sent();
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
    const sent = Promise.all([this.outbox.flush(), this.outbox.releasing]);
    await Promise.race([sent, new Promise((done) => setTimeout(done, 1500))]);
    try {
      const { rank, alone } = await this.feed.start(this.data.row);
      this.startRank = rank;
      if (alone) this.display(alone, null);
      else if (rank >= this.feed.total && rank > 0) this.end("No row of this queue waits for you: each is decided, or in others' hands.");
      else this.go(rank);
    } catch (error) {
      this.arrived(error);
    }
  }

  arrived(error) {
    if (error === null) {
      if (this.waiting) this.go(this.rank, this.way);
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

  // To a rank, or the next one in that direction (1, or -1: backwards) that is not passed by.
  go(rank, way = 1) {
    this.way = way;
    const at = this.feed.total === null ? rank : this.feed.step(rank, way);
    if (at < 0) return;
    this.rank = at;
    if (this.feed.total === null) return;
    if (at >= this.feed.total) return this.end();
    const item = this.feed.get(at);
    if (item) this.display(item, at);
    else this.wait();
    this.feed.prefetch(at);
  }

  goOn(rank) {
    this.go(rank === null ? this.startRank : rank + 1);
  }

  // A row that is fetched as it is now. Returns its item, or null where something else was shown meanwhile.
  async open(rowId) {
    this.blank();
    this.stage.message("Fetching the row…");
    const { turn } = this;
    try {
      await this.outbox.drained();
      const { item, rank } = await this.feed.find(rowId);
      if (turn !== this.turn) return null;
      this.display(item, rank);
      if (rank !== null) this.feed.prefetch(rank);
      return item;
    } catch (error) {
      if (turn === this.turn) this.arrived(error);
      return null;
    }
  }

  display(item, rank) {
    const on = !this.root.classList.contains("keys-off");
    this.turn += 1;
    this.waiting = false;
    if (rank === null) this.startRank = this.rank ?? this.startRank;
    this.item = item;
    this.rank = rank;
    this.shownAt = new Date().toISOString();
    this.root.dataset.rowId = item.row_id;
    this.root.classList.remove("empty");
    this.panel.show(item, this.ledger.decisionOf(item));
    this.stage.show(item);
    this.strip.show(item);
    this.tell();
    this.announceRow(item, rank);
    this.writeUrl();
    if (this.team.lapsed()) this.feed.relend(rank);
    // What had the focus may be gone with the row before: a similar row, a button that is disabled now.
    if (on && !this.root.contains(this.root.getRootNode().activeElement)) this.focus();
  }

  // What is known of the row on the screen.
  tell() {
    const { item, rank } = this;
    const state = this.ledger.stateOf(item);
    this.header.show(item, rank, this.feed.total, state.decision, this.data.annotator);
    this.standing.show(item, state.decision);
    this.remarks.show(item, state);
    this.panel.mark(state.decision);
    this.team.shows(item);
    this.panel.buttons.node.inert = this.standing.readOnly(item) !== "";
  }

  // An item has come. It does not change the row on the screen, only what is said of it.
  newer(item) {
    this.ledger.refreshed(item);
    if (item.row_id !== this.item?.row_id || item === this.item) return;
    const { decision, notes, tags, own_tags, held, opinions, second_look, waits } = item;
    Object.assign(this.item, { decision, notes, tags, own_tags, held, opinions, second_look, waits });
    this.tell();
  }

  othersDecided(rows) {
    this.feed.refresh(rows);
    const shown = this.item?.row_id;
    if (rows.includes(shown)) this.feed.find(shown).catch(() => {}); // what they said is told with the receipt too
  }

  // Others, or one step on many rows, have changed rows that are not known here.
  async refetch() {
    if (!(await this.outbox.drained())) return;
    this.feed.clear();
    this.ledger.states.clear();
    this.grid.refresh();
    try {
      if (this.item) await this.feed.find(this.item.row_id);
      if (this.rank !== null) this.feed.prefetch(this.rank);
    } catch (error) {
      this.arrived(error);
    }
  }

  blank() {
    this.turn += 1;
    this.waiting = false;
    this.item = null;
    delete this.root.dataset.rowId;
    this.root.classList.add("empty");
    this.header.show(null, null, this.feed.total, null);
    this.standing.show(null, null);
    this.remarks.show(null, null);
    this.team.shows(null);
    this.strip.show(null);
  }

  wait() {
    this.blank();
    this.waiting = true;
    this.stage.message("Fetching the next rows…");
  }

  end(said) {
    this.blank();
    const { total, passed } = this.feed;
    this.rank = total;
    const others = passed.length ? " Others hold or have finished some of them." : "";
    const last = total === 1 ? "That was the only row in this queue." : `That was the last of ${count(total)} rows in this queue.`;
    const words = said ?? (total ? last + others : "No rows match these filters.");
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
    this.say(`Row ${item.number}${where}. Given ${item.given_name ?? "no label"}.${suggested}`);
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
}
