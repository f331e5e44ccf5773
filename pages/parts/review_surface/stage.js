// The item itself: a picture to zoom and pan, a text, or fields.

const MAX_ZOOM = 8;
const ZOOM_STEP = 1.25;

class Stage {
  constructor(feed, keymap, note, giveFocusBack) {
    this.feed = feed;
    this.keymap = keymap;
    this.giveFocusBack = giveFocusBack;
    this.note = note; // shows a line under the stage
    this.node = el("div", { class: "stage" });
    this.zoom = null; // null: fit; else screen pixels a picture pixel
    this.pan = [0, 0];
    this.pointers = new Map();
    this.item = null;
    this.find = new TextFind(() => this.markText());
    this.light = new Light(this.node, () => this.place(), giveFocusBack);
    this.sharp = new Sharp(() => this.tell());
    this.boxes = new Boxes();
    this.near = false; // whether rows are shown close up, where they are boxes
    this.overlay = new Overlay(giveFocusBack);
    this.node.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.node.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    this.node.addEventListener("pointermove", (event) => this.onPointerMove(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.node.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
    this.watcher = new ResizeObserver(() => this.place());
    this.watcher.observe(this.node);
  }

  close() {
    this.watcher.disconnect();
    this.sharp.clear();
  }

  show(item) {
    this.item = item;
    this.pan = [0, 0];
    this.aims = this.near; // until the picture is moved by hand
    this.sharp.clear();
    this.boxes.show(item.content.boxes);
    this.node.dataset.kind = item.content.kind;
    this.node.replaceChildren(...this.content(item));
    this.node.scrollTop = 0;
    const mark = this.node.querySelector("mark.token") ?? this.node.querySelector("mark");
    if (mark) scrollTo(mark);
    this.place();
  }

  message(...children) {
    this.item = null;
    this.sharp.clear();
    this.node.dataset.kind = "message";
    this.node.replaceChildren(el("div", { class: "message" }, ...children));
    text(this.note, "");
  }

  content(item) {
    const { content } = item;
    text(this.note, "");
    if (content.kind === "image") return this.image(item);
    if (content.kind === "text") return this.text(item);
    if (content.kind === "tabular") return [this.table(item), ...this.moreFields(content)];
    return [el("div", { class: "message" }, "This data set shows no content for its rows.")];
  }

  image(item) {
    const picture = this.feed.picture(item);
    const failed = () => this.item === item && this.broken(item);
    picture.onload = () => this.item === item && this.place();
    picture.onerror = failed;
    if (picture.complete && picture.naturalWidth === 0) failed();
    return [picture, this.sharp.node, ...this.overlay.nodes(item, () => this.place()), this.boxes.node];
  }

  async broken(item) {
    const line = el("p", {}, "");
    this.node.replaceChildren(
      el(
        "div",
        { class: "message" },
        el("p", { class: "strong" }, `Row ${count(item.number)}: image cannot be read.`),
        line,
        el("p", {}, "Exclude ", this.keymap.cap("exclude"), "  Skip ", this.keymap.cap("next")),
      ),
    );
    text(this.note, item.content.name);
    try {
      const answer = await fetch(address(item.content.full));
      if (answer.status === 422) text(line, (await answer.json()).error);
    } catch (error) {
      text(line, "The server cannot be reached.");
    }
  }

  text(item) {
    const { content } = item;
    this.prose = el("div", { class: "prose", dir: "auto", tabindex: "-1" });
    this.markText();
    if (!content.more) return [this.prose];
    const rest = el("button", { type: "button", class: "plain" }, `Show the rest (${count(content.more)} characters)`);
    rest.addEventListener("click", async () => {
      const { dataset, token } = this.feed.data;
      try {
        const answer = await call("labelmend/text", { token, params: { ds: dataset, row: item.row_id } });
        Object.assign(content, { text: answer.text, more: 0 });
        if (this.item !== item) return;
        this.show(item);
        this.giveFocusBack(); // the button that had it is gone
      } catch (error) {
        text(rest, `${error.message} Try again`);
      }
    });
    return [this.prose, rest];
  }

  // [words, class of their marks]: what the queue was filtered by.
  get filtered() {
    return [this.feed.data.filters.q ?? "", "filter"];
  }

  markText() {
    if (this.item?.content.kind !== "text") return;
    const { content } = this.item;
    const sought = [[this.find.words, "found"], this.filtered];
    this.prose.replaceChildren(...(content.words ? sentence(content, sought) : marked(content.text, sought)));
    if (content.words) text(this.note, whichToken(content));
    this.find.show(this.prose);
  }

  findText() {
    this.find.focus();
  }

  table(item) {
    const { fields } = item.content;
    const line = ({ name, value, usual, note, unusual }) =>
      el(
        "tr",
        { class: unusual ? "unusual" : null },
        el("th", { scope: "row", dir: "auto" }, name),
        el("td", { dir: "auto" }, ...(value ? marked(value, [this.filtered]) : ["—"])),
        el("td", { class: "usual" }, usual, note ? el("span", { class: "note" }, note) : null),
      );
    const known = fields.some((field) => field.usual);
    const title = "Numbers: 5th to 95th percentile of the rows with this given label. Texts: the share of them.";
    const usual = el("th", { scope: "col", title }, "Usual for ", el("bdi", {}, item.given));
    const head = el("tr", {}, el("th", { scope: "col" }, "Field"), el("th", { scope: "col" }, "Value"), usual);
    return el("table", { class: "fields" }, known ? el("thead", {}, head) : null, el("tbody", {}, ...fields.map(line)));
  }

  moreFields({ fields, more }) {
    if (!more) return [];
    return [el("p", {}, `The first ${count(fields.length)} columns; ${count(more)} more are in the file.`)];
  }

  // --- zoom and pan ---------------------------------------------------------------------------------

  // The picture's own size in pixels; what is shown of a large one is a preview.
  get size() {
    const { picture, content } = this.item;
    return content.size ?? [picture.naturalWidth, picture.naturalHeight];
  }

  get room() {
    return [this.node.clientWidth, this.node.clientHeight];
  }

  fitScale() {
    const { room, size } = this;
    return Math.min(room[0] / size[0], room[1] / size[1]);
  }

  place() {
    const picture = this.item?.picture;
    if (!picture || !picture.naturalWidth) return;
    const { room, size } = this;
    if (this.aims && this.boxes.shown) Object.assign(this, this.boxes.closeUp(size, room));
    const scale = this.zoom ?? this.fitScale();
    const shown = size.map((pixels) => pixels * scale);
    const over = shown.map((length, i) => Math.max(0, length - room[i]) / 2);
    this.pan = this.pan.map((p, i) => Math.max(-over[i], Math.min(over[i], p)));
    const corner = shown.map((length, i) => (room[i] - length) / 2 + this.pan[i]);
    picture.style.width = `${shown[0]}px`;
    picture.style.height = `${shown[1]}px`;
    picture.style.transform = `translate(${corner[0]}px, ${corner[1]}px)`;
    picture.style.imageRendering = scale > 1 && !this.item.content.tile ? "pixelated" : "auto";
    this.overlay.place(picture.style);
    this.sharp.place(this.item.content, scale, corner, room, picture.naturalWidth);
    this.boxes.place(corner, shown);
    this.tell();
  }

  tell() {
    const picture = this.item?.picture;
    if (!picture) return;
    const [width, height] = this.size;
    const scale = this.zoom ?? this.fitScale();
    const untiled = width > picture.naturalWidth && !this.item.content.tile;
    const preview = untiled ? `, preview of ${picture.naturalWidth} × ${picture.naturalHeight}` : "";
    const sharper = { loading: " · sharpening…", failed: " · could not be sharpened" }[this.sharp.state] ?? "";
    text(this.note, `${width} × ${height}${preview} · ${Math.round(scale * 100)}%${this.boxes.said()}${this.light.words()}${sharper}`);
  }

  toggleFit() {
    this.aims = this.near = false;
    this.zoom = this.zoom === null ? 1 : null;
    this.pan = [0, 0];
    this.place();
  }

  // The row's box in the middle, for this row and those that follow; or the whole picture again.
  toggleCloseUp() {
    if (!this.boxes.shown) return;
    this.aims = this.near = !this.aims;
    if (!this.near) Object.assign(this, { zoom: null, pan: [0, 0] });
    this.place();
  }

  toggleOthers() {
    if (!this.boxes.shown) return;
    this.boxes.toggleOthers();
    this.tell();
  }

  zoomBy(factor) {
    if (!this.item?.picture?.naturalWidth) return;
    this.aims = false;
    const fit = this.fitScale();
    const before = this.zoom ?? fit;
    const after = Math.min(Math.max(before * factor, Math.min(fit, 1)), Math.max(MAX_ZOOM, fit));
    this.pan = this.pan.map((p) => (p * after) / before);
    this.zoom = after;
    this.place();
  }

  brighter() {
    this.light.change("brightness", LIGHT_STEP);
  }

  darker() {
    this.light.change("brightness", -LIGHT_STEP);
  }

  harder() {
    this.light.change("contrast", LIGHT_STEP);
  }

  softer() {
    this.light.change("contrast", -LIGHT_STEP);
  }

  asItIs() {
    this.light.reset();
  }

  onWheel(event) {
    if (!this.item?.picture) return;
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP);
  }

  onPointerDown(event) {
    if (!this.item?.picture) return;
    this.node.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  onPointerMove(event) {
    const from = this.pointers.get(event.pointerId);
    if (!from) return;
    const to = [event.clientX, event.clientY];
    const other = [...this.pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, to);
    if (other) {
      const span = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      this.zoomBy(span(to) / span(from));
    } else {
      this.aims = false;
      this.pan = [this.pan[0] + to[0] - from[0], this.pan[1] + to[1] - from[1]];
      this.place();
    }
  }
}
