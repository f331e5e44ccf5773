// The sharp part of a large picture: tiles of the level that the zoom needs, over the preview.

const LINGERED_MS = 150; // passing by asks for none

class Sharp {
  constructor(onChange) {
    this.onChange = onChange;
    this.node = el("div", { class: "sharp" });
    this.shown = new Map(); // "level/x/y" -> <img>
    this.clear();
  }

  // "" | "loading" | "failed"
  get state() {
    if (this.failed) return "failed";
    return this.waiting > 0 || this.timer ? "loading" : "";
  }

  clear() {
    clearTimeout(this.timer);
    for (const image of this.shown.values()) image.removeAttribute("src"); // what is under way is given up
    this.shown.clear();
    this.node.replaceChildren();
    Object.assign(this, { timer: 0, waiting: 0, failed: false, level: null });
  }

  // What of the picture is on the screen now. scale: screen pixels a picture pixel; corner: where its upper left
  // corner lies in the stage; room: the stage's size; preview: the width that is shown without tiles.
  place(content, scale, corner, room, preview) {
    this.view = { content, scale, corner, room };
    clearTimeout(this.timer);
    this.timer = 0;
    const sharp = scale * window.devicePixelRatio;
    if (!content.tile || content.size[0] * sharp <= preview) return this.clear();
    for (const key of this.shown.keys()) this.put(key);
    this.level = Math.max(0, Math.floor(Math.log2(1 / sharp)));
    if (this.wanted().some((key) => !this.shown.has(key))) {
      this.timer = setTimeout(() => this.load(), LINGERED_MS);
    }
  }

  // Side of a tile of a level on the screen.
  side(level) {
    return this.view.content.tile * 2 ** level * this.view.scale;
  }

  wanted() {
    const { content, scale, corner, room } = this.view;
    const side = this.side(this.level);
    const range = (axis) => {
      const from = Math.max(0, Math.floor(-corner[axis] / side));
      const until = Math.min(room[axis] - corner[axis], content.size[axis] * scale) / side;
      return Array.from({ length: Math.max(0, Math.ceil(until) - from) }, (_, i) => from + i);
    };
    return range(1).flatMap((y) => range(0).map((x) => `${this.level}/${x}/${y}`));
  }

  load() {
    this.timer = 0;
    this.failed = false;
    for (const key of this.wanted()) if (!this.shown.has(key)) this.fetch(key);
    this.forget();
    this.onChange();
  }

  fetch(key) {
    const [level, x, y] = key.split("/");
    const image = el("img", { alt: "", draggable: "false" });
    this.shown.set(key, image);
    this.waiting += 1;
    const came = (failed) => {
      if (this.shown.get(key) !== image) return; // of a picture that is gone
      this.waiting -= 1;
      this.failed ||= failed;
      if (failed) image.remove();
      this.forget();
      this.onChange();
    };
    image.onload = () => came(false);
    image.onerror = () => came(true);
    const url = address(this.view.content.full);
    for (const [name, value] of Object.entries({ size: "tile", level, x, y })) url.searchParams.set(name, value);
    image.src = url;
    this.node.append(image);
    this.put(key);
  }

  put(key) {
    const { content, scale, corner } = this.view;
    const [level, x, y] = key.split("/").map(Number);
    const side = this.side(level);
    const { style } = this.shown.get(key);
    [style.left, style.top] = [`${corner[0] + x * side}px`, `${corner[1] + y * side}px`];
    style.width = `${Math.min(side, content.size[0] * scale - x * side)}px`;
    style.height = `${Math.min(side, content.size[1] * scale - y * side)}px`;
    style.imageRendering = scale > 1 ? "pixelated" : "auto";
  }

  // Tiles that are off the screen or of another level go once everything wanted is there.
  forget() {
    if (this.waiting) return;
    const wanted = new Set(this.wanted());
    for (const [key, image] of this.shown) {
      if (wanted.has(key)) continue;
      image.remove();
      this.shown.delete(key);
    }
  }
}
