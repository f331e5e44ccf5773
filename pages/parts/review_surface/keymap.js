// Which key does what. A key is written as a chord: "q", "shift+z", "arrowright", "+". What a person has changed
// is kept on this device, a workspace.

// group, action (a method of the surface; none: fixed), keys, words
const KEYS = [
  ["Decide", "keep", ["q"], "Keep the given label"],
  ["Decide", "take", ["w"], "Take the suggested label"],
  ["Decide", "exclude", ["e"], "Exclude the row"],
  ["Decide", "ambiguous", ["x"], "Ambiguous: more than one label is right"],
  ["Decide", "needs_review", ["n"], "Needs review by someone else"],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => ["Decide", `class${n}`, [String(n)], `Change to class ${n} of the list; where a row can have several, tick it`]),
  ["Decide", null, ["enter"], "Save the ticked labels, where a row can have several"],
  ["Decide", "search", ["/"], "Find another class; Enter decides"],
  ["Move", "next", ["j", "arrowright"], "Skip to the next row"],
  ["Move", "back", ["k", "arrowleft"], "Back to the row before"],
  ["Move", "undecided", ["u"], "Next undecided row"],
  ["Look", "fit", ["f"], "Fit the picture, or show it at 100%"],
  ["Look", "zoomIn", ["+", "="], "Zoom in"],
  ["Look", "zoomOut", ["-", "_"], "Zoom out"],
  ["Look", "closeUp", ["c"], "Close-up of the row's box, or the whole picture"],
  ["Look", "others", ["o"], "Show or hide the other boxes of the picture"],
  ["Look", "overlay", ["p"], "The mask over the picture: given, predicted, where they differ, none"],
  ["Look", "brighter", ["b"], "Brighter picture"],
  ["Look", "darker", ["shift+b"], "Darker picture"],
  ["Look", "harder", ["h"], "More contrast"],
  ["Look", "softer", ["shift+h"], "Less contrast"],
  ["Look", "asItIs", ["0"], "The picture as it is: brightness and contrast at 100%"],
  ["Look", "findText", ["s"], "Find words in the text; Enter goes to the next"],
  ["Look", "findings", ["i"], "Show what each check says"],
  ["Look", "near", ["v"], "Go to the similar rows"],
  ["Look", "showGrid", ["g"], "Grid of many rows; there X or Space selects, and the keys above decide"],
  ["Look", "showLike", ["shift+v"], "The rows most like this one, as a grid"],
  ["Work", "applyAll", ["a"], "Decide on all rows of this queue at once"],
  ["Work", "undo", ["z"], "Undo"],
  ["Work", "redo", ["shift+z"], "Redo"],
  ["Work", "note", ["m"], "Write a note on this row"],
  ["Work", "tag", ["t"], "Tag this row"],
  ["Work", "link", ["l"], "Copy a link to this row"],
  ["Work", "help", ["?"], "Show and change these keys"],
  ["Work", null, ["escape"], "Close what is open"],
];

const NAMED = { arrowright: "→", arrowleft: "←", arrowup: "↑", arrowdown: "↓", escape: "Esc", "-": "−" };
const ARIA = { arrowright: "ArrowRight", arrowleft: "ArrowLeft", arrowup: "ArrowUp", arrowdown: "ArrowDown", "+": "Plus" };
const ASSIGNABLE = ["arrowright", "arrowleft", "arrowup", "arrowdown", "home", "end", "pageup", "pagedown", "backspace", "delete"];
const MODIFIERS = ["Shift", "Alt", "AltGraph", "Control", "Meta", "CapsLock", "Fn", "NumLock"];

// Shift counts for letters and named keys; for others it is in the character already: "?" or "+".
function chordOf(event) {
  const key = event.key.toLowerCase();
  const shifted = event.shiftKey && (key.length > 1 || key !== event.key.toUpperCase());
  return shifted ? `shift+${key}` : key;
}

// The chord by the key's place, where its character is no Latin letter or digit: Cyrillic letters, the digits
// of a French keyboard, what Alt makes of a letter on a Mac. Else null.
function placeOf(event) {
  if (/^[a-z0-9]$/i.test(event.key)) return null;
  const [, letter, digit] = /^(?:Key([A-Z])|Digit([1-9]))$/.exec(event.code) ?? [];
  if (letter) return (event.shiftKey ? "shift+" : "") + letter.toLowerCase();
  return digit && !event.shiftKey ? digit : null;
}

