"""One row in full: content, labels, probabilities, every check's reason, nearest rows, decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.audit import checks
from core.issue_rows import said_of
from core.label_forms.votes import votes
from core.likeness import LIKE_ROWS
from core.media import MediaError, around, picture
from core.review import items
from core.review.decisions import Decision
from core.review.people import Role
from pages.parts import judging, session

NEAREST = 6
_TEXT_HEIGHT = 260


def show(board: items.Board, position: int) -> None:
    """The card of one row."""
    row_id = str(board.dataset.row_ids[position])
    name, me = board.dataset.name, session.person()
    state, said_by = said_of(session.team().standings_of(name, me, [row_id]).get(row_id))
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(f"Row {position + 1:,}", anchor=False)
            st.space("stretch")
            reviews = session.can(Role.ANNOTATOR)
            if reviews and st.button(
                "Review it", type="primary", icon=":material/rate_review:", key="review_row"
            ):
                st.switch_page("review.py", query_params=session.carried(row=row_id))
        st.text(f"Id {row_id}")
        _content(board, position)
        _labels(board, position)
        _why(board, position)
        _probabilities(board, position)
        st.text(f"Decision: {state}" + (f", by {', '.join(said_by)}" if said_by else ""))
        _nearest(board, position)
        _history(session.team().history(name, me, row_id))


def _content(board: items.Board, position: int) -> None:
    content = items.content(board, position)
    if content["kind"] == "image":
        try:
            shown = (around if content["boxes"] else picture)(board.dataset, position).address
        except MediaError as error:
            st.text(f"{error} ({content['name']})")
            return
        small = content["size"] is not None and max(content["size"]) <= 160
        st.image(shown, alt=f"Picture of row {position + 1:,}", width=200 if small else "stretch")
    elif content["kind"] == "text":
        more = f"\n… {content['more']:,} more characters" if content["more"] else ""
        with st.container(height=_TEXT_HEIGHT if len(content["text"]) > 700 else "content", border=False):
            st.text(content["text"] + more)
    elif content["kind"] == "tabular":
        fields = pd.DataFrame(content["fields"])[["name", "value", "note"]]
        st.dataframe(
            fields,
            hide_index=True,
            column_config={"name": "Field", "value": "Value", "note": "Note"},
            alt="The row's fields, the most unusual for its given label first",
            height=min(36 * (len(fields) + 1), 260),
        )
        if content["more"]:
            verb = "is" if content["more"] == 1 else "are"
            st.text(f"The first {len(fields):,} columns; {content['more']:,} more {verb} in the file.")


def _labels(board: items.Board, position: int) -> None:
    given, suggested = items.given_label(board.dataset, position), items.suggestion_of(board, position)
    pairs = (("blue", "Given label", given), ("orange", "Suggested label", suggested))
    for column, (colour, title, label) in zip(st.columns(2), pairs, strict=True):
        with column, st.container(gap="xxsmall"):
            st.markdown(f":small[:{colour}[{title}]]")
            st.markdown(f"**{session.escape(label)}**" if label is not None else "none")
    voted = votes(board.dataset.table, board.dataset.columns.label, position)
    if voted and not board.hides(position):
        st.text(voted)


def _why(board: items.Board, position: int) -> None:
    """What every check says of the row."""
    if board.hides(position):
        st.text("What the checks say of this row is hidden in this review.")
        return
    for name, result in board.results.items():
        line = result.table.iloc[position]
        if line["flagged"]:
            with st.container(gap="xxsmall"):
                st.markdown(f":small[**{checks()[name].title}**, score {line['score']:.2f}]")
                st.text(str(line["reason"]))
                if line.get("other"):
                    _judge(board, name, position, str(line["other"]))
    flagged = [n for n, r in board.results.items() if r.table["flagged"].iloc[position]]
    if board.results and not flagged:
        st.text("No check flags this row.")


def _judge(board: items.Board, check: str, position: int, other: str) -> None:
    """What is said of the row and the one that it is like, and the buttons to say it."""
    project = session.desk().project(board.dataset.name)
    row_id = str(board.dataset.row_ids[position])
    with st.container(horizontal=True, vertical_alignment="center"):
        judging.buttons(project, "rows", row_id, other, f"{check}_{position}")
    said = judging.said(judging.judgements(project).of_rows(row_id, other))
    if said:
        st.text(said)


def _probabilities(board: items.Board, position: int) -> None:
    probs = board.predictions.pred_probs
    if probs is None or board.hides(position):
        return
    row = np.asarray(probs[position], dtype=np.float64)
    order = np.argsort(-row, kind="stable")[: items.TOP_CLASSES]
    frame = pd.DataFrame({"Class": [board.dataset.names[k] for k in order], "Probability": row[order]})
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "Probability": st.column_config.ProgressColumn(min_value=0, max_value=1, format="percent")
        },
        alt="The model's probability of each class, likeliest first",
        height=36 * (min(len(frame), 5) + 1),
    )


def _nearest(board: items.Board, position: int) -> None:
    """The nearest rows by embedding, whatever their label, with their distance."""
    embeddings = board.predictions.embeddings
    if embeddings is None:
        return
    from core.methods.neighbours import nearest

    found, distance = nearest(embeddings, np.array([position]), NEAREST)
    lines: list[Mapping[str, Any]] = []
    for other, far in zip(found[0].tolist(), distance[0].tolist(), strict=True):
        if other >= 0:
            tile = items.preview(board, other)
            lines.append(
                {
                    "Row": tile["number"],
                    "Preview": tile.get("thumb") or tile.get("text"),
                    "Label": tile["label"] or "none",
                    "Distance": far,
                }
            )
    if not lines:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(":small[**Nearest rows**]")
        st.space("stretch")
        likes = f"List the {LIKE_ROWS} rows nearest to it, whatever the checks say of them"
        if st.button("More like this one", key="like_row", type="tertiary", help=likes):
            row_id = str(board.dataset.row_ids[position])
            st.switch_page("issues.py", query_params=session.only(like=row_id, sort="near"))
    image = board.dataset.columns.kind == "image"
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        column_config={
            "Row": st.column_config.NumberColumn(format="localized", width=60),
            "Preview": st.column_config.ImageColumn(width=70) if image else st.column_config.TextColumn(),
            "Distance": st.column_config.NumberColumn(format="%.3f", help="Cosine distance: 0 is the same"),
        },
        alt="The nearest rows with their labels and distances",
        height="content",
    )


def _history(events: Sequence[Decision]) -> None:
    if events:
        st.markdown(":small[**History**]")
        for event in events:
            to = f" to {event.label}" if event.label else ""
            st.text(f"{event.decided_at[:16].replace('T', ' ')}  {event.annotator}: {event.action}{to}")
