// The ? overlay: every key, to be found and to be changed.

const FORGOTTEN = "This browser keeps nothing: changed keys last until the page is closed.";

function openHelp(dialog, keymap, changed) {
  const said = el("p", { class: "said", role: "status" }, keymap.kept ? "" : FORGOTTEN);
  const settle = (words) => {
    rows.forEach((row) => row.show());
    text(said, keymap.kept ? words : `${words} ${FORGOTTEN}`);
    changed();
  };
  const rows = KEYS.map((entry) => new KeyRow(entry, keymap, (words) => text(said, words), settle));
  const find = el("input", { type: "text", class: "search", placeholder: "Find a key", "aria-label": "Find a key" });
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    rows.forEach((row) => show(row.node, row.node.textContent.toLowerCase().includes(wanted)));
  });
  const alt = el("input", { type: "checkbox" });
  alt.checked = keymap.alt;
  alt.addEventListener("change", () => {
    keymap.needAlt(alt.checked);
    settle(alt.checked ? "Keys now need Alt. The buttons work as before." : "Keys now work alone.");
  });
  const reset = el("button", { type: "button", class: "pill" }, "Reset keys");
  reset.addEventListener("click", () => {
    keymap.reset();
    settle("Every key is what it was at first.");
  });
  dialog.open(
    "Keys",
    find,
    el("div", { class: "choices" }, el("label", {}, alt, "Single keys off: hold Alt with each key"), reset),
    said,
    el("table", { class: "keys" }, el("tbody", {}, ...rows.map((row) => row.node))),
  );
}

// One line of the overlay. What has no action is fixed.
class KeyRow {
  constructor([group, action, keys, words], keymap, say, settle) {
    Object.assign(this, { action, keys, words, keymap, say, settle });
    this.key = el("kbd");
    this.button = null;
    if (action) {
      this.button = el("button", { type: "button", class: "plain", "aria-label": `Change the key: ${words}` }, "Change");
      this.button.addEventListener("click", () => this.record());
      this.button.addEventListener("blur", () => this.stop());
    }
    this.node = el("tr", {}, el("td", {}, group), el("td", {}, this.key), el("td", {}, words), el("td", {}, this.button));
    this.show();
  }

  show() {
    const fixed = () => this.keys.map((chord) => parts(chord, NAMED).join("+")).join(" or ");
    text(this.key, this.action ? this.keymap.words(this.action) || "none" : fixed());
  }

  record() {
    this.button.focus(); // not every browser gives it to a button that is pressed
    text(this.button, "Press a key");
    this.say(`Press the key for: ${this.words}. Esc leaves it as it is.`);
    this.keymap.recording = (event) => this.pressed(event);
  }

  pressed(event) {
    if (MODIFIERS.includes(event.key)) return;
    event.preventDefault();
    if (event.repeat) return;
    const leave = event.key === "Escape";
    const refused = leave ? "" : this.keymap.change(this.action, event);
    if (refused) return this.say(refused);
    this.stop();
    if (leave) this.say("Nothing was changed.");
    else this.settle(`${this.keymap.words(this.action)}: ${this.words}.`);
  }

  stop() {
    this.keymap.recording = null;
    text(this.button, "Change");
  }
}
