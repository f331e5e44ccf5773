// The line above the item: which row, where in the queue, one's own pace, and what is saved.

const PACE_OF = 20;
const PAUSE_MS = 60000;
const PACE_FROM = 5;

class Header {
  constructor(data, keymap, actions) {
    this.times = [];
    this.done = 0;
    this.row = el("b", { class: "row" });
    this.chip = el("span", { class: "chip" });
    this.position = el("span", { class: "position" });
    this.decision = el("span", { class: "decision" });
    this.pace = el("span", { class: "pace" });
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
    const left = el("div", { class: "left" }, this.row, this.chip, this.position, this.decision);
    const right = el("div", { class: "right" }, this.pace, this.focus, this.save, this.help);
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
    text(this.decision, decision ? decisionWords(decision) + by : "");
    this.decision.dataset.action = decision?.action ?? "";
  }

  saved(outbox) {
    const [words, look] = outbox.words();
    text(this.save, words);
    this.save.dataset.look = look;
    this.save.title = outbox.reason;
    this.save.disabled = look === "saved" || look === "saving";
  }

  // rank: of the decided row, null outside the queue.
  decided(rank, total) {
    this.done += 1;
    this.times.push(performance.now());
    this.times = this.times.slice(-PACE_OF - 1);
    this.showPace(rank, total);
  }

  undone() {
    this.done = Math.max(0, this.done - 1);
    this.times.pop();
    this.showPace(null, null);
  }

  // Decisions a minute: from the median time between the last 20, pauses left out.
  rate() {
    const gaps = this.times.slice(1).map((time, i) => time - this.times[i]);
    const worked = gaps.filter((gap) => gap < PAUSE_MS).sort((a, b) => a - b);
    return worked.length < PACE_FROM - 1 ? null : 60000 / worked[Math.floor(worked.length / 2)];
  }

  showPace(rank, total) {
    const rate = this.rate();
    const parts = [`${count(this.done)} decided`];
    if (rate !== null) {
      parts.push(`${Math.round(rate)}/min`);
      const left = rank === null ? 0 : (total - rank - 1) / rate;
      if (left >= 1) parts.push(`about ${count(Math.round(left))} min left`);
    }
    text(this.pace, this.done ? parts.join(" · ") : "");
  }
}
