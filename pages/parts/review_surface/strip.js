// The nearest rows, labelled as given and as suggested. Fetched only when a row is looked at for a moment,
// so that fast work asks for none.

const LOOKED_AT_MS = 120;

class Strip {
  constructor(data, onFound, peek) {
    this.data = data;
    this.onFound = onFound;
    this.peek = peek;
    this.timer = 0;
    this.item = null;
    this.node = el("div", { class: "strip" });
    show(this.node, data.neighbours);
  }

  close() {
    clearTimeout(this.timer);
  }

  show(item) {
    clearTimeout(this.timer);
    this.item = item;
    if (!this.data.neighbours) return;
    if (item?.near) this.render();
    else {
      this.node.replaceChildren();
      if (item) this.timer = setTimeout(() => this.fetch(item), LOOKED_AT_MS);
    }
  }

  async fetch(item) {
    const { token, dataset, filters } = this.data;
    try {
      const params = { ...filters, ds: dataset, row: item.row_id };
      item.near = await call("labelmend/neighbours", { token, params });
    } catch (error) {
      if (this.item === item) this.node.replaceChildren(el("p", {}, "Similar rows could not be fetched."));
      return;
    }
    item.why = item.near.why;
    if (this.item !== item) return;
    this.render();
    this.onFound(item);
  }

  render() {
    const { near, given, suggestion } = this.item;
    this.node.replaceChildren(...[this.group(given, near.given), this.group(suggestion, near.suggested)].filter(Boolean));
  }

  group(label, tiles) {
    if (label === null || !tiles.length) return null;
    return el(
      "div",
      { class: "group" },
      this.data.targets ? el("p", {}, "Most similar rows") : el("p", {}, "Most similar rows labelled ", el("b", {}, label)),
      ...tiles.map((tile) => this.tile(tile)),
    );
  }

  tile(tile) {
    const name = `Row ${tile.number}, labelled ${tile.label}, distance ${tile.distance}`;
    const node = el("button", { type: "button", class: "tile", title: name, "aria-label": name });
    if (tile.thumb) {
      const picture = el("img", { alt: "", draggable: "false" });
      picture.src = address(tile.thumb);
      node.append(picture);
    } else {
      node.append(el("span", { dir: "auto" }, tile.text));
    }
    node.addEventListener("click", () => this.peek(tile));
    return node;
  }

  focus() {
    this.node.querySelector("button")?.focus();
  }
}
