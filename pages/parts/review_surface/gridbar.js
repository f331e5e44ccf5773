// The lines above and below the tiles: what is shown and selected, and what can be done with it.

class GridBar {
  constructor(surface, grid) {
    this.surface = surface;
    this.grid = grid;
    this.classes = []; // names for the keys 1 to 9
    const { keymap } = surface;
    const button = (action, properties, words, does) => {
      const node = keymap.button(action, properties, el("span", {}, words));
      node.addEventListener("click", does);
      return node;
    };
    const plain = (words, does) => el("button", { type: "button", class: "plain", onclick: does }, words);
    this.place = el("span", { class: "place" });
    this.chosen = el("span", { class: "chosen", role: "status" });
    this.none = plain("Select none", () => this.grid.clear());
    this.every = button("applyAll", { class: "pill every" }, "", () => surface.applyAll());
    this.before = plain("‹ Before", () => this.grid.turnPage(-1));
    this.after = plain("Next ›", () => this.grid.turnPage(1));
    this.back = el("button", { type: "button", class: "plain back", onclick: () => grid.escape() }, el("span"), keycap("Esc"));
    const pages = el("span", { class: "pages" }, this.before, this.after);
    this.top = el("div", { class: "gridbar" }, this.place, this.chosen, this.none, this.every, el("span", { class: "gap" }), pages, this.back);
    const does = (action) => () => grid.act(action);
    this.verdicts = el(
      "div",
      { class: "verdicts", role: "group", "aria-label": "Decide on the selected rows" },
      button("keep", { class: "keep" }, "Keep", does("keep")),
      button("take", { class: "take" }, "Take suggestion", does("take")),
      button("exclude", { class: "exclude" }, "Exclude", does("exclude")),
      el("button", { type: "button", class: "ambiguous", onclick: does("ambiguous") }, el("span", {}, "Ambiguous")),
      button("needs_review", { class: "needs_review" }, "Needs review", does("needs_review")),
    );
    this.chips = el("div", { class: "chips", role: "group", "aria-label": "Change the selected rows to" });
    const other = button("search", { class: "pill" }, "Other class", does("search"));
    const like = button("showLike", { class: "pill" }, "Rows like this one", does("showLike"));
    show(like, surface.data.neighbours);
    const keys = el("span", { class: "hint" }, keycap("X"), " select ", keycap("Shift"), " extend ", keycap("Ctrl+A"), " all ", keycap("⏎"), " open");
    this.bottom = el("div", { class: "gridbar" }, this.verdicts, this.chips, other, like, el("span", { class: "gap" }), keys);
  }

  // The nine labels that the tiles have or are suggested most often. They stay while one pages.
  chooseClasses() {
    const { grid, surface } = this;
    const seen = new Map();
    for (const { given, suggestion } of grid.tiles) {
      for (const name of [given, suggestion]) if (name !== null) seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    const often = [...seen].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    this.classes = surface.data.targets ? [] : [...new Set([...often, ...surface.data.classes])].slice(0, 9);
    this.chips.replaceChildren(...this.classes.map((name, i) => this.chip(name, i)));
  }

  chip(name, i) {
    const node = this.surface.keymap.button(`class${i + 1}`, { class: "pill", title: name }, el("span", { dir: "auto" }, name));
    node.addEventListener("click", () => this.grid.act(`class${i + 1}`));
    return node;
  }

  placeWords() {
    const { like, at, tiles, total } = this.grid;
    if (like) return `Row ${count(like.number)} and the ${count(tiles.length - 1)} rows most like it`;
    return tiles.length ? `${count(at + 1)} to ${count(at + tiles.length)} of ${count(total)} rows` : "No rows";
  }

  show() {
    const { like, at, tiles, total, selected, start } = this.grid;
    text(this.place, this.placeWords());
    text(this.chosen, selected.size ? `${count(selected.size)} selected` : "None selected: keys act on the tile with the frame");
    show(this.none, selected.size > 0);
    show(this.every, !like && total > 0);
    text(this.every.firstChild, `Apply to all ${count(total)} matching`);
    show(this.before.parentNode, !like && total > tiles.length);
    this.before.disabled = at === 0;
    this.after.disabled = at + tiles.length >= total;
    text(this.back.firstChild, start ? "Back to the grid " : "Back to the row ");
  }
}
