"""Decisions applied to a data set: which cells change, which rows go, and what stands in the way."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from core import soft_labels
from core.cells import cell_text, is_missing
from core.dataset import UNLABELLED, Dataset
from core.errors import InputError, Problem, refuse
from core.review.decisions import Action, Decision
from core.review.policy import Because, Outcomes
from core.source import Source
from core.targets import same_number
from core.written import Written

ADDABLE = ("given_label", "label_quality", "decision", "annotator", "decided_at", soft_labels.NAME)
"""The columns that an export can add, in the order in which they are written."""

EXCLUDED = "excluded"
"""The column that says which rows are excluded, where they are marked instead of dropped."""

Verdict = Literal["change", "already", "none"]

_SHOWN = 20


@dataclass(frozen=True)
class ExportOptions:
    """What an export does beside writing the decided labels.

    excluded: leave excluded rows out ("drop"), or keep them and add a column `excluded` ("mark").
    add: names out of ADDABLE.
    spreadsheet_safe: in delimited text, put ' before cells that a spreadsheet would run as a formula.
        This changes cells, so it is off by default and the summary says how many were changed.
    splits: write only the rows of these splits; None writes all.
    conflicts: "refuse" to export while there are any, or "skip" those decisions and list them.
    """

    excluded: Literal["drop", "mark"] = "drop"
    add: tuple[str, ...] = ()
    spreadsheet_safe: bool = False
    splits: tuple[str, ...] | None = None
    conflicts: Literal["refuse", "skip"] = "refuse"


@dataclass(frozen=True)
class Change:
    """One changed cell, or one excluded row. A marked row whose class has another name now has two.

    column: the label column for a new label; "excluded" for a marked row; "" for a dropped row.
    before, after: the cell as it is written in the file; after is "" for a dropped row.
    decision: the verdict, or the change of the class list that gives the cell its class's new name.
    """

    position: int
    row_id: str
    column: str
    before: str
    after: str
    decision: Decision

    @property
    def writes_label(self) -> bool:
        """Whether the label cell changes, rather than the row goes or is marked."""
        return self.decision.action in (Action.RELABEL, Action.CLASS)


@dataclass(frozen=True, eq=False)
class Corrections:
    """All that an exporter needs. Positions count the data set's rows from 0, as records of the source.

    outcomes: what people decided, and by which policy. written: how each class of now is written.
    decisions: by row position, ascending; those to apply that do not conflict.
    changes: by row position, ascending; exactly what an export changes in the rows it writes.
    dropped: (N,) bool, the rows that are not written.
    left_out: how many of them belong to another split (the others are excluded).
    along: how many go only because a token of their sentence is excluded, which cannot be cut out of it.
    proposals_left_out: how many of them are boxes that a model proposed and nobody has given a class.
    conflicts: decisions that cannot be applied, each with its mend.
    already: decisions that the data show already: the row has the decided label, or is gone as decided.
    label_quality: (N,) label quality scores in [0, 1], 0 = worst.
    """

    dataset: Dataset
    source: Source
    options: ExportOptions
    outcomes: Outcomes
    written: Written
    decisions: Mapping[int, Decision]
    changes: tuple[Change, ...]
    dropped: np.ndarray
    left_out: int = 0
    along: int = 0
    conflicts: tuple[Problem, ...] = ()
    already: int = 0
    label_quality: np.ndarray | None = field(default=None, repr=False)
    proposals_left_out: int = 0

    @cached_property
    def _positions(self) -> list[int]:
        return [c.position for c in self.changes]

    def changes_in(self, start: int, stop: int) -> tuple[Change, ...]:
        """The changes of rows start to stop (excluded), for exporters that work in blocks."""
        return self.changes[bisect_left(self._positions, start) : bisect_left(self._positions, stop)]

    def tokens_in(self, start: int, stop: int) -> dict[int, str]:
        """The new label cell of each row among start to stop that gets one, by position, ascending."""
        return {c.position: c.after for c in self.changes_in(start, stop) if c.writes_label}

    @property
    def added_names(self) -> tuple[str, ...]:
        """The names of the columns that are appended to the source's own."""
        mark = (EXCLUDED,) if self.options.excluded == "mark" else ()
        return tuple(name for name in ADDABLE if name in self.options.add) + mark

    @property
    def rows_written(self) -> int:
        return len(self.dataset) - int(self.dropped.sum())

    @property
    def untouched(self) -> bool:
        """Whether the corrected file equals its source, so that a copy will do."""
        changed = bool(self.changes or self.added_names or self.options.spreadsheet_safe)
        return not changed and not self.dropped.any()

    def added(self, positions: np.ndarray) -> dict[str, list[Any]]:
        """The appended columns for these rows. None where there is nothing to say."""
        made: dict[str, list[Any]] = {}
        for name in self.added_names:
            if name == "given_label":
                made[name] = self._given(positions)
            elif name == "label_quality":
                made[name] = self._scores(positions)
            elif name == soft_labels.NAME:
                made[name] = soft_labels.column(self, positions)
            else:
                made[name] = [_said(name, self.decisions.get(p)) for p in positions.tolist()]
        return made

    def because(self, change: Change) -> Because:
        """Why a cell changes, beside the decision itself."""
        if change.decision.action is Action.CLASS:
            return Because("class list")
        return self.outcomes.because(change.row_id)

    def _given(self, positions: np.ndarray) -> list[Any]:
        column = self.dataset.columns.label
        if column is None:
            return [None] * len(positions)
        cells = self.dataset.table[column].iloc[positions].tolist()
        return [None if is_missing(cell) else cell for cell in cells]

    def _scores(self, positions: np.ndarray) -> list[float | None]:
        if self.label_quality is None:
            return [None] * len(positions)
        # Through text, so that the float32 0.1 is written as 0.1 and not as 0.10000000149011612.
        scores = self.label_quality[positions].astype("U32").astype(np.float64).tolist()
        return [None if score != score else score for score in scores]

    def refuse_conflicts(self) -> None:
        """Raises InputError naming the conflicts, unless the options say to skip them."""
        if not self.conflicts or self.options.conflicts == "skip":
            return
        raise refuse_all(self.conflicts, "decisions that conflict with the data")


