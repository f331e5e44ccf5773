// Notes and tags: what is said of a row without deciding it. Typing here decides nothing.

const LONGEST_NOTE = 1000;
const LONGEST_TAG = 60;

class Remarks {
  // actions: note(text), tag(tags), focus()
  constructor(data, actions) {
    this.data = data;
    this.actions = actions;
    this.drafts = new Map(); // row_id -> what was typed and neither saved nor left
    this.said = el("div", { class: "said" });
    this.editor = el("div", { class: "editor" });
    this.node = el("div", { class: "remarks" }, this.said, this.editor);
    this.input = null;
  }

  show(item, state) {
    if (item !== this.item) this.shut();
    this.item = item;
    this.state = state;
    const tags = state ? state.tags.map((tag) => el("span", { class: "mark" }, tag)) : [];
    const notes = state ? state.notes.map((note) => this.line(note)) : [];
    this.said.replaceChildren(...tags, ...notes);
    show(this.said, tags.length + notes.length > 0);
    if (this.buttons) this.mark();
    this.place();
  }

  place() {
    show(this.editor, this.input !== null);
    show(this.node, !this.said.hidden || !this.editor.hidden);
  }

  line(note) {
    const by = note.annotator === this.data.annotator ? "You" : note.annotator;
    return el("p", { dir: "auto", title: note.at ?? "" }, el("b", {}, `${by}: `), note.text);
  }

  writeNote() {
    this.edit(`Note on row ${this.item.number}`, "Note. Enter saves, Esc leaves", LONGEST_NOTE);
    this.input.value = this.drafts.get(this.item.row_id) ?? "";
  }

  writeTags() {
    const keys = window.matchMedia("(pointer: coarse)").matches ? "" : `1 to ${this.data.tags.length}, or `;
    this.edit(`Tags of row ${this.item.number}`, `${keys}a tag of your own. Esc leaves`, LONGEST_TAG);
    this.buttons = this.data.tags.map((tag, i) => {
      const button = el("button", { type: "button", class: "pill", tabindex: "-1" }, keycap(String(i + 1)), ` ${tag}`);
      button.dataset.tag = tag;
      button.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the line
      button.addEventListener("click", () => this.toggle(tag));
      return button;
    });
    this.editor.prepend(...this.buttons);
    this.mark();
  }

  edit(name, placeholder, maxlength) {
    this.shut();
    this.input = el("input", { type: "text", class: "search", "aria-label": name, placeholder, maxlength, autocomplete: "off" });
    this.editor.replaceChildren(this.input);
    this.place();
    this.input.focus();
  }

  mark() {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(this.state.own_tags.includes(button.dataset.tag)));
  }

  toggle(tag) {
    const own = this.state.own_tags;
    this.actions.tag(own.includes(tag) ? own.filter((one) => one !== tag) : [...own, tag]);
  }

  // A key typed in the line. Returns whether it was used up.
  key(event) {
    if (event.composedPath()[0] !== this.input || this.input === null) return false;
    const typed = this.input.value.trim();
    if (this.buttons && this.input.value === "" && this.data.tags[event.key - 1]) {
      this.toggle(this.data.tags[event.key - 1]);
      return true;
    }
    if (event.key !== "Enter") return false;
    if (this.buttons && typed && !this.state.own_tags.includes(typed)) this.toggle(typed);
    if (!this.buttons && typed) this.actions.note(typed);
    this.input.value = "";
    if (!this.buttons || !typed) this.leave();
    return true;
  }

  // Closes the line and forgets what was typed. Returns whether it was open.
  leave() {
    if (this.input === null) return false;
    this.input.value = "";
    this.shut();
    this.actions.focus();
    return true;
  }

  // Closes the line; an unsaved note is there again when it is opened on this row.
  shut() {
    if (this.input !== null && !this.buttons) {
      if (this.input.value.trim()) this.drafts.set(this.item.row_id, this.input.value);
      else this.drafts.delete(this.item.row_id);
    }
    this.input = this.buttons = null;
    this.editor.replaceChildren();
    this.place();
  }
}
