// The line above the item: which row, where in the queue, what is decided of it, and what is saved.

class Header {
  // beside: {row, right}, lists of nodes of others that stand in this line
  constructor(data, keymap, actions, beside) {
    this.row = el("b", { class: "row" });
    this.chip = el("span", { class: "chip" });
    this.position = el("span", { class: "position" });
    this.decision = el("span", { class: "decision" });
    this.focus = el("button", { type: "button", class: "pill off" }, "Keys are off. Click to turn on");
    this.save = el("button", { type: "button", class: "pill save" });
    this.help = keymap.button("help", { class: "pill help" }, "Keys ");
    // On mousedown: the focus that the press gives would hide the button before its click.
    this.focus.addEventListener("mousedown", (event) => {
      event.preventDefault();
      actions.focus();
    });
    this.save.addEventListener("click", actions.flush);
    this.help.addEventListener("click", actions.help);
    const left = el("div", { class: "left" }, this.row, this.chip, this.position, ...beside.row, this.decision);
    const right = el("div", { class: "right" }, ...beside.right, this.focus, this.save, this.help);
    this.node = el("header", { class: "top" }, left, right);
    text(this.chip, data.queue_name);
    this.chip.title = data.queue_name;
  }

  show(item, rank, total, decision, annotator) {
    text(this.row, item ? `Row ${count(item.number)}` : "");
    this.row.title = item ? `id ${item.row_id}` : "";
    if (!item) text(this.position, `${count(total ?? 0)} rows`);
    else text(this.position, rank === null ? "not in this queue" : `${count(rank + 1)} of ${count(total)}`);
    const by = decision && decision.annotator !== annotator ? ` by ${decision.annotator}` : "";
    const final = decision?.final ? "Final: " : "";
    text(this.decision, decision ? final + decisionWords(decision) + by : "");
    this.decision.dataset.action = decision?.action ?? "";
  }

  saved(outbox) {
    const [words, look] = outbox.words();
    text(this.save, words);
    this.save.dataset.look = look;
    this.save.title = outbox.reason;
    this.save.disabled = look === "saved" || look === "saving";
  }
}