def correct(
    dataset: Dataset,
    source: Source,
    outcomes: Outcomes,
    options: ExportOptions | None = None,
    label_quality: np.ndarray | None = None,
) -> Corrections:
    """Work out what people's decisions and their changes of the class list change. Writes nothing.

    Only RELABEL changes a label cell and EXCLUDE a row; the other verdicts change nothing. A class that was
    renamed or merged changes the label cell of each of its rows, unless the cell holds a code that stays.
    Raises InputError for options that this data set cannot meet.
    """
    options = options or ExportOptions()
    _check_options(dataset, options, label_quality)
    elsewhere = _elsewhere(dataset, options)
    judge = _Judge(dataset, options, outcomes, Written.of(dataset, outcomes.classes))
    conflicts, already, decisions, changes = [], 0, {}, []
    found = zip(dataset.positions(outcomes.decisions).tolist(), outcomes.decisions.values(), strict=True)
    for position, decision in sorted(found, key=lambda pair: pair[0]):
        verdict = judge.verdict(position, decision)
        if isinstance(verdict, Problem):
            conflicts.append(verdict)
            continue
        already += verdict == "already"
        if position < 0:
            continue
        decisions[position] = decision
        if verdict == "change" and not elsewhere[position]:
            changes.append(judge.change(position, decision))
    dropped = elsewhere.copy()
    dropped[[c.position for c in changes if c.column == ""]] = True
    along = 0
    if dataset.sentences is not None:
        sentences = dataset.sentences.whole(dropped)
        along = int((sentences & ~dropped).sum())
        dropped = sentences
        changes = [c for c in changes if c.column == "" or not dropped[c.position]]
    labelled = {c.position for c in changes if c.writes_label}
    proposals = {p for p in source.layout.get("proposed", ()) if p not in labelled and not elsewhere[p]}
    dropped[list(proposals)] = True
    changes = [c for c in changes if c.writes_label or c.position not in proposals]
    renamed, unwritable = judge.renamed(dropped, labelled)
    changes = sorted([*changes, *renamed], key=lambda c: c.position)
    return Corrections(
        dataset, source, options, outcomes, judge.written, decisions, tuple(changes), dropped,
        int(elsewhere.sum()), along, (*conflicts, *unwritable), already, label_quality, len(proposals),
    )  # fmt: skip


