// A row as a tile of the grid. What it shows comes with the row and is set as text only.

function makeTile(tile, i) {
  return el(
    "div",
    { class: "cell", role: "gridcell", "data-row-id": tile.row_id, "data-place": i },
    el("span", { class: "box", "aria-hidden": "true" }),
    el("div", { class: "shown" }, tileContent(tile)),
    el("div", { class: "words", dir: "auto" }),
    el("div", { class: "state" }),
  );
}

function tileContent(tile) {
  if (tile.thumb) {
    const picture = el("img", { alt: "", draggable: "false" });
    picture.src = address(tile.thumb);
    return picture;
  }
  if (!tile.fields) return el("p", { dir: "auto" }, tile.text);
  return el("dl", {}, ...tile.fields.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { dir: "auto" }, value)]));
}

// What is said of the row now.
function markTile(cell, tile) {
  const { given, suggestion } = tile;
  const labels = el("b", {}, given ?? "no label");
  const to = suggestion === null || suggestion === given ? [] : [" → ", el("b", { class: "to" }, suggestion)];
  const words = cell.querySelector(".words");
  words.replaceChildren(labels, ...to);
  words.title = words.textContent;
  const state = cell.querySelector(".state");
  text(state, tileState(tile));
  state.title = state.textContent;
  cell.dataset.action = tile.pending ? "pending" : (tile.decision?.action ?? "");
}

function tileState(tile) {
  if (tile.pending) return `${tile.pending} …`;
  if (tile.decision) return decisionWords(tile.decision);
  if (tile.disagreed) return "Opinions differ";
  return tile.held ? `Held by ${tile.held}` : "";
}

function tileName(tile) {
  const suggested = tile.suggestion === null ? "" : `, suggested ${tile.suggestion}`;
  return `Row ${count(tile.number)}, given ${tile.given ?? "no label"}${suggested}, ${tileState(tile) || "undecided"}`;
}

// What a tile will say once a decision on it is stored; "" where the decision leaves it alone.
function pendingWords(tile, action, label) {
  const to = action === "relabel" ? (label ?? tile.suggestion) : null;
  if (action === "relabel" && (to === null || to === tile.given)) return "";
  return decisionWords({ action, label: to });
}
