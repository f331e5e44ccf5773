"""The boxes that are drawn on a row's picture: its own, the others given there, and what the model found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.boxes import SIDES

if TYPE_CHECKING:
    from core.review.items import Board

MOST_OTHERS = 200
"""Of a picture's other boxes the nearest are drawn; more would hide it."""
CHECK = "box_errors"


def box_view(board: Board, position: int, size: tuple[int, int] | None) -> dict[str, Any] | None:
    """What to draw, each box as x, y, width, height in shares of the upright picture; None without a box.

    own: the row's box. others: those of the same picture, as {box, label or None}.
    more: how many further ones are not sent. found: the detection from which the suggestion comes, or which
    places the box elsewhere, as {box, label, score}; None for none, and where a row hides what models say.
    """
    boxes = board.dataset.boxes
    if boxes is None or not np.isfinite(boxes.values[position]).all():
        return None
    near = boxes.of_same_picture(position)
    near = near[(near != position) & np.isfinite(boxes.values[near]).all(axis=1)]
    here = _centres(boxes.values[[position]])
    far = ((_centres(boxes.values[near]) - here) ** 2).sum(axis=1)
    shown = near[np.argsort(far, kind="stable")[:MOST_OTHERS]]
    own = boxes.in_shares(boxes.values[[position]], size)
    others = boxes.in_shares(boxes.values[shown], size)
    if own is None or others is None:
        return None
    labels = board.dataset.given_labels(shown).tolist()
    return {
        "own": _plain(own)[0],
        "others": [
            {"box": box, "label": label or None} for box, label in zip(_plain(others), labels, strict=True)
        ],
        "more": len(near) - len(shown),
        "found": None if board.hides(position) else _found(board, position, size),
    }


def _found(board: Board, position: int, size: tuple[int, int] | None) -> dict[str, Any] | None:
    boxes, detections = board.dataset.boxes, board.predictions.detections
    result = board.results.get(CHECK)
    if result is None or detections is None or boxes is None or not result.cells["flagged"][position]:
        return None
    at = int(result.cells["detection"][position])
    if not 0 <= at < len(detections):
        return None
    line = detections.iloc[at]
    shares = boxes.in_shares(line[list(SIDES)].to_numpy(dtype=np.float64)[None], size)
    if shares is None:
        return None
    return {"box": _plain(shares)[0], "label": str(line["label"]), "score": round(float(line["score"]), 4)}


def _centres(values: np.ndarray) -> np.ndarray:
    return values[:, :2] + values[:, 2:] / 2


def _plain(shares: np.ndarray) -> list[list[float]]:
    return np.round(shares, 6).tolist()
