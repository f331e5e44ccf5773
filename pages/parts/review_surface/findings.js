// What each check says of the row, folded under the sentence that says why it is here.

class Findings {
  constructor() {
    this.words = el("summary");
    this.list = el("ul");
    this.node = el("details", { class: "findings" }, this.words, this.list);
  }

  // Stays open or closed from row to row.
  show({ checks }) {
    show(this.node, checks.length > 0);
    const flagging = checks.filter((check) => check.flagged).length;
    text(this.words, `Flagged by ${flagging} of ${checks.length} ${checks.length === 1 ? "check" : "checks"}`);
    this.list.replaceChildren(...checks.map((check) => this.line(check)));
  }

  line({ title, flagged, score, suggestion, reason }) {
    const verdict = `${flagged ? "flagged" : "not flagged"}, score ${score.toFixed(2)}`;
    const suggests = suggestion === null ? [] : [", suggests ", el("bdi", {}, plain(suggestion))];
    return el("li", {}, el("b", {}, title), ": ", verdict, ...suggests, ". ", el("bdi", {}, plain(reason)));
  }

  toggle() {
    this.node.open = !this.node.open;
  }
}
