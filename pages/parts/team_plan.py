"""The Plan tab: how often rows are looked at, what is hidden meanwhile, and who gets which rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from core.errors import InputError
from core.review.assignments import assignment_event, deal
from core.review.decisions import Action, live
from core.review.people import Role, normal_person
from core.review.plan import MOST_LOOKS, Plan, draw, plan_event
from core.team_report import plan_in_words
from core.trail import in_words, names_in_log
from core.workspace import Project
from pages.parts import filters, session, sign_in, team_acts, team_gold, team_progress
from pages.parts.numbers import rows


def show(project: Project) -> None:
    """The plan in force with a way to change it, and assignments."""
    session.require_role(Role.OWNER, "change the plan")
    sign_in.require_name()
    now = session.team().plan(project.name)
    st.subheader("How often is a row looked at?", anchor=False)
    wanted = _pick(project, now)
    positions, _ = team_progress.queue_of(project)
    st.markdown(f"**What this means.** {session.escape(plan_in_words(wanted, project.dataset, positions))}")
    st.button(
        "Save this plan",
        type="primary",
        icon=":material/check:",
        disabled=wanted == now,
        on_click=_save,
        args=(project.name, wanted),
        key=f"save_{wanted}",
    )
    st.divider()
    team_gold.show(project, now)
    st.divider()
    _assign(project, now)


def _pick(project: Project, now: Plan) -> Plan:
    # The keys name the plan in force: when another is saved, the fields show that one.
    key = f"plan_{project.name}_{now}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        share = _percent(
            "Rows drawn by lot for several looks, %",
            now.share,
            f"{key}_share",
            "A random share tells how far people agree on the whole queue.",
            width=270,
        )
        looks = st.number_input("Looks of each", 1, MOST_LOOKS, now.looks, key=f"{key}_looks", width=150)
        seed = st.number_input(
            "Seed",
            0,
            2**31,
            now.seed,
            key=f"{key}_seed",
            width=150,
            help="Draws the rows. Another seed, other rows.",
        )
    classes = st.multiselect(
        "Given labels whose rows all get several looks",
        () if project.dataset.targets is not None else project.dataset.classes,
        [name for name in now.classes if name in project.dataset.classes],
        placeholder="none",
        key=f"{key}_classes",
    )
    changes = st.toggle("Second look at every change and exclusion", now.changes, key=f"{key}_changes")
    blind = st.toggle(
        "Blind: annotators do not see each other's answers",
        now.blind,
        key=f"{key}_blind",
        help="Adjudicators and owners see all. Only blind answers say how far people agree.",
    )
    hidden = _percent(
        "Rows shown without the model's suggestion, %",
        now.hide_suggestions,
        f"{key}_hide",
        "Drawn by lot. They tell whether people follow the suggestion because it is shown.",
    )
    audit = _percent(
        "Random rows mixed into the queue, %",
        now.audit,
        f"{key}_audit",
        "Of the rows that are shown. Without them nothing can be said of the rows that nobody reads: "
        "Evidence estimates from them how many wrong labels are left. They are shown without a suggestion.",
        most=90.0,
        step=5.0,
    )
    gold = now.gold
    if session.team().gold(project.name):
        gold = _percent(
            "Gold rows among an annotator's rows, %",
            now.gold,
            f"{key}_gold",
            "Rows whose right label is known. Nobody gets one twice.",
            most=50.0,
        )
    return Plan(looks, share, tuple(classes), changes, blind, hidden, seed, audit, gold)


def _percent(
    label: str, now: float, key: str, why: str, *, most: float = 100.0, step: float = 1.0, width: int = 330
) -> float:
    """A share in [0, 1], asked for as a percentage."""
    asked = st.number_input(
        label, 0.0, most, now * 100, step=step, format="%.4g", key=key, width=width, help=why
    )
    return round(asked / 100, 6)


def _save(name: str, plan: Plan) -> None:
    if team_acts.record(plan_event(name, session.current().annotator, plan)):
        st.toast("The plan is in force.", icon=":material/check:")


def _assign(project: Project, plan: Plan) -> None:
    st.subheader("Give rows to people", anchor=False)
    st.markdown(
        ":small[Evenly and at random. A row that the plan wants looked at twice goes to two of them.]"
    )
    chosen = filters.bar(project, session.audit(project), session.filters())
    me = session.current().annotator
    try:
        positions, _ = session.team().queue(project.name, me, chosen)
    except InputError as error:
        st.warning(session.escape(str(error)))
        return
    people = session.team().people
    known = {*names_in_log(session.store(), project.name), *people.given(), me}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        to = st.multiselect(
            "People",
            sorted(n for n in known if people.role(n) >= Role.ANNOTATOR),
            accept_new_options=True,
            placeholder="Names or e-mail addresses",
            key=f"assign_to_{project.name}",
            width=420,
        )
        most = max(len(positions), 1)
        first = st.number_input(
            "Rows, from the top of the queue", 1, most, most, key=f"assign_n_{len(positions)}", width=220
        )
    names = list(dict.fromkeys(normal_person(name) for name in to if name.strip()))
    if not len(positions):
        st.text("No rows match these filters.")
        return
    some = positions[:first]
    to_whom = {0: "", 1: " to 1 person"}.get(len(names), f" to {len(names):,} people")
    if st.button(f"Give {rows(len(some))}{to_whom}", disabled=not names, icon=":material/assignment_ind:"):
        _give(project, some, names, plan, " ".join(f"{k}={v}" for k, v in chosen.to_query().items()))
    _given(project.name)


def _give(project: Project, positions: np.ndarray, names: list[str], plan: Plan, queue: str) -> None:
    dataset = project.dataset
    looks = draw(plan, dataset).looks[positions]
    dealt = deal(dataset.row_ids[positions].tolist(), names, looks, plan.seed)
    if team_acts.record(assignment_event(project.name, session.current().annotator, dealt, queue)):
        st.toast(f"{rows(len(dealt))} given.", icon=":material/assignment_ind:")


def _given(name: str) -> None:
    """The assignments in force, one's own with the way back."""
    events = session.store().events(name, actions=(Action.ASSIGN, Action.UNDO))
    standing = live(events)
    for event in reversed([e for e in events if e.action is Action.ASSIGN and e.op_id in standing][-10:]):
        with st.container(horizontal=True, vertical_alignment="center"):
            said = f"{team_acts.moment(event.decided_at)} {event.annotator}: {in_words(event)}"
            st.text(said, width="content")
            if event.annotator == session.current().annotator:
                st.button(
                    f"Take back {rows(len(event.details['members']))}",
                    key=f"take_back_{event.op_id}",
                    icon=":material/undo:",
                    on_click=team_acts.take_back,
                    args=(replace(event, detail=""),),
                )
