"""Which model is best once the labels of the test rows are corrected, and how firm that is."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core import benchmark_words as words
from core.audit import Audit
from core.benchmark_review import (
    REST,
    RESTS,
    Stability,
    bench,
    comparable,
    rows_of,
    stability,
    usual_split,
    why_not,
)
from core.evidence import benchmark
from core.review.people import Role
from core.review.policy import ABOUT, outcomes
from core.splits import Splits, splits_of
from core.workspace import Project
from pages.parts import charts, session, waiting
from pages.parts.how import how

_EVERY = "*"
"""In the address: the test set is every row."""


def show(project: Project, audit: Audit) -> None:
    """The models side by side on given and corrected labels; a plain word where they cannot be compared."""
    st.subheader("Which model is best on corrected labels?", anchor=False)
    if reason := why_not(project.dataset):
        st.text(reason)
        return
    there = comparable(session.workspace(), project)
    if len(there) < 2:
        has = "one model" if there else "no model"
        st.text(f"This project has {has}. With two or more, they are compared on corrected labels.")
        if session.can(Role.OWNER):
            st.text("Add another one under Models on the Overview, or load its predictions.")
            params = session.only()
            with st.container(horizontal=True):
                st.page_link(
                    "overview.py", label="Overview", icon=":material/dashboard:", query_params=params
                )
                st.page_link("load.py", label="Load predictions", icon=":material/upload_file:")
        return
    split = _test_split(splits_of(project.dataset))
    chosen = rows_of(project.dataset, split)
    if not chosen.any():
        st.text("No row of this split has a label.")
        return
    found = waiting.result_of(
        "Comparing the models", _key(project, split), lambda progress: _found(project, chosen, progress)
    )
    _accuracy(project, found, split)
    if found.found is None:
        return
    st.subheader("What if more labels were wrong?", anchor=False)
    st.text(words.sweep_in_words(found))
    if found.lines is not None:
        _sweep(found)
        how(words.SWEEP, "sweep")
    st.subheader("Which differences are firm?", anchor=False)
    st.text(words.pair_in_words(found))
    st.dataframe(
        words.pairs_table(found),
        hide_index=True,
        alt="Each pair of models on the rows on which just one of them is right",
    )
    if len(found.pairs) > 1:
        least = words.firm_below(found)
        st.markdown(f":small[{len(found.pairs):,} pairs: those with an exact p below {least:.2g} are firm.]")
    how(words.PAIRS, "pairs")


def _key(project: Project, split: str | None) -> tuple[str, int, str | None]:
    """Changes with the models, the decisions and the choices."""
    made = bench(session.workspace(), project)
    seq = session.store().last_seq(project.name)
    return made.key, seq, split


def _found(project: Project, chosen: np.ndarray, progress: Any) -> Stability:
    progress.report(0)
    store, dataset = session.store(), project.dataset
    said = outcomes(store.standings(project.name), store.events(project.name, actions=ABOUT), dataset)
    return stability(dataset, bench(session.workspace(), project), said, chosen)


def _test_split(splits: Splits | None) -> str | None:
    """The split that is the test set, chosen in the address; None: every row."""
    if splits is None or len(splits.names) < 2:
        return None
    usual = usual_split(splits) or _EVERY
    options = [*splits.names, _EVERY]
    picked = session.bound(
        st.selectbox,
        "Test rows",
        options,
        param="test",
        read=lambda text: text if text in options else usual,
        format_func=lambda name: "every row" if name == _EVERY else name,
        width=240,
    )
    return None if picked == _EVERY else picked


def _accuracy(project: Project, found: Stability, split: str | None) -> None:
    for said in (
        words.headline(found),
        words.order_in_words(found),
        words.few_in_words(found),
        words.read_in_words(found),
        words.strict_in_words(found),
        words.plan_in_words(found),
    ):
        if said:
            st.text(said)
    _queue(project, found, split)
    st.dataframe(words.models_table(found), hide_index=True, alt="Accuracy of each model")
    how(words.ACCURACY, "accuracy")


def _queue(project: Project, found: Stability, split: str | None) -> None:
    """The way to the rows that tell, and for owners how often those that no model doubts come."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if session.can(Role.ANNOTATOR) and found.prefix.first is not None:
            params = session.only(sort="benchmark", **({} if split is None else {"split": split}))
            st.page_link(
                "review.py",
                label="Read benchmark rows",
                icon=":material/balance:",
                query_params=params,
                help="In the order that counts here, without suggestions.",
            )
        if session.can(Role.OWNER) and found.flagged < found.rows:
            _rest(project, found)


