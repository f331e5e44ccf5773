"""One verdict on many rows: what it would come to, and the one event in which it is stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.dataset import UNLABELLED, Dataset
from core.errors import refuse
from core.review.decisions import VERDICTS, Action, Decision, Standing
from core.review.items import Board
from core.review.queue import Filters
from core.team import Team

if TYPE_CHECKING:
    from core.review.claims import Claim
    from core.review.store import Receipt

TYPED_ABOVE = 1000
"""Above so many rows, the number has to be given back before they are changed."""
EXAMPLES = 24
PAIRS = 6
_SEED = 0
_NOTHING = -1


@dataclass(frozen=True)
class Wish:
    """The same verdict on many rows.

    label: the class for a RELABEL; None: the class that the check in use suggests for each row.
    rows: ids of the rows; None: the whole queue of `filters`, as it was after event `as_of`.
    """

    dataset: str
    filters: Filters
    action: Action
    label: str | None = None
    rows: tuple[str, ...] | None = None
    as_of: int | None = None


@dataclass(frozen=True)
class Counts:
    """How many rows a wish is about, each counted once: the others' sum is `total`.

    change: they get the verdict. All others are left alone: decided, a verdict stands on them; held, they
    are in another annotator's hands; unsuggested, nothing is suggested for them, or not to this person;
    same, they have that label already.
    """

    total: int
    change: int
    decided: int
    held: int
    unsuggested: int
    same: int


@dataclass(frozen=True)
class Preview:
    """What a wish would come to.

    pairs: the PAIRS most frequent (given label or None, new label or None, rows) among the changes.
    examples: positions of EXAMPLES rows that would change, drawn by a fixed seed.
    as_of: the event after which the queue is taken; seen: the last event that the counts know.
    """

    counts: Counts
    pairs: tuple[tuple[str | None, str | None, int], ...]
    examples: tuple[int, ...]
    as_of: int
    seen: int


@dataclass(frozen=True)
class Outcome:
    """What became of a wish. receipt: of its one event; refused where no row was left to change.

    since: how many of counts.decided were decided after what the annotator had seen.
    """

    receipt: Receipt
    counts: Counts
    since: int


def preview(team: Team, person: str, wish: Wish) -> Preview:
    """What a wish would come to now. Raises InputError for a wish that means nothing."""
    seen = team.store.last_seq(wish.dataset)
    sorted_rows = _sort(team, person, wish)
    changing = np.flatnonzero(sorted_rows.changing)
    some = np.random.default_rng(_SEED).permutation(len(changing))[:EXAMPLES]
    return Preview(
        sorted_rows.counts,
        _pairs(sorted_rows, changing),
        tuple(sorted_rows.positions[changing[some]].tolist()),
        seen if wish.as_of is None else wish.as_of,
        seen,
    )


def apply(
    team: Team, person: str, wish: Wish, op_id: str, *, seen: int | None = None, expect: int | None = None
) -> Outcome:
    """Store a wish as one event by a person, in one transaction.

    Rows that anybody has decided or holds by then are left alone. Sent again under the same op_id, it is
    acknowledged again. seen: the last event that the person knew of. expect: how many rows they were told
    would change; more are never changed than that.
    Raises NotPermitted, and InputError for a wish that means nothing or a number that is not so.
    """
    from core.review.people import Role

    team.people.require(person, Role.ANNOTATOR)
    sorted_rows = _sort(team, person, wish)
    _check_number(sorted_rows.counts.change, expect)
    members = sorted_rows.members()
    shown = {"find": sorted_rows.check, "queue": wish.filters.to_query(), "total": len(sorted_rows.positions)}
    event = Decision(
        wish.dataset,
        "",
        wish.action,
        person,
        "",
        op_id,
        label=wish.label,
        shown=json.dumps(shown),
        based_on=seen,
    )
    receipt = team.store.record_bulk(event, members, sorted_rows.held)
    # Decided rows are held no longer; only one's own few loans are looked through, not every row.
    mine = [row_id for row_id, claim in team.claims.held(wish.dataset).items() if claim.annotator == person]
    team.claims.renew(wish.dataset, person, {*mine} & {row_id for row_id, *_ in members})
    return _outcome(team, wish, sorted_rows, receipt, len(members), seen)


def _check_number(change: int, expect: int | None) -> None:
    if expect is None and change > TYPED_ABOVE:
        raise refuse(
            f"{change:,} rows would change, and their number was not given",
            expected=f"the number of rows, above {TYPED_ABOVE:,} of them",
        )
    if expect is not None and change > expect:
        raise refuse(
            f"{change:,} rows would change now",
            expected=f"at most the {expect:,} of the preview",
            mend="look at the preview again",
        )


def _outcome(
    team: Team, wish: Wish, found: _Sorted, receipt: Receipt, members: int, seen: int | None
) -> Outcome:
    told = found.counts
    change = 0 if receipt.refused else members - len(receipt.left)
    decided = told.total - change - told.held - told.unsuggested - told.same
    counts = Counts(told.total, change, decided, told.held, told.unsuggested, told.same)
    return Outcome(receipt, counts, 0 if seen is None else _since(team, wish, found, receipt, seen))


def _since(team: Team, wish: Wish, found: _Sorted, receipt: Receipt, seen: int) -> int:
    """How many of the rows that were left alone had their first verdict after event `seen`."""
    standings = team.store.standings_of(wish.dataset, (*receipt.left, *found.ids(found.decided)))
    return sum(_first(s) > seen for s in standings.values() if not _is_of(s, receipt.op_id))


def _first(standing: Standing) -> int:
    return min(d.seq for d in (*standing.opinions, *([standing.final] if standing.final else [])))


def _is_of(standing: Standing, op_id: str) -> bool:
    return any(d.op_id == op_id for d in standing.opinions)


@dataclass(frozen=True, eq=False)
class _Sorted:
    """The (M,) rows of a wish. labels: codes into names that they would get, -1 for none (RELABEL only).

    names: the classes, then sets of labels that no row has.
    decided, elsewhere, able: (M,) bool: somebody decided it; another holds it; it can take the verdict.
    """

    dataset: Dataset
    names: tuple[str, ...]
    check: str
    action: Action
    positions: np.ndarray
    labels: np.ndarray
    decided: np.ndarray
    elsewhere: np.ndarray
    held: Mapping[str, Claim]

    @cached_property
    def able(self) -> np.ndarray:
        if self.action is not Action.RELABEL:
            return np.ones(len(self.positions), dtype=bool)
        return (self.labels != _NOTHING) & (self.labels != self.dataset.labels[self.positions])

    @cached_property
    def changing(self) -> np.ndarray:
        return self.able & ~self.decided & ~self.elsewhere

    @cached_property
    def counts(self) -> Counts:
        free = ~self.decided & ~self.elsewhere
        unsuggested = free & ~self.able & (self.labels == _NOTHING)
        numbers = (self.changing, self.decided, self.elsewhere & ~self.decided, unsuggested)
        change, decided, held, none = (int(np.count_nonzero(mask)) for mask in numbers)
        total = len(self.positions)
        return Counts(total, change, decided, held, none, total - change - decided - held - none)

    def ids(self, mask: np.ndarray) -> list[str]:
        return self.dataset.row_ids[self.positions[mask]].tolist()

    def members(self) -> list[tuple[str, str, str | None]]:
        """(row id, given label, new label or None) of every row that can take the verdict.

        Decided and held ones too: which of them are left alone is settled where nobody else writes.
        """
        names = np.array([*self.names, ""], dtype=object)  # code -1 is the last
        given = names[self.dataset.labels[self.positions[self.able]]].tolist()
        ids = self.ids(self.able)
        if self.action is Action.RELABEL:
            return list(zip(ids, given, names[self.labels[self.able]].tolist(), strict=True))
        return [(row_id, label, None) for row_id, label in zip(ids, given, strict=True)]


def _sort(team: Team, person: str, wish: Wish) -> _Sorted:
    dataset = team.desk.project(wish.dataset).dataset
    _check_verdict(dataset, wish)
    board = team.board(wish.dataset, person, wish.filters)
    positions = _positions(team, person, dataset, wish)
    held = {r: c for r, c in team.claims.held(wish.dataset).items() if c.annotator != person}
    names = _names(board, wish)
    return _Sorted(
        dataset,
        names,
        board.check,
        wish.action,
        positions,
        _labels(board, names, wish)[positions],
        _among(dataset, team.store.standings(wish.dataset))[positions],
        _among(dataset, held)[positions],
        held,
    )


def _check_verdict(dataset: Dataset, wish: Wish) -> None:
    if wish.action not in VERDICTS:
        raise refuse(f"{wish.action} is no verdict", expected="one of " + ", ".join(sorted(VERDICTS)))
    if wish.label is not None and wish.action is not Action.RELABEL:
        raise refuse(f"a decision to {wish.action} names no class")
    if wish.label is not None and not dataset.knows(wish.label):
        raise refuse(f"{wish.label!r} is not a class of this project")


def _positions(team: Team, person: str, dataset: Dataset, wish: Wish) -> np.ndarray:
    """(M,) positions of the rows that a wish is about."""
    if wish.rows is None:
        positions, _ = team.queue(wish.dataset, person, wish.filters, wish.as_of)
        return positions
    rows = list(dict.fromkeys(wish.rows))
    positions = dataset.positions(rows)
    for row_id, position in zip(rows, positions, strict=True):
        if position < 0:
            raise refuse(f"row {row_id!r} is not in this project")
    return positions


def _names(board: Board, wish: Wish) -> tuple[str, ...]:
    """The classes; where a row can have several labels also the sets that are wished for or suggested."""
    dataset = board.dataset
    if dataset.sets is None:
        return dataset.classes
    wished = () if wish.label is None else (wish.label,)
    suggested = board.results[board.check].table["suggestion"].cat.categories if board.check else ()
    return tuple(dict.fromkeys((*dataset.classes, *wished, *suggested)))


def _labels(board: Board, names: tuple[str, ...], wish: Wish) -> np.ndarray:
    """(N,) codes into names of the class that each row would get, -1 for none."""
    dataset = board.dataset
    if wish.action is not Action.RELABEL or (wish.label is None and not board.check):
        return np.full(len(dataset), _NOTHING)
    if wish.label is not None:
        return np.full(len(dataset), names.index(wish.label))
    suggested = board.results[board.check].table["suggestion"]
    # The categories of a suggestion are names, in an order of their own.
    code_of = pd.Index(names).get_indexer(suggested.cat.categories)
    codes = np.append(code_of, _NOTHING)[suggested.cat.codes.to_numpy()]
    if board.hidden is not None:
        codes[board.hidden] = _NOTHING
    return codes


def _among(dataset: Dataset, row_ids: Iterable[str]) -> np.ndarray:
    """(N,) whether the row's id is among these; ids of other rows are left out."""
    mask = np.zeros(len(dataset), dtype=bool)
    positions = dataset.positions(row_ids)
    mask[positions[positions >= 0]] = True
    return mask


def _pairs(found: _Sorted, changing: np.ndarray) -> tuple[tuple[str | None, str | None, int], ...]:
    """The most frequent (given, new, rows) among the changes, ties in class order."""
    classes = found.names
    given = found.dataset.labels[found.positions[changing]].astype(np.int64)
    width = len(classes) + 1
    pairs, rows = np.unique(
        (given - UNLABELLED) * width + (found.labels[changing] - _NOTHING), return_counts=True
    )
    names = (None, *classes)
    top = np.argsort(-rows, kind="stable")[:PAIRS]
    return tuple((names[pairs[i] // width], names[pairs[i] % width], int(rows[i])) for i in top)
