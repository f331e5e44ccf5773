// Many rows at once: tiles of the queue, or the rows most like one, to select and decide together. A tile holds its
// own row, so that a decision can only be about what was on the screen.

const TILES = [24, 60]; // fewest and most on a screen
const TILE_SIZE = { image: [128, 168], other: [196, 132] }; // px: smallest width, height
const GRID_GAP = 8;
const REFRESH_MS = 60;
const ARROWS = { ArrowLeft: -1, ArrowRight: 1 };

class Grid {
  constructor(surface) {
    this.surface = surface;
    this.open = false;
    this.bulk = new Bulk(surface, this);
    this.like = null; // the tile whose like are shown; null: the queue
    this.at = 0; // rank of the first tile
    this.total = 0;
    this.tiles = [];
    this.cells = []; // a node for each tile
    this.here = 0; // which tile has the focus
    this.turn = 0; // counts what was shown
    this.asked = 0; // counts fetches of the same anew
    this.selected = new Map(); // row_id -> tile, also of other pages
    this.base = new Map(); // what was selected before the range that is being extended
    this.anchor = 0;
    this.bar = new GridBar(surface, this);
    this.field = el("div", { class: "field", role: "grid", "aria-multiselectable": "true" });
    this.node = el("div", { class: "grid" }, this.bar.top, this.field, this.bar.bottom);
    this.field.addEventListener("click", (event) => this.click(event));
    this.field.addEventListener("dblclick", () => this.enter());
    this.node.addEventListener("keydown", (event) => this.all(event));
    new ResizeObserver(() => this.resized()).observe(this.field);
    show(this.node, false);
  }

  // --- life -----------------------------------------------------------------------------------------

  // like: a tile or an item; without one, the queue where the row on the screen is.
  async show(like = null) {
    const { surface } = this;
    if (surface.feed.total === null) return;
    this.start = like && this.open ? (this.start ?? { at: this.at, here: this.here }) : null;
    this.open = true;
    this.selected.clear();
    show(this.node, true);
    surface.root.classList.add("gridded");
    this.bar.chooseClasses(); // for its height
    this.lay();
    await this.load({ like, at: this.startAt(like), here: like ? 0 : null });
    this.bar.chooseClasses();
  }

  startAt(like) {
    if (like) return 0;
    const { rank, feed } = this.surface;
    const first = rank === null || feed.total === 0 ? 0 : Math.min(rank, feed.total - 1);
    this.wanted = first;
    return first - (first % this.size);
  }

  hide() {
    if (!this.open) return;
    this.open = false;
    this.turn += 1;
    show(this.node, false);
    this.surface.root.classList.remove("gridded");
    this.surface.focus();
  }

  // Back to the queue from the rows that are alike, from there to the row. Returns whether anything was open.
  escape() {
    if (!this.open) return false;
    if (this.start) {
      this.selected.clear();
      this.load({ like: null, ...this.start });
      this.start = null;
    } else {
      const { rank } = this.tiles[this.here] ?? {};
      this.hide();
      if (rank !== undefined && rank !== this.surface.rank) this.surface.go(rank);
    }
    return true;
  }

  enter() {
    const tile = this.tiles[this.here];
    if (!tile) return;
    this.hide();
    if (tile.rank === undefined) this.surface.open(tile.row_id);
    else if (tile.rank !== this.surface.rank) this.surface.go(tile.rank);
  }

  lay() {
    const [width, height] = TILE_SIZE[this.surface.data.kind] ?? TILE_SIZE.other;
    const { clientWidth, clientHeight } = this.field;
    this.columns = Math.max(1, Math.min(TILES[0], Math.floor((clientWidth + GRID_GAP) / (width + GRID_GAP))));
    const lines = Math.floor((clientHeight + GRID_GAP) / (height + GRID_GAP));
    const [fewest, most] = TILES.map((n) => n / this.columns);
    const shown = Math.max(Math.ceil(fewest), Math.min(Math.floor(most), lines));
    this.size = this.columns * shown;
    // Whole lines fill the height where they fit.
    const filling = shown === lines ? Math.floor((clientHeight - 6 + GRID_GAP) / lines) - GRID_GAP : height;
    this.field.style.setProperty("--columns", this.columns);
    this.field.style.setProperty("--tile-height", `${filling}px`);
  }

  resized() {
    const { columns } = this;
    if (!this.open || !this.field.clientWidth) return;
    this.lay();
    if (this.columns !== columns) this.render();
  }

  // --- what is shown --------------------------------------------------------------------------------

