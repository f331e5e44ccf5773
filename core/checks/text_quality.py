"""Texts with faults: empty, damaged, repeated, of odd length or script, with markup or personal data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from core.checks._faults import USUAL, Fault, fault_result
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting
from core.methods.personal_data import KINDS, personal_data
from core.methods.scripts import name_of, scripts
from core.methods.text_damage import Damage, damage
from core.methods.text_faults import MARKUP, Repeat, length_fences, markup, repeated
from core.plain_text import one_line
from core.predictions import Predictions
from core.progress import Progress

READ = 20_000
"""Characters of a text that are read; its length is counted in full."""
_AT_ONCE = 500
_MUCH = 5.0  # times as short or as long as usual: "much too"
_QUOTED = 30

Marks = dict[str, list[tuple[int, float, Any]]]
"""By kind: (row, share of the text that is at fault, what was found) of each row that has it, in order."""


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Look at every text by itself, then at its length and script beside those of the others.

    score: half of the share of the text that is not at fault, of its worst fault; 0 for an empty text, 1 for
    one without a fault. What is at fault of a text that is too short or long: what is missing or too much.
    Extra columns: one of bool for each kind, True also where so many rows have it that none is flagged.
    Figure "kinds": how many rows have each, and how many are flagged for it. Personal data are counted by
    kind; no reason, column or figure repeats any.
    """
    total = len(dataset)
    found: Marks = {}
    lengths = np.zeros(total, np.int64)
    script, share = np.zeros(total, np.uint8), np.zeros(total, np.float32)
    for start, texts in _blocks(dataset, progress.part(0, 0.9)):
        stop = start + len(texts)
        bare = [text.strip() for text in texts]
        lengths[start:stop] = list(map(len, bare))
        read = [text if len(text) <= READ else text[:READ] for text in bare]
        script[start:stop], share[start:stop] = scripts(read)
        for row, text in enumerate(read, start):
            _mark(found, row, text)
    _mark_lengths(found, lengths, params["fence"])
    main = _mark_scripts(found, script, share)
    cut = int((lengths > READ).sum())
    notes = [f"Only the first {READ:,} characters were read of {_counted(cut, 'text')}."] if cut else []
    faults = [_fault(kind, found.get(kind, []), main) for kind in _WORDS]
    estimator = (
        "each text by itself: characters, repetition, tags, checksums, forms of personal data; its letters "
        "beside those of most; its length beyond "
        f"{params['fence']:g} interquartile ranges of the logarithms"
    )
    return fault_result(dataset, faults, params["usual"], estimator, progress.part(0.9, 1), notes)


