// The boxes of a picture, drawn over it at the size of the screen: lines stay thin at every zoom.

const SVG = "http://www.w3.org/2000/svg";
const BOX_PART = 0.45; // of the stage, in a close-up
const MOST_CLOSE = 12; // screen pixels a picture pixel, in a close-up

class Boxes {
  constructor() {
    this.node = document.createElementNS(SVG, "svg");
    this.node.setAttribute("class", "boxes");
    this.node.setAttribute("aria-hidden", "true");
    this.shown = null;
    this.othersOn = true;
    this.shapes = []; // [rectangle, box in shares of the picture]
  }

  // shown: {own, others, more, found}, or null for a picture without boxes
  show(shown) {
    this.shown = shown ?? null;
    this.shapes = [];
    this.node.replaceChildren();
    if (!shown) return;
    for (const { box } of shown.others) this.add("other", box);
    this.add("own", shown.own);
    if (shown.found) this.add("found", shown.found.box);
    this.words = shown.found ? this.make("text", "said") : null;
    if (this.words) text(this.words, `${plain(shown.found.label)} ${percent(shown.found.score)}`);
    this.mark();
  }

  make(tag, kind) {
    const node = document.createElementNS(SVG, tag);
    node.setAttribute("class", kind);
    this.node.append(node);
    return node;
  }

  // A wide pale line under a thin one: one of the two stands out from any picture.
  add(kind, box) {
    for (const line of ["halo", "line"]) this.shapes.push([this.make("rect", `${kind} ${line}`), box]);
  }

  mark() {
    this.node.classList.toggle("alone", !this.othersOn);
  }

  toggleOthers() {
    this.othersOn = !this.othersOn;
    this.mark();
  }

  // corner: where the picture's upper left corner lies in the stage; size: of the picture on the screen
  place(corner, size) {
    for (const [node, box] of this.shapes) {
      const [x, y, w, h] = this.onScreen(box, corner, size);
      for (const [name, value] of Object.entries({ x, y, width: Math.max(w, 1), height: Math.max(h, 1) })) {
        node.setAttribute(name, value);
      }
    }
    if (!this.words) return;
    const [x, y, , h] = this.onScreen(this.shown.found.box, corner, size);
    this.words.setAttribute("x", Math.max(4, x));
    this.words.setAttribute("y", y > 22 ? y - 7 : y + h + 17);
  }

  onScreen([x, y, w, h], corner, size) {
    return [corner[0] + x * size[0], corner[1] + y * size[1], w * size[0], h * size[1]];
  }

  // {zoom, pan} that put the row's box into the middle of the stage. size: of the picture in its own pixels
  closeUp(size, room) {
    const [x, y, w, h] = this.shown.own;
    const sides = [Math.max(w * size[0], 1), Math.max(h * size[1], 1)];
    const zoom = Math.min(MOST_CLOSE, ...sides.map((side, i) => (room[i] * BOX_PART) / side));
    const middle = [x + w / 2, y + h / 2];
    return { zoom, pan: middle.map((place, i) => (0.5 - place) * size[i] * zoom) };
  }

  // How many others there are, in words; "" where this row is no box.
  said() {
    if (!this.shown) return "";
    const { others, more } = this.shown;
    const n = others.length + more;
    const hidden = !this.othersOn ? ", hidden" : more ? `, the nearest ${count(others.length)} drawn` : "";
    return n ? ` · ${count(n)} other ${n === 1 ? "box" : "boxes"}${hidden}` : " · no other box";
  }
}
