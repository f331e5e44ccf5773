"""One page of the issue list as a table of plain cells; only the rows shown become Python objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.review import items
from core.review.decisions import Action, Decision, Standing

PAGE_ROWS = 100
IN_WORDS = {
    Action.KEEP: "kept",
    Action.RELABEL: "changed to {label}",
    Action.EXCLUDE: "excluded",
    Action.AMBIGUOUS: "ambiguous",
    Action.NEEDS_REVIEW: "needs review",
}


def state_of(decision: Decision | None) -> str:
    """A decision in force in words; "undecided" without one."""
    return "undecided" if decision is None else IN_WORDS[decision.action].format(label=decision.label)


def issue_rows(
    board: items.Board,
    positions: np.ndarray,
    standings: Mapping[str, Standing],
    clusters: np.ndarray | None = None,
) -> pd.DataFrame:
    """The rows at these positions in their order, indexed by row id.

    Columns: row (the record's number from 1), preview (text, or a thumbnail's address for images), given,
    suggested, score, why, state, reviewer. Without an analysis: no suggested, score and why.
    standings: what is said of the rows with a verdict; those of other rows are not looked at.
    clusters: (N,) cluster numbers from 0; with them a column cluster after row, counted from 1, missing for
    rows in none.
    """
    lines = [_line(board, int(p), standings) for p in positions]
    ids = pd.Index([str(board.dataset.row_ids[p]) for p in positions], dtype="str")
    frame = pd.DataFrame(lines, index=ids) if lines else pd.DataFrame(columns=["row"], index=ids)
    if clusters is not None:
        number = pd.array(clusters[positions] + 1, dtype="Int64")
        number[number == 0] = pd.NA
        frame.insert(1, "cluster", number)
    return frame


def page_count(matches: int) -> int:
    """How many pages the matches fill, at least 1."""
    return max(1, -(-matches // PAGE_ROWS))


def page_of(positions: np.ndarray, page: int) -> np.ndarray:
    """The positions on a page; pages count from 1."""
    return positions[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]


def _line(board: items.Board, position: int, standings: Mapping[str, Standing]) -> dict[str, Any]:
    tile = items.preview(board, position)
    line: dict[str, Any] = {
        "row": tile["number"],
        "preview": tile["thumb"] if "thumb" in tile else " ".join(tile["text"].split()),
        "given": tile["label"] or "",
    }
    if board.hides(position):
        line |= {"suggested": "", "score": None, "why": "Hidden in this review."}
    elif board.check:
        table = board.results[board.check].table
        line |= {
            "suggested": items.suggestion_of(board, position) or "",
            "score": float(table["score"].iloc[position]),
            "why": str(table["reason"].iloc[position]) or "Not flagged.",
        }
    state, names = said_of(standings.get(tile["row_id"]))
    return {**line, "state": state, "reviewer": ", ".join(names)}


def said_of(standing: Standing | None) -> tuple[str, list[str]]:
    """(the state of a row in words, everyone whose verdict made it)."""
    if standing is None:
        return state_of(None), []
    verdicts = (*standing.opinions, *([standing.final] if standing.final else []))
    state = "annotators disagree" if standing.disagreed else state_of(standing.settled)
    return state, list(dict.fromkeys(verdict.annotator for verdict in verdicts))
