// Finds a class by a few letters.

const WORD_BREAK = /[^\p{L}\p{N}]+/u;

// As it is compared: upper and lower case, accents and forms of one character alike.
function folded(name) {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function wordsOf(name) {
  const spaced = name.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2"); // camelCase is two words
  return folded(spaced).split(WORD_BREAK).filter(Boolean);
}

class ClassSearch {
  constructor(classes) {
    this.entries = classes.map((name, code) => {
      const words = wordsOf(name);
      return { code, name: folded(name), words, initials: words.map((word) => word[0]).join("") };
    });
  }

  // Codes of the classes that match, best first: the whole name, its beginning, the beginning of its words,
  // a part of it, its initials, its letters in order. Among equals the likelier for this row, then class order.
  // likely: codes, likeliest first.
  find(typed, likely) {
    const query = { text: folded(typed.trim()), words: wordsOf(typed) };
    const rank = new Map(likely.map((code, i) => [code, i]));
    const rankOf = (code) => rank.get(code) ?? likely.length;
    const found = this.entries.map((entry) => [tier(entry, query), rankOf(entry.code), entry.code]);
    return found.filter(([t]) => t !== null).sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]).map((match) => match[2]);
  }
}

function tier(entry, query) {
  if (entry.name === query.text) return 0;
  if (entry.name.startsWith(query.text)) return 1;
  if (beginWords(query.words, entry.words)) return 2;
  if (entry.name.includes(query.text)) return 3;
  const letters = query.words.join("");
  if (letters.length < 2) return null;
  if (entry.initials.startsWith(letters)) return 4;
  return entry.words.some((word, i) => word[0] === letters[0] && inOrder(letters, entry.words.slice(i).join(""))) ? 5 : null;
}

// Whether each typed word begins a word of the name, in order: "cre pay" in "credit card payment".
function beginWords(typed, words) {
  let at = 0;
  for (const word of words) if (at < typed.length && word.startsWith(typed[at])) at += 1;
  return typed.length > 0 && at === typed.length;
}

function inOrder(letters, name) {
  let at = 0;
  for (const letter of name) if (letter === letters[at]) at += 1;
  return at === letters.length;
}
