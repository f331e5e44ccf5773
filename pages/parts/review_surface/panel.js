// The right-hand side: both labels, why the row is here, the classes, the decisions.

const MOST_MATCHES = 50;
const FEW_MATCHES = 9;

class Panel {
  constructor(data, keymap, actions) {
    this.data = data;
    this.keymap = keymap;
    this.actions = actions;
    this.item = null;
    this.matches = null; // class names while a search is open
    this.active = 0;
    this.given = el("bdi");
    this.suggested = el("bdi");
    this.why = el("p", { class: "why" });
    this.findings = new Findings();
    this.search = el("input", {
      type: "text",
      class: "search",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "classes",
      "aria-label": "Find a class",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.list = el("ul", { class: "classes", id: "classes", role: "listbox", "aria-label": "Classes" });
    this.rest = el("p", { class: "rest" });
    this.buttons = this.makeButtons();
    this.node = el(
      "div",
      { class: "panel" },
      el("div", { class: "labels" }, this.card("given", "Given", this.given), this.card("suggested", "Suggested", this.suggested)),
      this.why,
      this.findings.node,
      this.search,
      this.list,
      this.rest,
      this.buttons.node,
    );
    this.setClasses(data.classes);
    this.search.addEventListener("input", () => this.find());
    this.search.addEventListener("blur", (event) => {
      if (!event.relatedTarget?.classList.contains("add-class")) this.closeSearch();
    });
    // A press on a class must not close the list before the click arrives.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.actions.choose(option.dataset.name);
    });
  }

  setClasses(classes) {
    this.classes = classes;
    this.search.hidden = !classes.length;
    this.finder = new ClassSearch(classes);
    this.hint();
  }

  hint() {
    const key = window.matchMedia("(pointer: coarse)").matches ? "" : this.keymap.words("search");
    this.search.placeholder = `Type to find among ${count(this.classes.length)} classes${key && ` ( ${key} )`}`;
  }

  card(kind, title, value) {
    return el("div", { class: `card ${kind}` }, el("div", { class: "title" }, title), el("div", { class: "label" }, value));
  }

  makeButtons() {
    const made = {};
    const button = (name, wording) => {
      const label = el("span", {}, wording);
      const node = this.keymap.button(name, { class: name }, label);
      node.addEventListener("click", () => this.actions[name]());
      made[name] = { node, label };
      return node;
    };
    made.node = el(
      "div",
      { class: "buttons", role: "group", "aria-label": "Decide" },
      button("keep", "Keep"),
      button("take", "Take suggestion"),
      button("exclude", "Exclude row"),
      button("ambiguous", "Ambiguous"),
      button("needs_review", "Needs review"),
    );
    return made;
  }

  show(item, decision) {
    this.item = item;
    this.matches = null;
    this.search.value = "";
    const masked = item.given === null && item.content.masks;
    text(this.given, item.given_name ?? (masked ? "its mask" : "no label"));
    text(this.suggested, item.suggestion ?? (item.hidden ? "hidden" : "none"));
    this.given.title = item.given_name ?? "";
    this.suggested.title = item.suggestion ?? "";
    this.explain(item);
    this.findings.show(item);
    text(this.buttons.keep.label, masked ? "Keep the mask" : item.given === null ? "Keep unlabelled" : `Keep “${plain(item.given_name)}”`);
    text(this.buttons.take.label, item.suggestion === null ? this.noSuggestion(item) : `Change to “${plain(item.suggestion)}”`);
    this.buttons.take.node.disabled = item.suggestion === null;
    this.mark(decision);
    this.render();
  }

  noSuggestion(item) {
    return item.hidden ? "Suggestion hidden" : "No suggestion";
  }

  mark(decision) {
    const pressed = decision ? buttonOf(decision, this.item) : null;
    for (const name of ["keep", "take", "exclude", "ambiguous", "needs_review"]) {
      this.buttons[name].node.setAttribute("aria-pressed", String(name === pressed));
    }
  }

  explain(item) {
    const pieces = item.why.map(([words, strong]) => (strong ? el("b", {}, plain(words)) : plain(words)));
    const how = item.why.length && this.data.how ? el("a", { href: this.data.how, target: "_self" }, "How") : null;
    this.why.replaceChildren(...pieces, how ? " " : "", how ?? "");
  }

  // --- classes --------------------------------------------------------------------------------------

