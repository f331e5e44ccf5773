// Lines over the surface, each with ways to answer it.

const MENTIONED_MS = 4000;
const MOST_LINES = 4;

class Notice {
  constructor(giveFocusBack) {
    this.giveFocusBack = giveFocusBack;
    this.node = el("div", { class: "notices" });
  }

  close() {
    this.node.replaceChildren();
  }

  // Stays until it is answered. answers: [what the button says, what it does] each.
  tell(words, ...answers) {
    const line = el("div", { class: "notice", role: "alert" }, el("span", {}, words));
    for (const [name, handler] of answers.length ? answers : [["Dismiss"]]) {
      const button = el("button", { type: "button", class: "plain" }, name);
      button.addEventListener("click", () => {
        line.remove();
        this.giveFocusBack();
        handler?.();
      });
      line.append(button);
    }
    for (const other of [...this.node.children]) if (other.firstChild.textContent === words) other.remove();
    this.node.append(line);
    while (this.node.children.length > MOST_LINES) this.node.firstChild.remove();
    return line;
  }

  // Goes away by itself.
  mention(words, ...answers) {
    const line = this.tell(words, ...answers);
    setTimeout(() => line.remove(), MENTIONED_MS);
  }
}
