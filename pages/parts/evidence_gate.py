"""The Batches tab: fixes that a blind check of some of them accepts, and the rules that they follow."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from core import bulk, gates
from core.audit import Audit
from core.errors import InputError, StoreUnavailable
from core.evidence import gate as method
from core.evidence.gate import Word
from core.gates import Check
from core.review.decisions import Action, Decision
from core.review.people import NotPermitted, Role
from core.review.queue import check_in_use
from core.review.spot_checks import Rule
from core.workspace import Project
from pages.parts import apply_all, session, sign_in, team_acts
from pages.parts.filters import queue_name
from pages.parts.how import how
from pages.parts.numbers import rows

_SUGGESTED = ""
_LISTED = 200
"""Wrong fixes of a check that are listed."""


def show(project: Project, audit: Audit) -> None:
    """The checks with what can be done next, the rules, and what opens another check."""
    if session.can(Role.ANNOTATOR):
        sign_in.require_name()
    apply_all.offer_undo(project.name, "z")
    if session.current().refused:
        st.warning(session.escape(session.current().refused))
        session.current().refused = ""
    found = gates.checks_of(session.team(), project.name)
    asked = {"fix", "rule", *session.FILTERS} & set(st.query_params)
    if session.can(Role.OWNER) and (asked or not found):
        _start(project, audit, len(found))
    _checks(project, found)
    _rules(project)
    if session.can(Role.OWNER) and found and not asked:
        _start(project, audit, len(found))
    how(method.METHOD, "gate")


def _checks(project: Project, found: list[Check]) -> None:
    if not found:
        st.text(
            "No batch has been checked yet. A batch is what the filters of Issues leave. Some of its rows, "
            "drawn by lot, are read without the suggestion; the suggestions are applied to the others when "
            "that has proved that few of them are wrong."
        )
        return
    st.subheader("Checked batches", anchor=False)
    for check in found:
        with st.container(border=True):
            _check(project, check)


def _check(project: Project, check: Check) -> None:
    gate = check.gate
    st.markdown(f"**{session.escape(gate.name)}**")
    st.text(gates.state_in_words(check))
    facts = [f"opened {team_acts.moment(gate.at)} by {gate.by}"]
    facts += [f"try {gate.tries + 1}, alpha {gate.alpha:.3g}"] if gate.tries else []
    facts += [f"{rows(check.fixed)} got the suggested label unread"] if check.fixed else []
    st.markdown(f":small[{session.escape('; '.join(facts))}]")
    if check.over and check.found.wrong:
        with st.expander(f"Wrong fixes: {len(check.found.wrong):,}", key=f"wrong_{gate.id}"):
            _wrong(check)
    with st.container(horizontal=True, vertical_alignment="center"):
        _next(project, check)


def _next(project: Project, check: Check) -> None:
    """What can be done with a check now."""
    gate, word = check.gate, check.verdict.word
    if not check.over and session.can(Role.ANNOTATOR):
        params = session.only(gate=gate.id, **_find(gate.filters))
        words = "Continue the check" if check.verdict.rows else "Check now"
        if st.button(words, type="primary", icon=":material/casino:", key=f"go_{gate.id}"):
            st.switch_page("review.py", query_params=params)
    if word is Word.ACCEPT and check.left and session.can(Role.ADJUDICATOR):
        st.button(
            f"Apply to the other {rows(check.left)}",
            type="primary",
            icon=":material/done_all:",
            key=f"apply_{gate.id}_{check.left}",
            on_click=_apply,
            args=(project.name, check),
        )
    again = check.over and not gate.replaced and word in (Word.REFUSE, Word.UNDECIDED)
    if again and check.left and session.can(Role.OWNER):
        st.button(
            f"Check the other {rows(check.left)} anew",
            icon=":material/replay:",
            key=f"again_{gate.id}",
            on_click=_again,
            args=(project.name, check),
            help="Other rows are drawn, and alpha is halved.",
        )


def _find(query: Mapping[str, str]) -> dict[str, str]:
    return {"find": query["find"]} if query.get("find") else {}


def _wrong(check: Check) -> None:
    some = check.found.wrong[:_LISTED]
    standings = session.store().standings_of(session.dataset_name(), some)
    lines = []
    for row_id in some:
        given, fix = check.gate.batch[row_id]
        said = standings[row_id].settled if row_id in standings else None
        answer = "" if said is None else said.label or str(said.action).replace("_", " ")
        lines.append({"Row id": row_id, "Given": given or "none", "Suggested": fix, "Answer": answer})
    st.dataframe(pd.DataFrame(lines), hide_index=True, alt="Rows whose fix is wrong")


def _start(project: Project, audit: Audit, before: int) -> None:
    """The queue of the address as a batch: what it would come to, the promise, and the button."""
    st.subheader("Check a sample, then apply", anchor=False)
    filters = replace(session.filters(), gate="")
    check = check_in_use(audit.results, filters)
    rule = {r.id: r for r in _saved(project.name)}.get(st.query_params.get("rule", ""))
    me, team = session.current().annotator, session.team()
    st.text(f"Batch: {queue_name(filters, check)}")
    fix = _fix(project)
    wish = bulk.Wish(project.name, filters, Action.RELABEL, fix or None)
    try:
        found = bulk.preview(team, me, wish)
    except InputError as error:
        st.warning(session.escape(str(error)))
        return
    change = found.counts.change
    if not change:
        st.text("No row of it would change.")
    else:
        st.text(f"{rows(change)} would change: {apply_all.pairs_in_words(found)}")
    for line in apply_all.left_alone(found.counts, fix or None):
        st.text(line)
    st.page_link("issues.py", label="Choose the rows on Issues", query_params=session.carried())
    if not change:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name of the batch",
            rule.name if rule else queue_name(filters, check),
            max_chars=gates.LONGEST_NAME,
            key=f"gate_name_{rule.id if rule else json.dumps(filters.to_query())}",
            width=340,
        )
        promise = st.number_input(
            "At most so many wrong, %",
            0.0,
            50.0,
            100 * method.PROMISE,
            1.0,
            "%.1f",
            key="gate_promise",
            width=190,
        )
        confidence = st.number_input(
            "Confidence, %",
            50.0,
            99.9,
            100 * (1 - method.ALPHA),
            1.0,
            "%.1f",
            key="gate_confidence",
            width=150,
        )
    shares = round(promise / 100, 6), round(confidence / 100, 6)
    st.text(gates.cost_in_words(change, shares[0], round(1 - shares[1], 6)))
    st.button(
        f"Start the check of {rows(change)}",
        type="primary",
        icon=":material/casino:",
        key="gate_start",
        on_click=_open,
        args=(wish, shares, name, rule.id if rule else "", before),
    )


def _fix(project: Project) -> str:
    names = session.desk().classes(project.name).names
    picked: str | None = session.bound(
        st.selectbox,
        "New label",
        [_SUGGESTED, *names],
        param="fix",
        read=lambda text: text if text in names else _SUGGESTED,
        format_func=lambda name: name or "the label suggested for each",
        width=340,
    )
    return picked or _SUGGESTED


def _rules(project: Project) -> None:
    rules = _saved(project.name)
    if not rules:
        return
    st.subheader("Rules", anchor=False)
    for rule in rules:
        with st.container(border=True):
            st.markdown(f"**{session.escape(rule.name)}**")
            st.text(rule.guideline)
            st.markdown(f":small[{session.escape(rule.evidence)} Saved by {session.escape(rule.by)}.]")
            with st.container(horizontal=True, vertical_alignment="center"):
                if session.can(Role.OWNER):
                    st.button(
                        "Check a sample, then apply",
                        icon=":material/casino:",
                        key=f"rule_{rule.id}",
                        on_click=session.set_params,
                        args=({**dict.fromkeys(session.FILTERS), **params_of(rule)},),
                    )
                if rule.by == session.current().annotator:
                    st.button(
                        "Remove",
                        type="tertiary",
                        key=f"unrule_{rule.id}",
                        on_click=_remove,
                        args=(project.name, rule),
                    )


def params_of(rule: Rule) -> dict[str, str]:
    """The query parameters under which this tab opens a check of a rule."""
    return {**rule.filters, "fix": rule.fix, "rule": rule.id, "tab": "batches"}


def _saved(name: str) -> tuple[Rule, ...]:
    return session.desk().rules(name)


def _remove(name: str, rule: Rule) -> None:
    team_acts.take_back(Decision(name, "", Action.RULE, rule.by, "", rule.id))


def _open(wish: bulk.Wish, shares: tuple[float, float], name: str, rule: str, before: int) -> None:
    """Its operation id makes a second click the same operation."""
    what = _op_id(wish.dataset, wish.filters.to_query(), wish.label, shares, before)
    team, me = session.team(), session.current().annotator

    def act() -> None:
        gates.open_check(team, me, wish, *shares, name, rule, what)
        session.set_params(dict.fromkeys((*session.FILTERS, "fix", "rule")))

    _try(act)


def _again(name: str, check: Check) -> None:
    what = _op_id(name, check.gate.id, "again")
    _try(lambda: gates.open_again(session.team(), session.current().annotator, name, check.gate, what))


def _apply(name: str, check: Check) -> None:
    last = session.store().last_seq(name)
    what = _op_id(name, check.gate.id, check.left, last)
    team, me = session.team(), session.current().annotator

    def act() -> None:
        applied = gates.apply_fixes(team, me, name, check.gate, what)
        session.current().told = gates.applied_in_words(applied)

    _try(act)


def _op_id(*what: Any) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([session.current().session_id, *what])).hex


def _try(act: Callable[[], Any]) -> None:
    try:
        act()
    except (InputError, NotPermitted, StoreUnavailable) as error:
        session.current().refused = str(error)
