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
