"""What a data lead does with validation rounds: open one, bring recorded votes, apply outcomes."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.audit import Audit
from core.errors import InputError, StoreUnavailable
from core.evidence.validation import READERS
from core.exporting import counted
from core.review.decisions import Action
from core.review.people import NotPermitted, Role
from core.review.queue import Filters, default_find
from core.review.votes import MOST_READERS, Round
from core.uploads import store_upload
from core.votes import MOST_ROWS, Step, apply, open_round, rows_to_ask, steps
from core.votes_files import read_votes, write_votes
from core.workspace import Project
from pages.parts import filters, session, sign_in, team_acts
from pages.parts.export_steps import downloads
from pages.parts.numbers import rows
from pages.parts.problems import show_problems

_BECOMES = {
    Action.RELABEL: "correctable, so they get the suggested label",
    Action.AMBIGUOUS: "multi-label or without agreement, so they are called ambiguous",
    Action.NEEDS_REVIEW: "neither label fits, so they are marked as needing review",
    Action.KEEP: "the given label is right, so it is kept",
}


def after(project: Project, of: Round) -> None:
    """What leads do with the votes of a round."""
    with st.expander("Apply the outcomes", on_change="rerun", key=f"v_apply_{of.id}") as place:
        if place.open:
            _apply(project, of)
    with st.expander("Votes as a file", on_change="rerun", key=f"v_file_{of.id}") as place:
        if place.open:
            _write(project, of)


def before(project: Project, audit: Audit, first: bool) -> None:
    """How leads come to a round. first: there is none yet."""
    with st.expander("Open a round", expanded=first, on_change="rerun", key=f"v_open_{first}") as place:
        if place.open:
            _open(project, audit)
    with st.expander("Bring votes that were given elsewhere", on_change="rerun", key="v_bring") as place:
        if place.open:
            _bring(project, audit)


def _open(project: Project, audit: Audit) -> None:
    if not sign_in.ask_name("name_to_open"):
        return
    if not audit.results:
        st.text("Analyse the data set first: the votes are on what a check suggests.")
        return
    chosen = filters.bar(project, audit, session.filters())
    try:
        asked = rows_to_ask(session.team(), session.person(), project.name, chosen)
    except InputError as error:
        st.warning(session.escape(str(error)))
        return
    if not asked:
        st.text("No row of this queue is flagged with another label suggested.")
        return
    most = min(len(asked), MOST_ROWS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        many = st.number_input("Rows, drawn at random", 1, most, most, key=f"v_rows_{len(asked)}", width=200)
        readers = st.number_input(
            "Votes a row", 1, MOST_READERS, READERS, key="v_readers", width=150,
            help="Most of them decide: an odd number leaves fewer rows without agreement.",
        )  # fmt: skip
        st.button(
            f"Ask about {rows(int(many))}",
            type="primary",
            icon=":material/how_to_vote:",
            on_click=_opened,
            args=(project.name, chosen, int(readers), int(many)),
        )
    flagged = "is flagged" if len(asked) == 1 else "are flagged"
    st.markdown(
        f":small[{rows(len(asked))} of this queue {flagged} with another label "
        f"suggested. {rows(int(many))} with {counted(int(readers), 'vote')} each: "
        f"{counted(int(many) * int(readers), 'vote')}.]"
    )


def _opened(name: str, chosen: Filters, readers: int, many: int) -> None:
    said = " ".join(f"{k}={v}" for k, v in replace(chosen, sort="worst").to_query().items())
    try:
        open_round(
            session.team(), session.current().annotator, name, chosen,
            readers=readers, most=many, queue=said or "flagged rows",
        )  # fmt: skip
    except (InputError, NotPermitted, StoreUnavailable) as error:
        st.error(session.escape(str(error)), icon=":material/error:")
        return
    session.set_params({"round": None, "show": None})


def _bring(project: Project, audit: Audit) -> None:
    session.may_upload()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        upload = st.file_uploader(
            "File of votes",
            type=["csv", "json", "jsonl"],
            key="votes_file",
            help="Each record names a row (row_id or id) and has annotator and choice (given, suggested, "
            "both or neither), or votes_given, votes_suggested, votes_both and votes_neither. The files of "
            "labelerrors.com are read as they are.",
        )
    if upload is None or not sign_in.ask_name("name_to_bring"):
        return
    try:
        path = store_upload(session.workspace().uploads, upload.name, upload)
        found = read_votes(path, project.dataset, audit.results.get(default_find(project.dataset)))
    except InputError as error:
        show_problems(error.problems)
        return
    votes = sum(many for *_, many in found.votes)
    st.text(f"{counted(votes, 'vote')} on {rows(len(found.rows))}. Stored, this becomes a round of its own.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        readers = st.number_input("Votes a row needs", 1, MOST_READERS, READERS, key="v_needed", width=170)
        flagged = st.number_input(
            "Flagged rows", len(found.rows), max(len(project.dataset), len(found.rows)), len(found.rows),
            key=f"v_flagged_{upload.file_id}", width=170,
            help="How many rows these were drawn from; as they are here if every flagged row was voted on",
        )  # fmt: skip
        if st.button(f"Store {counted(votes, 'vote')}", type="primary", key=f"v_store_{upload.file_id}"):
            event = found.event(project.name, session.current().annotator, int(readers), int(flagged))
            session.require_role(Role.ADJUDICATOR, "bring votes")
            session.store().record([event])
            session.set_params({"round": None, "show": None})
            st.rerun()


def _apply(project: Project, of: Round) -> None:
    if not sign_in.ask_name("name_to_apply"):
        return
    keep = st.checkbox("Also decide the rows whose given label is right", key=f"v_keep_{of.id}")
    found = steps(session.team(), project.name, of, keep)
    if not found:
        st.text("No row has an outcome yet that would be decided.")
        return
    for step in found:
        st.text(_step(step))
    many = sum(len(step.members) for step in found)
    st.markdown(
        ":small[The decisions are yours, one step for each line, and can be undone on Team, History. Rows "
        "that somebody has decided stay as they are.]"
    )
    label = f"Decide {rows(many)}" if many else "Nothing is left to decide"
    st.button(
        label,
        type="primary",
        icon=":material/done_all:",
        disabled=not many,
        key=f"v_do_{of.id}",
        on_click=_applied,
        args=(project.name, of, keep),
    )


def _step(step: Step) -> str:
    left = [f"{step.decided:,} decided already"] if step.decided else []
    left += [f"{step.gone:,} labelled otherwise by now"] if step.gone else []
    but = f" (left alone: {', '.join(left)})" if left else ""
    return f"{rows(len(step.members))}: {_BECOMES[step.action]}{but}."


def _applied(name: str, of: Round, keep: bool) -> None:
    try:
        receipts = apply(session.team(), session.current().annotator, name, of, keep)
    except (NotPermitted, StoreUnavailable) as error:
        st.error(session.escape(str(error)), icon=":material/error:")
        return
    for receipt in receipts:
        if receipt.refused:
            st.warning(session.escape(receipt.refused), icon=":material/error:")
    left = sum(len(receipt.left) for receipt in receipts)
    said = f"Decided. {rows(left)} left alone." if left else "Decided."
    st.toast(said, icon=":material/done_all:")


def _write(project: Project, of: Round) -> None:
    if not of.votes:
        st.text("Nobody has voted yet.")
    else:
        key, mark = (project.name, f"votes {of.id}"), (session.store().last_seq(project.name),)
        with st.container(horizontal=True, vertical_alignment="center"):
            for suffix, title in (("csv", "CSV"), ("jsonl", "JSON Lines")):
                if st.button(f"Write as {title}", icon=":material/file_download:", key=f"v_as_{suffix}"):
                    folder = session.workspace().exports(project.name)
                    out = folder / f"{project.name}.votes-{of.id[:8]}.{suffix}"
                    lines = write_votes(of, out)
                    session.current().made[key] = session.Made(mark, (out,), (counted(lines, "line"),))
        made = session.current().made.get(key)
        if made is not None and made.mark == mark:
            st.text(f"{made.files[0].name}: {made.said[0]}. Names of voters are in it.")
            downloads(session.workspace(), project.name, made.files)
    if of.event.annotator == session.current().annotator:
        st.button(
            "Take this round back",
            icon=":material/undo:",
            key=f"v_undo_{of.id}",
            help="Its votes count no longer. Decisions that were made from them stay.",
            on_click=team_acts.take_back,
            args=(of.event,),
        )
