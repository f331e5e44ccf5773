"""What the review surface shows of one row, as JSON-able values. Nothing in here is markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from core import checks as checks_package
from core.checks.label_issues import percent
from core.dataset import UNLABELLED, Dataset
from core.issues import Check, Result
from core.label_forms.votes import votes
from core.mask_overlay import shown as shown_masks
from core.media import picture_size, tile_side
from core.predictions import Predictions
from core.registry import collect
from core.review.box_view import box_view
from core.review.decisions import Decision
from core.review.fields import cell_text, fields
from core.review.queue import DEFAULT_FIND, NUMBER_FIND
from core.review.token_view import sentence_view

TOP_CLASSES = 9
LIKELY_CLASSES = 50
TEXT_LIMIT = 20_000
PREVIEW_LIMIT = 120
FIELD_LIMIT = 200
"""Columns of a table that are shown of a row: nobody reads 4,000, and to judge those takes a second a row."""

MediaLink = Callable[[int, str], str]
"""(row position, size) -> the picture's address."""


@dataclass(frozen=True, eq=False)
class Board:
    """Everything that the items of one queue are made from.

    check: name of the check in use; "" where the data set has not been analysed.
    hidden: (N,) bool, the rows of which nothing that a model or a check says is shown; None: no row.
    """

    dataset: Dataset
    predictions: Predictions
    results: Mapping[str, Result]
    check: str
    link: MediaLink
    hidden: np.ndarray | None = None

    def hides(self, position: int) -> bool:
        """Whether a row is shown as if no model had ever seen it."""
        return self.hidden is not None and bool(self.hidden[position])


def item(board: Board, position: int, decision: Decision | None) -> dict[str, Any]:
    """One row as the surface shows it.

    number: the row as a person counts it (1 is the first record). given, suggestion: class names or None.
    classes: at most TOP_CLASSES [name, probability or None], likeliest first, ties in class order; where a
    row can have several labels, those given and suggested are always among them, and given and suggestion
    are sets as one text.
    likely: codes of the LIKELY_CLASSES likeliest in the same order, where not every class is in classes:
    a search among very many ranks by them. Empty without predicted probabilities.
    why: the sentence that says why the row is here, as [text, is it a finding] pieces.
    checks: what each check that has run says of the row. between: where labels are numbers, the texts of
    those between which rows like it lie, as the check in use has them; None where that is not known.
    """
    dataset = board.dataset
    suggestion = suggestion_of(board, position)
    classes, likely = _likeliest(board, position)
    return {
        "row_id": str(dataset.row_ids[position]),
        "number": position + 1,
        "given": given_label(dataset, position),
        "suggestion": suggestion,
        "classes": classes,
        "likely": likely,
        "why": why(board, position),
        "checks": findings(board, position),
        "between": between(board, position),
        "content": content(board, position),
        "decision": None if decision is None else decision_view(decision),
        "hidden": board.hides(position),
    }


def given_label(dataset: Dataset, position: int) -> str | None:
    """The class name of a row's given label, None for an unlabelled row."""
    code = int(dataset.labels[position])
    return None if code == UNLABELLED else dataset.classes[code]


def suggestion_of(board: Board, position: int) -> str | None:
    """The class that the check in use suggests for a row, None where it suggests none."""
    if not board.check or board.hides(position):
        return None
    value = board.results[board.check].cells["suggestion"][position]
    return None if pd.isna(value) else str(value)


def between(board: Board, position: int) -> tuple[str, str] | None:
    """The numbers between which rows like this one lie; None for classes, and where nothing is shown."""
    targets = board.dataset.targets
    if targets is None or not board.check or board.hides(position):
        return None
    cells = board.results[board.check].cells
    if "low" not in cells or not np.isfinite(cells["low"][position]):
        return None
    low, high = (targets.text(float(cells[name][position])) for name in ("low", "high"))
    return low, high


def decision_view(decision: Decision) -> dict[str, Any]:
    """A decision in force as the surface needs it."""
    return {
        "op_id": decision.op_id,
        "action": str(decision.action),
        "label": decision.label,
        "annotator": decision.annotator,
        "final": decision.final,
    }


def why(board: Board, position: int, neighbours: tuple[int, int] | None = None) -> list[tuple[str, bool]]:
    """Why a row is in the queue, and how the votes were on its given label, where the data say.

    neighbours: (how many of the nearest have the suggested label, of how many). A clause that is not known is
    left out.
    """
    if board.hides(position):
        return []
    pieces = _why(board, position, neighbours)
    voted = votes(board.dataset.table, board.dataset.columns.label, position)
    return [*pieces, (f" {voted}" if pieces else voted, False)] if voted else pieces


def _why(board: Board, position: int, neighbours: tuple[int, int] | None) -> list[tuple[str, bool]]:
    if not board.check:
        return []
    cells = board.results[board.check].cells
    if not bool(cells["flagged"][position]):
        score = float(cells["score"][position])
        return [(f"Not flagged: score {score:.2f}, where 0 is worst and 1 is clean.", False)]
    suggestion = suggestion_of(board, position)
    probs = board.predictions.pred_probs
    several = board.dataset.sets is not None
    if probs is None or suggestion is None or board.check != DEFAULT_FIND or several:
        return [(str(cells["reason"][position]), False)]
    dataset = board.dataset
    given, row = given_label(dataset, position), probs[position]
    pieces = [("Flagged because the model gives ", False)]
    pieces.append((f"{suggestion} {percent(float(row[dataset.classes.index(suggestion)]))}", True))
    if given is not None:
        pieces.append((" and ", False))
        pieces.append((f"{given} {percent(float(row[dataset.classes.index(given)]))}", True))
    same, of = neighbours or (0, 0)
    if same:
        verb = "is" if same == 1 else "are"
        pieces.append((f", and {same} of its {of} nearest rows {verb} labelled {suggestion}", False))
    pieces.append((".", False))
    if of and not same:
        pieces.append((f" But none of its {of} nearest rows is labelled {suggestion}.", False))
    return pieces


