// What a row is, as a voter sees it. Data reaches the page through textContent and properties only.

const SMALL = 160; // pixels: such a picture is shown larger than it is

function contentOf({ content }) {
  if (content.kind === "image") return pictureOf(content);
  if (content.kind === "tabular") return tableOf(content.fields);
  if (content.words) return el("p", { class: "prose", dir: "auto" }, ...sentenceOf(content));
  if (content.kind === "text") {
    const more = content.more ? `\n… ${count(content.more)} more characters` : "";
    return el("p", { class: "prose", dir: "auto" }, content.text + more);
  }
  return el("p", { class: "message" }, "This data set shows no content for its rows.");
}

function pictureOf({ full, size, box }) {
  const small = size && Math.max(...size) <= SMALL;
  const picture = el("img", { src: address(full), alt: "The picture to be labelled", class: small ? "small" : null });
  const frame = el("div", { class: small ? "frame small" : "frame" }, picture);
  picture.addEventListener("error", () => frame.replaceChildren(el("p", { class: "message" }, "This picture cannot be read.")));
  if (box) frame.append(boxOf(box));
  return frame;
}

function boxOf([x, y, width, height]) {
  const make = (name, properties) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(properties)) node.setAttribute(key, value);
    return node;
  };
  const drawing = make("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", class: "box", "aria-hidden": "true" });
  for (const look of ["halo", "line"]) drawing.append(make("rect", { x, y, width, height, class: look }));
  return drawing;
}

function tableOf(fields) {
  const line = ([name, value]) => el("tr", {}, el("th", { scope: "row", dir: "auto" }, name), el("td", { dir: "auto" }, value || "—"));
  return el("table", {}, el("tbody", {}, ...fields.map(line)));
}

function sentenceOf({ words, at }) {
  return words.flatMap((word, i) => [i ? " " : "", i === at ? el("mark", {}, word) : word]);
}
