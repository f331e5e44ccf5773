// The others at work: how far the team is, which rows they decided, and how long one's own rows are held.

const FIRST_PULSE_MS = 600; // the evidence begins to be made with it, and comes with the second
const PULSE_MS = 3000;
const SLOWEST_PULSE_MS = 30000;
const LOOK_BACK = 200; // events before this page in which others count as being at work

class TeamLine {
  // changed: told of the rows that others have decided. evidence: the line that what is newer goes to.
  constructor(data, feed, evidence, changed) {
    this.data = data;
    this.feed = feed;
    this.evidence = evidence;
    this.changed = changed;
    this.since = null;
    this.others = false;
    this.held = false; // whether the row on the screen is
    this.wait = PULSE_MS;
    this.claim = el("span", { class: "claim" });
    this.line = el("span", { class: "team" });
    this.node = el("div", { class: "others" }, this.claim, this.line);
    show(this.node, false);
  }

  start() {
    this.stop = listen(document, "visibilitychange", () => this.later(0));
    this.later(FIRST_PULSE_MS);
    this.clock = setInterval(() => this.tick(), 1000);
  }

  close() {
    this.closed = true;
    this.stop();
    clearTimeout(this.timer);
    clearInterval(this.clock);
  }

  later(wait) {
    clearTimeout(this.timer);
    if (!document.hidden && !this.closed) this.timer = setTimeout(() => this.pulse(), wait);
  }

  async pulse() {
    try {
      if (this.feed.asOf !== null) await this.ask();
      this.wait = PULSE_MS;
    } catch (error) {
      this.wait = Math.min(2 * this.wait, SLOWEST_PULSE_MS); // the save pill says what is wrong
    }
    this.later(this.wait);
  }

  async ask() {
    const since = this.since ?? Math.max(0, this.feed.asOf - LOOK_BACK);
    const params = { ds: this.data.dataset, since: String(since), told: String(this.evidence.version) };
    const answer = await call("labelmend/pulse", { token: this.data.token, params });
    if (this.closed) return;
    this.since = answer.seq;
    this.evidence.tell(answer.evidence);
    this.others ||= answer.people.length > 0;
    show(this.node, this.others);
    text(this.line, `Team: ${count(answer.decided)} of ${count(this.data.rows)} rows decided`);
    this.tick();
    if (answer.rows.length) this.changed(answer.rows);
  }

  // The row on the screen, or null.
  shows(item) {
    this.held = Boolean(item?.waits) && !item.held;
    this.tick();
  }

  tick() {
    if (!this.others) return;
    const left = this.held ? this.left() : null;
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    text(this.claim, left === null ? "" : left > 0 ? `Claimed, ${clock}` : "Claim lapsed");
    this.claim.title = "How long the rows fetched for you are held; each decision begins it anew";
  }

  // Seconds until the rows here may go to others; null where none is held.
  left() {
    const { heldUntil } = this.feed;
    return heldUntil === null ? null : Math.max(0, Math.ceil((heldUntil - Date.now()) / 1000));
  }

  lapsed() {
    return this.left() === 0;
  }
}
