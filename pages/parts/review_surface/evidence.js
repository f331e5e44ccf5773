// What the review has shown so far, in one calm line: wrong labels left, what comes next, and when to stop. It comes
// with the pulse; nothing waits for it.

class EvidenceLine {
  // reached: told the stop sign when it is reached while somebody is at work.
  constructor(data, dialog, reached) {
    this.data = data;
    this.dialog = dialog;
    this.reached = reached;
    this.version = 0; // of what is shown; 0: nothing yet
    this.stop = el("span", { class: "stop" });
    this.left = el("span", { class: "left" });
    this.next = el("span", { class: "next" });
    this.more = el("button", { type: "button", class: "plain more" }, "Details");
    this.more.addEventListener("click", () => this.open());
    this.node = el("div", { class: "evidence", role: "group", "aria-label": "Evidence so far" }, this.stop, this.left, this.next, this.more);
    show(this.stop, false);
    show(this.more, false);
  }

  // found: as core.evidence.live.brief has it, or null where nothing is new.
  tell(found) {
    if (!found) return;
    const begun = this.version > 0;
    if (begun && found.stop && !this.found.stop) this.reached(found.stop);
    this.found = found;
    this.version = found.version;
    text(this.stop, found.stop);
    text(this.left, found.left);
    text(this.next, found.next);
    show(this.stop, found.stop !== "");
    show(this.more, true);
  }

  open() {
    const { said, pictures } = this.found;
    const [wide, narrow] = pictures;
    const picture = window.matchMedia(NARROW).matches ? narrow : wide;
    const sentences = said.map((words) => el("p", {}, words));
    const figure = picture ? el("figure", {}, drawn(picture)) : null;
    const way = el("a", { href: this.data.evidence, target: "_self" }, "Evidence: all of it, and how it is made");
    this.dialog.open("What the review has shown", el("div", { class: "told" }, ...sentences, figure, el("p", {}, way)));
  }
}

const DRAWN = new Set(["path", "line", "circle", "text"]);

// A drawing as core.drawing.Drawing.told has it, as an element.
function drawn({ width, height, words, shapes }) {
  const make = (tag, at) => {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(at)) node.setAttribute(name, value);
    return node;
  };
  const picture = make("svg", { class: "drawing", role: "img", viewBox: `0 0 ${width} ${height}`, "aria-label": words });
  for (const [tag, kind, at, said] of shapes) {
    if (!DRAWN.has(tag)) continue;
    const node = make(tag, { class: kind, ...at });
    if (said) node.textContent = said;
    picture.append(node);
  }
  return picture;
}
