"""Validation: people vote on flagged labels without knowing which label is the given one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.audit import Audit
from core.evidence import validated
from core.evidence.validation import Outcome
from core.exporting import counted
from core.review.people import Role
from core.review.votes import Round
from core.session_token import public_id
from core.votes import cards, labelled, why_not
from core.workspace import Project
from pages.parts import session, sign_in, team_acts, validation_rounds
from pages.parts.how import how
from pages.parts.numbers import rows
from pages.parts.vote_card import Cards, vote_card

_AT_ONCE = 40
_UNDOABLE = 10
_VIEWS = {"vote": "Vote", "results": "Results"}
_MOST_LINES = 1000
_LEAST_CLASSES = 2


def show(project: Project, audit: Audit) -> None:
    """The rounds of a data set: the card to vote, and what the votes come to."""
    st.subheader("Are the flagged labels wrong?", anchor=False)
    if reason := why_not(project.dataset):
        st.text(reason)
        return
    st.text(
        "Several people look at each flagged row and say which of two labels is right. They do not know "
        "which of the two is the given one, nor what others said. A vote changes no label."
    )
    found = session.desk().rounds(project.name)
    of = _pick(list(found.values())) if found else None
    if of is None:
        if not session.can(Role.ADJUDICATOR):
            st.text("No round is open. Ask a data lead.")
    elif _view(of) == "vote":
        _vote(project, of)
    else:
        _results(project, of)
        if session.can(Role.ADJUDICATOR):
            validation_rounds.after(project, of)
    if session.can(Role.ADJUDICATOR):
        validation_rounds.before(project, audit, of is None)
    how(validated.METHOD, "validation")


def _pick(found: list[Round]) -> Round:
    """The round to show: the last, or the one that is chosen."""
    if len(found) == 1:
        return found[0]
    by_id = {of.id: of for of in reversed(found)}
    chosen = session.bound(
        st.selectbox,
        "Round",
        list(by_id),
        param="round",
        read=lambda text: text if text in by_id else found[-1].id,
        format_func=lambda name: _title(by_id[name]),
        width=520,
    )
    return by_id[chosen or found[-1].id]


def _title(of: Round) -> str:
    what = "recorded votes" if of.recorded else f"{counted(of.readers, 'vote')} a row"
    return f"{team_acts.moment(of.event.decided_at)}: {rows(len(of.rows))}, {what} ({of.queue})"


def _view(of: Round) -> str:
    """What to show: the card to those for whom rows wait, results to whoever is not to be swayed by them."""
    waits = session.can(Role.ANNOTATOR) and bool(of.waiting(session.current().annotator))
    if not waits:
        return "results"
    if not session.can(Role.ADJUDICATOR):
        return "vote"
    return session.choice("What to show", _VIEWS, "show")


@st.fragment
def _vote(project: Project, of: Round) -> None:
    if not sign_in.ask_name("name_to_vote"):
        return
    me, team = session.current().annotator, session.team()
    of = session.desk().rounds(project.name).get(of.id, of)
    waiting = of.waiting(me)
    last = of.of(me)[-_UNDOABLE:]
    done = dict(zip([row for row, _ in last], [vote.event.op_id for _, vote in last], strict=True))
    shown = Cards(
        workspace=public_id(session.workspace().secret()),
        dataset=project.name,
        annotator=me,
        token=session.token(),
        round=of.id,
        cards=cards(team, me, project.name, of, waiting[:_AT_ONCE]),
        waiting=len(waiting),
        done=[(done[card["row_id"]], card) for card in cards(team, me, project.name, of, list(done))],
    )
    if vote_card(shown):
        st.rerun()  # the results are shown now


def _results(project: Project, of: Round) -> None:
    dataset = project.dataset
    found = validated.validated(of, labelled(dataset))
    waiting = of.waiting(session.current().annotator)
    if waiting and session.can(Role.ANNOTATOR):
        verb = "waits" if len(waiting) == 1 else "wait"
        st.text(f"{rows(len(waiting))} still {verb} for your vote: what is below can sway you.")
    for said in (
        validated.checked_in_words(found),
        validated.hits_in_words(found),
        validated.rate_in_words(found),
        validated.agreement_in_words(found),
    ):
        if said:
            st.text(said)
    _offer_undo(of)
    if not found.outcomes:
        return
    _outcomes(of, found)
    if len(found.by_class) >= _LEAST_CLASSES:
        _classes(found.by_class)


def _offer_undo(of: Round) -> None:
    """The way back from the last vote, which ends the card."""
    if mine := of.of(session.current().annotator):
        st.button(
            "Undo my last vote",
            icon=":material/undo:",
            key=f"vote_undo_{mine[-1][1].event.op_id}",
            on_click=team_acts.take_back,
            args=(mine[-1][1].event,),
        )


def _outcomes(of: Round, found: validated.Validated) -> None:
    """How many rows each outcome has, and the rows of one."""
    counts = {one: many for one, many in found.counts.items() if many}
    st.subheader("Outcomes", anchor=False)
    chosen = session.choice(
        "Outcome", {str(one): f"{_capital(one)} {many:,}" for one, many in counts.items()}, "outcome"
    )
    ids = [row for row, one in found.outcomes.items() if one == chosen]
    lines = pd.DataFrame(
        {
            "row": ids[:_MOST_LINES],
            "given": [of.rows[row].given for row in ids[:_MOST_LINES]],
            "suggested": [of.rows[row].suggested for row in ids[:_MOST_LINES]],
            "votes": [
                ", ".join(f"{choice} {many:,}" for choice, many in of.counts(row).items())
                for row in ids[:_MOST_LINES]
            ],
        }
    )
    picked = st.dataframe(
        lines,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"outcomes_{of.id}_{chosen}",
        column_config={
            "row": "Row id",
            "given": "Given label",
            "suggested": "Suggested label",
            "votes": "Votes",
        },
        height=min(36 * (len(lines) + 1) + 2, 330),
        alt=f"Rows whose votes come to: {chosen}",
    )
    if len(ids) > _MOST_LINES:
        st.text(f"The first {_MOST_LINES:,} of {rows(len(ids))}; the file of the votes has them all.")
    at = picked["selection"]["rows"]
    row = ids[at[0]] if at and at[0] < len(lines) else ids[0]
    if session.can(Role.ANNOTATOR):
        st.page_link(
            "review.py",
            label=f"Review row {session.escape(row)}",
            icon=":material/rate_review:",
            query_params=session.only(row=row),
        )


def _classes(frame: pd.DataFrame) -> None:
    if not st.toggle("By given label", key="validated_by_class"):
        return
    shown = frame[["given", "checked", "errors"]].rename(columns={"given": "given label"})
    ends = zip(frame["share"], frame["low"], frame["high"], strict=True)
    shown["wrong, 95% interval"] = [f"{share:.0%} ({low:.0%} to {high:.0%})" for share, low, high in ends]
    st.dataframe(shown, hide_index=True, alt="Errors among the checked rows by given label")
    st.markdown(":small[Of rows that were flagged. Each interval holds by itself.]")


def _capital(one: Outcome) -> str:
    return f"{str(one)[:1].upper()}{str(one)[1:]}"
