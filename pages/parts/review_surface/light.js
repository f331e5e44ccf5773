// Brightness and contrast of the picture, as on a screen: the file and the decision know nothing of it. They stay
// for the next picture, and the line under it says so.

const LIGHT_STEP = 20;
const LIGHT_RANGE = [20, 300]; // percent

class Light {
  constructor(stage, onChange, giveFocusBack) {
    Object.assign(this, { stage, onChange, giveFocusBack });
    this.values = { brightness: 100, contrast: 100 };
    this.sliders = Object.keys(this.values).map((name) => this.slider(name));
    const reset = el("button", { type: "button", class: "pill" }, "As it is");
    reset.addEventListener("click", () => this.reset());
    this.node = el("div", { class: "light", role: "group", "aria-label": "Light" });
    this.node.append(...this.sliders.map((slider) => slider.parentNode), reset);
    show(this.node, false);
    this.button = el("button", { type: "button", class: "plain", "aria-expanded": "false" }, "Light");
    this.button.addEventListener("click", () => this.toggle());
  }

  slider(name) {
    const [min, max] = LIGHT_RANGE;
    const input = el("input", { type: "range", name, min, max, step: LIGHT_STEP });
    input.value = 100;
    input.addEventListener("input", () => this.set(name, Number(input.value)));
    el("label", {}, el("span", {}, name === "brightness" ? "Brightness" : "Contrast"), input);
    return input;
  }

  change(name, by) {
    this.set(name, this.values[name] + by);
  }

  set(name, percentage) {
    this.values[name] = Math.min(Math.max(percentage, LIGHT_RANGE[0]), LIGHT_RANGE[1]);
    const { brightness, contrast } = this.values;
    const changed = brightness !== 100 || contrast !== 100;
    this.stage.style.setProperty("--light", changed ? `brightness(${brightness}%) contrast(${contrast}%)` : "none");
    for (const input of this.sliders) input.value = this.values[input.name];
    this.onChange();
  }

  reset() {
    this.set("brightness", 100);
    this.set("contrast", 100);
  }

  toggle() {
    const open = this.node.hidden;
    show(this.node, open);
    this.button.setAttribute("aria-expanded", String(open));
    if (open) this.sliders[0].focus();
    else this.giveFocusBack();
  }

  // What is changed, in words; "" where nothing is.
  words() {
    return Object.entries(this.values).filter(([, value]) => value !== 100).map(([name, value]) => ` · ${name} ${value}%`).join("");
  }
}