def preview(corrections: Corrections, limit: int | None = None) -> pd.DataFrame:
    """The changes as a person reads them, in row order: exactly what an export will write.

    Columns: row (1 is the first record), row_id, column, before, after, decided by, how, when, reason.
    """
    rows = [
        (c.position + 1, c.row_id, c.column, c.before, c.after, c.decision.annotator,
         corrections.because(c).how, c.decision.decided_at, c.decision.reason)
        for c in corrections.changes[:limit]
    ]  # fmt: skip
    names = ["row", "row_id", "column", "before", "after", "decided by", "how", "when", "reason"]
    return pd.DataFrame(rows, columns=names)


def refuse_all(problems: Sequence[Problem], what: str) -> InputError:
    """An InputError of the first problems, and how many more there are of `what`."""
    shown = tuple(problems[:_SHOWN])
    if more := len(problems) - len(shown):
        shown += (Problem("error", f"and {more:,} more {what}"),)
    return InputError(*shown)


def _said(name: str, decision: Decision | None) -> Any:
    if name == EXCLUDED:
        return decision is not None and decision.action is Action.EXCLUDE
    if decision is None:
        return None
    return decision.action.value if name == "decision" else getattr(decision, name)


def _check_options(dataset: Dataset, options: ExportOptions, label_quality: np.ndarray | None) -> None:
    unknown = [name for name in options.add if name not in ADDABLE]
    if unknown:
        raise refuse(f"cannot add the columns {', '.join(unknown)}", expected="some of " + ", ".join(ADDABLE))
    wanted = (*options.add, *((EXCLUDED,) if options.excluded == "mark" else ()))
    taken = [name for name in wanted if name in dataset.table.columns]
    if taken:
        raise refuse(
            f"the source already has a column called {taken[0]!r}",
            mend="leave that column out of the export, or rename it in the source and load it again",
        )
    if soft_labels.NAME in options.add:
        soft_labels.check(dataset)
    if "label_quality" in options.add and (label_quality is None or len(label_quality) != len(dataset)):
        raise refuse(
            "there are no label quality scores to add",
            mend="run the label_issues check first, or leave them out",
        )


def _elsewhere(dataset: Dataset, options: ExportOptions) -> np.ndarray:
    """(N,) bool: the rows of splits that were not asked for."""
    if options.splits is None:
        return np.zeros(len(dataset), dtype=bool)
    if dataset.splits is None:
        raise refuse("the data set has no split column", mend="export all rows, or name it on Load data")
    there = sorted(dataset.splits.dropna().unique())
    unknown = [name for name in options.splits if name not in there]
    if unknown:
        raise refuse(f"no row is in split {unknown[0]!r}", expected="one of " + ", ".join(there))
    return ~dataset.splits.isin(list(options.splits)).to_numpy()


