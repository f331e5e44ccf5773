// A text with what is sought marked in it. Marks are nodes, so that no text is ever read as markup.

const MOST_MARKS = 1000;
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;

// The text as nodes. sought: [words, class of their marks] pairs, the first before the others; upper and lower
// case are alike.
function marked(words, sought) {
  if (!sought.length) return [words];
  const [[wanted, look], ...others] = sought;
  if (!wanted) return marked(words, others);
  const nodes = [];
  let at = 0;
  let left = MOST_MARKS;
  for (const match of words.matchAll(new RegExp(wanted.replace(SYNTAX, "\\$&"), "giu"))) {
    if (!left--) break;
    nodes.push(...marked(words.slice(at, match.index), others), el("mark", { class: look }, match[0]));
    at = match.index + match[0].length;
  }
  return [...nodes, ...marked(words.slice(at), others)];
}

// A sentence as nodes, its token marked, the tags that were given beside the words. Words without a tag stay one
// text, in which words one after the other can be found.
function sentence({ words, at, span, before, after }, sought) {
  const nodes = before ? [left(before), " "] : [];
  let run = "";
  words.forEach(([word, tag], i) => {
    const gap = i ? " " : "";
    if (i !== at && !tag) {
      run += gap + word;
      return;
    }
    nodes.push(...marked(run + gap, sought));
    run = "";
    const shown = i === at ? el("mark", { class: "token" }, ...marked(word, sought)) : el("bdi", {}, ...marked(word, sought));
    const label = tag ? el("bdi", { class: "tag" }, plain(tag)) : null;
    nodes.push(el("span", { class: span && i >= span[0] && i < span[1] ? "tagged span" : "tagged" }, shown, label));
  });
  nodes.push(...marked(run, sought));
  if (after) nodes.push(" ", left(after));
  return nodes;
}

function left(words) {
  return el("span", { class: "tag" }, `… ${count(words)} more ${words === 1 ? "token" : "tokens"}`);
}

// The line under it.
function whichToken({ words, at, span, before, after }) {
  const place = `Token ${count(before + at + 1)} of ${count(before + words.length + after)}`;
  return span ? `${place} · span of ${count(span[1] - span[0])}` : place;
}

// The field that finds words in the text on the screen. What is sought stays for the next row.
class TextFind {
  constructor(onChange) {
    this.input = el("input", { type: "text", class: "find", "aria-label": "Find in the text", autocomplete: "off", spellcheck: "false" });
    this.where = el("span", { class: "where", role: "status" });
    this.node = el("label", { class: "finder" }, this.input, this.where);
    this.marks = [];
    this.input.addEventListener("input", onChange);
    INPUT_KEYS.set(this.input, (event) => this.key(event));
  }

  get words() {
    return this.input.value.trim();
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  key(event) {
    if (event.key !== "Enter") return false;
    this.step(event.shiftKey ? -1 : 1);
    return true;
  }

  // The text has been marked anew.
  show(prose) {
    this.marks = [...prose.querySelectorAll("mark.found")];
    this.at = -1;
    this.tell();
  }

  step(way) {
    const n = this.marks.length;
    if (!n) return;
    this.marks[this.at]?.classList.remove("current");
    this.at = this.at < 0 ? (way > 0 ? 0 : n - 1) : (this.at + way + n) % n;
    this.marks[this.at].classList.add("current");
    scrollTo(this.marks[this.at]);
    this.tell();
  }

  tell() {
    const n = this.marks.length;
    const found = n === MOST_MARKS ? `${count(n)} or more` : count(n);
    text(this.where, this.words ? (this.at < 0 ? `${found} found` : `${this.at + 1} of ${found}`) : "");
  }
}

// Within the stage only: scrollIntoView would move the page too.
function scrollTo(mark) {
  const stage = mark.closest(".stage");
  const [shown, place] = [stage.getBoundingClientRect(), mark.getBoundingClientRect()];
  if (place.top < shown.top || place.bottom > shown.bottom) stage.scrollTop += place.top - shown.top - shown.height / 3;
}
