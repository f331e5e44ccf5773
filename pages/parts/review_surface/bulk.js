// One verdict on many rows: asked for, previewed, sent as one event, undone as one.

const TYPED_ABOVE = 1000;
const TOLD_MS = 8000;
const VERDICT_WORDS = [
  ["relabel", "Change to the suggested label"],
  ["keep", "Keep the given label"],
  ["exclude", "Exclude the rows"],
  ["ambiguous", "Ambiguous: more than one label is right"],
  ["needs_review", "Needs review by someone else"],
];

class Bulk {
  constructor(surface, grid) {
    this.surface = surface;
    this.grid = grid;
    this.last = Promise.resolve(); // what is under way: one after the other, so that undo takes back the last
  }

  after(next) {
    this.last = this.last.then(next);
  }

  // wish: {rows or null for the queue, action, label or null for the suggested one, seen, expect}
  send(wish) {
    const body = { op_id: freshId(), ...this.body(wish) };
    this.after(() => this.post(body));
    return this.last;
  }

  body({ rows, action, label, ...more }) {
    const { data, feed } = this.surface;
    const verdict = action === "relabel" && label === null ? { action, suggestion: true } : { action, label };
    return { ds: data.dataset, filters: data.filters, rows, as_of: feed.asOf, ...verdict, ...more };
  }

  async ask(rows = null) {
    if (rows === null || rows.length) new BulkDialog(this, rows).open();
  }

  async post(body) {
    const { surface } = this;
    surface.history.cancel();
    try {
      // What was decided before must be stored before, so that it is left alone.
      if (!(await surface.outbox.drained())) throw new TypeError("offline");
      const told = await call("labelmend/bulk", { token: surface.data.token, body });
      this.stored(body, told);
      await surface.refetch();
      this.tell(body, told);
    } catch (error) {
      this.failed(error, body);
    }
  }

  stored({ op_id, action, label = null }, told) {
    if (!told.error) this.surface.ledger.push({ op_id, action, label, row_id: "", given_label: "", n: told.change });
  }

  tell({ action, label }, told) {
    const { notice } = this.surface;
    const done = told.error ? "Nothing changed." : `${rowsWord(told.change)} ${DONE_WORDS[action]}.`;
    const words = `${done} ${leftAlone(told, label)}`.trim();
    this.surface.say(words);
    const undo = ["Undo", () => this.surface.undo()];
    this.line = notice.tell(words, ...(told.error ? [] : [undo]), ["Dismiss"]);
    setTimeout((line) => this.over(line), TOLD_MS, this.line);
  }

  // Something else was done since: what can be undone is another step.
  over(line = this.line) {
    line?.remove();
  }

  // The same op_id is sent again, so that what was stored and not acknowledged is not stored twice.
  failed(error, body) {
    const { notice } = this.surface;
    this.grid.refresh();
    if (error instanceof HttpError && error.status < 500 && error.status !== 429) return notice.tell(`Nothing changed. ${error.message}`, ["Dismiss"]);
    const why = error instanceof HttpError ? error.message : "The server cannot be reached.";
    notice.tell(`These rows are not saved. ${why}`, ["Try again", () => this.after(() => this.post(body))], ["Leave them"]);
  }
}

const DONE_WORDS = {
  relabel: "changed",
  keep: "kept",
  exclude: "excluded",
  ambiguous: "marked ambiguous",
  needs_review: "marked for review",
};

function rowsWord(n) {
  return n === 1 ? "1 row" : `${count(n)} rows`;
}

// "9 already decided: left alone. …"; "" where every row gets the verdict.
function leftAlone({ decided, held, unsuggested, same, locked = 0, since = 0 }, label) {
  const lately = since ? `, ${count(since)} of them since you looked` : "";
  const parts = [
    [decided, `already decided${lately}`],
    [held, "held by others"],
    [unsuggested, "without a suggestion"],
    [same, label ? `already labelled ${label}` : "already labelled as suggested"],
    [locked, "in a locked split"],
  ];
  return parts.filter(([n]) => n).map(([n, why]) => `${count(n)} ${why}: left alone.`).join(" ");
}

