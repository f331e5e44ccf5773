"""The People tab of the Team page: who may do what, when each was last active, and how to change that."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.errors import InputError, StoreUnavailable
from core.identity import give_role
from core.review.people import WORKSPACE, NotPermitted, People, Role
from pages.parts import session, team_acts

MAY = {
    Role.NOBODY: "nothing",
    Role.VIEWER: "look",
    Role.ANNOTATOR: "look, decide",
    Role.ADJUDICATOR: "look, decide, end disagreements, change classes",
    Role.OWNER: "everything: load data, export, give roles, plan the review",
}


def show_people() -> None:
    """Everybody with their role and last activity, and the form that gives a role. For owners."""
    session.require_role(Role.OWNER, "give roles")
    people = session.team().people
    if not session.workspace().settings.signs_in:
        st.text("Nobody signs in here: whoever uses this machine is an owner. Roles come with sign-in.")
        _table(pd.DataFrame(_lines(people)).drop(columns="Role", errors="ignore"))
        return
    _table(pd.DataFrame(_lines(people)))
    _form(people)


def _table(lines: pd.DataFrame) -> None:
    if lines.empty:
        st.text("Nobody has done anything yet.")
        return
    st.dataframe(lines, hide_index=True, placeholder="", alt="People, with their role and last activity")


def _lines(people: People) -> list[dict[str, Any]]:
    """A line for everybody who did anything or was given a role: owners first, then by name."""
    active = _last_active()
    names = {*active, *people.given(), *people.owners}
    ordered = sorted(names, key=lambda name: (-people.role(name), name))
    return [
        {
            "Who": name,
            "Role": people.role(name).word,
            "Last active": team_acts.moment(active[name]) if name in active else "",
        }
        for name in ordered
    ]


def _last_active() -> dict[str, str]:
    """When each person last did anything on any data set, UTC in ISO 8601."""
    from core.trail import last_active  # the database's library: not before the first paint

    latest: dict[str, str] = {}
    for dataset in (*session.workspace().names(), WORKSPACE):
        for name, at in last_active(session.store(), dataset).items():
            latest[name] = max(at, latest.get(name, ""))
    return latest


def _form(people: People) -> None:
    st.subheader("Give a role", anchor=False)
    known = sorted({*people.given(), *people.owners} - {session.current().annotator})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        person = st.selectbox(
            "Who",
            known,
            index=None,
            placeholder="E-mail address they sign in with",
            accept_new_options=True,
            key="people_who",
            width=340,
        )
        words = [role.word for role in Role]
        role = Role[st.selectbox("Role", words, Role.ANNOTATOR, key="people_role", width=160).upper()]
        named = session.shorten(person, 40) if person else "them"
        st.button(
            f"Make {session.escape(named)} {_article(role)}",
            type="primary",
            disabled=not person,
            on_click=_give,
            args=(person, role),
        )
    st.markdown(f":small[May: {MAY[role]}. In effect at once, and on record.]")


def _article(role: Role) -> str:
    return f"{'an' if role.word[0] in 'ao' else 'a'} {role.word}" if role else role.word


def _give(person: str, role: Role) -> None:
    session.require_role(Role.OWNER, "give roles")
    try:
        give_role(session.team().people, session.current().annotator, person, role)
    except (InputError, NotPermitted, StoreUnavailable) as error:
        st.toast(session.escape(str(error)), icon=":material/error:")
        return
    st.toast(f"{session.escape(person)} is {_article(role)} now", icon=":material/check_circle:")
