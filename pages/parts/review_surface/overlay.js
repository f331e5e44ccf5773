// The mask over the picture: given, predicted, where they differ, or none. It stays as chosen for the next row.

const LAYER_WORDS = { given: "given", predicted: "predicted", differ: "where they differ", none: "none" };

class Overlay {
  constructor(giveFocusBack) {
    this.giveFocusBack = giveFocusBack;
    this.layer = "given";
    this.item = null;
    this.image = null;
    this.button = el("button", { type: "button", class: "pill" }, "");
    this.button.addEventListener("click", () => {
      this.cycle();
      this.giveFocusBack();
    });
    this.names = el("ul", {});
    this.said = el("p", {}, "");
    this.legend = el("div", { class: "legend", role: "group", "aria-label": "Mask" }, this.button, this.names, this.said);
    this.node = el("div", { class: "masked" });
    // The stage takes the pointer to move the picture.
    for (const name of ["pointerdown", "wheel"]) this.legend.addEventListener(name, (event) => event.stopPropagation());
  }

  // What lies over the picture of a row; nothing where it has no mask.
  nodes(item, onLoad) {
    this.item = item.content.masks ? item : null;
    this.onLoad = onLoad;
    if (!this.item) return [];
    this.draw();
    return [this.node, this.legend];
  }

  get layers() {
    return [...this.item.content.masks.layers, "none"];
  }

  cycle() {
    if (!this.item) return;
    const { layers } = this;
    this.layer = layers[(layers.indexOf(this.layer) + 1) % layers.length];
    this.draw();
    this.onLoad();
  }

  draw() {
    const { masks, full } = this.item.content;
    const layer = this.layers.includes(this.layer) ? this.layer : "given";
    const differ = [["Given and predicted differ", masks.differs]];
    const lines = { none: [], differ }[layer] ?? masks.legend;
    text(this.button, `Mask: ${LAYER_WORDS[layer]}`);
    this.names.replaceChildren(...lines.map((line) => this.line(...line)));
    const more = masks.more && lines === masks.legend ? `${count(masks.more)} more classes. ` : "";
    text(this.said, `${more}A mask is not changed here: keep, exclude or mark the row.`);
    this.image = null;
    this.node.replaceChildren();
    if (layer === "none") return;
    const url = address(full);
    url.searchParams.set("size", "mask");
    url.searchParams.set("layer", layer);
    const image = el("img", { alt: `Mask, ${LAYER_WORDS[layer]}`, draggable: "false" });
    image.onload = () => this.onLoad();
    image.onerror = () => text(this.said, "This mask cannot be shown.");
    image.src = url;
    this.image = image;
    this.node.append(image);
  }

  line(name, colour) {
    const mark = el("span", { class: "swatch", "aria-hidden": "true" });
    mark.style.background = colour;
    return el("li", {}, mark, el("bdi", {}, name));
  }

  // As the picture lies.
  place(style) {
    if (!this.image) return;
    for (const name of ["width", "height", "transform"]) this.image.style[name] = style[name];
  }
}
