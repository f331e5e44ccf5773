"""What the decisions say of the whole data set: wrong labels left, when to stop, what comes next."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.audit import Audit
from core.evidence import sections, words
from core.evidence.figures import drawn_from
from core.evidence.reading import Reading
from core.evidence.remaining import Remaining
from core.evidence.state import State
from core.review.people import Role
from core.review.queue import default_find
from core.workspace import Project
from pages.parts import charts, explore_charts, section, session


def show(project: Project, audit: Audit) -> None:
    """The sections on what the review has shown so far."""
    labels = audit.results.get(default_find(project.dataset))
    made = "" if labels is None else str(labels.summary.get("computed_at", ""))
    key = (project.dataset.fingerprint, session.store().last_seq(project.name), made)
    reading = _reading(key, project, audit)
    found = reading.state
    left, stop, ahead = sections.left(reading), sections.stop(reading), sections.ahead(reading)
    section.head(left)
    corrected = sections.corrected(reading)
    if not found.left.unread:
        if corrected is not None:
            section.show(corrected)
        return
    _offer_random(project, found.left)
    _burn_down(found)
    for table in left.tables:
        section.table(left.key, table)
    section.panels(left)
    for one in (corrected, stop):
        if one is not None:
            section.show(one)
    if ahead is not None:
        section.head(ahead)
        if len(found.reliability):
            _reliability(found.reliability)
        section.panels(ahead)


@st.cache_resource(max_entries=4, show_spinner=False)
def _reading(key: tuple[str, int, str], _project: Project, _audit: Audit) -> Reading:
    """Made again when somebody has decided, and not before."""
    made = Reading(_project, _audit.results, session.store())
    _ = made.state  # of the events that the key counts
    return made


def _offer_random(project: Project, left: Remaining) -> None:
    """The ways to random rows: the queue that holds nothing else, and the plan that mixes them in."""
    share = session.team().plan(project.name).audit
    if share:
        st.markdown(f":small[{words.mixed_in_words(share)}]")
    elif not left.audits:
        st.text(
            "Random rows, shown without a suggestion, are what tells. Read some of them, or have them mixed "
            "into everybody's queue."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if session.can(Role.ANNOTATOR):
            params = session.only(sort="random")
            st.page_link("review.py", label="Read random rows", icon=":material/casino:", query_params=params)
        if session.can(Role.OWNER) and not share:
            params = session.only(tab="plan")
            st.page_link(
                "team.py", label="Mix them into the queue", icon=":material/shuffle:", query_params=params
            )


def _burn_down(found: State) -> None:
    points = drawn_from(found.line)
    if not points:
        return
    frame = pd.DataFrame(
        [(one.read, *one.left, one.found) for one in points], columns=["read", "low", "high", "found"]
    )
    charts.show(_figure(frame, charts.colours()), words.burn_down_in_words(points[-1]), key="burn_down")
    charts.with_table(frame, "Wrong labels found and left, by rows read", "burn_down")


def _figure(frame: pd.DataFrame, theme: charts.Colours) -> dict[str, Any]:
    read = frame["read"].tolist()
    line = {"type": "scatter", "mode": "lines", "x": read}
    band = {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    data = [
        {**line, **band, "y": frame["high"].tolist()},
        {
            **line,
            **band,
            "y": frame["low"].tolist(),
            "fill": "tonexty",
            "fillcolor": _faint(theme.suggested),
            "name": "left (95%)",
            "showlegend": True,
        },
        {**line, "y": frame["found"].tolist(), "name": "found", "line": {"color": theme.given, "width": 2}},
    ]
    layout = charts.base_layout(theme, height=charts.HEIGHT, margin_left=4)
    layout["xaxis"] |= {"title": {"text": "rows read"}, "rangemode": "tozero"}
    layout["yaxis"] |= {"title": {"text": "wrong labels"}, "rangemode": "tozero"}
    layout |= {
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.12, "x": 0},
        "hovermode": "x unified",
    }
    return {"data": data, "layout": layout}


def _faint(colour: str) -> str:
    """A colour of the theme ("#RRGGBB") through which the grid is seen."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.35)"


def _reliability(frame: pd.DataFrame) -> None:
    st.markdown(":small[**Foretold against found**, over random rows, 95% Wilson intervals]")
    shares = frame[["foretold", "found", "low", "high"]]
    top = min(1.0, 1.1 * float(frame[["foretold", "high"]].to_numpy().max()))
    figure = explore_charts.told_against_seen(
        shares,
        words.reliability_lines(frame),
        charts.colours(),
        names=("foretold exactly", "random rows"),
        titles=("foretold share wrong", "found wrong"),
        limits=(0, top),
    )
    charts.show(figure, words.reliability_in_words(frame), key="foretold")
    charts.with_table(frame, "Foretold and found share of wrong labels", "foretold")
