"""Gold rows of a data set: where they come from, what is right of each, how often annotators err on them."""

from __future__ import annotations

import csv
import io
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.corrections import refuse_all
from core.dataset import UNLABELLED, Dataset
from core.errors import Problem, refuse
from core.evidence.people import Gold, gold
from core.review.chance import random_order
from core.review.classes import ClassList
from core.review.decisions import VERDICTS, Action, Decision, Standing, live, told_by_browser
from core.review.gold import GOLD, gold_event
from core.review.people import Role

if TYPE_CHECKING:
    from core.team import Team

CLEAR = frozenset({Action.KEEP, Action.RELABEL, Action.EXCLUDE})
"""Verdicts by which the given label is right, or wrong."""
COLUMNS = ("row_id", "label")
"""Of a file of gold rows."""
_SEED = 0


def is_wrong(decision: Decision, classes: ClassList) -> bool:
    """Whether a verdict says that the given label is wrong. Ambiguous does not, as in all the evidence."""
    if decision.action is Action.RELABEL:
        label = classes.meaning(decision.label or "", decision.seq)
        return label != classes.meaning(decision.given_label, decision.seq)
    return decision.action is Action.EXCLUDE


@dataclass(frozen=True)
class Candidates:
    """Rows that an adjudicator or an owner has decided, and whose given label that makes right or wrong.

    right, wrong: row id -> the decision; in the order of a draw by lot, so that the first n are a sample.
    """

    right: Mapping[str, Decision]
    wrong: Mapping[str, Decision]

    @property
    def sentence(self) -> str:
        """How many there are of each kind."""
        if not self.right and not self.wrong:
            return "No row that is not gold yet has been settled by an adjudicator or an owner."
        return (
            f"Adjudicators and owners have settled {len(self.right):,} right and {len(self.wrong):,} wrong "
            "labels that are not gold yet."
        )

    def half_and_half(self, rows: int) -> list[Decision]:
        """At most so many of them: as many of one kind as of the other, as far as there are."""
        few = min(len(self.right), len(self.wrong), rows // 2)
        right, wrong = list(self.right.values()), list(self.wrong.values())
        more = rows - 2 * few
        longer = right if len(right) > len(wrong) else wrong
        return [*right[:few], *wrong[:few], *longer[few : few + more]]


def candidates(
    standings: Mapping[str, Standing],
    dataset: Dataset,
    classes: ClassList,
    role: Callable[[str], Role],
    gold_rows: Iterable[str] = (),
) -> Candidates:
    """What can become gold: settled by a final word, or by an adjudicator or owner; gold rows left out."""
    known: dict[str, Role] = {}
    right: dict[str, Decision] = {}
    wrong: dict[str, Decision] = {}
    for row_id, standing in standings.items():
        said = standing.settled
        if said is None or said.action not in CLEAR or not said.given_label:
            continue
        if said.annotator not in known:
            known[said.annotator] = role(said.annotator)
        if known[said.annotator] >= Role.ADJUDICATOR:
            (wrong if is_wrong(said, classes) else right)[row_id] = said
    taken = set(gold_rows)

    def drawn(found: dict[str, Decision]) -> dict[str, Decision]:
        ids = sorted(row_id for row_id in found if row_id not in taken)
        ids = [row_id for row_id, p in zip(ids, dataset.positions(ids).tolist(), strict=True) if p >= 0]
        return {ids[i]: found[ids[i]] for i in random_order(ids, _SEED, "gold").tolist()}

    return Candidates(drawn(right), drawn(wrong))


def events_of(decisions: Sequence[Decision], by: str, classes: ClassList) -> list[Decision]:
    """The events that make decided rows gold: a final word on each that has none, and the mark on all.

    decisions: in force on one data set's rows. Raises InputError where there is none.
    """
    finals = [_final(d, by, classes) for d in decisions if not d.final]
    rows = [(d.row_id, d.given_label, _right(d, classes)) for d in decisions]
    return [*finals, gold_event(decisions[0].dataset if decisions else "", by, rows)]


def _final(decision: Decision, by: str, classes: ClassList) -> Decision:
    label = None if decision.label is None else classes.resolve(decision.label, decision.seq)
    return Decision(
        decision.dataset,
        decision.row_id,
        decision.action,
        by,
        decision.given_label,
        uuid.uuid4().hex,
        label,
        final=True,
    )


def _right(decision: Decision, classes: ClassList) -> str:
    if decision.action is Action.EXCLUDE:
        return "excluded"
    return decision.given_label if decision.label is None else classes.resolve(decision.label, decision.seq)


def read_gold(
    content: bytes, file: str, dataset: Dataset, classes: ClassList, standings: Mapping[str, Standing]
) -> list[Decision]:
    """The decisions of a CSV of gold rows: row_id, and label, which is right. In the order of the file.

    Raises InputError naming every line that does not fit: no such row, a row without a given label, no such
    class, a row named twice, or one with a final word that says otherwise.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("the file is no UTF-8 text", file=file, mend="save it as CSV in UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {*COLUMNS} <= {*(reader.fieldnames or ())}:
        raise refuse("the file lacks its columns", file=file, expected=" and ".join(COLUMNS) + " in line 1")
    lines = [(str(line["row_id"] or ""), str(line["label"] or "")) for line in reader]
    if not lines:
        raise refuse("the file has no row", file=file)
    positions = dataset.positions([row_id for row_id, _ in lines]).tolist()
    found: dict[str, Decision] = {}
    problems: list[Problem] = []
    for number, ((row_id, label), position) in enumerate(zip(lines, positions, strict=True), start=1):
        decision = _of_line(row_id, label, position, dataset, classes)
        if isinstance(decision, str):
            problems.append(Problem("error", decision, file=file, row=number))
        elif row_id in found:
            problems.append(Problem("error", f"row {row_id} is named twice", file=file, row=number))
        else:
            final = _final_of(standings.get(row_id))
            if final is not None and _said(final, classes) != _said(decision, classes):
                said = f"row {row_id} has a final word that says otherwise: {_right(final, classes)}"
                problems.append(Problem("error", said, file=file, row=number))
            found[row_id] = final or decision
    if problems:
        raise refuse_all(problems, "lines that make no gold row")
    return list(found.values())


def _of_line(row_id: str, label: str, position: int, dataset: Dataset, classes: ClassList) -> Decision | str:
    if position < 0:
        return f"there is no row {row_id!r}"
    code = int(dataset.labels[position])
    if code == UNLABELLED:
        return f"row {row_id} has no given label that could be right or wrong"
    if not dataset.knows(label) and label not in classes.names:
        return f"{label!r} is no label of this data set"
    given = dataset.classes[code]
    same = classes.meaning(given) == classes.meaning(label, _NOW)
    action = Action.KEEP if same else Action.RELABEL
    return Decision(dataset.name, row_id, action, "", given, "", None if same else label, seq=_NOW)


_NOW = 2**62
"""As seq: names as they are now."""


def _final_of(standing: Standing | None) -> Decision | None:
    return None if standing is None else standing.final


def _said(decision: Decision, classes: ClassList) -> tuple[str, str]:
    """What two verdicts share that say one thing of the given label."""
    if decision.action in (Action.KEEP, Action.RELABEL):
        label = decision.given_label if decision.label is None else decision.label
        return "label", classes.meaning(label, 0 if decision.label is None else decision.seq)
    return str(decision.action), ""


@dataclass(frozen=True, eq=False)
class Measured:
    """right, wrong: gold rows of each kind. unsaid: gold rows without a final word, which count for nothing.
    everybody: all answers to gold rows together. people: by annotator, most answers first.
    """

    right: int
    wrong: int
    unsaid: int
    everybody: Gold
    people: Mapping[str, Gold]

    @property
    def rows(self) -> int:
        return self.right + self.wrong + self.unsaid

    @property
    def sentence(self) -> str:
        """How many gold rows there are, of each kind."""
        if not self.rows:
            return "No row is gold yet."
        verb = "row is" if self.rows == 1 else "rows are"
        said = f"{self.rows:,} {verb} gold: {self.right:,} known right, {self.wrong:,} known wrong"
        if self.unsaid:
            said += f", and {self.unsaid:,} without a final word, which tell nothing"
        return f"{said}."


def measured(
    gold_rows: Iterable[str], histories: Mapping[str, Sequence[Decision]], classes: ClassList
) -> Measured:
    """How often annotators err on gold rows, by the first answer of each that stands and was given in turn.

    histories: events of the gold rows in store order, undone ones and UNDOs too.
    """
    known: dict[str, bool] = {}
    answers: list[tuple[str, bool, bool]] = []
    unsaid = 0
    for row_id in gold_rows:
        events = histories.get(row_id, ())
        standing = live(events)
        verdicts = [e for e in events if e.action in VERDICTS and e.op_id in standing]
        final = next((e for e in reversed(verdicts) if e.final), None)
        if final is None or final.action not in CLEAR:
            unsaid += 1
            continue
        known[row_id] = is_wrong(final, classes)
        for who, first in _first(verdicts).items():
            if told_by_browser(first).get("source") == GOLD and first.action is not Action.NEEDS_REVIEW:
                answers.append((who, known[row_id], is_wrong(first, classes)))
    truth, said = (np.array([a[i] for a in answers], dtype=bool) for i in (1, 2))
    names = np.array([name for name, *_ in answers], dtype=object)
    by = Counter(sorted(names.tolist())).most_common()
    people = {name: gold(truth[names == name], said[names == name]) for name, _ in by}
    wrong = sum(known.values())
    return Measured(len(known) - wrong, wrong, unsaid, gold(truth, said), people)


def measured_of(team: Team, name: str) -> Measured:
    """The same of a data set now."""
    rows = team.gold(name)
    return measured(sorted(rows), team.store.histories(name, rows), team.desk.classes(name))


def _first(verdicts: Iterable[Decision]) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    for verdict in verdicts:
        if not verdict.final:
            found.setdefault(verdict.annotator, verdict)
    return found