def _rest(project: Project, found: Stability) -> None:
    options = sorted({*RESTS, found.rest})
    st.selectbox(
        "Rows that no model doubts are read",
        options,
        options.index(found.rest),
        format_func=_as_often,
        key=f"rest_{project.name}_{found.rest}",
        on_change=_choose_rest,
        args=(project.name, found.rest),
        help="They show what all models get wrong together. Another choice deals the queue anew: decisions "
        "stay, and those count that the new order has come to.",
        width=280,
    )


def _as_often(share: float) -> str:
    return "as often as the others" if share == benchmark.FLAGGED else f"{share:.2g} times as often"


def _choose_rest(name: str, now: float) -> None:
    session.require_role(Role.OWNER, "choose what is read")
    session.workspace().remember(name, REST, float(st.session_state[f"rest_{name}_{now}"]))


def _sweep(found: Stability) -> None:
    lines = found.lines
    if lines is None:
        return
    top = found.names[int(lines.benign.argmax())]
    alt = f"Accuracy of each model by the share of wrong labels; with none, {top} is first"
    charts.show(_figure(found, charts.colours()), alt, key="sweep")
    if len(found.sweep):
        charts.with_table(words.sweep_table(found), "Where models change places", "sweep")


def _figure(found: Stability, theme: charts.Colours) -> dict[str, Any]:
    """A line a model, the crossings with their intervals, and where the data are now."""
    lines = found.lines
    if lines is None:
        return {}
    data: list[dict[str, Any]] = []
    for place, i in enumerate(found.order.tolist()):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": charts.short(found.names[i]),
                "x": [0, 1],
                "y": [float(lines.benign[i]), float(lines.errors[i])],
                "line": {
                    "color": theme.groups[place % len(theme.groups)],
                    "width": 2,
                    "dash": ("solid", "dash", "dot", "dashdot")[place % 4],
                },
                "hoverinfo": "name",
            }
        )
    if len(found.sweep):
        at, low, high = (found.sweep[name].to_numpy(dtype=float) for name in ("at", "low", "high"))
        first = found.sweep["first"].to_numpy()
        level = (1 - at) * lines.benign[first] + at * lines.errors[first]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "change places",
                "x": at.tolist(),
                "y": level.tolist(),
                "marker": {"color": theme.text, "size": 9, "symbol": "diamond"},
                "error_x": charts.error_bars(at, low, high, theme.secondary),
                "hovertext": [charts.safe(said) for said in words.crossings_in_words(found)],
                "hoverinfo": "text",
            }
        )
    layout = charts.base_layout(theme)
    layout["xaxis"] |= {"title": {"text": "share of wrong labels"}, "tickformat": ".0%", "range": [0, 1]}
    layout["yaxis"] |= {"title": {"text": "accuracy on given labels"}, "tickformat": ".0%"}
    now = {"x0": lines.share, "x1": lines.share, "y0": 0, "y1": 1, "yref": "paper", "type": "line"}
    layout["shapes"] = [{**now, "line": {"color": theme.secondary, "width": 1, "dash": "dash"}}]
    layout["annotations"] = [
        {
            "x": lines.share,
            "y": 0,
            "yref": "paper",
            "text": "now",
            "showarrow": False,
            "xanchor": "left",
            "yanchor": "bottom",
            "font": {"color": theme.secondary, "size": 12},
        }
    ]
    return {"data": data, "layout": layout | {"showlegend": True}}
