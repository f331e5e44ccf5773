"""The Map tab of Explore: every row as a point; an area that somebody draws becomes a queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import streamlit as st

from core import map_view
from core.audit import Audit, checks
from core.clustering import stored_clusters
from core.data_map import MAPS
from core.map_view import Colouring
from core.review import items
from core.review.about import About
from core.review.areas import Area
from core.review.people import Role
from core.review.queue import Filters, check_in_use
from core.workspace import Project
from pages.parts import apply_all, card, charts, map_chart, picking, session, work
from pages.parts.numbers import rows

_KEY = {True: "map_draw", False: "map_look"}
_HOVER_TEXT = 60
_COLUMN = "column: "


def show(project: Project, audit: Audit) -> None:
    """Draw the map, what colours stand for, and what was chosen on it."""
    found = work.drawn_map(project)
    if found is None:
        return
    layout, method = found
    filters = session.filters()
    check = check_in_use(audit.results, filters)
    result = audit.results.get(check)
    n = len(project.dataset)
    flagged = np.zeros(n, dtype=bool) if result is None else result.table["flagged"].to_numpy()
    score = np.ones(n) if result is None else result.table["score"].to_numpy()
    hidden = session.team().hidden(project.name, session.person())
    flagged = flagged & ~hidden
    drawn = map_view.drawn_rows(flagged, score)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        colouring = map_view.without(_colouring(project, audit, check), hidden)
        draws = _mouse() == "draw"
    area = _area(filters, method)
    inside = None if area is None else area.holds(layout)
    board = session.board(project.name, filters)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        figure, traces = map_chart.figure(
            layout,
            drawn,
            colouring,
            flagged,
            _hover(board, drawn.positions, flagged),
            charts.colours(),
            None if drawn.whole else map_view.density(layout),
            inside,
            draws,
        )
        alt = f"Map of {rows(n)} by {MAPS[method].lower()}, {int(flagged.sum()):,} flagged"
        charts.show(
            figure,
            alt,
            key=_KEY[draws],  # one chart does not change what its mouse does
            on_select=lambda: _chosen(draws, method, traces, project),
            selection_mode=("lasso", "box") if draws else "points",
        )
        _told(n, drawn, colouring, method)
    with right:
        if inside is not None:
            _selected(project, filters, inside, flagged)
        row = st.query_params.get("row", "")
        at = int(project.dataset.positions([row])[0]) if row else -1
        if at >= 0:
            card.show(board, at)
        elif inside is None:
            st.text("Draw around points to choose them." if draws else "Click a point to see its row.")


def _colouring(project: Project, audit: Audit, check: str) -> Colouring:
    """What the visitor chose to colour by."""
    dataset, result = project.dataset, audit.results.get(check)
    options: dict[str, tuple[str, Callable[[], Colouring]]] = {}
    if result is not None:
        title = checks()[check].title
        options["flagged"] = f"Flagged by {title}", lambda: map_view.by_flagged(result, len(dataset))
    if (dataset.labels >= 0).any():
        options["given"] = "Given label", lambda: map_view.by_given(dataset)
    if result is not None:
        options["suggested"] = "Suggested label", lambda: map_view.by_suggested(result)
        options["score"] = f"Score of {checks()[check].title}", lambda: map_view.by_score(result)
    clusters = stored_clusters(session.workspace(), project)
    if clusters is not None:
        options["cluster"] = "Cluster", lambda: map_view.by_cluster(clusters)
    if dataset.columns.split is not None:
        split = dataset.columns.split
        options["split"] = "Split", lambda: map_view.by_column(dataset.table, split)
    decided = session.store().settled_rows
    options["decision"] = "Decision", lambda: map_view.by_decision(dataset, decided(project.name))
    for column in map_view.coloured_columns(dataset):
        options[_COLUMN + column] = column, _of_column(project, column)
    names = list(options)
    chosen = session.bound(
        st.selectbox,
        "Colour by",
        names,
        param="x_colour",
        read=lambda text: text if text in options else names[0],
        format_func=lambda name: options[name][0],
        width=260,
    )
    return options[chosen or names[0]][1]()


def _mouse() -> str:
    """What the mouse does on the map: Streamlit takes no clicks while it draws."""
    return session.choice("Mouse", {"draw": "Draw around points", "look": "Click a point"}, "x_mouse")


def _of_column(project: Project, column: str) -> Callable[[], Colouring]:
    return lambda: map_view.by_column(project.dataset.table, column)


def _area(filters: Filters, method: str) -> Area | None:
    """The area of the address, where it is one of the map that is shown."""
    if not filters.area:
        return None
    area = Area.parse(filters.area)
    return area if area.method == method else None


def _hover(board: items.Board, positions: np.ndarray, flagged: np.ndarray) -> list[str]:
    """For each of the rows: its number, labels and, where it is a text, how it begins."""
    dataset = board.dataset
    labelled = _each_class("labelled ", dataset.classes, "no label")[np.asarray(dataset.labels)[positions]]
    looks = np.full(len(positions), "", dtype=object)
    if board.check:
        suggestion = board.results[board.check].table["suggestion"]
        codes = np.where(flagged, suggestion.cat.codes.to_numpy(), -1)[positions]
        looks = _each_class("<br>looks like ", suggestion.cat.categories, "")[codes]
    begin = [""] * len(positions)
    if dataset.columns.kind == "text":
        cells = dataset.table[dataset.columns.content[0]].iloc[positions].fillna("").astype("str")
        begin = [f"<br>{_short(' '.join(text[: 4 * _HOVER_TEXT].split()))}" for text in cells]
    lines = zip((positions + 1).tolist(), labelled, looks, begin, strict=True)
    return [f"row {number:,}<br>{label}{like}{text}" for number, label, like, text in lines]


def _each_class(words: str, names: Iterable[str], none: str) -> np.ndarray:
    """What to say for each class code; the last, for the code -1, for none."""
    return np.array([*(words + _short(str(name)) for name in names), none], dtype=object)


def _short(text: str) -> str:
    return charts.safe(session.shorten(text, _HOVER_TEXT))


def _chosen(draws: bool, method: str, traces: list[np.ndarray], project: Project) -> None:
    """Write what was drawn or clicked to the address."""
    selection = picking.selection(_KEY[draws])
    drawn = [(shape["x"], shape["y"]) for shape in (*selection["lasso"], *selection["box"])]
    if drawn:
        x, y = drawn[-1]
        area = Area.drawn(method, list(zip(x, y, strict=True)))
        session.set_params({"area": str(area), "row": None})
        return
    points = selection["points"]
    if points:
        position = int(traces[points[0]["curve_number"]][points[0]["point_index"]])
        session.set_params({"row": str(project.dataset.row_ids[position])})


def _told(n: int, drawn: map_view.Drawn, colouring: Colouring, method: str) -> None:
    """What is drawn, what is not, and what a map cannot say."""
    parts = [f"{MAPS[method]} of the embeddings, seed 0."]
    if not drawn.whole:
        parts.append(
            f"Points: {drawn.flagged:,} flagged and {len(drawn.positions) - drawn.flagged:,} others of "
            f"{n:,} rows, drawn by lot; the shade counts all, and so does an area."
        )
    if colouring.others:
        parts.append(f"The {len(colouring.names) - 1} largest groups; {colouring.others:,} others share one.")
    parts.append("Distances on a flat map can mislead; nearest rows are found in the full space.")
    st.markdown(f":small[{' '.join(parts)}]")


def _selected(project: Project, filters: Filters, inside: np.ndarray, flagged: np.ndarray) -> None:
    """What lies in the area, and what can be done with it."""
    wish = Filters(find=filters.find, area=filters.area, cut=1.0)
    count, bad = int(inside.sum()), int((inside & flagged).sum())
    st.subheader(f"{rows(count)} chosen", anchor=False)
    made = map_view.made_up_of(project.dataset.labels, project.dataset.classes, np.flatnonzero(inside))
    some = [f"{session.shorten(name, 28)} {number:,}" for name, number in list(made.items())[:6]]
    left = len(made) - 6
    more = f", {left:,} other {'label' if left == 1 else 'labels'}" if left > 0 else ""
    if count:
        st.text(f"{bad:,} of them flagged. Labelled {', '.join(some)}{more}.")
    params = session.only(**wish.to_query())
    with st.container(horizontal=True):
        reviews = session.can(Role.ANNOTATOR)
        if count and reviews and st.button(f"Review these {count:,}", type="primary", key="area_all"):
            st.switch_page("review.py", query_params=params)
        if bad and reviews and st.button(f"Only the {bad:,} flagged", key="area_flagged"):
            st.switch_page("review.py", query_params=session.only(**replace(wish, cut=None).to_query()))
        if count:
            apply_all.offer(project, wish, count)
            st.page_link("issues.py", label="List them", query_params=params)
            alike = session.only(
                find=filters.find, about=str(About(area=Area.parse(filters.area))), sort="near"
            )
            st.page_link("issues.py", label="More like these", query_params=alike)
        st.button("Clear", type="tertiary", on_click=session.set_params, args=({"area": None},))
    apply_all.offer_undo(project.name)
