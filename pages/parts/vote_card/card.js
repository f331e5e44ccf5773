// One row after the other: which of two labels fits, both, or neither. A key acts on the row that is on the screen.

const CHOICES = ["first", "second", "both", "neither"];
const FEW = 6; // cards left at which further ones are asked for
const UNDO = "z";

class VoteCard {
  constructor(data, trigger) {
    this.trigger = trigger;
    this.queue = [];
    this.voted = new Set(); // row ids that this page has voted on
    this.done = data.done.map(([op_id, card]) => ({ op_id, card })); // the last at the end
    this.outbox = outboxFor(`votes:${data.workspace}:${data.dataset}:${data.annotator}`);
    this.outbox.onChange = () => this.sent();
    this.outbox.onReceipt = (op, receipt) => this.received(receipt);
    this.draw();
    this.update(data, trigger);
  }

  mount(parent) {
    parent.append(this.root);
    this.stop = listen(window, "keydown", (event) => this.onKey(event), true);
  }

  close() {
    this.stop?.();
    this.outbox.onChange = this.outbox.onReceipt = null;
    this.root.remove();
  }

  // Further cards have come, or a fresh token.
  update(data, trigger) {
    Object.assign(this, { data, trigger, asked: false });
    this.outbox.token = data.token;
    this.outbox.flush();
    const known = new Set([...this.voted, ...this.queue.map((card) => card.row_id)]);
    this.queue.push(...data.cards.filter((card) => !known.has(card.row_id)));
    this.left = data.waiting - data.cards.filter((card) => this.voted.has(card.row_id)).length;
    this.show();
  }

  draw() {
    this.stage = el("div", { class: "stage", tabindex: "0", "aria-label": "The row" });
    this.buttons = CHOICES.map((chose, i) => {
      const name = el("bdi", {}, "");
      const button = el("button", { type: "button", class: "choice" }, keycap(String(i + 1)), name);
      button.addEventListener("click", () => this.vote(chose));
      return button;
    });
    this.undoButton = el("button", { type: "button", class: "plain" }, "Undo ", keycap("Z"));
    this.undoButton.addEventListener("click", () => this.undo());
    this.place = el("span", {}, "");
    this.pill = el("button", { type: "button", class: "plain pill" }, "");
    this.pill.addEventListener("click", () => this.outbox.flush());
    this.notice = el("p", { class: "notice", role: "alert" }, "");
    const question = el("p", { class: "strong" }, "Which label is right?");
    const foot = el("div", { class: "foot" }, this.undoButton, this.pill);
    const choices = el("div", { class: "choices" }, ...this.buttons);
    const panel = el("div", { class: "panel" }, this.place, question, choices, foot);
    this.root = el("div", { class: "vote" }, this.notice, el("div", { class: "main" }, this.stage, panel));
    show(this.notice, false);
  }

  get card() {
    return this.queue[0];
  }

  show() {
    const { card } = this;
    text(this.place, this.left > 0 ? `${count(this.left)} ${this.left === 1 ? "row waits" : "rows wait"} for you` : "No row waits for you");
    this.undoButton.disabled = !this.done.length;
    const names = card ? [...card.choices, "Both of them", "Neither of them"] : ["", "", "", ""];
    this.buttons.forEach((button, i) => {
      button.disabled = !card;
      text(button.lastChild, names[i]);
    });
    if (this.shown !== card || !card) {
      this.stage.replaceChildren(card ? contentOf(card) : el("p", { class: "message" }, this.waitingWords()));
      this.stage.scrollTop = 0;
      this.shown = card;
    }
    for (const next of this.queue.slice(1, 4)) if (next.content.full && !next.picture) {
      next.picture = new Image();
      next.picture.src = address(next.content.full);
    }
    this.goOn();
  }

  waitingWords() {
    return this.left > 0 ? "Further rows are coming." : "You have voted on every row that waits for you.";
  }

  // Asks for further cards before these run out, and tells when the last vote is stored.
  goOn() {
    if (this.asked || this.ended || this.queue.length > FEW) return;
    if (this.left > this.queue.length) {
      // With none left, what is still unsent would only come again.
      if (this.queue.length || !this.outbox.ops.size) this.ask("more");
    } else if (!this.queue.length && !this.outbox.ops.size && this.voted.size) {
      this.ended = true; // the page goes on without this card
      this.ask("ended");
    }
  }

  ask(what) {
    this.asked = true;
    this.trigger(what, freshId());
  }

  vote(chose) {
    const { card, data } = this;
    if (!card) return;
    const detail = JSON.stringify({ round: data.round, row: card.row_id, shown: card.choices, chose });
    const op = this.operation("vote", { detail });
    this.queue.shift();
    this.voted.add(card.row_id);
    this.done.push({ op_id: op.op_id, card });
    this.left -= 1;
    this.outbox.add(op); // kept on this device; sent after the next row is painted
    this.show();
  }

  undo() {
    const step = this.done.pop();
    if (!step) return;
    this.outbox.add(this.operation("undo", { undoes: step.op_id }));
    this.queue = [step.card, ...this.queue.filter((card) => card.row_id !== step.card.row_id)];
    this.voted.delete(step.card.row_id);
    this.left += 1;
    this.ended = false;
    this.show();
  }

  operation(action, more) {
    return { op_id: freshId(), dataset: this.data.dataset, row_id: "", action, given_label: "", label: null, undoes: null, shown: "", ...more };
  }

  received(receipt) {
    if (!receipt.error) return;
    text(this.notice, `A vote was not stored. ${receipt.error}`);
    show(this.notice, true);
  }

  sent() {
    const [words, look] = this.outbox.words();
    text(this.pill, this.voted.size || this.outbox.ops.size ? words : "");
    this.pill.dataset.look = look;
    this.pill.disabled = look !== "failed" && look !== "offline";
    this.goOn();
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    const target = event.composedPath()[0];
    if (target.closest?.("input, textarea, select, [contenteditable=true], [role=dialog], [role=combobox]")) return;
    const i = Number(event.key) - 1;
    if (event.key.toLowerCase() === UNDO) this.undo();
    else if (CHOICES[i] && this.card) this.vote(CHOICES[i]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