def findings(board: Board, position: int) -> list[dict[str, Any]]:
    """What each check says of a row: those that flag it first, the usual check before others, then by name.

    score: 0 is worst, 1 is clean. suggestion: a class name or None. reason: "" where it is not flagged.
    """
    if board.hides(position):
        return []
    titles = _titles()
    known = [name for name in titles if name in board.results]
    found = [
        _finding(name, titles.get(name, name), board.results[name].cells, position)
        for name in (*known, *(name for name in board.results if name not in titles))
    ]
    return sorted(
        found,
        key=lambda finding: (not finding["flagged"], finding["name"] not in (DEFAULT_FIND, NUMBER_FIND)),
    )


def _finding(name: str, title: str, cells: Mapping[str, Any], position: int) -> dict[str, Any]:
    suggestion = cells["suggestion"][position]
    return {
        "name": name,
        "title": title,
        "flagged": bool(cells["flagged"][position]),
        "score": round(float(cells["score"][position]), 4),
        "suggestion": None if pd.isna(suggestion) else str(suggestion),
        "reason": str(cells["reason"][position]),
    }


@cache
def _titles() -> dict[str, str]:
    return {name: check.title for name, check in collect(checks_package, Check).items()}


def _likeliest(board: Board, position: int) -> tuple[list[tuple[str, float | None]], list[int]]:
    """(the classes that are shown, the codes that a search ranks by); see `item`."""
    classes, probs = board.dataset.names, board.predictions.pred_probs
    first = _in_sets(board, position)
    if probs is None or board.hides(position):
        picked = _fill(first, range(min(len(classes), TOP_CLASSES + len(first))))
        return [(classes[k], None) for k in picked], []
    row = np.asarray(probs[position], dtype=np.float64)
    order = np.argsort(-row, kind="stable")[:LIKELY_CLASSES].tolist()
    picked = sorted(_fill(first, order), key=lambda k: -row[k])
    shown: list[tuple[str, float | None]] = [(classes[k], round(float(row[k]), 4)) for k in picked]
    return shown, order if len(classes) > TOP_CLASSES else []


def _fill(first: Sequence[int], others: Iterable[int]) -> list[int]:
    """The first codes and as many others as make TOP_CLASSES, in class order."""
    return sorted(list(dict.fromkeys((*first, *others)))[: max(TOP_CLASSES, len(set(first)))])


def _in_sets(board: Board, position: int) -> list[int]:
    """Codes of the classes in the given and in the suggested set: they have to be at hand to be unticked."""
    sets = board.dataset.sets
    if sets is None:
        return []
    texts = (given_label(board.dataset, position), suggestion_of(board, position))
    return np.flatnonzero(sets.indicator(text for text in texts if text is not None).any(axis=0)).tolist()


def content(board: Board, position: int) -> dict[str, Any]:
    """What the row is: an image's addresses and boxes, a text, or fields; {"kind": "none"} for unknown."""
    dataset = board.dataset
    columns = dataset.columns
    if columns.kind == "image":
        size = picture_size(dataset, position)
        masks = shown_masks(dataset, position, board.hides(position))
        return {
            "kind": "image",
            "full": board.link(position, "full"),
            "thumb": board.link(position, "thumb"),
            "size": size,
            "tile": tile_side(size),
            "name": cell_text(dataset.table[columns.content[0]].array[position]),
            "boxes": box_view(board, position, size),
            **({} if masks is None else {"masks": masks}),
        }
    if columns.kind == "text":
        text = row_text(dataset, position)
        if dataset.sentences is not None:
            return {"kind": "text", "text": text[:TEXT_LIMIT], "more": 0, **sentence_view(dataset, position)}
        return {"kind": "text", "text": text[:TEXT_LIMIT], "more": max(0, len(text) - TEXT_LIMIT)}
    if columns.kind == "tabular":
        more = max(0, len(columns.content) - FIELD_LIMIT)
        shown = columns.content[:FIELD_LIMIT]
        return {"kind": "tabular", "fields": fields(dataset, position, shown), "more": more}
    return {"kind": "none"}


def row_text(dataset: Dataset, position: int) -> str:
    """A row's whole text; several text columns with a blank line between them."""
    cells = (dataset.table[c].array[position] for c in dataset.columns.content)
    return "\n\n".join(cell_text(cell) for cell in cells)


def preview(board: Board, position: int) -> dict[str, Any]:
    """A row as a small tile: a thumbnail's address, or the beginning of its text or fields."""
    dataset = board.dataset
    tile: dict[str, Any] = {
        "row_id": str(dataset.row_ids[position]),
        "number": position + 1,
        "label": given_label(dataset, position),
    }
    if dataset.columns.kind == "image":
        return {**tile, "thumb": board.link(position, "thumb"), "full": board.link(position, "full")}
    if dataset.columns.kind == "text":
        text = row_text(dataset, position)
    else:
        cells = ((c, dataset.table[c].array[position]) for c in dataset.columns.content[:PREVIEW_LIMIT])
        text = ", ".join(f"{c} {cell_text(cell)}" for c, cell in cells)
    return {**tile, "text": text[:PREVIEW_LIMIT] + ("…" if len(text) > PREVIEW_LIMIT else "")}
