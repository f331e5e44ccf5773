"""One verdict on many rows: what it would come to, and the one event in which it is stored."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.review.classes import ClassList
from core.review.decisions import VERDICTS, Action, Decision, Standing
from core.review.items import Board
from core.review.locks import locked_rows
from core.review.queue import Filters
from core.team import Team

if TYPE_CHECKING:
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
    are lent or given to another annotator; unsuggested, nothing is suggested for them, or not to this person;
    same, they have that label already; locked, they lie in a locked split and would be excluded.
    """

    total: int
    change: int
    decided: int
    held: int
    unsuggested: int
    same: int
    locked: int = 0


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


def changes(team: Team, person: str, wish: Wish) -> list[tuple[str, str, str | None]]:
    """(row id, given label, new label or None) of the rows that a wish would change now."""
    found = _sort(team, person, wish)
    return found.members(found.changing)


def apply(
    team: Team, person: str, wish: Wish, op_id: str, *, seen: int | None = None, expect: int | None = None
) -> Outcome:
    """Store a wish as one event by a person, in one transaction.

    Rows that anybody has decided or holds by then are left alone, and those of a locked split where they
    would be excluded. Sent again under the same op_id, it is acknowledged again. seen: the last event that
    the person knew of. expect: how many rows they were told would change; more are never changed than that.
    Raises NotPermitted, and InputError for a wish that means nothing or a number that is not so.
    """
    from core.review.people import Role

    team.people.require(person, Role.ANNOTATOR)
    sorted_rows = _sort(team, person, wish)
    _check_number(sorted_rows.counts.change, expect)
    members = sorted_rows.members(sorted_rows.able)
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
    if receipt.refused and not members and sorted_rows.counts.locked:
        receipt = replace(receipt, refused="Every one of these rows is in a locked split.")
    # Decided rows are held no longer; only one's own few loans are looked through, not every row.
    mine = [row_id for row_id, claim in team.claims.held(wish.dataset).items() if claim.annotator == person]
    team.claims.renew(wish.dataset, person, {*mine} & {row_id for row_id, *_ in members})
    return _outcome(sorted_rows, receipt, len(members), seen)


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


def _outcome(found: _Sorted, receipt: Receipt, members: int, seen: int | None) -> Outcome:
    told = found.counts
    change = 0 if receipt.refused else members - len(receipt.left)
    decided = told.total - change - told.held - told.unsuggested - told.same - told.locked
    counts = replace(told, change=change, decided=decided)
    return Outcome(receipt, counts, 0 if seen is None else _since(found, receipt, seen))


def _since(found: _Sorted, receipt: Receipt, seen: int) -> int:
    """How many of the rows that were left alone had their first verdict after event `seen`."""
    known = (found.standings[row_id] for row_id in found.ids(found.decided))
    late = sum(_first(standing) > seen for standing in known if not _is_of(standing, receipt.op_id))
    # And those that somebody decided in the moment before it was stored.
    return late + sum(row not in found.standings and row not in found.held for row in receipt.left)


def _first(standing: Standing) -> int:
    return min(d.seq for d in (*standing.opinions, *([standing.final] if standing.final else [])))


def _is_of(standing: Standing, op_id: str) -> bool:
    return any(d.op_id == op_id for d in standing.opinions)


@dataclass(frozen=True, eq=False)
class _Sorted:
    """The (M,) rows of a wish.

    names: the classes as they are called now; with several labels a row, or numbers, those that rows have,
    are suggested or were wished for. given, labels: codes into names of what they are labelled and would get
    (RELABEL only), -1 for none. decided, elsewhere, locked, able: (M,) bool: somebody decided it; it is
    another's; it is in a locked split and would be excluded; it can take the verdict.
    """

    dataset: Dataset
    names: tuple[str, ...]
    check: str
    action: Action
    positions: np.ndarray
    given: np.ndarray
    labels: np.ndarray
    decided: np.ndarray
    elsewhere: np.ndarray
    locked: np.ndarray
    held: Collection[str]
    standings: Mapping[str, Standing]

    @cached_property
    def able(self) -> np.ndarray:
        if self.action is not Action.RELABEL:
            return ~self.locked
        return (self.labels != _NOTHING) & (self.labels != self.given)

    @cached_property
    def changing(self) -> np.ndarray:
        return self.able & ~self.decided & ~self.elsewhere

    @cached_property
    def counts(self) -> Counts:
        free = ~self.decided & ~self.elsewhere
        unsuggested = free & ~self.able & ~self.locked & (self.labels == _NOTHING)
        others = self.elsewhere & ~self.decided
        numbers = (self.changing, self.decided, others, unsuggested, free & self.locked)
        change, decided, held, none, locked = (int(np.count_nonzero(mask)) for mask in numbers)
        total = len(self.positions)
        same = total - change - decided - held - none - locked
        return Counts(total, change, decided, held, none, same, locked)

    def ids(self, mask: np.ndarray) -> list[str]:
        return self.dataset.row_ids[self.positions[mask]].tolist()

    def members(self, mask: np.ndarray) -> list[tuple[str, str, str | None]]:
        """(row id, given label, new label or None) of these rows, which can take the verdict.

        `able` has decided and held ones too: which of them are left alone is settled where nobody else
        writes.
        """
        given = self.dataset.given_labels(self.positions[mask]).tolist()
        ids = self.ids(mask)
        if self.action is Action.RELABEL:
            new = np.array(self.names, dtype=object)[self.labels[mask]].tolist()
            return list(zip(ids, given, new, strict=True))
        return [(row_id, label, None) for row_id, label in zip(ids, given, strict=True)]


