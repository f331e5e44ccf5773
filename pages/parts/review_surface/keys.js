// One table of keys: what each does, and the words of the ? overlay.

const KEYS = [
  ["Decide", "Q", "keep", "Keep the given label"],
  ["Decide", "W", "take", "Take the suggested label"],
  ["Decide", "E", "exclude", "Exclude the row"],
  ["Decide", "X", "ambiguous", "Ambiguous: more than one label is right"],
  ["Decide", "N", "needs_review", "Needs review by someone else"],
  ["Decide", "1-9", null, "Change to the class with that number"],
  ["Decide", "/", "search", "Find another class; Enter decides"],
  ["Move", "→ or J", null, "Skip to the next row"],
  ["Move", "← or K", null, "Back to the row before"],
  ["Move", "U", "undecided", "Next undecided row"],
  ["Look", "F", "fit", "Fit the picture, or show it at 100%"],
  ["Look", "+", "zoomIn", "Zoom in"],
  ["Look", "-", "zoomOut", "Zoom out"],
  ["Look", "V", "near", "Go to the similar rows"],
  ["Work", "Z", "undo", "Undo"],
  ["Work", "Shift+Z", null, "Redo"],
  ["Work", "L", "link", "Copy a link to this row"],
  ["Work", "?", "help", "Show these keys"],
  ["Work", "Esc", null, "Close what is open"],
];

const ACTION_OF = new Map(KEYS.filter(([, , action]) => action).map(([, key, action]) => [key.toLowerCase(), action]));
for (const [key, action] of [["arrowright", "next"], ["j", "next"], ["arrowleft", "back"], ["k", "back"], ["=", "zoomIn"], ["_", "zoomOut"]]) {
  ACTION_OF.set(key, action);
}

// Listens on the window in the capture phase, ahead of Streamlit, which would clear its caches on C and
// rerun on R. It takes keys only while the focus is inside the surface.
function listenToKeys(root, handlers) {
  const onKey = (event) => {
    if (!event.composedPath().includes(root)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    if (event.isComposing || event.keyCode === 229 || event.type !== "keydown") return;
    const target = event.composedPath()[0];
    if (event.key === "Escape") return handlers.escape(event);
    if (target instanceof HTMLInputElement) return handlers.typing(event);
    if (event.repeat) return;
    // Space and Enter press the button, link or option that has the focus; Tab moves on.
    if (["Enter", " ", "Tab"].includes(event.key) || handlers.modal()) return;
    const action = event.shiftKey && event.key.toLowerCase() === "z" ? "redo" : ACTION_OF.get(event.key.toLowerCase());
    const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
    if (!action && !digit) return;
    event.preventDefault();
    if (digit) handlers.digit(digit - 1);
    else handlers[action]();
  };
  const stops = ["keydown", "keypress", "keyup"].map((type) => listen(window, type, onKey, true));
  return () => stops.forEach((stop) => stop());
}

const DIALOG = "[role=dialog]";
const DIALOG_GONE_MS = 200;

// Says whether the focus is inside. A dialog of Streamlit's, as when the connection is lost, takes the focus
// and drops it when it closes; then it comes back here, so that work goes on where it was.
function watchFocus(root, onChange, focus) {
  let timer = 0;
  const waitForDialog = () => {
    if (document.querySelector(DIALOG)) timer = setTimeout(waitForDialog, DIALOG_GONE_MS);
    else if (document.activeElement === document.body) focus();
  };
  const stops = [
    listen(root, "focusin", () => onChange(true)),
    listen(root, "focusout", (event) => {
      const to = event.relatedTarget;
      onChange(root.contains(to));
      clearTimeout(timer);
      if (to?.closest(DIALOG) && !root.contains(to)) timer = setTimeout(waitForDialog, DIALOG_GONE_MS);
    }),
    () => clearTimeout(timer),
  ];
  return () => stops.forEach((stop) => stop());
}

// A layer over the surface. Returns {node, open(...children), close()}; closing gives the focus back.
function makeDialog(title, giveFocusBack) {
  const body = el("div", { class: "body" });
  const shut = el("button", { type: "button", class: "plain" }, "Close ", keycap("Esc"));
  const heading = el("h2", {}, title);
  const node = el("div", { class: "dialog", role: "dialog", "aria-modal": "true", "aria-label": title }, el("header", {}, heading, shut), body);
  const dialog = {
    node,
    open(name, ...children) {
      text(heading, name);
      node.setAttribute("aria-label", name);
      body.replaceChildren(...children);
      show(node, true);
      (body.querySelector("input") ?? shut).focus();
    },
    close() {
      if (node.hidden) return false;
      show(node, false);
      giveFocusBack();
      return true;
    },
  };
  shut.addEventListener("click", () => dialog.close());
  // The focus stays inside while it is open.
  node.addEventListener("focusout", (event) => {
    if (!node.hidden && event.relatedTarget && !node.contains(event.relatedTarget)) shut.focus();
  });
  show(node, false);
  return dialog;
}

function openHelp(dialog) {
  const find = el("input", { type: "text", class: "search", placeholder: "Find a key", "aria-label": "Find a key" });
  const rows = KEYS.map(([group, key, , words]) => el("tr", {}, el("td", {}, group), el("td", {}, keycap(key)), el("td", {}, words)));
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    rows.forEach((row, i) => show(row, KEYS[i].join(" ").toLowerCase().includes(wanted)));
  });
  dialog.open("Keys", find, el("table", { class: "keys" }, el("tbody", {}, ...rows)));
}