function parts(chord, names) {
  const shifted = chord.startsWith("shift+");
  const key = shifted ? chord.slice(6) : chord;
  const name = names[key] ?? (key.length === 1 ? key.toUpperCase() : key[0].toUpperCase() + key.slice(1));
  return shifted ? ["Shift", name] : [name];
}

class Keymap {
  constructor(workspace) {
    this.place = `labelmend-keys:${workspace}`;
    this.changed = new Map(); // action -> chord
    this.alt = false; // whether keys need Alt (WCAG 2.1.4: single keys can be turned off)
    this.kept = true; // whether this device keeps what is changed
    this.recording = null; // gets the next key instead of its action
    this.load();
    this.index();
  }

  load() {
    let found = null;
    try {
      found = JSON.parse(localStorage.getItem(this.place));
    } catch (error) {
      this.kept = false; // forbidden, or not ours: the keys of the table are used
    }
    this.alt = found?.alt === true;
    for (const [, action] of KEYS) {
      const chord = found?.keys?.[action];
      if (action && typeof chord === "string" && assignable(chord)) this.changed.set(action, chord);
    }
  }

  save() {
    const keys = Object.fromEntries(this.changed);
    try {
      if (this.alt || this.changed.size) localStorage.setItem(this.place, JSON.stringify({ alt: this.alt, keys }));
      else localStorage.removeItem(this.place);
      this.kept = true;
    } catch (error) {
      this.kept = false; // the overlay says that they last until the page is closed
    }
  }

  // A changed key wins over the table's, whose action is then left without one.
  index() {
    this.actions = new Map(); // chord -> action
    this.chords = new Map(); // action -> chords
    const actions = KEYS.filter(([, action]) => action);
    for (const [, action] of actions) if (this.changed.has(action)) this.actions.set(this.changed.get(action), action);
    for (const [, action, keys] of actions) {
      if (this.changed.has(action)) continue;
      for (const chord of keys) if (!this.actions.has(chord)) this.actions.set(chord, action);
    }
    for (const [chord, action] of this.actions) this.chords.set(action, [...(this.chords.get(action) ?? []), chord]);
  }

  actionOf(event) {
    return this.actions.get(chordOf(event)) ?? this.actions.get(placeOf(event)) ?? null;
  }

  // Gives an action the key that was pressed. Returns "" or the sentence that says why not.
  change(action, event) {
    const chord = (event.altKey && placeOf(event)) || chordOf(event);
    if (!assignable(chord)) return "This key cannot be used: it moves the focus, presses a button or belongs to the browser.";
    const taken = this.actions.get(chord);
    if (taken && taken !== action) {
      return `${this.wordsOf(chord)} is the key for “${wordsFor(taken)}”. Press another, or change that one first.`;
    }
    this.changed.set(action, chord);
    this.settle();
    return "";
  }

  reset() {
    this.changed.clear();
    this.settle();
  }

  needAlt(on) {
    this.alt = on;
    this.settle();
  }

  settle() {
    this.index();
    this.save();
  }

  wordsOf(chord) {
    return [...(this.alt ? ["Alt"] : []), ...parts(chord, NAMED)].join("+");
  }

  // "J or →"; "" for an action without a key.
  words(action) {
    return (this.chords.get(action) ?? []).map((chord) => this.wordsOf(chord)).join(" or ");
  }

  aria(action) {
    const alt = this.alt ? ["Alt"] : [];
    return (this.chords.get(action) ?? []).map((chord) => [...alt, ...parts(chord, ARIA)].join("+")).join(" ");
  }

  // A keycap with the action's first key. It follows a change once `show` has gone over it.
  cap(action) {
    const node = keycap("");
    node.dataset.key = action;
    this.showOn(node);
    return node;
  }

  // A button that an action's key presses too.
  button(action, properties, ...children) {
    const node = el("button", { type: "button", "data-shortcut": action, ...properties }, ...children, this.cap(action));
    this.showOn(node);
    return node;
  }

  showOn(node) {
    const { key, shortcut } = node.dataset;
    if (key) text(node, this.chords.has(key) ? this.wordsOf(this.chords.get(key)[0]) : "");
    if (shortcut) node.setAttribute("aria-keyshortcuts", this.aria(shortcut));
  }

  show(root) {
    root.querySelectorAll("[data-key], [data-shortcut]").forEach((node) => this.showOn(node));
  }
}

function assignable(chord) {
  const key = chord.startsWith("shift+") ? chord.slice(6) : chord;
  return (key.length === 1 && key !== " ") || ASSIGNABLE.includes(key);
}

function wordsFor(action) {
  return KEYS.find(([, one]) => one === action)[3];
}
