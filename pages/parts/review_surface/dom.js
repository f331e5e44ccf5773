// Small helpers. Data reaches the page through textContent and properties only, never as markup.

function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

function show(node, visible) {
  node.hidden = !visible;
}

// Returns the function that stops listening.
function listen(target, name, handler, options = {}) {
  target.addEventListener(name, handler, options);
  return () => target.removeEventListener(name, handler, options);
}

function keycap(key) {
  return el("kbd", { "aria-hidden": "true" }, key);
}

// A sentence with names in it, none of which can turn the rest of it round.
function plain(words) {
  return words.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

function percent(p) {
  if (p > 0 && p < 0.01) return "<1%";
  if (p > 0.99 && p < 1) return ">99%";
  return `${Math.round(p * 100)}%`;
}

function count(n) {
  return n.toLocaleString("en-GB");
}

// crypto.randomUUID exists on https and localhost only; a team on a plain local network has neither.
function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

// Our routes lie beside the page: relative, so that a proxy's path prefix is kept.
function address(path, params = {}) {
  const url = new URL(path, new URL(".", window.location.href));
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

class HttpError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

// Resolves to the JSON body. Throws HttpError for an answer that is not 2xx, TypeError where none came.
async function call(path, { token, params, body }) {
  const headers = { "X-Labelmend-Token": token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(address(path, params), {
    method: body === undefined ? "GET" : "POST",
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  let value = null;
  try {
    value = await answer.json();
  } catch (error) {
    if (answer.ok) throw new HttpError(502, "The answer was not from Labelmend.");
  }
  if (!answer.ok) throw new HttpError(answer.status, value?.error ?? `The server answered ${answer.status}.`);
  return value;
}
