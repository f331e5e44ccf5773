"""The report of a review for the meeting about it: one HTML file that loads nothing and runs nothing.

It says what was checked, found and changed, and what remains; the parts on what remains are those of
core.evidence.sections, so that a new piece of evidence needs nothing here. Whatever comes from a data set is
text in a <bdi> element, or a thumbnail that we encoded ourselves; no attribute holds any of it. A
Content-Security-Policy forbids scripts and every address but the thumbnails'. Printed, it is as long as it
needs to be on A4, with what is folded on the screen open.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

import numpy as np

from core.audit import checks
from core.exporting import counted
from core.html_parts import answers, evidence, facts, listed, page, quiet, section, table, text, under
from core.html_rows import Rows
from core.issue_rows import state_of
from core.overview import confused_pairs
from core.provenance import Origin, origins
from core.review.decisions import Action, Decision
from core.review.queue import default_find
from core.review_record import Record
from core.review_words import (
    agreement_lines,
    annotator_rows,
    in_short,
    look_lines,
    made_by,
    not_said,
    opening,
    policy_line,
    prediction_facts,
    rate_lines,
    verdict_rows,
)

EXAMPLES = 24
OPEN_SHOWN = 24
TOP_PAIRS = 15
TOP_CHANGES = 15


def html_report(record: Record, cache_dir: Path, names: bool = False) -> str:
    """The report's text, to be written as UTF-8. cache_dir: where thumbnails are kept.

    names: call annotators by their names; else they are numbers, the one with most rows first.
    """
    rows = Rows(record, cache_dir)
    claims = rate_lines(record)
    remains = [part for found in record.sections for part in evidence(found)]
    body = [
        f"<h1>{text(opening(record))}</h1>",
        quiet(f"{record.project.name}. {made_by(record)}"),
        _figures(record),
        answers(in_short(record)),
        *section(
            "What was checked",
            *_checks(record),
            *under("Predictions", facts(prediction_facts(record))),
        ),
        *section("What was found", *under("Classes that are mixed up", *_pairs(record))),
        *section(
            "What was changed",
            *_changes(record),
            *under("The most important changes", *_examples(record, rows)),
        ),
        *section(
            "What remains",
            *([listed(claims)] if claims else []),
            *remains,
            *under("Open disagreements", *_open(record, rows)),
        ),
        *section(
            "Who reviewed", *_review(record, names), *under("Agreement", listed(agreement_lines(record)))
        ),
        *section("What this report does not say", listed(not_said(record))),
        *_counted(record),
    ]
    return page(f"Label review of {record.project.name}", body)


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
    found = [
        (title, flagged, decided, str(result.summary["estimator"]))
        for (title, flagged, decided), result in zip(
            record.flagged, record.audit.results.values(), strict=True
        )
    ]
    said = [table(("check", "flagged", "reviewed", "estimator"), found)] if found else []
    for name, missing in record.audit.missed.items():
        said.append(quiet(f"{checks()[name].title}: not run. It needs {' and '.join(missing)}."))
    for name in checks():
        if name not in record.audit.results and name not in record.audit.skipped:
            said.append(quiet(f"{checks()[name].title}: not run."))
    return said


def _counted(record: Record) -> list[str]:
    """The section on how each check counts; none where no check ran."""
    parts = [part for origin in origins(record.project, record.audit) for part in _check(origin)]
    return section("How the checks count", *parts) if parts else []


def _check(origin: Origin) -> list[str]:
    numbers = [(n.name, n.value, n.estimator) for n in origin.numbers]
    made = [fact for fact in origin.made_from if fact[0] in ("Settings", "Code")]
    return [
        f"<h3>{text(origin.title)}</h3>",
        table(("number", "value", "estimator"), numbers),
        facts([*made, ("Not covered", origin.not_covered)]),
    ]


def _pairs(record: Record) -> list[str]:
    result = record.audit.results.get(default_find(record.dataset))
    if result is None:
        return [quiet("The labels have not been checked.")]
    if record.dataset.targets is not None:
        return [quiet("The labels are numbers: there are no pairs of classes.")]
    found = confused_pairs(record.dataset, result.table, top=TOP_PAIRS)
    if found.empty:
        return [quiet("No row is flagged with another label suggested.")]
    pairs = [(str(g), str(s), int(n)) for g, s, n in found.itertuples(index=False)]
    flagged = int(result.summary["flagged"])
    shown = sum(row[2] for row in pairs)
    note = f"{shown:,} of {counted(flagged, 'flagged row')}, counted by given and suggested label."
    return [quiet(note), table(("given label", "suggested label", "flagged rows"), pairs, bars=True)]


def _changes(record: Record) -> list[str]:
    if not record.changes and not record.class_changes:
        return ["<p>No label was changed.</p>"]
    parts = []
    if record.changes:
        parts.append(table(("given label", "new label", "rows"), record.changes[:TOP_CHANGES], bars=True))
        if rest := record.changes[TOP_CHANGES:]:
            rows = sum(change[2] for change in rest)
            parts.append(quiet(f"And {counted(len(rest), 'pair')} of labels with {rows:,} rows together."))
    if record.class_changes:
        parts.append(table(("change of the class list", "cells"), record.class_changes))
    numbers = record.dataset.targets is not None
    grown = [] if numbers else [c for c in record.classes if c.before != c.after]
    counts = [(c.name, c.before, c.after) for c in grown][:TOP_CHANGES]
    if counts:
        parts += [
            "<h3>Classes that grew or shrank</h3>",
            table(("class", "rows before", "rows after"), counts),
        ]
    return parts


def _examples(record: Record, rows: Rows) -> list[str]:
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
    lines = [_example(record, rows, position) for position in shown]
    note = f"{len(shown):,} of {counted(len(ids), 'changed label')}, {order}."
    return [quiet(note + rows.words()), f'<ol class="rows">{"".join(lines)}</ol>']


def _example(record: Record, rows: Rows, position: int) -> str:
    row_id = str(record.dataset.row_ids[position])
    given, new = record.changed[row_id]
    how = record.outcomes.because(row_id)
    sure = "" if how.confidence is None else f", confidence {how.confidence:.2f}"
    by = "final word of an adjudicator" if record.here[row_id].final is not None else how.how
    labels = f'<p>{text(given or "(no label)")} → <span class="new">{text(new)}</span></p>'
    return rows.row(position, row_id, labels, f"{by}{sure}")


def _open(record: Record, rows: Rows) -> list[str]:
    if not record.open:
        return ["<p>None.</p>"]
    lines = []
    for row_id in record.open[:OPEN_SHOWN]:
        position = int(record.dataset.positions([row_id])[0])
        answers = Counter(_answer(d) for d in record.here[row_id].opinions)
        said = " · ".join(f"{text(answer)} × {count}" for answer, count in answers.items())
        given = str(record.dataset.given_labels(slice(position, position + 1))[0]) or "(no label)"
        lines.append(rows.row(position, row_id, f"<p>{said}</p>", f"given {given}"))
    note = f"{len(lines):,} of {counted(len(record.open), 'row')} on which annotators differ."
    note += f" The policy of the export is {policy_line(record)}"
    return [quiet(note + rows.words()), f'<ol class="rows">{"".join(lines)}</ol>']


def _answer(decision: Decision) -> str:
    if decision.action is Action.RELABEL:
        return decision.label or ""
    return f"{decision.given_label} (kept)" if decision.action is Action.KEEP else state_of(decision)


def _review(record: Record, names: bool) -> list[str]:
    if not record.here:
        return ["<p>Nobody has reviewed a row.</p>"]
    people = [(who, int(rows.replace(",", ""))) for who, rows in annotator_rows(record, names, str)]
    return [
        table(("verdict", "rows"), verdict_rows(record)),
        table(("annotator", "rows"), people),
        listed([f"Policy where annotators differ. {policy_line(record)}", *look_lines(record)]),
    ]