def _sort(team: Team, person: str, wish: Wish) -> _Sorted:
    if wish.filters.gate:
        raise refuse("the rows of a spot check are decided one by one")
    board = team.board(wish.dataset, person, wish.filters)
    dataset, current = board.dataset, team.desk.classes(wish.dataset)
    _check_verdict(dataset, current, wish)
    positions = _positions(team, person, dataset, wish)
    held = team.in_others_hands(wish.dataset, person)
    standings = team.store.standings(wish.dataset)
    names = _names(board, current, wish)
    now = _codes(names, current, dataset.classes)
    return _Sorted(
        dataset,
        names,
        board.check,
        wish.action,
        positions,
        np.append(now, _NOTHING)[dataset.labels[positions]],
        _labels(board, current, names, wish)[positions],
        _among(dataset, standings)[positions],
        _among(dataset, held)[positions],
        _locked(team, dataset, wish)[positions],
        held,
        standings,
    )


def _locked(team: Team, dataset: Dataset, wish: Wish) -> np.ndarray:
    """(N,) bool: rows that an exclusion of many rows must not reach."""
    if wish.action is not Action.EXCLUDE or dataset.splits is None:
        return np.zeros(len(dataset), dtype=bool)
    return locked_rows(dataset, team.store.events(wish.dataset, actions=[Action.LOCK]))


def _check_verdict(dataset: Dataset, current: ClassList, wish: Wish) -> None:
    if wish.action not in VERDICTS:
        raise refuse(f"{wish.action} is no verdict", expected="one of " + ", ".join(sorted(VERDICTS)))
    if wish.label is not None and wish.action is not Action.RELABEL:
        raise refuse(f"a decision to {wish.action} names no class")
    plain = dataset.sets is None and dataset.targets is None
    known = wish.label in current.names if plain else dataset.knows(wish.label)
    if wish.label is not None and not known:
        what = f"{wish.label!r} is not a class of this project"
        raise refuse(what if dataset.targets is None else dataset.targets.why_not(wish.label).rstrip("."))


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


def _names(board: Board, current: ClassList, wish: Wish) -> tuple[str, ...]:
    """What `_Sorted.names` says."""
    if board.dataset.sets is None and board.dataset.targets is None:
        return current.names
    wished = () if wish.label is None else (wish.label,)
    suggested = board.results[board.check].table["suggestion"].cat.categories if board.check else ()
    return tuple(dict.fromkeys((*board.dataset.classes, *wished, *suggested)))


def _labels(board: Board, current: ClassList, names: tuple[str, ...], wish: Wish) -> np.ndarray:
    """(N,) codes into names of what each row would get, -1 for none."""
    dataset = board.dataset
    if wish.action is not Action.RELABEL or (wish.label is None and not board.check):
        return np.full(len(dataset), _NOTHING)
    if wish.label is not None:
        return np.full(len(dataset), names.index(wish.label))
    suggested = board.results[board.check].table["suggestion"]
    # The categories of a suggestion are names, in an order of their own.
    code_of = _codes(names, current, suggested.cat.categories)
    codes = np.append(code_of, _NOTHING)[suggested.cat.codes.to_numpy()]
    if board.hidden is not None:
        codes[board.hidden] = _NOTHING
    return codes


def _codes(names: tuple[str, ...], current: ClassList, in_data: Iterable[str]) -> np.ndarray:
    """The code into names of what each of these classes of the data is called now, -1 for none."""
    code_of = {name: code for code, name in enumerate(names)}
    return np.array([code_of.get(current.resolve(name), _NOTHING) for name in in_data], dtype=np.int64)


def _among(dataset: Dataset, row_ids: Iterable[str]) -> np.ndarray:
    """(N,) whether the row's id is among these; ids of other rows are left out."""
    mask = np.zeros(len(dataset), dtype=bool)
    positions = dataset.positions(row_ids)
    mask[positions[positions >= 0]] = True
    return mask


def _pairs(found: _Sorted, changing: np.ndarray) -> tuple[tuple[str | None, str | None, int], ...]:
    """The most frequent (given, new, rows) among the changes, ties in class order."""
    names = (None, *found.names)  # code -1 becomes 0
    width = len(names)
    given, labels = found.given[changing] - _NOTHING, found.labels[changing] - _NOTHING
    pairs, rows = np.unique(given * width + labels, return_counts=True)
    top = np.argsort(-rows, kind="stable")[:PAIRS]
    return tuple((names[pairs[i] // width], names[pairs[i] % width], int(rows[i])) for i in top)
