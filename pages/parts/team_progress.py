"""The Progress tab and the line under the title: what is decided, by whom, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import StoreUnavailable
from core.review.people import Role
from core.review.plan import Plan, draw
from core.review.queue import Filters
from core.team_report import Progress, Tally, news, pace, plan_in_words
from core.trail import decision_times, touched
from core.workspace import Project
from pages.parts import charts, session, team_acts
from pages.parts.numbers import rows

EVERY = "4s"
_NEWS_OF = 5000
"""Events since a visit that are read to sum them up; behind that it says "more than"."""


@st.fragment(run_every=EVERY)
def headline(project: Project) -> None:
    """The page's first line, which follows the team."""
    found = _progress(project)
    if found is not None:
        st.markdown(
            f"**{found.done:,} of {found.total:,}** done · **{found.waiting:,}** second "
            f"{'look' if found.waiting == 1 else 'looks'} waiting · **{found.disagreed:,}** "
            f"{'disagreement' if found.disagreed == 1 else 'disagreements'}"
        )


@st.fragment(run_every=EVERY)
def show(project: Project) -> None:
    """Rows by state, who decided how many, and the burn-down."""
    found = _progress(project)
    if found is None:
        return
    with st.container(horizontal=True):
        _metric("Done", found.done, "As many looks as the plan asks for agree, or a final word was given.")
        _metric("Second looks waiting", found.waiting, "Decided by somebody; the plan asks for another look.")
        _metric("Disagreements", found.disagreed, "People differ, and no final word was given.")
        _metric("Needs review", found.needs_review, "Somebody asked for help, and nobody has decided since.")
        _metric("Not begun", found.undecided, "Nobody has decided anything.")
    if found.outside:
        st.text(
            f"{rows(found.outside)} outside the queue {'has' if found.outside == 1 else 'have'} a decision."
        )
    st.markdown(f":small[{session.escape(_plan_words(project))}]")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _burn_down(_tally_of(project), found)
    with right:
        _people(project, _tally_of(project))


def since_last_visit(name: str) -> None:
    """What others did since this person last opened the page; nothing on the first visit."""
    me, space = session.current(), session.workspace()
    if not me.annotator:
        return
    key = f"team page seen by {me.annotator}"
    seen = int(space.recall(name, key, 0))
    since = me.visits.setdefault((name, me.annotator), seen)
    store = session.store()
    last = store.last_seq(name)
    if last != seen:
        space.remember(name, key, last)
    if not since:
        return
    events = store.events(name, since, last=_NEWS_OF)
    found = news(events, me.annotator, store.standings_of(name, touched(store, events)))
    if not found.decisions:
        st.text("Since your last visit: nothing new from others.")
        return
    least = "more than " if len(events) == _NEWS_OF else ""
    decisions = "decision" if found.decisions == 1 else "decisions"
    people = "1 person" if found.people == 1 else f"{found.people:,} people"
    differ = "1 disagreement" if found.disagreements == 1 else f"{found.disagreements:,} disagreements"
    st.text(f"Since your last visit: {least}{found.decisions:,} {decisions} by {people}, {differ}.")


def queue_of(project: Project) -> tuple[np.ndarray, str]:
    """(positions, tag) of the rows that count: the usual queue, whatever filters the address holds."""
    return session.desk().queue(project.name, Filters())


def _progress(project: Project) -> Progress | None:
    """The sums with what was stored since; None, and a sentence, where the database is away."""
    try:
        tally = _tally_of(project)
        tally.refresh(session.store(), project.name)
    except StoreUnavailable as error:
        st.warning(session.escape(str(error)), icon=":material/cloud_off:")
        return None
    return tally.progress()


def _tally_of(project: Project) -> Tally:
    positions, tag = queue_of(project)
    plan = session.team().plan(project.name)
    parts = tuple(project.dataset.part(part) for part in ("ids", "labels"))
    return _tally(project.name, parts, tag, plan, team_acts.zone(), project, positions)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={ZoneInfo: str})
def _tally(
    name: str,
    parts: tuple[str, ...],
    tag: str,
    plan: Plan,
    zone: tzinfo,
    _project: Project,
    _positions: np.ndarray,
) -> Tally:
    """One for everybody who looks at the same rows in the same queue under the same plan."""
    dataset = _project.dataset
    looks = draw(plan, dataset).looks
    several = np.flatnonzero(looks > 1)
    wanted = dict(zip(dataset.row_ids[several].tolist(), looks[several].tolist(), strict=True))
    return Tally(plan, dataset.row_ids[_positions].tolist(), wanted, zone)


def _plan_words(project: Project) -> str:
    positions, tag = queue_of(project)
    return _words(project.dataset.part("labels"), tag, session.team().plan(project.name), project, positions)


@st.cache_data(max_entries=8, show_spinner=False)
def _words(labels: str, tag: str, plan: Plan, _project: Project, _positions: np.ndarray) -> str:
    return plan_in_words(plan, _project.dataset, _positions)


def _metric(label: str, value: int, help: str) -> None:
    st.metric(label, f"{value:,}", help=help, width=150)


def _burn_down(tally: Tally, found: Progress) -> None:
    st.subheader("When is the queue done?", anchor=False)
    days = tally.per_day(team_acts.today())
    left = found.total - found.done
    session.let_first_screen_paint()
    said = f"{rows(left)} of {found.total:,} left, {int(days['done'].iloc[-1]):,} done today"
    charts.show(charts.burn_down(days, charts.colours()), said, key="team_burn_down")
    charts.with_table(days.iloc[::-1], "Rows done and left by day", "burn_down")


def _people(project: Project, tally: Tally) -> None:
    """Everybody's counts for who leads the work; one's own, with the pace, for everybody else."""
    st.subheader("Who decided what?", anchor=False)
    me, counts = session.current().annotator, tally.people()
    active = dict(tally.active)
    if session.can(Role.ADJUDICATOR):
        names = sorted({*counts, *active}, key=lambda name: (-counts[name], name))
        table = pd.DataFrame(
            [_line(name, counts, active) for name in names], columns=["Who", "Rows", "Last active"]
        )
        st.dataframe(
            table,
            hide_index=True,
            column_config={"Rows": st.column_config.NumberColumn(format="localized", width=70)},
            placeholder="",
            alt="Rows on which each person's verdict stands, and when they were last active",
        )
    elif me:
        others = [name for name in counts if name != me]
        st.text(f"You: {rows(counts[me])} decided.")
        st.text(
            f"{len(others):,} {'other' if len(others) == 1 else 'others'}: "
            f"{rows(sum(counts[n] for n in others))}."
        )
    seconds = pace(decision_times(session.store(), project.name, me)) if me else None
    if seconds is not None:
        a_minute = f"{60 / seconds:.0f} a minute" if seconds > 0 else "many a second"
        st.markdown(
            f":small[Your pace: {seconds:.1f} s a row, {a_minute} (median of your last 20 gaps, without "
            "pauses over a minute). Only you see this.]"
        )


def _line(name: str, counts: Mapping[str, int], active: Mapping[str, str]) -> dict[str, Any]:
    at = active.get(name)
    return {"Who": name, "Rows": counts.get(name, 0), "Last active": team_acts.moment(at) if at else ""}
