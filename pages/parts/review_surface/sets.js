// Rows with several labels: labels are ticked and unticked, and the set is saved as one text.

const LIST = "[]"; // the delimiter of sets that are JSON lists

class LabelSets {
  // names: the classes in their order. delimiter: what stands between two of them, or LIST.
  constructor({ names, delimiter, may_be_empty }) {
    Object.assign(this, { names, delimiter, mayBeEmpty: may_be_empty });
  }

  members(label) {
    if (label === null) return [];
    if (this.delimiter === LIST) return JSON.parse(label);
    return label.split(this.delimiter.trim() || /\s+/).map((name) => name.trim()).filter(Boolean);
  }

  // The text of a set as the server has it; null for an empty set where no row has one.
  label(ticked) {
    const names = this.names.filter((name) => ticked.has(name));
    if (!names.length && !this.mayBeEmpty) return null;
    if (this.delimiter === LIST) return `[${names.map((name) => JSON.stringify(name)).join(", ")}]`;
    return names.join(this.delimiter);
  }

  words(label) {
    return this.members(label).join(", ") || "none of the classes";
  }
}

class SetPanel extends Panel {
  constructor(data, keymap, actions) {
    super(data, keymap, actions);
    this.sets = new LabelSets(data.sets);
    this.ticked = new Set();
    this.setClasses(this.sets.names);
    this.list.setAttribute("aria-multiselectable", "true");
    this.saving = el("span");
    this.save = el("button", { type: "button", class: "save-set", "aria-keyshortcuts": "Enter" }, this.saving, keycap("⏎"));
    this.save.addEventListener("click", () => this.actions.saveSet());
    this.buttons.node.prepend(this.save);
    this.node.classList.add("several");
  }

  // The ticks belong to this row and begin as it stands: as it was decided, else as it was given.
  show(item, decision) {
    const label = decision?.action === "relabel" ? decision.label : item.given;
    this.ticked = new Set(this.sets.members(label));
    super.show(item, decision);
    const { given, suggestion } = item;
    if (given !== null) {
      text(this.given, this.sets.words(given));
      text(this.buttons.keep.label, "Keep the given set");
    }
    if (suggestion === null) return;
    text(this.suggested, this.sets.words(suggestion));
    text(this.buttons.take.label, "Take the suggested set");
  }

  toggle(name) {
    if (!this.ticked.delete(name)) this.ticked.add(name);
    this.render();
  }

  // The label to save; null where nothing is ticked and something has to be.
  label() {
    return this.sets.label(this.ticked);
  }

  tickedWords() {
    return this.sets.names.filter((name) => this.ticked.has(name)).join(", ") || "none of the classes";
  }

  // What is ticked can be unticked, also where it is not among the likeliest.
  shown() {
    const shown = super.shown();
    if (this.matches !== null) return shown;
    const there = new Set(shown.map(([name]) => name));
    return [...shown, ...this.sets.names.filter((name) => this.ticked.has(name) && !there.has(name)).map((name) => [name, null])];
  }

  render() {
    super.render();
    text(this.saving, `Save “${this.tickedWords()}”`);
    this.save.title = this.tickedWords();
  }

  tagsOf(name) {
    const { given, suggestion } = this.item;
    const now = this.sets.members(given).includes(name);
    if (suggestion === null) return now ? ["given"] : [];
    const then = this.sets.members(suggestion).includes(name);
    if (now !== then) return then ? ["suggested"] : ["given", "not suggested"];
    return now ? ["given", "suggested"] : [];
  }

  option(entry, i) {
    const node = super.option(entry, i);
    const ticked = this.ticked.has(entry[0]);
    node.setAttribute("aria-checked", String(ticked));
    node.querySelector(".name").before(el("span", { class: "tick", "aria-hidden": "true" }, ticked ? "✓" : ""));
    return node;
  }
}
