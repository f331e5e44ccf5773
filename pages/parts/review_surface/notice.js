// One line over the surface, with a way to answer it.

const MENTIONED_MS = 4000;

class Notice {
  constructor(giveFocusBack) {
    this.giveFocusBack = giveFocusBack;
    this.node = el("div", { class: "notice", role: "alert" });
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    show(this.node, false);
  }

  // Stays until it is answered.
  tell(words, action, handler) {
    clearTimeout(this.timer);
    const button = el("button", { type: "button", class: "plain" }, action);
    button.addEventListener("click", () => {
      this.close();
      this.giveFocusBack();
      handler?.();
    });
    this.node.replaceChildren(el("span", {}, words), button);
    show(this.node, true);
  }

  // Goes away by itself.
  mention(words) {
    this.tell(words, "Dismiss");
    this.timer = setTimeout(() => this.close(), MENTIONED_MS);
  }
}
