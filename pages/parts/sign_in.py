"""Who is here: the sign-in page, the page for people without a role, a name where there is no sign-in."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import streamlit as st

from core.errors import InputError
from core.identity import clean_name, os_user, remember_name
from core.review.people import Role
from pages.parts import session


def gate() -> None:
    """Let nobody past who may not look: shows what they need instead, and ends the run."""
    settings = session.workspace().settings
    if not settings.signs_in:
        return
    if not session.current().annotator:
        _offer_sign_in()
        st.stop()
    if session.role() is Role.NOBODY:
        _say_whom_to_ask()
        st.stop()


def providers() -> list[str]:
    """The identity providers of the secrets file: "" for the one without a name."""
    auth = st.secrets.get("auth", {})
    named = [name for name, value in auth.items() if isinstance(value, Mapping) and "client_id" in value]
    return [*([""] if "client_id" in auth else []), *named]


def _offer_sign_in() -> None:
    st.title("Labelmend", anchor=False)
    if st.user.get("is_logged_in"):
        st.text("Your sign-in has ended. What you decided is stored. Sign in again to go on.")
    else:
        st.text("Sign in to see this team's data.")
    with st.container(horizontal=True):
        for name in providers():
            st.button(
                f"Sign in with {session.escape(name)}" if name else "Sign in",
                type="primary",
                icon=":material/login:",
                key=f"sign_in_{name}",
                on_click=st.login,
                args=(name or None,),
            )


def _say_whom_to_ask() -> None:
    """Somebody has signed in and was given no role."""
    name = session.current().annotator
    st.title("You have no role here yet", anchor=False)
    st.text(f"You are signed in as {name}")
    people = session.team().people
    owners = sorted(people.owners | {p for p, r in people.given().items() if r is Role.OWNER})
    if owners:
        st.text(f"Ask an owner to give you one: {', '.join(owners)}")
    else:
        st.text("There is no owner yet. Whoever runs the machine makes the first one:")
        st.code(f"labelmend role {shlex.quote(name)} owner", language=None)
    with st.container(horizontal=True):
        st.button("Look again", type="primary", icon=":material/refresh:")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)


def require_name() -> None:
    """Ask for a name where none is known, and end the run: nothing is decided by nobody."""
    if not ask_name("name"):
        st.stop()


def ask_name(key: str) -> bool:
    """Ask for a name where none is known. Whether one is: where not, the caller shows nothing to decide.

    key: of the form, one for each place of a page that asks.
    """
    if session.current().annotator:
        return True
    st.subheader("Who is reviewing?", anchor=False)
    with st.form(key, border=False, width=420):
        name = st.text_input(
            "Your name", os_user(), max_chars=80, help="Stored with each decision. You can change it later."
        )
        if st.form_submit_button("Start reviewing", type="primary"):
            choose_name(name)
            if session.current().annotator:
                st.rerun()
    return False


def choose_name(text: str) -> None:
    """Decide under this name from now on, in this tab and in those opened after it."""
    try:
        name = clean_name(text)
    except InputError as error:
        st.warning(session.escape(str(error)))
        return
    session.current().annotator = name
    remember_name(session.workspace(), name)


def show_who() -> None:
    """A small line that says under which name decisions are stored, with the way to change that."""
    me, settings = session.current(), session.workspace().settings
    if not me.annotator:
        return
    shown = session.escape(session.shorten(me.annotator, 26))
    words = f"You are {shown}" if settings.signs_in else f"You are {shown} · Change"
    with st.popover(words, icon=":material/person:"):
        if settings.signs_in:
            st.text(me.annotator)
            st.text(f"Your role: {session.role().word}")
            st.button("Sign out", icon=":material/logout:", on_click=st.logout)
            return
        name = st.text_input("Your name, stored with each decision you make", me.annotator, max_chars=80)
        if name.strip() and name != me.annotator:
            choose_name(name)
            st.rerun()
