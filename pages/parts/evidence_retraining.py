"""Whether a model that learns from the corrected labels is better, on test rows that people have verified."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core import impact_words as words
from core.audit import Audit
from core.benchmark_review import comparable
from core.errors import InputError
from core.evidence.impact import SEEDS
from core.retraining_impact import (
    LEAST,
    SEED,
    USUAL,
    Arms,
    Facts,
    Measured,
    facts,
    fingerprint,
    kept,
    measure,
    supplied,
    to_freeze,
    why_not,
)
from core.review.frozen import freeze_event
from core.review.people import Role
from core.workspace import Project
from pages.parts import charts, session, work
from pages.parts.how import how
from pages.parts.numbers import rows


def show(project: Project, audit: Audit) -> None:
    """The frozen test rows, the measurement, and what two models from elsewhere show on the same rows."""
    st.subheader("Do the corrections make a model better?", anchor=False)
    reason, others = why_not(project.dataset), comparable(session.workspace(), project)
    if reason and len(others) < 2:
        st.text(reason)
        return
    found = _facts((project.dataset.fingerprint, session.store().last_seq(project.name)), project)
    tab = session.current()
    if tab.told:
        st.text(tab.told)
        tab.told = ""
    st.text(words.frozen_in_words(found))
    _freeze(project, found)
    if found.arms is None:
        return
    if reason:
        st.text(reason)
    else:
        _baseline(project, found.arms)
    if len(others) > 1 and len(found.arms.test) > 1:
        _elsewhere(project, found, [m.name for m in others])


@st.cache_resource(max_entries=8, show_spinner=False)
def _facts(key: tuple[str, int], _project: Project) -> Facts:
    """Made again when somebody has decided, and not before."""
    return facts(session.store(), _project.dataset)


def _freeze(project: Project, found: Facts) -> None:
    """The way to more random rows, and for owners the button that freezes those that are read."""
    held = 0 if found.frozen is None else len(found.frozen.rows)
    there = held + len(found.free)
    owner = session.can(Role.OWNER) and there >= LEAST and len(found.free)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if session.can(Role.ANNOTATOR):
            params = session.only(sort="random")
            st.page_link("review.py", label="Read random rows", icon=":material/casino:", query_params=params)
        if not owner:
            return
        least = max(LEAST, held + 1)
        count = st.number_input(
            "Test rows",
            least,
            there,
            max(least, min(there, USUAL)),
            key=f"freeze_{project.name}_{held}_{there}",
            help="Of the rows read at random, drawn by lot. They stay the test rows; others can only be "
            "added later.",
            width=140,
        )
        st.button(
            "Freeze them" if held == 0 else "Freeze more",
            icon=":material/ac_unit:",
            on_click=_do_freeze,
            args=(project, found, int(count)),
            key=f"freeze_it_{project.name}",
        )


def _do_freeze(project: Project, found: Facts, count: int) -> None:
    session.require_role(Role.OWNER, "freeze test rows")
    try:
        chosen = to_freeze(found, project.dataset, count)
    except InputError as error:
        session.current().told = str(error)
        return
    me = session.person()
    session.team().record(me, [freeze_event(project.name, me, chosen, SEED)])


def _baseline(project: Project, found: Arms) -> None:
    """What retraining the baseline did, as far as it was measured, and the button that measures it."""
    st.text(words.edits_in_words(found))
    made = kept(session.workspace(), project.name)
    if made is not None:
        _result(project, found, made)
    name = f"impact of {project.name}"  # no data set has a name with spaces
    job = session.jobs().get(name)
    if job is not None and job.state == "running":
        work.show(name)
        return
    if job is not None and job.state == "failed":
        st.error(session.escape(job.error), icon=":material/error:")
    if job is not None and job.state == "cancelled":
        st.text("Cancelled. Nothing is stored.")
    if found.edits and len(found.test) > 1 and session.can(Role.OWNER):
        st.button(
            "Measure" if made is None else "Measure again",
            icon=":material/science:",
            type="primary" if made is None else "secondary",
            help=f"Trains {3 * SEEDS} small models on {rows(int((found.given >= 0).sum()))} or fewer, here "
            "and without the network.",
            on_click=_start,
            args=(project.name,),
            key=f"measure_{project.name}",
        )


def _start(name: str) -> None:
    session.require_role(Role.OWNER, "train a model")
    space, store = session.workspace(), session.store()
    session.jobs().start(f"impact of {name}", lambda progress: measure(space, store, name, progress))


def _result(project: Project, found: Arms, made: Measured) -> None:
    if made.fingerprint != fingerprint(session.workspace(), project.dataset, found, made.impact.seeds):
        st.warning(
            "Decisions or rows have changed since this was measured.", icon=":material/history_toggle_off:"
        )
    st.text(words.measured_in_words(made))
    st.text(words.effect_in_words(made))
    alt = f"{words.measured_in_words(made)} {words.effect_in_words(made)}"
    charts.show(_figure(made, charts.colours()), alt, key="impact")
    st.text(words.arms_in_words(made))
    st.markdown(f":small[{words.hint()} Measured on {made.at[:10]}.]")
    how(words.RETRAINING, "retraining")


def _figure(made: Measured, theme: charts.Colours) -> dict[str, Any]:
    """The gains over the given labels as dots with intervals, and the line of no gain."""
    arms = (("random edits", made.impact.control_gain), ("corrections", made.impact.gain))
    mean, low, high = (
        np.array([getattr(g, part) * 100 for _, g in arms]) for part in ("mean", "low", "high")
    )
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": mean.tolist(),
        "y": [0, 1],
        "marker": {"color": [theme.secondary, theme.given], "size": 11},
        "error_x": charts.error_bars(mean, low, high, theme.secondary),
        "hovertext": [
            f"{name}: {m:+.1f} points, interval {lo:.1f} to {hi:.1f}"
            for (name, _), m, lo, hi in zip(arms, mean, low, high, strict=True)
        ],
        "hoverinfo": "text",
    }
    layout = charts.base_layout(theme, height=170)
    layout["xaxis"] |= {"title": {"text": "gain over given labels, in points"}, "showgrid": True}
    layout["xaxis"] |= {"gridcolor": theme.grid}
    layout["yaxis"] |= charts.names_axis([name for name, _ in arms]) | {"showgrid": False}
    zero = {"x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "type": "line"}
    layout["shapes"] = [{**zero, "line": {"color": theme.text, "width": 1, "dash": "dash"}}]
    return {"data": [dots], "layout": layout}


def _elsewhere(project: Project, found: Facts, names: list[str]) -> None:
    """Two stored models, trained elsewhere on given and on corrected labels, on the frozen rows."""
    st.subheader("Two models trained elsewhere", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first, second = (
            st.selectbox(
                f"Trained on {kind} labels",
                range(len(names)),
                index=None,
                format_func=lambda i: names[i],
                key=f"elsewhere_{kind}_{project.name}_{len(names)}",
                placeholder="Choose a model",
                width=320,
            )
            for kind in ("given", "corrected")
        )
    if first is None or second is None or first == second or found.arms is None:
        st.text("Choose two models to compare them on the frozen rows.")
        return
    gain, one, other = supplied(session.workspace(), project, found, names[first], names[second])
    st.text(words.supplied_in_words(gain, one, other, len(found.arms.test)))
    how(words.ELSEWHERE, "elsewhere")
