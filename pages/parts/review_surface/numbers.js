// Rows whose label is a number: it is kept, changed to the suggested one, or typed.

// As core.targets.FORM has it: what CSV, JSON and Parquet all read as the same number.
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const LONGEST_NUMBER = 60;

// What was meant by +5, .5, 5. and 007; any other text as it is.
function asNumber(typed) {
  const [, sign, whole, rest, exponent] = /^([+-]?)([0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]+)?$/.exec(typed.trim()) ?? [];
  if (whole === undefined || !/[0-9]/.test(whole + (rest ?? ""))) return typed.trim();
  const digits = whole.replace(/^0+(?=[0-9])/, "") || "0";
  return `${sign === "-" ? "-" : ""}${digits}${rest && rest.length > 1 ? rest : ""}${exponent ?? ""}`;
}

// Whether two texts are one number: 4.50 is 4.5.
function sameNumber(one, other) {
  const plainest = (number) => (/[eE]/.test(number) ? number : number.replace(/(\.[0-9]*?)0+$/, "$1").replace(/\.$/, ""));
  return one !== null && other !== null && plainest(asNumber(one)) === plainest(asNumber(other));
}

// Why a text is no number of a column, in a sentence; "" where it is one. whole: of whole numbers only, from
// least to most.
function whyNoNumber(number, { whole, least, most }) {
  const example = whole ? "4150" : "12.5";
  if (/^-?[0-9]+,[0-9]+$/.test(number)) return `“${number}” has a comma. Write a point, as in ${example}, and no marks between thousands.`;
  if (!NUMBER.test(number) || number.length > LONGEST_NUMBER || !Number.isFinite(Number(number))) {
    return `“${number}” is no number. Expected: digits, such as ${example}.`;
  }
  if (whole && !/^-?[0-9]+$/.test(number)) return `This column holds whole numbers; “${number}” is none.`;
  if (whole && least !== null && BigInt(number) < BigInt(least)) return `The column's type holds no number below ${least}.`;
  if (whole && most !== null && BigInt(number) > BigInt(most)) return `The column's type holds no number above ${most}.`;
  return "";
}

class NumberPanel extends Panel {
  constructor(data, keymap, actions) {
    super(data, keymap, actions);
    for (const name of ["role", "aria-expanded", "aria-controls"]) this.search.removeAttribute(name);
    this.search.setAttribute("aria-label", "Type a number");
    this.search.setAttribute("inputmode", "decimal");
    this.list.remove();
    this.rest.setAttribute("aria-live", "polite");
    this.between = el("p", { class: "between" });
    this.node.firstChild.after(this.between);
    this.node.classList.add("number");
  }

  hint() {
    const key = window.matchMedia("(pointer: coarse)").matches ? "" : this.keymap.words("search");
    this.search.placeholder = `Type another number, Enter saves it${key && ` ( ${key} )`}`;
  }

  show(item, decision) {
    super.show(item, decision);
    const [low, high] = item.between ?? [];
    text(this.between, item.between ? `Rows like this one: ${low} to ${high}` : "");
    const signed = [item.given, item.suggestion, low].some((number) => number?.startsWith("-"));
    this.search.setAttribute("inputmode", signed ? "text" : "decimal"); // telephones leave out the minus
  }

  // A digit pressed on the row begins a number.
  begin(digit) {
    this.search.value = digit;
    this.search.focus();
    this.find();
  }

  find() {
    if (this.item) this.say(false);
  }

  // What would be saved, or why not. pressed: Enter was, so that a number that is not finished is told too.
  say(pressed) {
    const number = asNumber(this.search.value);
    const why = number && (pressed || !/^[-+.]?$|[eE][+-]?$/.test(number)) ? whyNoNumber(number, this.data.targets) : "";
    this.rest.classList.toggle("fault", why !== "");
    text(this.rest, why || (number ? `Enter saves ${number}.` : ""));
    return why;
  }

  render() {
    this.rest.classList.remove("fault");
    text(this.rest, "");
  }

  closeSearch() {
    this.search.value = "";
    this.render();
  }

  searchKey(event) {
    if (event.key !== "Enter") return false;
    const number = asNumber(this.search.value);
    if (number && !this.say(true)) this.actions.choose(sameNumber(number, this.item.given) ? this.item.given_name : number);
    return true;
  }
}
