"""The data set card: what was checked and reviewed, by how many, and what changed, as Markdown.

Its front matter is that of Hugging Face's cards. What is not known, a licence above all, is left out.
The same record gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from core.audit import checks
from core.exported import Exported
from core.exporting import counted
from core.label_forms.form import how_given
from core.markdown import code, prose, table
from core.provenance import Origin, origins
from core.review_record import Record
from core.review_words import (
    agreement_lines,
    annotator_rows,
    full_stop,
    look_lines,
    made_by,
    not_said,
    opening,
    policy_line,
    prediction_facts,
    rate_lines,
    verdict_rows,
)

TOP_CLASSES = 100
TOP_CHANGES = 30
_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"),
)  # fmt: skip
_TASKS = {"text": "text-classification", "image": "image-classification", "tabular": "tabular-classification"}


def dataset_card(record: Record, written: Exported | None = None, names: bool = False) -> str:
    """The card's text, UTF-8 with LF line ends.

    written: the corrected file that the card goes with, where one is written. names: call annotators by
    their names; else they are letters, the one with most rows first.
    """
    parts = [
        _front_matter(record),
        [f"# {code(record.project.name)}", "", opening(record), made_by(record)],
        ["## Source and corrected file", *_files(record, written)],
        ["## Classes" if record.dataset.targets is None else "## Labels", *_classes(record)],
        *([["## Splits", *_splits(record)]] if record.splits else []),
        ["## Predictions", *_predictions(record)],
        ["## Checks", *_checks(record)],
        ["## Review", *_review(record, names)],
        ["## Label changes", *_changes(record)],
        ["## Agreement", *_list(agreement_lines(record))],
        ["## How many labels are wrong", *_list([*rate_lines(record), *_evidence(record)])],
        ["## What this card does not say", *_list(not_said(record))],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _front_matter(record: Record) -> list[str]:
    """YAML, its texts as JSON writes them: those are YAML too."""
    rows = record.corrections.rows_written
    size = next((name for most, name in _SIZES if rows < most), "n>1B")
    lines = ["---", f"pretty_name: {json.dumps(record.project.name)}"]
    task = _TASKS.get(record.dataset.columns.kind)
    if task and record.dataset.sets is None and record.dataset.targets is None:
        lines += ["task_categories:", f"- {task}"]
    return [*lines, "size_categories:", f"- {size}", "tags:", "- labelmend", "---"]


def _files(record: Record, written: Exported | None) -> list[str]:
    source, corrections = record.project.source, record.corrections
    # The digest of these leaves out what the pictures show.
    pictures = source.format in ("image_folder", "mask_folder", "yolo")
    over = " over the names of its pictures and its labels" if pictures else ""
    lines = [
        "",
        f"- Source: {code(source.path.name)} ({code(source.format)}), "
        f"{counted(len(record.dataset), 'row')}, sha256 `{source.sha256}`{over}",
        f"- Fingerprint of every value: `{record.dataset.fingerprint}`",
    ]
    if made := how_given(source):
        lines.append(f"- Given labels: {made[0]}: {', '.join(code(name) for name in made[1][:20])}")
    if written is not None:
        rows = counted(written.rows, "row")
        lines.append(f"- Corrected: {code(written.path.name)}, {rows}, sha256 `{written.sha256}`")
    else:
        lines.append(f"- Corrected: {counted(corrections.rows_written, 'row')}; not written yet")
    if corrections.along:
        lines.append(f"- {counted(corrections.along, 'other token')} of their sentences left out with them")
    if corrections.left_out:
        lines.append(f"- {counted(corrections.left_out, 'row')} of other splits left out")
    if corrections.proposals_left_out:
        left = counted(corrections.proposals_left_out, "proposal")
        lines.append(f"- {left} of a model left out: boxes that nobody gave a class")
    if corrections.conflicts:
        lines.append(
            f"- {counted(len(corrections.conflicts), 'decision')} skipped: in conflict with the data"
        )
    if corrections.already:
        lines.append(f"- {counted(corrections.already, 'decision')} in the source already")
    if record.gone:
        lines.append(f"- {counted(record.gone, 'row')} with a verdict not in this version of the data")
    return lines


def _numbers(record: Record) -> list[str]:
    """Labels that are numbers, before and after review: quartiles, since there are no classes to count."""
    before = record.dataset.numbers
    after = before.copy()
    for change in record.corrections.changes:
        if change.writes_label:
            after[change.position] = float(change.after)
    lines = ["The labels are numbers.", ""]
    rows = []
    for title, values in (("in the source", before), ("after review", after[~record.corrections.dropped])):
        there = values[np.isfinite(values)]
        if len(there):
            found = np.quantile(there, [0, 0.25, 0.5, 0.75, 1])
            rows.append((title, f"{len(there):,}", *(f"{value:,.6g}" for value in found)))
    columns = ("", "rows", "least", "lower quartile", "median", "upper quartile", "most")
    return [*lines, *table(columns, rows)]


def _classes(record: Record) -> list[str]:
    if record.dataset.targets is not None:
        return ["", *_numbers(record)]
    classes = record.classes
    shown = sorted(classes, key=lambda c: -max(c.before, c.after))[:TOP_CLASSES]
    rows = [(code(c.name), f"{c.before:,}", f"{c.after:,}") for c in classes if c in shown]
    several = " A row can have several." if record.dataset.sets is not None else ""
    lines = [
        "",
        f"{len(record.dataset.names):,} {'class' if len(record.dataset.names) == 1 else 'classes'}.{several}",
        "",
    ]
    lines += table(("class", "rows in the source", "rows after review"), rows)
    if len(classes) > len(shown):
        rest = [c for c in classes if c not in shown]
        lines += [
            "",
            f"And {len(rest):,} smaller classes with {sum(c.after for c in rest):,} rows after review.",
        ]
    if record.class_changes:
        lines += ["", "Changes of the class list:", ""]
        lines += [f"- {code(words)}: {counted(cells, 'cell')}" for words, cells in record.class_changes]
    return lines


def _splits(record: Record) -> list[str]:
    rows = [(code(s.name), f"{s.before:,}", f"{s.after:,}") for s in record.splits]
    return ["", *table(("split", "rows in the source", "rows after review"), rows)]


def _predictions(record: Record) -> list[str]:
    facts = prediction_facts(record)
    return ["", *(f"- {fact}: {code(text) if fact == 'Model' else prose(text)}" for fact, text in facts)]


def _checks(record: Record) -> list[str]:
    found = origins(record.project, record.audit)
    lines: list[str] = []
    for origin in found:
        lines += ["", *_check(origin)]
    for name, missing in record.audit.missed.items():
        lines += [
            "",
            f"{prose(checks()[name].title)}: not run. It needs {' and '.join(map(prose, missing))}.",
        ]
    for name in checks():
        if name not in record.audit.results and name not in record.audit.skipped:
            lines += ["", f"{prose(checks()[name].title)}: not run."]
    return lines


def _check(origin: Origin) -> list[str]:
    rows = [(prose(n.name), prose(n.value), prose(n.estimator)) for n in origin.numbers]
    facts = [f"- {fact}: {code(text)}" for fact, text in origin.made_from if text]
    covered = [f"- Not covered: {prose(origin.not_covered)}"] if origin.not_covered else []
    return [
        f"### {prose(origin.title)}",
        "",
        *table(("number", "value", "estimator"), rows),
        "",
        *facts,
        *covered,
    ]


def _review(record: Record, names: bool) -> list[str]:
    if not record.here:
        return ["", "Nobody has reviewed a row."]
    lines = ["", *table(("verdict", "rows"), [(prose(v), f"{n:,}") for v, n in verdict_rows(record)]), ""]
    lines += [f"- Policy where annotators differ: {prose(policy_line(record))}"]
    lines += [f"- {prose(full_stop(line))}" for line in look_lines(record)]
    lines += ["", *table(("annotator", "rows"), annotator_rows(record, names, code))]
    return lines


def _changes(record: Record) -> list[str]:
    if not record.changes:
        return ["", "No label was changed."]
    shown = [(code(g), code(n), f"{rows:,}") for g, n, rows in record.changes[:TOP_CHANGES]]
    lines = ["", *table(("given label", "new label", "rows"), shown)]
    return [*lines, *_rest(record.changes[TOP_CHANGES:])]


def _evidence(record: Record) -> list[str]:
    """What the evidence says, each sentence with its estimator."""
    return [
        said.text.removesuffix(".") + (f" ({said.by})" if said.by else "")
        for found in record.sections
        if found.for_card
        for said in found.said
    ]


def _rest(rest: Sequence[tuple[str, str, int]]) -> list[str]:
    if not rest:
        return []
    return ["", f"And {counted(len(rest), 'pair')} with {sum(c[2] for c in rest):,} rows together."]


def _list(lines: Sequence[str]) -> list[str]:
    return ["", *(f"- {prose(full_stop(line))}" for line in lines)]
