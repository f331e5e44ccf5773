"""The report of a review for the meeting about it: one HTML file that loads nothing and runs nothing.

Whatever comes from a data set is text in a <bdi> element, or a thumbnail that we encoded ourselves; no
attribute holds any of it. A Content-Security-Policy forbids scripts and every address but the thumbnails'.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from core.audit import checks
from core.dataset import Dataset
from core.decoding import MediaError
from core.exporting import counted
from core.issue_rows import state_of
from core.media import takes_seconds, thumbnail
from core.overview import confused_pairs
from core.plain_text import one_line
from core.provenance import Origin, origins
from core.review import fields
from core.review.decisions import Action, Decision
from core.review.items import row_text
from core.review.queue import default_find
from core.review_record import Record
from core.review_words import (
    agreement_lines,
    annotator_rows,
    error_rate_lines,
    full_stop,
    look_lines,
    made_by,
    not_said,
    opening,
    policy_line,
    prediction_facts,
    verdict_rows,
)

EXAMPLES = 24
OPEN_SHOWN = 24
TOP_PAIRS = 15
TOP_CHANGES = 15
EXCERPT = 280
THUMBNAIL_BYTES = 60_000
ALL_THUMBNAILS_BYTES = 1_500_000
_STYLE = (Path(__file__).parent / "html_report.css").read_text(encoding="utf-8")


def html_report(record: Record, cache_dir: Path, names: bool = False) -> str:
    """The report's text, to be written as UTF-8. cache_dir: where thumbnails are kept.

    names: call annotators by their names; else they are numbers, the one with most rows first.
    """
    pictures = _Pictures(record, cache_dir)
    body = [
        f"<h1>{_text(opening(record))}</h1>",
        _quiet(f"{record.project.name}. {made_by(record)}"),
        _figures(record),
        *_section("How many labels are wrong", _list(error_rate_lines(record))),
        *_section("Checks", *_checks(record)),
        *_section("Predictions", _facts(prediction_facts(record))),
        *_section("Classes that are mixed up", *_pairs(record)),
        *_section("Label changes", *_changes(record)),
        *_section("The most important changes", *_examples(record, pictures)),
        *_section("Open disagreements", *_open(record, pictures)),
        *_section("Who reviewed", *_review(record, names)),
        *_section("Agreement", _list(agreement_lines(record))),
        *_section("What this report does not say", _list(not_said(record))),
    ]
    return _page(record, body)


def _page(record: Record, body: Iterable[str]) -> str:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>Label review of {escape(one_line(record.project.name))}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
    ]
    return "\n".join([*head, *body, "</body>", "</html>"]) + "\n"


def _text(text: str, limit: int | None = 1_000) -> str:
    """Any text as HTML, apart from what stands round it where it is written from right to left."""
    return f"<bdi>{escape(one_line(text, limit))}</bdi>"


def _quiet(text: str) -> str:
    return f'<p class="quiet">{_text(text)}</p>'


def _section(title: str, *parts: str) -> list[str]:
    return [f"<section><h2>{escape(title)}</h2>", *parts, "</section>"]


def _list(lines: Sequence[str]) -> str:
    if len(lines) == 1:
        return f"<p>{_text(full_stop(lines[0]))}</p>"
    return "<ul>" + "".join(f"<li>{_text(full_stop(line))}</li>" for line in lines) + "</ul>"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{_text(fact)}</dt><dd>{_text(text)}</dd>" for fact, text in facts if text)
    return f'<dl class="facts">{rows}</dl>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str | int]], bars: bool = False) -> str:
    """A table whose int cells are numbers. bars: a bar for the last number of each row."""
    rows = [list(row) for row in rows]
    top = max((int(row[-1]) for row in rows), default=0) if bars else 0
    kinds = [isinstance(cell, int) for cell in rows[0]] if rows else [False] * len(heads)
    head = "".join(f'<th scope="col"{_number(n)}>{_text(h)}</th>' for h, n in zip(heads, kinds, strict=True))
    head += '<th class="bar"></th>' if bars else ""
    lines = ["".join(map(_cell, row)) + (_bar(int(row[-1]), top) if bars else "") for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    kind = ' class="short"' if any(kinds) and not bars else ""
    return f'<div class="wide"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _number(number: bool) -> str:
    return ' class="n"' if number else ""


def _cell(value: str | int) -> str:
    return f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{_text(value)}</td>"


def _bar(value: int, top: int) -> str:
    width = round(100 * value / max(top, 1), 1)
    rect = f'<rect width="{width}" height="10"></rect>'
    return (
        '<td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f"{rect}</svg></td>"
    )


def _figures(record: Record) -> str:
    found: list[tuple[str, int]] = [
        ("rows", len(record.dataset)),
        ("rows decided", len(record.decided)),
        ("labels changed", len(record.changed)),
        ("rows left out", sum(change.column == "" for change in record.corrections.changes)),
        ("open disagreements", len(record.open)),
        ("annotators", len(record.annotators)),
    ]
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{value:,}</dd></div>" for name, value in found)
    return f'<dl class="figures">{cells}</dl>'


def _checks(record: Record) -> list[str]:
    said = [part for origin in origins(record.project, record.audit) for part in _check(origin)]
    for name, missing in record.audit.missed.items():
        said.append(_quiet(f"{checks()[name].title}: not run. It needs {' and '.join(missing)}."))
    for name in checks():
        if name not in record.audit.results and name not in record.audit.skipped:
            said.append(_quiet(f"{checks()[name].title}: not run."))
    return said


def _check(origin: Origin) -> list[str]:
    numbers = [(n.name, n.value, n.estimator) for n in origin.numbers]
    facts = [fact for fact in origin.made_from if fact[0] in ("Settings", "Code")]
    return [
        f"<h3>{_text(origin.title)}</h3>",
        _table(("number", "value", "estimator"), numbers),
        _facts([*facts, ("Not covered", origin.not_covered)]),
    ]


def _pairs(record: Record) -> list[str]:
    result = record.audit.results.get(default_find(record.dataset))
    if result is None:
        return [_quiet("The labels have not been checked.")]
    if record.dataset.targets is not None:
        return [_quiet("The labels are numbers: there are no pairs of classes.")]
    found = confused_pairs(record.dataset, result.table, top=TOP_PAIRS)
    if found.empty:
        return [_quiet("No row is flagged with another label suggested.")]
    rows = [(str(g), str(s), int(n)) for g, s, n in found.itertuples(index=False)]
    flagged = int(result.summary["flagged"])
    shown = sum(row[2] for row in rows)
    note = f"{shown:,} of {counted(flagged, 'flagged row')}, counted by given and suggested label."
    return [_quiet(note), _table(("given label", "suggested label", "flagged rows"), rows, bars=True)]


def _changes(record: Record) -> list[str]:
    if not record.changes and not record.class_changes:
        return ["<p>No label was changed.</p>"]
    parts = []
    if record.changes:
        parts.append(_table(("given label", "new label", "rows"), record.changes[:TOP_CHANGES], bars=True))
        if rest := record.changes[TOP_CHANGES:]:
            rows = sum(change[2] for change in rest)
            parts.append(_quiet(f"And {counted(len(rest), 'pair')} of labels with {rows:,} rows together."))
    if record.class_changes:
        parts.append(_table(("change of the class list", "cells"), record.class_changes))
    numbers = record.dataset.targets is not None
    grown = [] if numbers else [c for c in record.classes if c.before != c.after]
    counts = [(c.name, c.before, c.after) for c in grown][:TOP_CHANGES]
    if counts:
        parts += [
            "<h3>Classes that grew or shrank</h3>",
            _table(("class", "rows before", "rows after"), counts),
        ]
    return parts


def _examples(record: Record, pictures: _Pictures) -> list[str]:
    if not record.changed:
        return ["<p>No label was changed.</p>"]
    result = record.audit.results.get(default_find(record.dataset))
    ids = list(record.changed)
    at = record.dataset.positions(ids)
    order = "in the order of the data set"
    if result is not None:
        at = at[np.argsort(result.table["score"].to_numpy()[at], kind="stable")]
        order = "lowest label quality score first"
    shown = at[:EXAMPLES].tolist()
    lines = [_example(record, pictures, position) for position in shown]
    note = f"{len(shown):,} of {counted(len(ids), 'changed label')}, {order}."
    return [_quiet(note + pictures.words()), f'<ol class="rows">{"".join(lines)}</ol>']


def _example(record: Record, pictures: _Pictures, position: int) -> str:
    row_id = str(record.dataset.row_ids[position])
    given, new = record.changed[row_id]
    how = record.outcomes.because(row_id)
    sure = "" if how.confidence is None else f", confidence {how.confidence:.2f}"
    by = "final word of an adjudicator" if record.here[row_id].final is not None else how.how
    labels = f'<p>{_text(given or "(no label)")} → <span class="new">{_text(new)}</span></p>'
    return pictures.row(position, row_id, labels, f"{by}{sure}")


def _open(record: Record, pictures: _Pictures) -> list[str]:
    if not record.open:
        return ["<p>None.</p>"]
    lines = []
    for row_id in record.open[:OPEN_SHOWN]:
        position = int(record.dataset.positions([row_id])[0])
        answers = Counter(_answer(d) for d in record.here[row_id].opinions)
        said = " · ".join(f"{_text(answer)} × {count}" for answer, count in answers.items())
        given = str(record.dataset.given_labels(slice(position, position + 1))[0]) or "(no label)"
        lines.append(pictures.row(position, row_id, f"<p>{said}</p>", f"given {given}"))
    note = f"{len(lines):,} of {counted(len(record.open), 'row')} on which annotators differ."
    note += f" The policy of the export is {policy_line(record)}"
    return [_quiet(note + pictures.words()), f'<ol class="rows">{"".join(lines)}</ol>']


def _answer(decision: Decision) -> str:
    if decision.action is Action.RELABEL:
        return decision.label or ""
    return f"{decision.given_label} (kept)" if decision.action is Action.KEEP else state_of(decision)


def _content(dataset: Dataset, position: int) -> str:
    """The beginning of what a row holds; for a picture its path."""
    if dataset.columns.kind != "tabular":
        return row_text(dataset, position)[: 20 * EXCERPT]
    cells = ((column, dataset.table[column].array[position]) for column in dataset.columns.content)
    return ", ".join(f"{column} {fields.cell_text(value)}" for column, value in cells)[: 20 * EXCERPT]


def _review(record: Record, names: bool) -> list[str]:
    if not record.here:
        return ["<p>Nobody has reviewed a row.</p>"]
    people = [(who, int(rows.replace(",", ""))) for who, rows in annotator_rows(record, names, str)]
    return [
        _table(("verdict", "rows"), verdict_rows(record)),
        _table(("annotator", "rows"), people),
        _list([f"Policy where annotators differ. {policy_line(record)}", *look_lines(record)]),
    ]


@dataclass
class _Pictures:
    """The rows as they are shown. Keeps count of the bytes of thumbnails, which are bounded."""

    record: Record
    cache_dir: Path
    used: int = 0
    missing: int = 0
    _told: int = field(default=0, repr=False)

    def row(self, position: int, row_id: str, labels: str, note: str) -> str:
        """A row as a list item: thumbnail or excerpt, and what is said of it."""
        dataset = self.record.dataset
        shown = ""
        if dataset.columns.kind == "image":
            shown = self._thumbnail(position)
        excerpt = _content(dataset, position)
        content = f"<p>{_text(excerpt, EXCERPT)}</p>" if excerpt else ""
        about = _quiet(f"row {position + 1:,}, {row_id}: {note}")
        return f"<li>{shown}<div>{labels}{content}{about}</div></li>"

    def _thumbnail(self, position: int) -> str:
        dataset = self.record.dataset
        try:
            slow = takes_seconds(dataset, position, "thumb", self.cache_dir)
            picture = None if slow else thumbnail(dataset, position, self.cache_dir)
        except MediaError:
            picture = None
        size = 0 if picture is None else len(picture.data)
        if picture is None or size > THUMBNAIL_BYTES or self.used + size > ALL_THUMBNAILS_BYTES:
            self.missing += 1
            return ""
        self.used += size
        return f'<img src="{picture.address}" alt="">'

    def words(self) -> str:
        """How many of the pictures asked for since the last call are not shown, and why."""
        missing, self._told = self.missing - self._told, self.missing
        if not missing:
            return ""
        limits = f"{THUMBNAIL_BYTES // 1000} kB each and {ALL_THUMBNAILS_BYTES / 1e6:.1f} MB together"
        return f" {counted(missing, 'picture')} not shown: not readable, or larger than {limits} allow."
