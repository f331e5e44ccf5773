"""What the Agreement tab says beside agreement: errors and ambiguity, anchoring, and errors on gold rows."""

from __future__ import annotations

import re

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.evidence import method, people_words
from core.evidence.people import Finding, Gold
from core.evidence.readers import findings, usual_method
from core.evidence.suggestions import ByLot, by_lot
from core.gold import measured_of
from core.methods.consensus import METHODS
from core.review.decisions import VERDICTS, Action
from core.review.people import Role
from core.team_answers import Answers, answers
from core.workspace import Project
from pages.parts import session
from pages.parts.how import how
from pages.parts.numbers import rows
from pages.parts.problems import show_problems

_SHOWN = 200
_LINKED = 50
"""Rows that one link holds: their ids are in the address."""


def readers(project: Project) -> None:
    """The rows that several people read unaided: errors, ambiguous ones, and those that want one more."""
    if project.dataset.targets is not None:
        return
    team, name = session.team(), project.name
    standings = team.visible(name, session.current().annotator)
    several = [row_id for row_id, standing in standings.items() if len(standing.opinions) > 1]
    found = answers(team.store.histories(name, several), project.dataset.classes)
    st.subheader("Error or ambiguity?", anchor=False)
    by = usual_method(found)
    probs = project.predictions.pred_probs
    if found.row_ids and probs is not None and project.dataset.sets is None:
        names = {by: METHODS[by].title, "crowdlab": METHODS["crowdlab"].title}
        by = str(
            st.segmented_control(
                "Consensus by",
                list(names),
                default=by,
                required=True,
                format_func=names.__getitem__,
                help=f"{METHODS[by].about} {METHODS['crowdlab'].title}: {METHODS['crowdlab'].about}",
                key="readers_by",
            )
        )
    frame = _found(project, found, by)
    if frame is None:
        return
    st.text(people_words.readers_in_words(frame))
    if len(frame):
        _table(project, frame)
        how(method.READERS, "readers")


def _found(project: Project, found: Answers, by: str) -> pd.DataFrame | None:
    probs = project.predictions.pred_probs if by == "crowdlab" else None
    try:
        return findings(found, project.dataset, session.team().desk.classes(project.name), by, probs)
    except InputError as error:
        show_problems(error.problems)
        return None


def _table(project: Project, frame: pd.DataFrame) -> None:
    st.dataframe(
        frame.head(_SHOWN),
        hide_index=True,
        column_config={
            "row_id": st.column_config.TextColumn("Row id", width=110),
            "given": st.column_config.TextColumn("Given"),
            "consensus": st.column_config.TextColumn("Consensus"),
            "sure": st.column_config.NumberColumn("Sure", format="%.2f", width=70),
            "readers": st.column_config.NumberColumn("Readers", width=80),
            "finding": st.column_config.TextColumn("Finding"),
        },
        height=min(35 * (min(len(frame), _SHOWN) + 1) + 2, 390),
        placeholder="",
        alt="Rows that several people read, errors first",
    )
    if len(frame) > _SHOWN:
        st.text(f"The first {_SHOWN:,} of {len(frame):,} rows.")
    with st.container(horizontal=True):
        for what in (Finding.ERROR, Finding.ONE_MORE, Finding.AMBIGUOUS):
            ids = frame["row_id"][frame["finding"] == what].tolist()
            if ids:
                _link(project, what, ids)


def _link(project: Project, what: Finding, ids: list[str]) -> None:
    """The way to these rows in Review, flagged or not: a filter by their ids."""
    some = ids[:_LINKED]
    first = "the first " if len(ids) > _LINKED else ""
    words = {
        Finding.ERROR: f"{rows(len(some))} with an error",
        Finding.ONE_MORE: f"{rows(len(some))} for one more reader",
        Finding.AMBIGUOUS: f"{rows(len(some))} that are ambiguous" if len(some) > 1 else "1 ambiguous row",
    }
    cut = {"cut": "1.0"} if session.audit(project).results else {}
    pattern = "|".join(re.escape(row_id) for row_id in some)
    st.page_link(
        "review.py",
        label=f"Review {first}{words[what]}",
        icon=":material/rate_review:",
        query_params=session.only(q=f"/^({pattern})$/", state="decided", **cut),
    )


def anchoring(project: Project) -> None:
    """Whether people choose a suggestion because it is shown."""
    name = project.name
    st.subheader("Does a shown suggestion sway people?", anchor=False)
    found = _by_lot((project.dataset.fingerprint, session.store().last_seq(name)), project)
    plan = session.team().plan(name)
    st.text(people_words.anchoring_in_words(found, plan.hide_suggestions > 0))
    if len(found):
        hidden = int((~found.shown).sum())
        st.markdown(
            f":small[{len(found) - hidden:,} answers with the suggestion shown, {hidden:,} with it hidden by "
            "lot]"
        )
        how(method.ANCHORING, "anchoring")
    elif not plan.hide_suggestions and session.can(Role.OWNER):
        st.page_link(
            "team.py",
            label="Hide some suggestions by lot",
            icon=":material/visibility_off:",
            query_params=session.only(tab="plan"),
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def _by_lot(key: tuple[str, int], _project: Project) -> ByLot:
    """Made again when somebody has decided, and not before."""
    name = _project.name
    events = session.store().events(name, actions=(*VERDICTS, Action.UNDO))
    return by_lot(events, session.team().desk.classes(name))


def gold(project: Project) -> None:
    """How often people err on gold rows: everybody's errors for who ends disagreements, else one's own."""
    team, me = session.team(), session.current().annotator
    if not team.gold(project.name):
        return
    found = measured_of(team, project.name)
    all_people = session.can(Role.ADJUDICATOR)
    answered = found.everybody if all_people else found.people.get(me)
    if answered is None:
        return
    st.subheader("How often do people err?" if all_people else "How often do you err?", anchor=False)
    st.text(people_words.gold_in_words(answered))
    if all_people and found.people:
        lines = [(who, *_rates(one)) for who, one in found.people.items()]
        st.dataframe(
            pd.DataFrame(lines, columns=["who", "alarms", "alarm rate", "misses", "miss rate"]),
            hide_index=True,
            column_config={
                "who": st.column_config.TextColumn("Annotator"),
                "alarms": st.column_config.TextColumn("Right labels called wrong"),
                "alarm rate": st.column_config.TextColumn("95% interval"),
                "misses": st.column_config.TextColumn("Wrong labels missed"),
                "miss rate": st.column_config.TextColumn("95% interval of misses"),
            },
            placeholder="",
            alt="Errors on gold rows by annotator",
        )
    how(method.GOLD, "gold")


def _rates(one: Gold) -> tuple[str, str, str, str]:
    said = []
    for (hits, of), (low, high) in (
        (one.false_alarms, one.false_alarm_rate),
        (one.misses, one.miss_rate),
    ):
        said += [f"{hits:,} of {of:,}", f"{low:.1%} to {high:.1%}" if of else ""]
    return said[0], said[1], said[2], said[3]
