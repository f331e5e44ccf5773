"""The class list: what each class is used for, and adding, renaming and merging classes."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.dataset import Dataset
from core.errors import InputError, StoreUnavailable
from core.exporting import counted
from core.multilabel import LabelSets
from core.review.classes import (
    CLASS_ACTIONS,
    ClassList,
    Use,
    change_event,
    class_list,
    in_words,
    usage,
)
from core.review.decisions import Action, Decision, live
from core.review.people import Role
from core.written import Written, rewritten
from pages.parts import session

_SHOWN_CHANGES = 20
_KINDS = {"add": "Add a class", "rename": "Rename a class", "merge": "Merge classes"}


def show_classes() -> None:
    """The class list of the data set to show; those who may change it can."""
    project = session.require_project()
    if project.dataset.targets is not None:
        st.text("The labels of this data set are numbers: there are no classes.")
        return
    if project.dataset.sets is not None:
        _show_labels(project.dataset, project.dataset.sets)
        return
    store = session.store()
    events = store.events(project.name, actions=CLASS_ACTIONS)
    current = class_list(project.dataset.classes, events)
    used = usage(project.dataset, store.standings(project.name), current)
    if session.can(Role.ADJUDICATOR):
        _change(project.dataset, current, used, events)
    else:
        st.text("An adjudicator or an owner can add, rename and merge classes.")
    st.subheader(_classes(len(current.names)), anchor=False)
    st.dataframe(_table(project.dataset, current, used), hide_index=True, alt="How many rows each class has")
    _history(project.name, events)


def _show_labels(dataset: Dataset, sets: LabelSets) -> None:
    """The classes where a row can have several labels."""
    rows = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(dataset.classes))
    given = rows @ sets.indicator(dataset.classes).astype(np.int64)
    st.text("Where a row can have several labels, the classes cannot be changed here.")
    st.subheader(_classes(len(sets.names)), anchor=False)
    table = pd.DataFrame({"class": sets.names, "rows given": given})
    st.dataframe(table, hide_index=True, alt="How many rows each class has")


def _table(dataset: Dataset, current: ClassList, used: dict[str, Use]) -> pd.DataFrame:
    was: dict[str, list[str]] = {name: [] for name in current.names}
    for name in dataset.classes:
        if current.resolve(name) != name:
            was[current.resolve(name)].append(name)
    rows = [(name, use.given, use.decided) for name, use in used.items()]
    table = pd.DataFrame(rows, columns=["class", "rows given", "rows changed to it"])
    if any(was.values()):
        table["in the data as"] = [", ".join(names) for names in was.values()]
    if dataset.tokens != dataset.classes:
        tokens = Written.of(dataset, current).tokens
        table["written as"] = [tokens.get(name, "") for name in used]
    return table


def _change(dataset: Dataset, current: ClassList, used: dict[str, Use], events: list[Decision]) -> None:
    """The form for one change, empty again after each."""
    kind = st.segmented_control(
        "Change", list(_KINDS), default="add", required=True, format_func=_KINDS.__getitem__,
        label_visibility="collapsed", key="class_kind",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        change = _asked(str(kind), current, sum(e.action is Action.CLASS for e in events))
    if not change:
        return
    touched = [change["rename"]] if kind == "rename" else change.get("merge", [])
    touched = [name for name in touched if name != change.get("to")]
    given = sum(used[name].given for name in touched)
    decided = sum(used[name].decided for name in touched)
    try:
        event = change_event(dataset.name, session.current().annotator, current, change, given, decided)
    except InputError as error:
        st.text(str(error))
        return
    if touched:
        cells = counted(rewritten(dataset, class_list(dataset.classes, [*events, event])), "label cell")
        st.text(
            f"{counted(given, 'row')} given and {counted(decided, 'decision')} get the new name. "
            f"With all changes of the class list, {cells} will differ from your file."
        )
    st.button(_verb(change), type="primary", on_click=_record, args=(event,))


def _asked(kind: str, current: ClassList, number: int) -> dict[str, Any]:
    """The change that the form describes; empty where it is not filled in. number: of the changes so far."""
    change: dict[str, Any] = {}
    key = f"class_{kind}_{number}"
    if kind == "add":
        change["add"] = _name(st.text_input("Name", key=key, width=280))
    elif kind == "rename":
        change["rename"] = st.selectbox("Class", current.names, index=None, key=f"{key}_old", width=280)
        change["to"] = _name(st.text_input("New name", key=key, width=280))
    else:
        change["merge"] = st.multiselect("Classes", current.names, key=f"{key}_old", width=420)
        change["to"] = _name(
            st.selectbox(
                "Into one of them, or a new name",
                change["merge"],
                index=None,
                accept_new_options=True,
                key=key,
                width=280,
            )
        )
    return change if all(change.values()) else {}


def _name(typed: str | None) -> str:
    return " ".join((typed or "").split())


def _verb(change: dict[str, Any]) -> str:
    """What the button says."""
    if "add" in change:
        return f"Add {session.escape(change['add'])}"
    if "rename" in change:
        return f"Rename {session.escape(change['rename'])} to {session.escape(change['to'])}"
    number = len({*change["merge"], change["to"]} - {change["to"]})
    return f"Merge {_classes(number)} into {session.escape(change['to'])}"


def _classes(number: int) -> str:
    return f"{number:,} {'class' if number == 1 else 'classes'}"


def _history(dataset: str, events: list[Decision]) -> None:
    """The changes so far, the newest first; one's own can be undone."""
    standing, me = live(events), session.current().annotator
    changes = [event for event in events if event.action is Action.CLASS][::-1]
    if not changes:
        return
    st.subheader("Changes", anchor=False)
    for event in changes[:_SHOWN_CHANGES]:
        stands = event.op_id in standing
        with st.container(horizontal=True, vertical_alignment="center"):
            when = event.decided_at[:16].replace("T", " ")
            st.text(f"{when}  {event.annotator}: {in_words(event.details)}{'' if stands else ', undone'}")
            if stands and event.annotator == me and session.can(Role.ADJUDICATOR):
                undo = Decision(dataset, "", Action.UNDO, me, "", uuid.uuid4().hex, undoes=event.op_id)
                st.button("Undo", key=f"undo_{event.op_id}", type="tertiary", on_click=_record, args=(undo,))
    if len(changes) > _SHOWN_CHANGES:
        st.text(f"and {counted(len(changes) - _SHOWN_CHANGES, 'earlier one')}, in History")


def _record(event: Decision) -> None:
    """Store a change; says what came of it."""
    session.require_role(Role.ADJUDICATOR, "change the class list")
    try:
        [receipt] = session.team().record(session.current().annotator, [event])
    except StoreUnavailable as error:
        st.error(session.escape(str(error)), icon=":material/cloud_off:")
        return
    if receipt.refused:
        st.error(session.escape(receipt.refused), icon=":material/error:")
    else:
        words = "Undone" if event.action is Action.UNDO else in_words(event.details).capitalize()
        st.toast(session.escape(words), icon=":material/check_circle:")
