"""The People and claims tab: who holds which rows until when, whose rows are whose, and the roles."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.errors import StoreUnavailable
from core.review.assignments import assigned
from core.review.claims import Claim
from core.review.decisions import Action
from core.review.people import NotPermitted, Role
from core.workspace import Project
from pages.parts import people, session, team_acts
from pages.parts.numbers import rows


def show(project: Project) -> None:
    """Claims, assignments, roles."""
    _claims(project.name)
    _assignments(project.name)
    if session.can(Role.OWNER):
        st.subheader("Who may do what?", anchor=False)
        people.show_people()


@st.fragment(run_every="10s")
def _claims(name: str) -> None:
    st.subheader("Who holds rows now?", anchor=False)
    held: defaultdict[str, list[Claim]] = defaultdict(list)
    try:
        for claim in session.team().claims.held(name).values():
            held[claim.annotator].append(claim)
    except StoreUnavailable as error:
        st.warning(session.escape(str(error)), icon=":material/cloud_off:")
        return
    if not held:
        st.text("Nobody. A row is held while somebody has it on the screen, and for ten minutes after.")
    me = session.current().annotator
    for who, claims in sorted(held.items()):
        until = datetime.fromtimestamp(max(c.expires_at for c in claims), UTC)
        with st.container(horizontal=True, vertical_alignment="center"):
            holds = f"{who} holds {rows(len(claims))} until {until.astimezone(team_acts.zone()):%H:%M}"
            st.text(holds, width="content")
            if who == me or session.can(Role.ADJUDICATOR):
                st.button(
                    f"Release {rows(len(claims))}",
                    key=f"release_{who}",
                    icon=":material/lock_open:",
                    on_click=_release,
                    args=(name, who),
                    help="Others can take them at once. What was decided stays.",
                )


def _release(name: str, who: str) -> None:
    """Give back what somebody holds: one's own, or as an adjudicator anybody's."""
    team, me = session.team(), session.current().annotator
    try:
        team.people.require(me, Role.ANNOTATOR if who == me else Role.ADJUDICATOR)
        team.claims.release(name, who)
    except (NotPermitted, StoreUnavailable) as error:
        st.error(session.escape(str(error)), icon=":material/error:")
        return
    st.toast("Released.", icon=":material/lock_open:")


def _assignments(name: str) -> None:
    team, me = session.team(), session.current().annotator
    found = assigned(team.store.events(name, actions=(Action.ASSIGN, Action.UNDO)))
    if not found:
        return
    st.subheader("Whose rows are whose?", anchor=False)
    standings = team.store.standings(name)
    given: Counter[str] = Counter()
    done: Counter[str] = Counter()
    for row_id, names in found.items():
        standing = standings.get(row_id)
        said = {d.annotator for d in standing.opinions} if standing else set()
        given.update(names)
        done.update(said.intersection(names))
    shown = sorted(given) if session.can(Role.ADJUDICATOR) else [n for n in given if n == me]
    if not shown:
        st.text("No rows are given to you.")
        return
    st.dataframe(
        pd.DataFrame([{"Who": n, "Rows": given[n], "Decided": done[n]} for n in shown]),
        hide_index=True,
        column_config={
            c: st.column_config.NumberColumn(format="localized", width=90) for c in ("Rows", "Decided")
        },
        alt="Rows given to each person, and how many of these they decided",
        width=420,
    )
