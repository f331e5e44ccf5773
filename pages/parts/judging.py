"""What people say of a pair, of rows or of classes: the same, or not; taken back with one click."""

from __future__ import annotations

import streamlit as st

from core.audits import judgements_of
from core.review.decisions import Action, Decision
from core.review.judgements import DIFFERENT, SAME, Judged, Judgements, Of, Verdict, in_words, pair_event
from core.review.people import Role
from core.workspace import Project
from pages.parts import session, sign_in, team_acts

SAYS: dict[Verdict, str] = {SAME: "the same", DIFFERENT: "not a duplicate"}


def judgements(project: Project) -> Judgements:
    """What is said of the pairs of a data set now."""
    return judgements_of(session.workspace(), project.name)


def buttons(
    project: Project, of: Of, one: str, other: str, key: str, words: dict[Verdict, str] | None = None
) -> None:
    """A button for each verdict, for those who may decide. words: what they say, by verdict."""
    if not session.can(Role.ANNOTATOR):
        return
    for verdict, label in (words or {SAME: "The same", DIFFERENT: "Not a duplicate"}).items():
        st.button(
            label,
            key=f"judge_{verdict}_{key}",
            icon=_ICONS[verdict],
            on_click=_judge,
            args=(project.name, of, one, other, verdict),
        )


_ICONS: dict[Verdict, str] = {SAME: ":material/link:", DIFFERENT: ":material/link_off:"}


def _judge(name: str, of: Of, one: str, other: str, verdict: Verdict) -> None:
    me = session.current()
    if not me.annotator:
        me.refused = "Give your name first: a judgement is stored with it."
        return
    team_acts.record(pair_event(name, me.annotator, of, [(one, other, verdict)]))


def said(judged: Judged | None) -> str:
    """ "Judged not a duplicate by ann, 3 Mar 14:32; recorded: the same by gpt-4."; "" where nothing is."""
    if judged is None:
        return ""
    people = [
        f"{SAYS[o.verdict]} by {o.judge}, {team_acts.moment(o.event.decided_at)}"
        for o in judged.opinions
        if not o.recorded
    ]
    recorded = [f"{SAYS[o.verdict]} by {o.judge}" for o in judged.opinions if o.recorded]
    parts = [f"judged {'; '.join(people)}"] if people else []
    parts += [f"recorded verdict: {'; '.join(recorded)}"] if recorded else []
    text = "; ".join(parts)
    differ = len({o.verdict for o in judged.counting}) > 1
    return f"{text[0].upper()}{text[1:]}." + (
        " It counts while one says that it is the same." if differ else ""
    )


def offer_undo(name: str) -> None:
    """Where the last thing this person did here was to judge pairs: what it was, and Undo. Who tried to
    without a name is asked for it."""
    me = session.current()
    if not me.annotator or not session.can(Role.ANNOTATOR):
        if me.refused:
            st.warning(session.escape(me.refused), icon=":material/error:")
            sign_in.ask_name("name_to_judge")
        return
    me.refused = ""
    last = session.store().events(name, annotator=me.annotator, last=1)
    if not last or last[0].action is not Action.PAIR:
        return
    event: Decision = last[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(f"Your last step: {in_words(event)}.", width="content")
        st.button(
            "Undo",
            icon=":material/undo:",
            key=f"undo_{event.op_id}",
            on_click=team_acts.take_back,
            args=(event,),
        )