// Which verdict, what it would come to, and the button. rows: null for the whole queue.
class BulkDialog {
  constructor(bulk, rows) {
    Object.assign(this, { bulk, rows, surface: bulk.surface, turn: 0, found: null });
    const { classes } = this.surface.data;
    this.choice = el(
      "select",
      { class: "search choice", "aria-label": "What to do" },
      ...VERDICT_WORDS.map(([action, words]) => el("option", { value: JSON.stringify([action, null]) }, words)),
      el("optgroup", { label: "Change to" }, ...classes.map((name) => el("option", { value: JSON.stringify(["relabel", name]) }, name))),
    );
    this.choice.addEventListener("change", () => this.preview());
    this.words = el("p", { class: "strong" });
    this.pairs = el("p", { class: "pairs" });
    this.left = el("p");
    this.typed = el("input", { type: "text", class: "search typed", inputmode: "numeric", autocomplete: "off" });
    this.typed.addEventListener("input", () => this.allow());
    this.go = el("button", { type: "button", class: "go", onclick: () => this.apply() });
    const back = el("button", { type: "button", onclick: () => this.surface.dialog.close() }, "Back");
    this.confirm = el("div", { class: "confirm" }, this.typed, this.go, back);
    this.caption = el("p", { class: "caption" });
    this.examples = el("div", { class: "examples" });
  }

  open() {
    const { surface, rows } = this;
    const { total } = surface.feed;
    const all = total === 1 ? "Apply to the 1 matching row" : `Apply to all ${count(total)} matching rows`;
    const name = rows === null ? all : `Apply to ${rowsWord(rows.length)}`;
    const told = el("div", { class: "preview", "aria-live": "polite" }, this.words, this.pairs, this.left);
    surface.dialog.open(name, this.choice, told, this.confirm, this.caption, this.examples);
    this.choice.focus();
    this.preview();
  }

  async preview() {
    const turn = (this.turn += 1);
    const [action, label] = JSON.parse(this.choice.value);
    this.found = null;
    this.allow();
    text(this.words, "Counting …");
    const { surface } = this;
    try {
      if (!(await surface.outbox.drained())) throw new TypeError("offline");
      const body = { ...this.bulk.body({ rows: this.rows, action, label }), preview: true };
      const found = await call("labelmend/bulk", { token: surface.data.token, body });
      if (turn === this.turn) this.show({ ...found, action, label });
    } catch (error) {
      const why = error instanceof HttpError ? error.message : "The server cannot be reached.";
      if (turn === this.turn) text(this.words, `This cannot be counted. ${why}`);
    }
  }

  show(found) {
    this.found = found;
    const { change, pairs, action, label, examples } = found;
    text(this.words, change ? `${this.verb()} ${this.target()}.` : "No row would change.");
    const many = pairs.length > 1 && action === "relabel";
    text(this.pairs, many ? pairs.map(([given, to, n]) => `${given ?? "no label"} → ${to} ${count(n)}`).join(", ") + (this.listed() < change ? ", and others" : "") : "");
    text(this.left, leftAlone(found, label));
    text(this.caption, examples.length ? `${examples.length < change ? `${examples.length} random examples` : "All of them"}:` : "");
    this.examples.replaceChildren(...examples.map((tile, i) => exampleTile(tile, i)));
    this.typed.value = "";
    this.typed.placeholder = `Type ${count(change)} to confirm`;
    this.typed.setAttribute("aria-label", this.typed.placeholder);
    show(this.typed, change > TYPED_ABOVE);
    this.allow();
  }

  listed() {
    return this.found.pairs.reduce((sum, [, , n]) => sum + n, 0);
  }

  // "Change 214 rows"
  verb() {
    const { action, change } = this.found;
    const verbs = { relabel: "Change", keep: "Keep", exclude: "Exclude", ambiguous: "Call ambiguous", needs_review: "Send to review" };
    return `${verbs[action]} ${rowsWord(change)}`;
  }

  // "from shirt to t-shirt"
  target() {
    const { action, label, pairs } = this.found;
    if (action === "keep") return "as labelled now";
    if (action !== "relabel") return pairs.length === 1 ? `labelled ${pairs[0][0] ?? "nothing"}` : "of several labels";
    if (pairs.length === 1) return `from ${pairs[0][0] ?? "no label"} to ${pairs[0][1]}`;
    return label === null ? "to the label that is suggested for each" : `to ${label}`;
  }

  allow() {
    const { found } = this;
    text(this.go, found ? this.verb() : "Change");
    const typed = Number(this.typed.value.replace(/[\s.,’']/g, ""));
    this.go.disabled = !found?.change || (found.change > TYPED_ABOVE && typed !== found.change);
    if (!found) show(this.typed, false);
  }

  async apply() {
    const { action, label, change, seen } = this.found;
    const { surface, bulk, rows } = this;
    this.go.disabled = true;
    text(this.go, "Changing …");
    await bulk.send({ rows, action, label, seen, expect: change });
    if (rows) bulk.grid.clear();
    surface.dialog.close();
  }
}

function exampleTile(tile, i) {
  const node = makeTile(tile, i);
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", tileName(tile));
  markTile(node, tile);
  return node;
}
