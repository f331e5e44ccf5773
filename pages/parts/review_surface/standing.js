// What is said of the row beside its labels: that it is a second look, both sides of a disagreement, or that it
// may not be decided here.

class Standing {
  constructor(data, next) {
    this.data = data;
    this.next = next;
    this.chip = el("span", { class: "second" }, "Second look");
    this.banner = el("div", { class: "banner", role: "status" });
    this.sides = el("div", { class: "sides", role: "group", "aria-label": "Different answers" });
    this.show(null, null);
  }

  show(item, decision) {
    show(this.chip, Boolean(item?.second_look));
    show(this.sides, Boolean(item?.opinions.length));
    if (item) this.sides.replaceChildren(...item.opinions.map((opinion) => this.side(item, opinion, decision)));
    const why = item ? this.readOnly(item) : "";
    show(this.banner, why !== "");
    if (why === "") return;
    const on = el("button", { type: "button", class: "plain" }, "Next row");
    on.addEventListener("click", this.next);
    this.banner.replaceChildren(el("span", {}, why), el("b", {}, "Read only"), on);
  }

  // Why a row may not be decided here; "" where it may.
  readOnly(item) {
    if (!item.held) return "";
    const until = new Date(item.held.until * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    return `${item.held.by ?? "Somebody else"} holds this row until ${until}.`;
  }

  // Whether a decision ends a disagreement: in the queue of disagreements, where both sides are told.
  ends(item) {
    const answers = new Set(item.opinions.map(({ action, label }) => JSON.stringify([action, label])));
    return this.data.filters.state === "disagreed" && answers.size > 1;
  }

  side(item, { who, action, label, annotator }, decision) {
    const answer = { relabel: label, keep: item.given ?? "no label", exclude: "exclude the row" }[action];
    const name = annotator && decision ? `${who}, ${annotator}` : who;
    const shown = el("div", { class: "label" }, answer ?? action.replace("_", " "));
    shown.title = shown.textContent;
    return el("div", { class: "card side" }, el("div", { class: "title" }, name), shown);
  }
}

// What is told of a decision that somebody else made on the row meanwhile.
function meanwhileWords(number, { annotator, action, label }) {
  const who = annotator ?? "Somebody else";
  const what = annotator && action ? `: ${decisionWords({ action, label }).toLowerCase()}` : "";
  return `${who} decided row ${number} meanwhile${what}. Yours is kept as a second opinion.`;
}
