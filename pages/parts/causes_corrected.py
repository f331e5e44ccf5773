"""Of the Causes tab: what the corrections that people made have in common, and rules made of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.clustering import stored_clusters
from core.correction_causes import correction_causes, corrections, guideline, rule_params
from core.evidence.method import CAUSES
from core.methods.systematic import LEAST, SliceColumn, Systematic
from core.review.decisions import VERDICTS
from core.review.people import Role
from core.review.spot_checks import Rule, rule_event
from core.slices import slice_columns
from core.workspace import Project
from pages.parts import charts, session, team_acts
from pages.parts.how import how
from pages.parts.numbers import rows

SHOWN = 8
"""Findings with words and a button; all of them are in the table."""
_LONGEST = 80


def show(project: Project) -> None:
    """Each pattern among the corrections with its evidence, a guideline, and the way to make a rule of it."""
    st.subheader("What do the corrections have in common?", anchor=False)
    key = (project.dataset.fingerprint, session.store().last_seq(project.name))
    found, read, wrong = _found(key, project)
    if wrong < LEAST:
        verb = "is" if wrong == 1 else "are"
        st.text(
            f"{wrong:,} of {rows(read)} read one by one {verb} wrong: too few to look for what they share."
        )
        return
    frame = found.findings
    if frame.empty:
        st.text(
            f"Nothing that chance could not do: {wrong:,} of {rows(read)} read one by one were wrong, and no "
            "slice of them more often."
        )
    for place, line in enumerate(frame.head(SHOWN).to_dict("records")):
        with st.container(border=True):
            _finding(project, {str(k): v for k, v in line.items()}, place)
    if len(frame) > SHOWN:
        more = len(frame) - SHOWN
        st.text(f"{more:,} more {'is' if more == 1 else 'are'} in the table.")
    if len(frame):
        shown = frame.drop(columns=["sentence", "params"])
        charts.with_table(shown, "What corrections have in common", "corrected")
    said = f"Over {rows(read)} that were read one by one, {wrong:,} of them wrong: {found.estimator}"
    st.markdown(f":small[{session.escape(said)}. Rows that nobody read may be different.]")
    how(CAUSES, "corrected")


def _finding(project: Project, line: dict[str, Any], place: int) -> None:
    st.text(line["sentence"])
    st.text(guideline(line))
    evidence = (
        f"{line['ratio']:.1f} times as many as expected, 95% interval {line['low']:.1f} to "
        f"{line['high']:.1f}; p = {line['p']:.2g}, after all tests q = {line['q']:.2g}"
    )
    if line["also"]:
        evidence += f". Nearly the same rows: {line['also']}"
    st.markdown(f":small[{session.escape(evidence)}.]")
    params = rule_params(line)
    if params:
        with st.container(horizontal=True, vertical_alignment="center"):
            _offer(project, line, params, place)


def _offer(project: Project, line: dict[str, Any], params: dict[str, str], place: int) -> None:
    """The ways from a finding to other rows of its kind."""
    given, new = line["given"], line["suggested"]
    name = f"{given} → {new}, {line['column']} {line['value']}"[:_LONGEST]
    evidence = f"{line['sentence']} q = {line['q']:.2g}."
    fix = session.desk().classes(project.name).resolve(new)
    rule = Rule(name, params, given, fix, evidence, guideline(line))
    if any((r.filters, r.fix) == (params, fix) for r in session.desk().rules(project.name)):
        st.text("Saved as a rule.", width="content")
    elif session.can(Role.ADJUDICATOR) and session.current().annotator:
        key = f"save_rule_{place}"
        st.button("Save as rule", icon=":material/rule:", key=key, on_click=_save, args=(project, rule))
    if session.can(Role.OWNER):
        st.page_link(
            "evidence.py",
            label="Check a sample, then apply",
            icon=":material/casino:",
            query_params=session.only(tab="batches", **params),
        )


def _save(project: Project, rule: Rule) -> None:
    me = session.current().annotator
    if team_acts.record(rule_event(project.name, me, rule)):
        st.toast("Saved. It is on Evidence, Batches.", icon=":material/rule:")


@st.cache_resource(max_entries=8, show_spinner=False)
def _found(key: tuple[str, int], _project: Project) -> tuple[Systematic, int, int]:
    """(patterns, rows read, wrong among them). Made again when somebody has decided, and not before."""
    store, name, dataset = session.store(), _project.name, _project.dataset
    events = store.events(name, actions=VERDICTS)
    made = corrections(events, store.standings(name), dataset, session.desk().classes(name))
    columns: list[SliceColumn] = []
    if made.wrong.sum() >= LEAST:
        clusters = None
        if _project.predictions.embeddings is not None and len(dataset):
            clusters = stored_clusters(session.workspace(), _project)
        columns, _ = slice_columns(dataset, clusters)
    return correction_causes(dataset, made, columns), len(made), int(made.wrong.sum())
