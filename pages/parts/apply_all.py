"""One verdict on every row that the filters of the Issues page leave: previewed, applied, undone."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, replace

import numpy as np
import streamlit as st

from core import bulk
from core.errors import InputError, StoreUnavailable
from core.issue_rows import issue_rows
from core.review.decisions import VERDICTS, Action, Decision
from core.review.people import NotPermitted, Role
from core.review.queue import Filters
from core.workspace import Project
from pages.parts import session, sign_in
from pages.parts.numbers import rows

Verdict = tuple[Action, str | None]

_SUGGESTED: Verdict = (Action.RELABEL, None)
_WORDS: dict[Verdict, str] = {
    _SUGGESTED: "Change to the suggested label",
    (Action.KEEP, None): "Keep the given label",
    (Action.EXCLUDE, None): "Exclude the rows",
    (Action.AMBIGUOUS, None): "Ambiguous: more than one label is right",
    (Action.NEEDS_REVIEW, None): "Needs review by someone else",
}
_VERBS = {
    Action.RELABEL: "Change",
    Action.KEEP: "Keep",
    Action.EXCLUDE: "Exclude",
    Action.AMBIGUOUS: "Call ambiguous",
    Action.NEEDS_REVIEW: "Send to review",
}
_DONE = {
    Action.RELABEL: "changed",
    Action.KEEP: "kept",
    Action.EXCLUDE: "excluded",
    Action.AMBIGUOUS: "called ambiguous",
    Action.NEEDS_REVIEW: "sent to review",
}


def offer(project: Project, filters: Filters, matches: int) -> None:
    """The button that opens the preview, for those who may decide."""
    if session.can(Role.ANNOTATOR) and st.button(f"Apply to all {matches:,}", icon=":material/done_all:"):
        _dialog(project, filters)


def offer_check() -> None:
    """The way to a blind check of a sample, after which the suggestions are applied to the rest."""
    if session.can(Role.OWNER) and st.button("Check a sample, then apply", icon=":material/casino:"):
        st.switch_page("evidence.py", query_params=session.carried(tab="batches"))


def offer_exclusion(project: Project, filters: Filters, row_ids: tuple[str, ...], words: str) -> None:
    """The button that previews the exclusion of these very rows, for those who may decide."""
    if session.can(Role.ANNOTATOR) and st.button(words, icon=":material/block:", key="exclude_rows"):
        _exclude(project, filters, row_ids)


def offer_undo(name: str, key: str | None = None) -> None:
    """Where the last thing this person did here was a decision on many rows: what it was, and Undo.

    key: the key on the keyboard that does it, None for none.
    """
    if not session.can(Role.ANNOTATOR):
        return
    tab = session.current()
    if tab.told:
        st.toast(session.escape(tab.told), icon=":material/done_all:", duration="long")
        tab.told = ""
    me = tab.annotator
    last = session.store().events(name, annotator=me, last=1) if me else []
    if not last or last[0].row_id or last[0].action not in VERDICTS:
        return
    event = last[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        done = f"{rows(len(event.details['members']))} {_DONE[event.action]}"
        st.text(f"Your last step: {done}.", width="content")
        st.button(
            "Undo",
            icon=":material/undo:",
            key=f"undo_{event.op_id}",
            on_click=_undo,
            args=(event,),
            shortcut=key,
        )


@st.dialog("Apply to all rows that match", position="right", width="medium")
def _dialog(project: Project, filters: Filters) -> None:
    _ask(project, filters, None)


@st.dialog("Exclude rows", position="right", width="medium")
def _exclude(project: Project, filters: Filters, row_ids: tuple[str, ...]) -> None:
    _ask(project, filters, row_ids)


def _ask(project: Project, filters: Filters, row_ids: tuple[str, ...] | None) -> None:
    """What to do with the rows of a queue, or the exclusion of these rows."""
    if session.current().told:  # it is done: the page says what became of it
        st.rerun()
    sign_in.require_name()
    action, label = _pick(project) if row_ids is None else (Action.EXCLUDE, None)
    me = session.current().annotator
    wish = bulk.Wish(project.name, filters, action, label, row_ids)
    found = bulk.preview(session.team(), me, wish)
    counts = found.counts
    st.markdown(f"**{_sentence(action, label, found)}**")
    if action is Action.RELABEL and len(found.pairs) > 1:
        st.text(pairs_in_words(found))
    for line in left_alone(counts, label):
        st.text(line)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        confirmed = _confirmed(counts.change)
        held_still = replace(wish, as_of=found.as_of)
        st.button(
            _button(action, counts.change),
            type="primary",
            disabled=not counts.change or not confirmed,
            key="apply_all_go",
            # What is bound here is what the button said when it was pressed, whatever has happened since.
            on_click=_apply,
            args=(held_still, found.seen, counts.change),
        )
        if st.button("Back", key="apply_all_back"):
            st.rerun()
    _examples(project, filters, found, wish)


def _pick(project: Project) -> Verdict:
    options = [*_WORDS, *((Action.RELABEL, label) for label in session.desk().classes(project.name).names)]
    return st.selectbox("What to do", options, format_func=_option, key="apply_all_verdict")


def _option(verdict: Verdict) -> str:
    return _WORDS.get(verdict, f"Change to {verdict[1]}")


def _button(action: Action, change: int) -> str:
    return f"{_VERBS[action]} {rows(change)}"


def _sentence(action: Action, label: str | None, found: bulk.Preview) -> str:
    """ "Change 214 rows from shirt to t-shirt."; class names escaped."""
    change = found.counts.change
    if not change:
        return "No row would change."
    said = _button(action, change)
    if action is not Action.RELABEL:
        return f"{said}."
    if len(found.pairs) == 1:
        given, new, _ = found.pairs[0]
        return f"{said} from {session.escape(given or 'no label')} to {session.escape(new or '')}."
    return f"{said} to {session.escape(label) if label is not None else 'the label suggested for each'}."


def pairs_in_words(found: bulk.Preview) -> str:
    """ "sandal → shirt 19, dress → coat 21, and others"."""
    shown = ", ".join(f"{given or 'no label'} → {new} {n:,}" for given, new, n in found.pairs)
    return shown + (", and others" if sum(n for *_, n in found.pairs) < found.counts.change else "")


def left_alone(counts: bulk.Counts, label: str | None, since: int = 0) -> list[str]:
    """Why the other rows stay as they are, a sentence a reason."""
    lately = f", {since:,} of them since you looked" if since else ""
    reasons = (
        (counts.decided, f"already decided{lately}"),
        (counts.held, "held by others"),
        (counts.unsuggested, "without a suggestion"),
        (counts.same, f"already labelled {label or 'as suggested'}"),
        (counts.locked, "in a locked split"),
    )
    return [f"{n:,} {why}: left alone." for n, why in reasons if n]


def _confirmed(change: int) -> bool:
    """Whether the number may be changed: above TYPED_ABOVE, once it is typed."""
    if change <= bulk.TYPED_ABOVE:
        return True
    typed = st.text_input(f"Type {change:,} to confirm", key="apply_all_number", width=180)
    return typed.replace(",", "").strip() == str(change)


def _examples(project: Project, filters: Filters, found: bulk.Preview, wish: bulk.Wish) -> None:
    if not found.examples:
        return
    few = len(found.examples) < found.counts.change
    st.text(f"{len(found.examples)} random examples:" if few else "All of them:")
    board = session.board(project.name, filters)
    frame = issue_rows(board, np.array(found.examples), {})
    new = frame["suggested"] if wish.label is None and "suggested" in frame else wish.label
    shown = frame[["row", "given"]].assign(new=new, preview=frame["preview"])
    image = project.dataset.columns.kind == "image"
    st.dataframe(
        shown if wish.action is Action.RELABEL else shown.drop(columns="new"),
        hide_index=True,
        column_config={
            "row": st.column_config.NumberColumn("Row", format="localized", width=60),
            "preview": st.column_config.ImageColumn("Preview", width=70)
            if image
            else st.column_config.TextColumn("Preview", width=240),
            "given": st.column_config.TextColumn("Given", width=110),
            "new": st.column_config.TextColumn("New label", width=110),
        },
        alt="Rows that would change",
        height="content",
    )


def _apply(wish: bulk.Wish, seen: int, expect: int) -> None:
    """Store it. Its operation id makes a second click the same operation.

    What became of it is said by the page: a toast would take the dialog's place among the page's elements.
    """
    me = session.current()
    what = [me.session_id, asdict(wish), seen]
    op_id = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(what)).hex
    try:
        told = bulk.apply(session.team(), me.annotator, wish, op_id, seen=seen, expect=expect)
    except (InputError, NotPermitted, StoreUnavailable) as error:
        me.told = f"Nothing changed. {error}"
        return
    done = "Nothing changed." if told.receipt.refused else f"{rows(told.counts.change)} {_DONE[wish.action]}."
    me.told = " ".join([done, *left_alone(told.counts, wish.label, told.since)])


def _undo(event: Decision) -> None:
    me = session.current().annotator
    undo = Decision(event.dataset, "", Action.UNDO, me, "", uuid.uuid4().hex, undoes=event.op_id)
    try:
        (receipt,) = session.team().record(me, [undo])
    except (NotPermitted, StoreUnavailable) as error:
        st.toast(session.escape(str(error)), icon=":material/error:")
        return
    said = receipt.refused or f"Undone: {rows(len(event.details['members']))}"
    st.toast(session.escape(said), icon=":material/undo:")
