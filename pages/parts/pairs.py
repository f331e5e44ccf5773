"""A held-out row beside the row that it is like."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.exporting import counted
from core.issues import Result
from core.media import MediaError, picture
from core.review import items
from core.review.fields import cell_text
from core.review.judgements import Judgements
from core.review.people import Role
from core.review.queue import Filters
from core.side_by_side import Shared, shared_words
from core.workspace import Project
from pages.parts import judging, picking, session

CHECK = "split_leakage"
LEAKED, ALIKE, JUDGED = "Leaked rows", "Most alike otherwise", "Judged"
_PARAM = "x_pairs"


def show(project: Project, result: Result) -> None:
    """One pair at a time, worst first, with page buttons: the flagged pairs, or the next most alike."""
    kinds = {LEAKED: _flagged(project, result)}
    if "candidates" in result.figures and len(result.figures["candidates"]):
        kinds[ALIKE] = _candidates(project, result.figures["candidates"])
    found = judging.judgements(project)
    kinds[JUDGED] = _judged(project, found)
    if not any(map(len, kinds.values())):
        return
    st.subheader("Pairs", anchor=False)
    judging.offer_undo(project.name)
    options = [name for name, found in kinds.items() if len(found)]
    chosen = options[0]
    if len(options) > 1:
        chosen = session.choice("Which pairs", {name: name for name in options}, _PARAM)
    shown = kinds[chosen]
    if chosen == ALIKE:
        words = (
            "says the same in other words" if project.dataset.columns.kind == "text" else "is the same thing"
        )
        st.text(f"No method flags these. Look whether one {words}.")
    page = picking.asked_page(len(shown))
    row, other, cosine = shown[page - 1]
    _pair(project, result, row, other, cosine, chosen == JUDGED)
    _verdict(project, found, row, other)
    if len(shown) > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            picking.pagination(len(shown), page, f"pairs_{project.name}_{chosen}_{len(shown)}")
            st.text(f"Pair {page:,} of {len(shown):,}")


def _flagged(project: Project, result: Result) -> list[tuple[int, int, float | None]]:
    table = result.table
    rows = np.flatnonzero(table["flagged"].to_numpy())
    rows = rows[np.argsort(table["score"].to_numpy()[rows], kind="stable")]
    others = project.dataset.positions(table["other"].array[rows])
    return [(row, other, None) for row, other in zip(rows.tolist(), others.tolist(), strict=True)]


def _candidates(project: Project, figure: pd.DataFrame) -> list[tuple[int, int, float | None]]:
    rows, others = (project.dataset.positions(figure[name]) for name in ("row_id", "other"))
    return list(zip(rows.tolist(), others.tolist(), figure["cosine"].tolist(), strict=True))


def _judged(project: Project, found: Judgements) -> list[tuple[int, int, float | None]]:
    """The judged pairs of rows that are there, the latest first."""
    pairs = list(found.rows)
    ends = [project.dataset.positions([pair[side] for pair in pairs]).tolist() for side in (0, 1)]
    latest = {pair: max(o.event.seq for o in judged.opinions) for pair, judged in found.rows.items()}
    there = [(a, b, latest[p]) for p, a, b in zip(pairs, *ends, strict=True) if a >= 0 and b >= 0]
    return [(a, b, None) for a, b, _ in sorted(there, key=lambda line: -line[2])]


def _verdict(project: Project, found: Judgements, row: int, other: int) -> None:
    """What is said of the pair, and the buttons to say it."""
    ids = [str(project.dataset.row_ids[position]) for position in (row, other)]
    with st.container(horizontal=True, vertical_alignment="center"):
        judging.buttons(project, "rows", ids[0], ids[1], f"{row}_{other}")
        said = judging.said(found.of_rows(ids[0], ids[1]))
        if said:
            st.text(said, width="content")


def _pair(
    project: Project, result: Result, row: int, other: int, cosine: float | None, judged: bool = False
) -> None:
    board = session.board(project.name, Filters(find=CHECK))
    if board.hides(row):
        st.text("What the checks say of this row is hidden in this review.")
    elif judged:
        pass  # what a check says of the row may be about another pair
    elif cosine is None:
        st.text(str(result.cells["reason"][row]))
    else:
        space = "embeddings" if result.summary["space"] == "embedding" else "runs of 3 to 5 letters"
        st.text(f"Cosine {cosine:.3f}, by {space}.")
    kind = project.dataset.columns.kind
    sides: tuple[Shared | None, Shared | None] = (None, None)
    if kind == "text":
        sides = shared_words(items.row_text(project.dataset, row), items.row_text(project.dataset, other))
    for column, position, side in zip(st.columns(2, gap="medium"), (row, other), sides, strict=True):
        with column, st.container(border=True, gap="small"):
            _head(board, position)
            if side is not None:
                _text(side)
            elif kind == "image":
                _image(board, position)
    if kind == "text":
        st.markdown(":small[Words that both texts have in the same order are bold.]")
    elif kind == "tabular":
        _fields(project, row, other)


def _head(board: items.Board, position: int) -> None:
    dataset = board.dataset
    split = "" if dataset.splits is None else session.escape(str(dataset.splits.array[position]))
    row_id = str(dataset.row_ids[position])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{split} row {position + 1:,}**", width="content")
        st.space("stretch")
        st.page_link(
            "issues.py",
            label=":small[Open]",
            query_params=session.only(find=CHECK, row=row_id),
            help=f"Open row {position + 1:,} on the Issues page",
        )
        if session.can(Role.ANNOTATOR):
            st.page_link(
                "review.py",
                label=":small[Review]",
                query_params=session.only(find=CHECK, row=row_id),
                help=f"Decide row {position + 1:,}",
            )
    label = items.given_label(dataset, position)
    st.text(f"Id {row_id}, labelled {label}" if label is not None else f"Id {row_id}, without a label")


def _text(side: Shared) -> None:
    runs = [
        f":blue-background[**{session.escape(run.text)}**]" if run.shared else session.escape(run.text)
        for run in side.runs
    ]
    with st.container(
        height=300 if sum(len(run.text) for run in side.runs) > 900 else "content", border=False
    ):
        st.markdown(" ".join(runs) or "*empty*")
    if side.more:
        were = "was" if side.more == 1 else "were"
        st.text(f"{counted(side.more, 'more word')} {were} not compared.")


def _image(board: items.Board, position: int) -> None:
    try:
        st.image(
            picture(board.dataset, position).address, alt=f"Picture of row {position + 1:,}", width="stretch"
        )
    except MediaError as error:
        st.text(f"{error} ({items.content(board, position)['name']})")


def _fields(project: Project, row: int, other: int) -> None:
    """Both rows' values beside each other, those that differ first."""
    table, columns = project.dataset.table, project.dataset.columns.content
    cells = [(str(c), *(cell_text(table[c].array[p]) for p in (row, other))) for c in columns]
    cells.sort(key=lambda cell: cell[1] == cell[2])
    shown = pd.DataFrame(
        cells[: items.FIELD_LIMIT], columns=["Field", f"Row {row + 1:,}", f"Row {other + 1:,}"]
    )
    shown["Same"] = ["same" if a == b else "differs" for _, a, b in cells[: items.FIELD_LIMIT]]
    st.dataframe(shown, hide_index=True, alt="Values of both rows", height=min(36 * (len(shown) + 1), 400))
    if more := max(0, len(cells) - items.FIELD_LIMIT):
        st.text(f"{counted(more, 'more field')} {'is' if more == 1 else 'are'} not shown.")
