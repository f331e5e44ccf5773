// Keys go to the surface while the focus is inside it.

const INPUT_KEYS = new WeakMap(); // a field for typing -> what its keys do there; true for a key that is used up

// Listens on the window in the capture phase, ahead of Streamlit, which would clear its caches on C and
// rerun on R: no key goes past while the focus is inside the surface.
function listenToKeys(root, keymap, handlers) {
  const onKey = (event) => {
    if (!event.composedPath().includes(root)) return;
    if (event.ctrlKey || event.metaKey || event.getModifierState("AltGraph")) return;
    event.stopPropagation();
    if (event.isComposing || event.keyCode === 229 || event.type !== "keydown") return;
    if (keymap.recording) return keymap.recording(event);
    const target = event.composedPath()[0];
    if (event.key === "Escape") return handlers.escape(event);
    if (target.matches("input, textarea, select")) {
      if (INPUT_KEYS.get(target)?.(event)) event.preventDefault();
      else handlers.typing(event);
      return;
    }
    if (handlers.grid.open && !handlers.modal()) return handlers.grid.key(event);
    if (event.repeat || event.altKey !== keymap.alt || handlers.modal()) return;
    if (event.key === "Enter" && target === root && handlers.saveSet()) return event.preventDefault();
    // Space and Enter press the button, link or option that has the focus; Tab moves on.
    if (["Enter", " ", "Tab"].includes(event.key)) return;
    const action = keymap.actionOf(event);
    if (!action) return;
    event.preventDefault();
    const [, digit] = /^class([1-9])$/.exec(action) ?? [];
    if (digit) handlers.digit(Number(digit) - 1);
    else perform(handlers, action);
  };
  const stops = ["keydown", "keypress", "keyup"].map((type) => listen(window, type, onKey, true));
  return () => stops.forEach((stop) => stop());
}

// What the surface does, or its stage: ways to look at the item.
function perform(surface, action) {
  const doer = action in surface ? surface : surface.stage;
  doer[action]();
}

const DIALOG = "[role=dialog]";
const DIALOG_GONE_MS = 200;

// Says whether the focus is inside. A dialog of Streamlit's, as when the connection is lost, takes the focus
// and drops it when it closes; then it comes back here, so that work goes on where it was.
function watchFocus(root, onChange, focus) {
  let timer = 0;
  const waitForDialog = () => {
    const open = document.querySelector(DIALOG) !== null;
    if (!open && document.activeElement === document.body) focus();
    // The page may stay inert for a moment after the dialog is gone: then the focus did not come.
    if (open || document.activeElement === document.body) timer = setTimeout(waitForDialog, DIALOG_GONE_MS);
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