def _blocks(dataset: Dataset, progress: Progress) -> Iterator[tuple[int, list[str]]]:
    """(position of the first, texts), few at a time: a million Python strings take 250 MB."""
    columns = [dataset.table[name] for name in dataset.columns.content]
    progress.report(0, "reading texts")
    for start in range(0, len(dataset), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        cells = [column.iloc[some].astype("str").fillna("").tolist() for column in columns]
        yield start, cells[0] if len(cells) == 1 else [" ".join(parts) for parts in zip(*cells, strict=True)]
        progress.report(start / len(dataset), "reading texts")


def _mark(found: Marks, row: int, text: str) -> None:
    """Add what one text shows by itself."""
    if not text:
        found.setdefault("empty", []).append((row, 1.0, None))
        return
    size = len(text)
    harm = damage(text)
    if harm is not None:
        found.setdefault("damaged", []).append((row, harm.characters / size, harm))
    repeat = repeated(text)
    if repeat is not None:
        found.setdefault("repeated", []).append((row, repeat.share, repeat))
    for kind, characters in markup(text).items():
        found.setdefault(kind, []).append((row, characters / size, characters))
    for kind, spans in personal_data(text).items():
        characters = sum(end - start for start, end in spans)
        found.setdefault(kind, []).append((row, characters / size, len(spans)))


def _mark_lengths(found: Marks, lengths: np.ndarray, fence: float) -> None:
    """Add the texts that are much too short or long."""
    there = lengths[lengths > 0]
    shortest, longest = length_fences(there, fence, _MUCH)
    usual = float(np.median(there)) if len(there) else 0.0
    for row in np.flatnonzero((lengths > 0) & (lengths < shortest)).tolist():
        size = int(lengths[row])
        found.setdefault("too_short", []).append((row, 1 - size / shortest, (size, usual)))
    for row in np.flatnonzero(lengths > longest).tolist():
        size = int(lengths[row])
        found.setdefault("too_long", []).append((row, 1 - longest / size, (size, usual)))


def _mark_scripts(found: Marks, script: np.ndarray, share: np.ndarray) -> int:
    """Add the texts in another script than most; the code of that one, 0 where there is none."""
    count = np.bincount(script[script > 0], minlength=1)
    main = int(count.argmax())
    if count[main] * 2 <= count.sum():
        return 0
    for row in np.flatnonzero((script > 0) & (script != main)).tolist():
        found.setdefault("other_script", []).append((row, float(share[row]), int(script[row])))
    return main


def _fault(kind: str, marks: list[tuple[int, float, Any]], main: int) -> Fault:
    rows = np.array([mark[0] for mark in marks], np.int64)
    score = 0.499 * (1 - np.array([mark[1] for mark in marks], np.float64).clip(0, 1))
    say = _SAID[kind] if kind in _SAID else _said_of(kind, main)
    return Fault(kind, _WORDS[kind], rows, score, lambda i: say(marks[i][2]))


def _said_of(kind: str, main: int) -> Callable[[Any], str]:
    if kind == "other_script":
        return lambda code: (
            f"written in {name_of(code)} letters, where most texts are in {name_of(main)} ones"
        )
    if kind in MARKUP:
        return lambda characters: f"holds {MARKUP[kind]} ({characters:,} characters of it)"
    one, several = KINDS[kind]
    return lambda count: f"holds {one}" if count == 1 else f"holds {count:,} {several}"


def _say_damage(harm: Damage) -> str:
    facts = []
    if harm.example is not None:
        shown = [one_line(part, _QUOTED) for part in harm.example]
        example = (
            f", such as “{shown[0]}” for “{shown[1]}”" if all(map(str.isprintable, "".join(shown))) else ""
        )
        facts.append(f"read in the wrong encoding at {_counted(harm.misread, 'place')}{example}")
    if harm.lost:
        facts.append(f"has {_counted(harm.lost, 'character')} that could not be read")
    if harm.control:
        facts.append(f"has {_counted(harm.control, 'control character')}")
    return " and ".join(facts)


def _say_repeat(repeat: Repeat) -> str:
    # A word of letters only is neither an address nor a number.
    if repeat.piece.isalpha() and len(repeat.piece) <= _QUOTED:
        return f"the word “{repeat.piece}” makes up {repeat.share:.0%} of it"
    return f"one piece over and over makes up {repeat.share:.0%} of it"


def _say_length(sizes: tuple[int, float]) -> str:
    size, usual = sizes
    return f"it has {_counted(size, 'character')}, where {usual:,.0f} are usual"


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


_WORDS = {
    "empty": "no text",
    "damaged": "damaged characters",
    "other_script": "other letters than most",
    "repeated": "one piece repeated",
    "too_short": "much too short",
    "too_long": "much too long",
    **MARKUP,
    **{kind: several for kind, (_, several) in KINDS.items()},
}
_SAID: dict[str, Callable[[Any], str]] = {
    "empty": lambda _: "there is no text",
    "damaged": _say_damage,
    "repeated": _say_repeat,
    "too_short": _say_length,
    "too_long": _say_length,
}

CHECK = Check(
    name="text_quality",
    title="Text faults",
    help="Texts that are empty, damaged, repeated, far too short or long, in other letters than most, or "
    "hold markup or personal data.",
    needs=frozenset({"content"}),
    run=run,
    whole=True,
    cost=Cost(12, 1200),
    kind="text",
    optional=True,
    settings=(
        USUAL,
        Setting("fence", 3.0, "Interquartile ranges of the logarithm of the length beyond which it is odd."),
    ),
    limits=(
        "Languages that share their letters are not told apart. Personal data are found where a checksum or "
        "an unmistakable form confirms them: names, addresses and many phone numbers written without a "
        "country code are not found, and a number that only looks like one may be. Characters that were lost "
        "without a trace cannot be seen."
    ),
)
