"""Validation rounds at work: which rows are asked about, what a voter sees, what becomes of the outcomes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.dataset import UNLABELLED, Dataset
from core.errors import refuse
from core.evidence.validation import READERS, Outcome, outcome
from core.issues import Result
from core.review import items
from core.review.chance import random_order
from core.review.decisions import Action, Decision
from core.review.people import Role
from core.review.queue import Filters
from core.review.votes import MOST_READERS, SEED, Pair, Round, round_event
from core.team import Team

if TYPE_CHECKING:
    from core.review.store import Receipt

MOST_ROWS = 20_000
BECOMES: dict[Outcome, Action] = {
    Outcome.CORRECTABLE: Action.RELABEL,
    Outcome.MULTI_LABEL: Action.AMBIGUOUS,
    Outcome.NEITHER: Action.NEEDS_REVIEW,
    Outcome.NON_AGREEMENT: Action.AMBIGUOUS,
    Outcome.RIGHT: Action.KEEP,
}
"""The decision that each outcome amounts to."""


def why_not(dataset: Dataset) -> str:
    """Why rows of a data set cannot be voted on; "" where they can."""
    if dataset.targets is not None:
        return "Labels here are numbers: a number is not right or wrong beside another one."
    if dataset.masks is not None:
        return "Labels here are masks, which do not fit on a card."
    return ""


def labelled(dataset: Dataset) -> int:
    """How many rows have a label."""
    return int((np.asarray(dataset.labels) != UNLABELLED).sum())


def askable(dataset: Dataset, result: Result, positions: np.ndarray) -> dict[str, Pair]:
    """row id -> what is asked, of those of these rows for which the check suggests another label."""
    suggested = result.table["suggestion"].iloc[positions]
    ids, given = dataset.row_ids[positions], dataset.given_labels(positions)
    there = np.asarray(dataset.labels[positions]) != UNLABELLED
    return {
        str(row_id): Pair(str(label), str(other))
        for row_id, label, other, labelled in zip(ids, given, suggested, there, strict=True)
        if labelled and not pd.isna(other) and str(other) != str(label)
    }


def rows_to_ask(team: Team, person: str, name: str, filters: Filters) -> dict[str, Pair]:
    """What a round over a queue would ask: its flagged rows, or those under its cut. Raises InputError for
    what cannot be voted on.
    """
    board = team.desk.board(name, filters, person)
    if reason := why_not(board.dataset):
        raise refuse(reason)
    if not board.check:
        raise refuse("nothing suggests labels here yet", mend="analyse the data set first")
    result = board.results[board.check]
    positions, _ = team.queue(name, person, replace(filters, sort="row"))  # a random audit is over all rows
    if filters.cut is None:
        positions = positions[result.table["flagged"].to_numpy()[positions]]
    return askable(board.dataset, result, positions)


def open_round(
    team: Team,
    person: str,
    name: str,
    filters: Filters,
    *,
    readers: int = READERS,
    most: int | None = None,
    queue: str = "",
) -> Receipt:
    """Open a round over the rows of a queue that have a suggestion, asked in a seeded random order.

    The order is random so that the rows voted on so far are a fair sample of the flagged ones. most: at most
    so many of them. queue: how they were chosen, in words. Raises NotPermitted, and InputError for no row.
    """
    team.people.require(person, Role.ADJUDICATOR)
    if not 1 <= readers <= MOST_READERS:
        raise refuse(f"{readers} votes a row", expected=f"1 to {MOST_READERS}")
    found = rows_to_ask(team, person, name, filters)
    ids = list(found)
    order = random_order(ids, SEED, "validation")[: len(ids) if most is None else most].tolist()
    if not order:
        raise refuse("no row of this queue has a suggestion", mend="choose other rows")
    if len(order) > MOST_ROWS:
        raise refuse(f"{len(order):,} rows are too many for one round", expected=f"at most {MOST_ROWS:,}")
    rows = {ids[i]: found[ids[i]] for i in order}
    event = round_event(name, person, rows, readers=readers, flagged=len(ids), queue=queue)
    return team.store.record([event])[0]


def cards(team: Team, person: str, name: str, of: Round, row_ids: Sequence[str]) -> list[dict[str, Any]]:
    """What this voter is shown of these rows: content and the two labels, nothing that tells them apart.

    Rows that the data set has no longer are left out.
    """
    board = team.desk.board(name, Filters(), person)
    hidden = np.ones(len(board.dataset), dtype=bool)
    board = replace(board, hidden=hidden)
    places = board.dataset.positions(row_ids).tolist()
    there = [(row, place) for row, place in zip(row_ids, places, strict=True) if place >= 0]
    shown = of.shown([row for row, _ in there], person)
    return [
        {"row_id": row, "choices": list(labels), "content": _content(board, place)}
        for (row, place), labels in zip(there, shown, strict=True)
    ]


def _content(board: items.Board, position: int) -> dict[str, Any]:
    """A row's content without its file's name, what is usual for its label (fields are in the file's order),
    and the tags of its sentence: each of them would tell which label is the given one.
    """
    found = items.content(board, position)
    if found["kind"] == "image":
        boxes = found["boxes"]
        own = None if boxes is None else boxes["own"]
        return {"kind": "image", "full": found["full"], "size": found["size"], "box": own}
    if found["kind"] == "tabular":
        values = {field["name"]: field["value"] for field in found["fields"]}  # the most unusual come first
        return {
            "kind": "tabular",
            "fields": [[n, values[n]] for n in board.dataset.columns.content if n in values],
        }
    if "words" in found:
        words = [word for word, _ in found["words"]]
        return {"kind": "text", "words": words, "at": found["at"]}
    return found


@dataclass(frozen=True, eq=False)
class Step:
    """One decision on many rows that outcomes amount to.

    members: (row id, given label, new label or None). decided, gone: rows left out, since somebody has
    decided them, or since their given label is another by now.
    """

    action: Action
    members: tuple[tuple[str, str, str | None], ...]
    decided: int
    gone: int


def steps(team: Team, name: str, of: Round, keep: bool = False) -> list[Step]:
    """What applying a round's outcomes would do now. keep: also decide rows whose given label is right."""
    dataset, classes = team.desk.project(name).dataset, team.desk.classes(name)
    standings = team.store.standings(name)
    places = dict(zip(of.rows, dataset.positions(of.rows).tolist(), strict=True))
    chosen: dict[Action, list[tuple[str, str, str | None]]] = {}
    decided: dict[Action, int] = {}
    gone: dict[Action, int] = {}
    for row_id, found in outcomes(of).items():
        if found is Outcome.RIGHT and not keep:
            continue
        action, pair, place = BECOMES[found], of.rows[row_id], places[row_id]
        label = classes.resolve(pair.suggested) if action is Action.RELABEL else None
        chosen.setdefault(action, [])
        known = label is None or dataset.knows(label) or label in classes.names
        if place < 0 or items.given_label(dataset, place) != pair.given or not known:
            gone[action] = gone.get(action, 0) + 1
        elif row_id in standings:
            decided[action] = decided.get(action, 0) + 1
        else:
            chosen[action].append((row_id, pair.given, label))
    return [
        Step(action, tuple(chosen[action]), decided.get(action, 0), gone.get(action, 0))
        for action in dict.fromkeys(BECOMES.values())
        if action in chosen
    ]


def outcomes(of: Round) -> dict[str, Outcome]:
    """row id -> what its votes amount to, of the rows that have all their votes, in the order of asking.

    Where more voted than were asked for, most is more than half of those who did.
    """
    found = ((row, outcome_of(of, row)) for row in of.rows)
    return {row: said for row, said in found if said is not None}


def outcome_of(of: Round, row_id: str) -> Outcome | None:
    """What a row's votes amount to; None while it has too few."""
    counts = {str(choice): many for choice, many in of.counts(row_id).items()}
    return outcome(counts, max(of.readers, sum(counts.values())))


def apply(team: Team, person: str, name: str, of: Round, keep: bool = False) -> list[Receipt]:
    """Store what a round's outcomes amount to: one event for each action, by this person.

    Rows that anybody has decided or holds are left alone. Raises NotPermitted.
    """
    team.people.require(person, Role.ADJUDICATOR)
    held = team.in_others_hands(name, person)
    said = f"validated by {of.readers} {'vote' if of.readers == 1 else 'votes'}"
    return [
        team.store.record_bulk(
            Decision(name, "", step.action, person, "", uuid.uuid4().hex, shown=said), step.members, held
        )
        for step in steps(team, name, of, keep)
        if step.members
    ]