  shown() {
    const likely = new Map(this.item.classes);
    if (this.matches === null) return this.item.classes;
    return this.matches.map((name) => [name, likely.get(name) ?? null]);
  }

  render() {
    const shown = this.shown();
    this.list.replaceChildren(...shown.map((entry, i) => this.option(entry, i)));
    const all = this.classes.length;
    const searching = this.matches !== null;
    this.list.classList.toggle("searching", searching);
    if (searching) this.search.setAttribute("aria-activedescendant", shown.length ? `class-${this.active}` : "");
    else this.search.removeAttribute("aria-activedescendant");
    this.rest.replaceChildren(this.restWords(shown.length, all, searching), ...this.offerNew());
  }

  // A class that nobody has named yet, for those who may add one. Asked for by a button of its own: Enter
  // after a slip of the finger must not make a class.
  offerNew() {
    const typed = this.search.value.trim();
    if (!this.data.adds_classes || this.matches === null || !typed || this.classes.includes(typed)) return [];
    if (this.found > FEW_MATCHES) return []; // most are still on their way to a class that there is
    const add = el("button", { type: "button", class: "plain add-class" }, "Add class “", el("bdi", {}, typed), "”");
    add.addEventListener("pointerdown", (event) => event.preventDefault());
    add.addEventListener("click", () => this.actions.addClass(typed));
    return [" ", add];
  }

  restWords(shown, all, searching) {
    if (searching && shown === 0) return "No class has that name.";
    if (searching) return this.found > shown ? `${shown} of ${count(this.found)} matches shown. Type on.` : "";
    const order = this.item.hidden ? "Class order: dataset. " : "";
    return order + (all > shown ? `${shown} of ${count(all)} shown. Type to find.` : "");
  }

  tagsOf(name) {
    return [name === this.item.suggestion && "suggested", name === this.item.given_name && "given"].filter(Boolean);
  }

  option([name, p], i) {
    const searching = this.matches !== null;
    const tags = this.tagsOf(name);
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = p === null ? "0" : `calc(${Math.max(p, 0.004) * 100}% - ${p * 92}px)`;
    return el(
      "li",
      {
        role: "option",
        id: `class-${i}`,
        class: tags[0] ?? null,
        "aria-selected": String(searching && i === this.active),
        "data-name": name,
        title: name,
      },
      searching ? keycap(i === this.active ? "⏎" : "") : this.keymap.cap(`class${i + 1}`),
      bar,
      el("span", { class: "name" }, el("bdi", {}, name), tags.length ? el("span", { class: "tag" }, ` · ${tags.join(", ")}`) : null),
      el("span", { class: "p" }, p === null ? "" : percent(p)),
    );
  }

  find() {
    if (!this.item) return;
    this.active = 0;
    const codes = this.search.value.trim() ? this.finder.find(this.search.value, this.item.likely) : null;
    this.found = codes?.length ?? 0;
    this.matches = codes && codes.slice(0, MOST_MATCHES).map((code) => this.classes[code]);
    this.render();
  }

  closeSearch() {
    if (this.matches === null && this.search.value === "") return;
    this.search.value = "";
    this.matches = null;
    if (this.item) this.render();
  }

  // Keys while the search has the focus. Returns whether the key was used up.
  searchKey(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const n = this.shown().length;
      if (this.matches !== null && n) {
        this.active = (this.active + (event.key === "ArrowDown" ? 1 : n - 1)) % n;
        this.render();
        this.list.children[this.active].scrollIntoView({ block: "nearest" });
      }
      return true;
    }
    if (event.key === "Enter") {
      const chosen = this.matches?.[this.active];
      if (chosen !== undefined) this.actions.choose(chosen);
      return true;
    }
    return false;
  }

  classAt(i) {
    return this.item?.classes[i]?.[0] ?? null;
  }
}

// Which button stands for a decision; null for a class that is neither given nor suggested.
function buttonOf(decision, item) {
  if (decision.action !== "relabel") return decision.action;
  return decision.label === item.suggestion ? "take" : null;
}

function decisionWords(decision) {
  if (!decision) return "";
  const words = { keep: "Kept", exclude: "Excluded", ambiguous: "Ambiguous", needs_review: "Needs review" };
  return decision.action === "relabel" ? `Changed to ${decision.label}` : words[decision.action];
}
