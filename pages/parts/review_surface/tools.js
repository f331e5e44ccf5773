// The line under the item: what is shown of it, ways to look at it, to move and to undo.

function makeTools(surface, sized) {
  const tool = (name, words) => {
    const node = surface.keymap.button(name, { class: `plain ${name}` }, words);
    node.addEventListener("click", () => perform(surface, name));
    return node;
  };
  const zoom = () => {
    const [into, out] = [tool("zoomIn", "Zoom"), tool("zoomOut", "")];
    into.setAttribute("aria-label", "Zoom in");
    out.setAttribute("aria-label", "Zoom out");
    return el("span", {}, into, out);
  };
  const boxed = () => (surface.data.boxes ? [tool("closeUp", "Close-up"), tool("others", "Others")] : []);
  const look = {
    image: () => [tool("fit", "Fit"), zoom(), ...boxed(), surface.stage.light.button, surface.stage.light.node],
    text: () => [tool("findText", "Find in text"), surface.stage.find.node],
  }[surface.data.kind];
  const many = [tool("showGrid", "Grid")];
  const words = [tool("note", "Note"), tool("tag", "Tag")];
  const move = [tool("back", "Back"), tool("next", "Skip"), tool("undo", "Undo")];
  return el("div", { class: "tools" }, sized, ...(look?.() ?? []), ...many, ...words, el("span", { class: "gap" }), ...move, tool("link", "Copy link"));
}