@dataclass(frozen=True, eq=False)
class _Judge:
    """What each decision does to its row. Labels are compared by what their classes are called now."""

    dataset: Dataset
    options: ExportOptions
    outcomes: Outcomes
    written: Written

    def verdict(self, position: int, decision: Decision) -> Verdict | Problem:
        """What a decision does to its row, or why it cannot be applied."""
        excludes = decision.action is Action.EXCLUDE
        if position < 0:
            if excludes:
                return "already"
            return Problem(
                "error",
                f"the row with id {decision.row_id!r} is no longer in the data ({_decided(decision)})",
                mend="load the data that was reviewed, or skip conflicts",
            )
        relabels = decision.action is Action.RELABEL
        if relabels and self.dataset.columns.label is None:
            return Problem("error", "the data set has no label column to write to", row=position + 1)
        given = self._given(position)
        if relabels and self._same(given, self._wanted(decision)):
            return "already"
        where: dict[str, Any] = {"row": position + 1, "column": self._column}
        if not self._same(given, self.outcomes.classes.resolve(decision.given_label, decision.seq)):
            return Problem(
                "error",
                f"the given label is {given!r}, but it was {decision.given_label!r} when it was decided "
                f"({_decided(decision)})",
                mend="decide this row again, or skip conflicts",
                **where,
            )
        token = self.written.token(self._wanted(decision)) if relabels else ""
        if isinstance(token, Problem):
            return replace(token, **where)
        return "change" if relabels or excludes else "none"

    def change(self, position: int, decision: Decision) -> Change:
        """The change that a decision makes whose verdict is "change"."""
        if decision.action is Action.RELABEL:
            after = self.written.cell(self._wanted(decision))
            return Change(position, decision.row_id, self._column, self._cell(position), after, decision)
        if self.options.excluded == "mark":
            return Change(position, decision.row_id, EXCLUDED, "", "True", decision)
        return Change(position, decision.row_id, "", self._cell(position), "", decision)

    def renamed(self, dropped: np.ndarray, labelled: set[int]) -> tuple[list[Change], list[Problem]]:
        """(a change for each cell with a token that its class has no longer, classes without a token).

        dropped: (N,) bool; labelled: the positions that get another label anyway.
        """
        dataset, classes = self.dataset, self.outcomes.classes
        changes: list[Change] = []
        problems: list[Problem] = []
        if dataset.targets is not None:
            return changes, problems
        for code, name in enumerate(dataset.classes):
            event = classes.changed_by(name)
            rows = [] if event is None else np.flatnonzero((dataset.labels == code) & ~dropped).tolist()
            token = self.written.token(classes.resolve(name))
            if event is None or not rows or token == dataset.tokens[code]:
                continue
            if isinstance(token, Problem):
                where = {"row": rows[0] + 1, "column": self._column, "count": len(rows)}
                problems.append(replace(token, **where))  # type: ignore[arg-type]
            else:
                rows = [row for row in rows if row not in labelled]
                ids = zip(rows, dataset.row_ids[rows].tolist(), strict=True)
                changes += [Change(p, i, self._column, self._cell(p), token, event) for p, i in ids]
        return changes, problems

    def _given(self, position: int) -> str:
        """The class that a row was given, by its name now; "" where it has none."""
        code = int(self.dataset.labels[position])
        return self.outcomes.classes.resolve(self.dataset.classes[code]) if code != UNLABELLED else ""

    def _same(self, one: str, other: str) -> bool:
        """Whether two labels are one: 4.50 is 4.5 where labels are numbers."""
        return one == other if self.dataset.targets is None else same_number(one, other)

    def _wanted(self, decision: Decision) -> str:
        return self.outcomes.classes.resolve(decision.label or "", decision.seq)

    @property
    def _column(self) -> str:
        return self.dataset.columns.label or ""

    @cached_property
    def _labels(self) -> list[Any] | None:
        """The label cells, taken out of the table at once: one by one takes ten times as long."""
        label = self.dataset.columns.label
        return None if label is None else self.dataset.table[label].tolist()

    def _cell(self, position: int) -> str:
        return "" if self._labels is None else cell_text(self._labels[position])


def _decided(decision: Decision) -> str:
    by = f" by {decision.annotator}" if decision.annotator else ""
    return (
        f"{decision.action.value} {decision.label}{by}" if decision.label else f"{decision.action.value}{by}"
    )
