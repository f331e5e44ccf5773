"""What the decisions say of the whole data set: wrong labels left, when to stop, what comes next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.audit import Audit
from core.evidence import method, people_words, words
from core.evidence.log import ReviewLog, review_log
from core.evidence.remaining import Remaining
from core.evidence.state import State, by_group, corrected_total, state
from core.gold import measured_of
from core.issues import Result
from core.review.decisions import VERDICTS, Action
from core.review.people import Role
from core.review.queue import default_find
from core.workspace import Project
from pages.parts import charts, explore_charts, session
from pages.parts.how import how
from pages.parts.numbers import rows

_FEW = 10
"""Random rows before which the interval is too wide to draw: nothing else would be seen beside it."""


def show(project: Project, audit: Audit) -> None:
    """The sections on what the review has shown so far."""
    labels = audit.results.get(default_find(project.dataset))
    made = "" if labels is None else str(labels.summary.get("computed_at", ""))
    key = (project.dataset.fingerprint, session.store().last_seq(project.name), made)
    found = _state(key, project, labels)
    st.subheader("How many wrong labels are left?", anchor=False)
    st.text(words.left_in_words(found.left))
    for said in (
        words.share_in_words(found.left),
        words.strict_in_words(found.left, found.strict),
        words.recall_in_words(found.left),
        words.plan_in_words(found.left),
    ):
        if said:
            st.text(said)
    if not found.left.unread:
        _corrected(project, found)
        return
    _offer_random(project, found.left)
    if found.left.audits:
        _burn_down(found)
        _groups(project, found.log)
        how(method.LEFT, "left")
    _corrected(project, found)
    if labels is None:
        return
    st.subheader("When to stop?", anchor=False)
    if found.stop is not None:
        st.text(words.stop_in_words(found.stop, found.rest))
        how(method.STOP, "stop")
    st.subheader("What comes next?", anchor=False)
    st.text(words.ahead_in_words(found) or "No row of the ranking is unread.")
    if len(found.reliability):
        _reliability(found.reliability)
    how(method.AHEAD, "ahead")


@st.cache_resource(max_entries=8, show_spinner=False)
def _state(key: tuple[str, int, str], _project: Project, _labels: Result | None) -> State:
    """Made again when somebody has decided, and not before."""
    store, dataset = session.store(), _project.dataset
    events = store.events(_project.name, actions=(*VERDICTS, Action.UNDO))
    gold = session.team().gold(_project.name)
    return state(dataset, review_log(events, store.standings(_project.name), dataset, gold), _labels)


def _corrected(project: Project, found: State) -> None:
    """The line on the annotators' own errors; none without gold rows, and before random rows were read."""
    team = session.team()
    if not team.gold(project.name) or not found.left.audits:
        return
    answers = measured_of(team, project.name).everybody
    total = corrected_total(project.dataset, found.log, answers)
    st.text(people_words.corrected_in_words(found.left, total, answers))
    how(method.CORRECTED, "corrected")


def _offer_random(project: Project, left: Remaining) -> None:
    """The ways to random rows: the queue that holds nothing else, and the plan that mixes them in."""
    share = session.team().plan(project.name).audit
    if share:
        st.markdown(f":small[The queue holds {share:.0%} random rows. They are shown without a suggestion.]")
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
    frame = pd.DataFrame(
        [(one.read, *one.left, one.found) for one in found.line if one.audits >= _FEW],
        columns=["read", "low", "high", "found"],
    )
    if len(frame) < 2:
        return
    last = frame.iloc[-1]
    alt = (
        f"After {rows(int(last['read']))}: {int(last['found']):,} wrong labels found, "
        f"{int(last['low']):,} to {int(last['high']):,} left"
    )
    charts.show(_figure(frame, charts.colours()), alt, key="burn_down")
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


def _groups(project: Project, log: ReviewLog) -> None:
    """Classes and splits of which enough random rows were read."""
    dataset = project.dataset
    kinds: dict[str, dict[str, np.ndarray]] = {"class": {}, "split": {}}
    if dataset.sets is None and dataset.targets is None and len(dataset.classes) <= 1000:
        kinds["class"] = {name: dataset.labels == code for code, name in enumerate(dataset.classes)}
    if dataset.splits is not None and dataset.splits.nunique() <= 20:
        kinds["split"] = {str(name): (dataset.splits == name).to_numpy() for name in dataset.splits.unique()}
    for kind, groups in kinds.items():
        frame = by_group(groups, log)
        if len(frame) < 2 or not st.toggle(f"By {kind}", key=f"left_by_{kind}"):
            continue
        shown = frame[["group", "rows", "read", "draws", "found"]].rename(columns={"group": kind})
        ends = zip(frame["share_low"], frame["share_high"], strict=True)
        shown["wrong, 95% interval"] = [f"{low:.1%} to {high:.1%}" for low, high in ends]
        st.dataframe(shown, hide_index=True, alt=f"Share of wrong labels by {kind}")
        st.markdown(":small[Each interval holds by itself; of twenty, one may be wrong.]")


def _reliability(frame: pd.DataFrame) -> None:
    worst = frame.iloc[-1]
    alt = (
        f"Of the random rows with the highest probability, {worst['foretold']:.0%} were foretold wrong and "
        f"{worst['found']:.0%} are"
    )
    st.markdown(":small[**Foretold against found**, over random rows, 95% Wilson intervals]")
    said = [
        f"{n:,} rows foretold {told:.1%} wrong: {share:.1%} are, interval {low:.1%} to {high:.1%}"
        for n, told, share, low, high in frame.itertuples(index=False)
    ]
    shares = frame[["foretold", "found", "low", "high"]]
    top = min(1.0, 1.1 * float(frame[["foretold", "high"]].to_numpy().max()))
    figure = explore_charts.told_against_seen(
        shares,
        said,
        charts.colours(),
        names=("foretold exactly", "random rows"),
        titles=("foretold share wrong", "found wrong"),
        limits=(0, top),
    )
    charts.show(figure, alt, key="foretold")
    charts.with_table(frame, "Foretold and found share of wrong labels", "foretold")
