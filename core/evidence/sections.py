"""What the evidence has to say, section by section: the report writes these, and the pages show what fits.

A new piece of evidence is one function here or in a module of its own, from a Reading to a Section, or to
None where it has nothing to say of the data set yet; put it into SECTIONS at the place where the meeting
should read it. A section holds no markup and no widget: sentences with the name of the estimator under each
number, tables, drawings (core.drawing), and a Method for every figure. The report and the data set card then
have it, and a page shows it with `pages.parts.section.show`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.drawing import Drawing
from core.evidence import figures, method, people_words, words
from core.evidence.method import Method
from core.evidence.reading import Reading
from core.evidence.state import State, corrected_total


@dataclass(frozen=True)
class Said:
    """One sentence. by: the name of the estimator of its numbers; "" where it has none, or only counts."""

    text: str
    by: str = ""


@dataclass(frozen=True)
class Table:
    """rows: cells that are int stand right, as numbers. note: what has to be known to read it."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """key: its name in addresses and of widgets. figures: (caption, drawing) pairs. methods: how its figures
    are made. for_card: whether the data set card says it too; it says what is, and not what may come.
    """

    key: str
    title: str
    said: tuple[Said, ...]
    tables: tuple[Table, ...] = ()
    figures: tuple[tuple[str, Drawing], ...] = ()
    methods: tuple[Method, ...] = ()
    for_card: bool = True


def left_said(found: State) -> tuple[Said, ...]:
    """The sentences on what is left of all."""
    said = (
        Said(words.left_in_words(found.left), method.LEFT.by if found.left.audits else ""),
        Said(words.share_in_words(found.left), method.LEFT.by),
        Said(words.strict_in_words(found.left, found.strict), method.LEFT.by),
        Said(words.recall_in_words(found.left), "found rows by the upper end of the interval"),
        Said(words.plan_in_words(found.left), "the same interval, foretold with errors evenly spaced"),
    )
    return tuple(one for one in said if one.text)


def left(reading: Reading) -> Section:
    """How many wrong labels are left, of all and of each class and split."""
    found = reading.state
    tables = []
    for kind, frame in reading.groups.items():
        lines = [
            (str(name), rows, read, draws, right, words.interval_in_words(low, high))
            for name, rows, read, draws, right, low, high in frame[
                ["group", "rows", "read", "draws", "found", "share_low", "share_high"]
            ].itertuples(index=False)
        ]
        heads = (kind, "rows", "read", "at random", "found", "wrong, 95% interval")
        note = words.groups_in_words(kind, len(frame))
        tables.append(Table(f"By {kind}", heads, tuple(lines), note))
    drawing = figures.burn_down(found.line)
    drawn = () if drawing is None else (("Wrong labels found and left, by rows read", drawing),)
    methods = (method.LEFT,) if found.left.audits else ()
    return Section("left", "How many wrong labels are left?", left_said(found), tuple(tables), drawn, methods)


def corrected(reading: Reading) -> Section | None:
    """The same were annotators never wrong, as far as gold rows tell; None without gold or a random row."""
    if not reading.gold or not reading.state.left.audits:
        return None
    answers = reading.on_gold.everybody
    total = corrected_total(reading.dataset, reading.log, answers)
    text = people_words.corrected_in_words(reading.state.left, total, answers)
    said = Said(text, "" if total is None else method.CORRECTED.by)
    return Section("corrected", "What if annotators err?", (said,), methods=(method.CORRECTED,))


def stop(reading: Reading) -> Section | None:
    """Whether enough has been read; None without a ranking, and where every row is read."""
    found = reading.state
    if found.stop is None or not found.left.unread:
        return None
    said = Said(words.stop_in_words(found.stop, found.rest), method.STOP.by)
    return Section("stop", "When to stop?", (said,), methods=(method.STOP,))


def ahead(reading: Reading) -> Section | None:
    """What the next rows of the ranking will yield; None without a ranking, and where every row is read."""
    found = reading.state
    if found.ahead is None or not found.left.unread:
        return None
    text = words.ahead_in_words(found)
    if not text:
        return None
    drawing = figures.reliability(found.reliability)
    caption = "Foretold against found share of wrong labels, random rows, 95% Wilson intervals"
    drawn = () if drawing is None else ((caption, drawing),)
    said = Said(text, method.AHEAD.by)
    return Section("ahead", "What comes next?", (said,), (), drawn, (method.AHEAD,), for_card=False)


SECTIONS: tuple[Callable[[Reading], Section | None], ...] = (left, corrected, stop, ahead)
"""In the order in which the meeting reads them."""


def sections(reading: Reading) -> tuple[Section, ...]:
    """Every section that has something to say."""
    return tuple(found for found in (make(reading) for make in SECTIONS) if found is not None)
