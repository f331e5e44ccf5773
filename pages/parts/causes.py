"""The Causes tab: where errors pile up, which classes overlap, what gives a class away, and their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.audit import Audit
from core.methods.class_structure import FEW_SHARE, OVERLAP
from core.methods.systematic import params_of
from core.review.people import Role
from core.review.queue import DEFAULT_FIND
from core.slices import Causes, find_causes, stored_causes
from core.workspace import Project
from pages.parts import annotators, causes_corrected, charts, explore_charts, session, work
from pages.parts.numbers import rows

SHOWN = 8
"""Findings with words and a button; all of them are in the table."""
_DOTS = 20


def show(project: Project, audit: Audit) -> None:
    """What annotators say, then everything that was found; before that, the button that looks for it."""
    annotators.show(audit)
    if session.store().decided(project.name):
        causes_corrected.show(project)
    found = _found(project, audit)
    if found is None:
        return
    session.let_first_screen_paint()
    _findings(found)
    if project.dataset.targets is None:
        _overlap(found)
        _weak(found)
        _shortcuts(found)
        _rare(found)
    else:
        st.text("The labels of this data set are numbers: which classes overlap or are rare is not asked.")
    _order(found)
    for text in found.said("left out"):
        st.markdown(f":small[Not looked at: {session.escape(text)}]")


def _found(project: Project, audit: Audit) -> Causes | None:
    """What was found in this very content. None until then: offers to look, and says how far that is."""
    stored = stored_causes(session.workspace(), project, audit)
    if stored is not None:
        return stored
    job = session.jobs().get(_work_of(project.name))
    if job is not None and job.state == "running":
        work.show_job(job)
        return None
    if job is not None and job.state == "failed":
        st.error(f"No causes were found: {session.escape(job.error)}", icon=":material/error:")
    elif job is not None and job.state == "cancelled":
        st.text("Cancelled. Nothing changed.")
    else:
        st.text("Do errors pile up in some slices, classes or clusters? Looking for that is done once.")
    st.button(
        f"Look for causes in {rows(len(project.dataset))}",
        type="primary",
        icon=":material/manage_search:",
        on_click=_look,
        args=(project.name,),
        key=f"causes_{project.name}",
    )
    return None


def _look(name: str) -> None:
    workspace = session.workspace()
    project = workspace.open(name)
    audit = session.audit(project)
    session.jobs().start(_work_of(name), lambda progress: find_causes(workspace, project, audit, progress))


def _work_of(name: str) -> str:
    return f"causes of {name}"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in line.items()} for line in frame.head(SHOWN).to_dict("records")]


def _findings(found: Causes) -> None:
    """Each systematic error as a sentence, its evidence, and its queue."""
    st.subheader("Where do errors pile up?", anchor=False)
    frame = found.findings
    if frame.empty:
        st.text("In no slice of the data are there more errors than chance allows.")
        _how(found, "findings")
        return
    for place, line in enumerate(_records(frame)):
        params = params_of(line["params"])
        with st.container(border=True):
            st.text(line["sentence"])
            times = f"{line['ratio']:.1f} times as many as expected"
            evidence = f"{times}, 95% interval {line['low']:.1f} to {line['high']:.1f}; {_chance(line['q'])}"
            if line["also"]:
                evidence += f". Nearly the same rows: {line['also']}"
            st.markdown(f":small[{session.escape(evidence)}.]")
            with st.container(horizontal=True, vertical_alignment="center"):
                _review(line["observed"], f"cause_{place}", params)
                if line["suggested"] and session.can(Role.OWNER):
                    st.page_link(
                        "evidence.py",
                        label="Check a sample, then apply",
                        icon=":material/casino:",
                        query_params=session.only(tab="batches", **params),
                    )
    if len(frame) > SHOWN:
        st.text(_more(len(frame) - SHOWN))
    if len(frame) > 1:
        top = frame.head(_DOTS)
        cells = zip(top["given"], top["column"], top["value"], strict=True)
        names = [
            f"{given}, {column} {value}" if given else f"{column} {value}" for given, column, value in cells
        ]
        dots = top[["low", "high"]].assign(value=top["ratio"])
        figure = explore_charts.intervals(
            names, dots, "times as many errors as expected", charts.colours(), 1
        )
        alt = f"Errors over expected errors, most {names[0]}: {top['ratio'].iloc[0]:.1f} times"
        charts.show(figure, alt, key="causes")
    charts.with_table(frame.drop(columns=["sentence", "params"]), "Systematic errors", "causes")
    _how(found, "findings")


def _more(count: int) -> str:
    return f"{count:,} more {'is' if count == 1 else 'are'} in the table."


def _chance(q: float) -> str:
    return "chance alone would hardly do this" if q < 0.001 else f"false discovery rate {q:.3f}"


def _review(count: int, key: str, params: Mapping[str, str]) -> None:
    """The button that opens the queue, for those who may decide."""
    words = f"Review these {count:,}"
    if not {"where", "split", "cluster"} & params.keys():
        st.markdown(":small[A queue cannot be narrowed to a range: it holds the rows outside of it too.]")
        words = "Review all of this kind"
    if session.can(Role.ANNOTATOR) and st.button(words, icon=":material/rate_review:", key=key):
        st.switch_page("review.py", query_params=session.only(**params))


def _overlap(found: Causes) -> None:
    st.subheader("Which classes overlap?", anchor=False)
    frame = found.overlap[found.overlap["overlaps"].astype(bool)]
    if frame.empty:
        st.text(f"In no pair of classes do {OVERLAP:.0%} of the rows of both look like the other.")
    for line in _records(frame):
        a, b = line["a"], line["b"]
        st.text(
            f"{line['a_like_b']:.0%} of {a} look like {b} and {line['b_like_a']:.0%} of {b} like {a}, by the "
            f"{line['by']}: one class, or a guideline that tells them apart?"
        )
    if len(frame):
        top = frame.head(_DOTS)
        names = [f"{a}, {b}" for a, b in zip(top["a"], top["b"], strict=True)]
        dots = top[["low", "high"]].assign(value=top["score"])
        figure = explore_charts.intervals(
            names, dots, "share that looks like the other class", charts.colours()
        )
        charts.show(figure, f"Classes that look like each other, most {names[0]}", key="overlap")
    if len(found.overlap):
        charts.with_table(found.overlap.drop(columns="overlaps"), "Pairs of classes that mix", "overlap")
    _how(found, "overlap")


def _weak(found: Causes) -> None:
    st.subheader("Where does the model fail?", anchor=False)
    frame = found.underperforming
    if frame.empty:
        st.text("In no slice does the model agree with the labels less often than chance allows.")
    for line in _records(frame):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{line['sentence']} 95% interval {line['low']:.0%} to {line['high']:.0%}.")
            params = params_of(line["params"])
            if params:
                st.page_link(
                    "issues.py",
                    label="List its label errors",
                    query_params=session.only(find=DEFAULT_FIND, **params),
                )
    if len(frame):
        table = frame.drop(columns=["sentence", "params"])
        charts.with_table(table, "Slices in which the model fails most", "weak")
    _how(found, "underperforming")


def _shortcuts(found: Causes) -> None:
    st.subheader("What gives the class away?", anchor=False)
    frame = found.shortcuts[found.shortcuts["shortcut"].astype(bool)]
    if frame.empty:
        st.text("No property that was tried foretells the label well enough to be a shortcut.")
    for line in frame.head(SHOWN).itertuples(index=False):
        st.text(f"{line.sentence} 95% interval {line.low:.0%} to {line.high:.0%}.")
    if len(frame):
        st.text(
            "A model can learn this instead of what you mean. Some classes do differ in it, and honestly so."
        )
    if len(found.shortcuts):
        table = found.shortcuts.drop(columns="sentence")
        charts.with_table(table, "How well each property foretells the label", "shortcuts")
    _how(found, "shortcuts")


def _rare(found: Causes) -> None:
    st.subheader("Which classes have few rows?", anchor=False)
    frame = found.imbalance[found.imbalance["rare"].astype(bool)]
    if frame.empty:
        st.text(f"No class has less than {FEW_SHARE:.0%} of an even share of the rows.")
    for text in frame["sentence"].head(SHOWN):
        st.text(text)
    if len(frame) > SHOWN:
        more = len(frame) - SHOWN
        st.text("So has 1 other class." if more == 1 else f"So have {more:,} other classes.")
    if len(found.imbalance):
        table = found.imbalance.drop(columns="sentence")
        charts.with_table(table, "Rows of each class", "imbalance")
    if len(found.noise):
        st.markdown(
            ":small[How the rows of each class look to the model: shares of the confidently counted rows, "
            "95% Wilson intervals.]"
        )
        charts.with_table(_off_diagonal(found.noise), "What the rows of each class look like", "noise")


def _off_diagonal(noise: pd.DataFrame) -> pd.DataFrame:
    off = noise[noise["given"] != noise["like"]]
    return off.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _order(found: Causes) -> None:
    st.subheader("Does the order of the rows tell anything?", anchor=False)
    for line in found.order.itertuples(index=False):
        st.text(str(line.sentence))
        st.markdown(
            f":small[Strength {line.strength:.2f} of 1, p = {line.p:.3f}, by 199 permutations, seed 0.]"
        )
    if found.order.empty:
        st.text(f"{rows(0)} could be compared.")
    if len(found.drift):
        charts.with_table(found.drift, "Share of each class from the first rows to the last", "drift")


def _how(found: Causes, name: str) -> None:
    """How the numbers above were made."""
    for text in found.said(name):
        st.markdown(f":small[{session.escape(text[:1].upper() + text[1:])}]")