  // here: which tile gets the focus; null: the one of the rank that was wanted.
  async load({ like, at, here }) {
    const turn = (this.turn += 1);
    try {
      const found = await this.fetch(like, at);
      if (turn !== this.turn) return;
      Object.assign(this, { like, at, tiles: found.tiles, total: found.total ?? found.tiles.length });
      this.anchor = this.here = Math.max(0, Math.min(here ?? this.wanted - at, this.tiles.length - 1));
      this.base = new Map(this.selected);
      this.render();
      this.focus();
      this.say();
    } catch (error) {
      if (turn === this.turn) this.failed(error);
    }
  }

  fetch(like, at) {
    const { data, feed } = this.surface;
    const { token, dataset, filters } = data;
    const queue = { ...filters, ds: dataset, n: this.size };
    if (like) return call("labelmend/similar", { token, params: { ...queue, row: like.row_id } });
    return call("labelmend/tiles", { token, params: { ...queue, as_of: feed.asOf, tag: feed.tag, at } });
  }

  failed(error) {
    const why = error instanceof HttpError ? error.message : "The server cannot be reached.";
    this.surface.notice.tell(`These rows cannot be shown. ${why}`, ["Dismiss"]);
    if (!this.tiles.length) this.hide();
  }

  // Decisions have come in: the same tiles as they are now. Several calls at once fetch once.
  refresh() {
    this.bulk.over();
    if (!this.open) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reload(), REFRESH_MS);
  }

  async reload() {
    const { turn } = this;
    const asked = (this.asked += 1); // what an earlier one brings is older
    try {
      const { tiles } = await this.fetch(this.like, this.at);
      if (turn !== this.turn || asked !== this.asked) return;
      const now = new Map(tiles.map((tile) => [tile.row_id, tile]));
      this.tiles.forEach((tile, i) => this.mark(i, Object.assign(tile, now.get(tile.row_id), { pending: "" })));
    } catch (error) {
      if (turn === this.turn) this.failed(error);
    }
  }

  render() {
    this.cells = this.tiles.map((tile, i) => makeTile(tile, i));
    const lines = [];
    for (let i = 0; i < this.cells.length; i += this.columns) {
      lines.push(el("div", { class: "line", role: "row" }, ...this.cells.slice(i, i + this.columns)));
    }
    this.field.replaceChildren(...lines);
    this.field.setAttribute("aria-label", this.bar.placeWords());
    this.tiles.forEach((tile, i) => this.mark(i, tile));
    this.bar.show();
  }

  mark(i, tile) {
    const cell = this.cells[i];
    if (!cell) return;
    const chosen = this.selected.has(tile.row_id);
    cell.setAttribute("aria-selected", String(chosen));
    cell.tabIndex = i === this.here ? 0 : -1;
    cell.setAttribute("aria-label", `${tileName(tile)}${chosen ? ", selected" : ""}`);
    markTile(cell, tile);
  }

  // Shows at once what a decision will make of its rows; what really became of them comes with the refresh.
  paint(rows, words) {
    this.tiles.forEach((tile, i) => {
      if (rows.has(tile.row_id) && !tile.decision && !tile.held) this.mark(i, Object.assign(tile, { pending: words(tile) }));
    });
  }

  say(words = "") {
    const tile = this.tiles[this.here];
    const chosen = this.selected.size ? `${count(this.selected.size)} selected. ` : "";
    this.surface.say(`${words}${chosen}${tile ? tileName(tile) : "No rows."}`);
  }

  // --- moving and selecting -------------------------------------------------------------------------

  focus() {
    (this.cells[this.here] ?? this.bar.back).focus({ preventScroll: true });
    this.cells[this.here]?.scrollIntoView({ block: "nearest" });
  }

  move(to, extend) {
    if (!this.tiles.length) return;
    const before = this.here;
    this.here = Math.max(0, Math.min(to, this.tiles.length - 1));
    if (extend) this.extend();
    else this.anchorHere();
    this.mark(before, this.tiles[before]);
    this.mark(this.here, this.tiles[this.here]);
    this.focus();
    this.say();
  }

  anchorHere() {
    this.anchor = this.here;
    this.base = new Map(this.selected);
  }

  // Selects from the anchor to here, beside what was selected before.
  extend() {
    const [from, to] = [this.anchor, this.here].sort((a, b) => a - b);
    this.select(new Map([...this.base, ...this.tiles.slice(from, to + 1).map((tile) => [tile.row_id, tile])]));
  }

  select(selected) {
    this.selected = selected;
    this.tiles.forEach((tile, i) => this.mark(i, tile));
    this.bar.show();
  }

  toggle() {
    const tile = this.tiles[this.here];
    if (!tile) return;
    const selected = new Map(this.selected);
    if (!selected.delete(tile.row_id)) selected.set(tile.row_id, tile);
    this.select(selected);
    this.anchorHere();
    this.say();
  }

  click(event) {
    const cell = event.target.closest("[role=gridcell]");
    const i = this.cells.indexOf(cell);
    if (i < 0 || event.detail > 1) return;
    this.move(i, event.shiftKey);
    if (!event.shiftKey) this.toggle();
  }

  // Ctrl+A goes past the surface's keys, which leave what has Ctrl to the browser.
  all(event) {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "a" || this.surface.modal()) return;
    event.preventDefault();
    this.select(new Map([...this.selected, ...this.tiles.map((tile) => [tile.row_id, tile])]));
    this.anchorHere();
    this.say();
  }

  clear() {
    this.select(new Map());
    this.anchorHere();
  }

  turnPage(way) {
    const at = way > 0 ? this.at + this.tiles.length : Math.max(0, this.at - this.size);
    if (this.like || at === this.at || at >= this.total) return this.move(way > 0 ? this.tiles.length - 1 : 0, false);
    this.load({ like: null, at, here: this.here });
  }

  // --- keys -----------------------------------------------------------------------------------------

  // Every key while the grid is open and no dialog is.
  key(event) {
    const target = event.composedPath()[0];
    const onButton = target.matches("button, a");
    if (event.key === "Tab" || (onButton && (event.key === "Enter" || event.key === " "))) return;
    if (this.moves(event)) return event.preventDefault();
    const { surface } = this;
    const { keymap } = surface;
    if (event.repeat || event.altKey !== keymap.alt) return;
    const action = keymap.actionOf(event);
    // X is "ambiguous" for a row alone; here it selects.
    if (action === "ambiguous" || (!action && chordOf(event) === "x")) this.toggle();
    else if (!this.act(action) && GRID_KEYS.has(action)) surface[action]();
    else if (!action) return;
    event.preventDefault();
  }

  moves(event) {
    const by = { ...ARROWS, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key];
    if (by !== undefined) this.move(this.step(by), event.shiftKey);
    else if (event.key === "Home") this.move(0, event.shiftKey);
    else if (event.key === "End") this.move(this.tiles.length - 1, event.shiftKey);
    else if (event.key === "PageDown" || event.key === "PageUp") this.turnPage(event.key === "PageDown" ? 1 : -1);
    else if (event.key === " ") this.toggle();
    else if (event.key === "Enter") this.enter();
    else return false;
    return true;
  }

  // Up and down keep their column.
  step(by) {
    const to = this.here + by;
    return Math.abs(by) > 1 && (to < 0 || to >= this.tiles.length) ? this.here : to;
  }

  // --- deciding -------------------------------------------------------------------------------------

  // Returns whether the action is one on the selected tiles.
  act(action) {
    const [, digit] = /^class([1-9])$/.exec(action ?? "") ?? [];
    if (digit) this.decide("relabel", this.bar.classes[digit - 1]);
    else if (action === "take") this.decide("relabel", null);
    else if (["keep", "exclude", "ambiguous", "needs_review"].includes(action)) this.decide(action, null);
    else if (action === "search") this.bulk.ask(this.chosen());
    else if (action === "showLike") this.showLike(this.tiles[this.here]);
    else if (action === "showGrid") this.escape();
    else if (action === "undo" || action === "redo") this.bulk.after(() => this.surface[action]());
    else return false;
    return true;
  }

  // The selected rows, or the one with the focus.
  chosen() {
    const tile = this.tiles[this.here];
    return this.selected.size ? [...this.selected.keys()] : tile ? [tile.row_id] : [];
  }

  decide(action, label) {
    const rows = this.chosen();
    if (!rows.length || label === undefined) return;
    this.paint(new Set(rows), (tile) => pendingWords(tile, action, label));
    this.clear();
    this.bulk.send({ rows, action, label });
  }

  showLike(tile) {
    if (!tile) return;
    if (this.surface.data.neighbours) this.show(tile);
    else this.surface.notice.mention("This data set has no embeddings, so that no rows like this one can be found.");
  }
}

// Keys that mean the same in the grid as for a row.
const GRID_KEYS = new Set(["help", "applyAll"]);
