"""Gold rows in the Plan tab: which rows are gold, and how rows become so."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.gold import COLUMNS, candidates, events_of, measured_of, read_gold
from core.review.decisions import Action, Decision, live
from core.review.plan import Plan
from core.trail import in_words
from core.workspace import Project
from pages.parts import session, team_acts
from pages.parts.numbers import rows
from pages.parts.problems import show_problems

_USUAL = 200


def show(project: Project, plan: Plan) -> None:
    """How many there are, and the two ways to more. For owners."""
    team = session.team()
    st.subheader("Gold rows", anchor=False)
    st.markdown(
        ":small[Rows whose right label is known, asked of every annotator as any other row. They tell how "
        "often people call right labels wrong, and miss wrong ones: half of each tells most. Answers to them "
        "change no label.]"
    )
    known = measured_of(team, project.name)
    st.text(known.sentence)
    if known.rows and not plan.audit and not plan.hide_suggestions:
        st.text(
            "Gold rows are shown without a suggestion, and with this plan no other row is. Mix in random "
            "rows, or hide suggestions of some rows, so that nobody can tell them apart."
        )
    if known.rows and not session.workspace().settings.signs_in:
        st.text(
            "Gold rows are for annotators. Nobody signs in here, so that everybody is an owner, who knows "
            "them and gets none."
        )
    _from_settled(project)
    with st.popover("From a file", icon=":material/upload_file:"):
        _from_file(project)
    _marked(project.name)


def _from_settled(project: Project) -> None:
    team = session.team()
    found = candidates(
        team.store.standings(project.name),
        project.dataset,
        team.desk.classes(project.name),
        team.role,
        team.gold(project.name),
    )
    st.text(found.sentence)
    most = len(found.right) + len(found.wrong)
    if not most:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.number_input(
            "Rows, half of each kind",
            1,
            most,
            min(_USUAL, max(1, 2 * min(len(found.right), len(found.wrong)))),
            key=f"gold_{project.name}_{most}",
            width=190,
            help="Drawn by lot. Where one kind runs out, the rest is of the other.",
        )
        some = found.half_and_half(wanted)
        st.button(
            f"Mark {rows(len(some))} as gold",
            icon=":material/verified:",
            on_click=_mark,
            args=(project.name, some),
            key=f"gold_mark_{len(some)}",
        )


def _from_file(project: Project) -> None:
    """A CSV of rows with their right labels."""
    session.may_upload()
    team, name = session.team(), project.name
    st.text(
        f"A CSV with the columns {' and '.join(COLUMNS)}. The label is the right one, the given or another."
    )
    upload = st.file_uploader("Gold rows", type="csv", key=f"gold_file_{name}")
    if upload is None:
        return
    try:
        found = read_gold(
            upload.getvalue(),
            upload.name,
            project.dataset,
            team.desk.classes(name),
            team.store.standings(name),
        )
    except InputError as error:
        show_problems(error.problems)
        return
    wrong = sum(d.action is not Action.KEEP for d in found)
    new = [d for d in found if d.row_id not in team.gold(name)]
    st.text(
        f"{len(found) - wrong:,} known right, {wrong:,} known wrong. Each gets its label as a final word."
    )
    st.button(
        f"Mark {rows(len(new))} of the file as gold",
        icon=":material/verified:",
        on_click=_mark,
        args=(name, new),
        disabled=not new,
        key="gold_mark_file",
    )


def _mark(name: str, decisions: list[Decision]) -> None:
    events = events_of(decisions, session.current().annotator, session.team().desk.classes(name))
    if team_acts.record(*events):
        st.toast(f"{rows(len(decisions))} marked as gold.", icon=":material/verified:")


def _marked(name: str) -> None:
    """The marks in force, one's own with the way back."""
    events = session.store().events(name, actions=(Action.GOLD, Action.UNDO))
    standing = live(events)
    for event in reversed([e for e in events if e.action is Action.GOLD and e.op_id in standing][-10:]):
        with st.container(horizontal=True, vertical_alignment="center"):
            said = f"{team_acts.moment(event.decided_at)} {event.annotator}: {in_words(event)}"
            st.text(said, width="content")
            if event.annotator == session.current().annotator:
                st.button(
                    "Take back",
                    key=f"gold_back_{event.op_id}",
                    icon=":material/undo:",
                    on_click=team_acts.take_back,
                    args=(event,),
                    help="Their final words stay.",
                )
