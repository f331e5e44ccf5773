"""The History tab: every event, newest first, with filters, its rows, Undo, and a file of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import streamlit as st

from core.issue_rows import state_of
from core.review.decisions import UNDOABLE, VERDICTS, Action
from core.review.people import WORKSPACE, Role
from core.session_token import lifetime, mint_download
from core.trail import (
    MEMBERS_SHOWN,
    PAGE_EVENTS,
    Entry,
    Wanted,
    count_events,
    names_in_log,
    page_of_events,
    write_trail,
)
from core.workspace import Project
from pages.parts import picking, session, team_acts
from pages.parts.export_steps import readable_size
from pages.parts.numbers import rows

_ALL = ""
_DECIDED = "decisions"
_WORDS = {
    _ALL: "everything",
    _DECIDED: "every decision",
    Action.KEEP: "kept",
    Action.RELABEL: "changed",
    Action.EXCLUDE: "excluded",
    Action.AMBIGUOUS: "ambiguous",
    Action.NEEDS_REVIEW: "needs review",
    Action.UNDO: "undone and brought back",
    Action.NOTE: "notes",
    Action.TAG: "tags",
    Action.CLASS: "class list",
    Action.ASSIGN: "rows given to people",
    Action.PLAN: "plans",
    Action.ROLE: "roles",
    Action.PAIR: "pairs judged",
    Action.LOCK: "locked splits",
    Action.GATE: "spot checks",
    Action.RULE: "rules",
    Action.VOTE: "votes",
    Action.FREEZE: "frozen test rows",
    Action.GOLD: "gold rows",
}


def show(project: Project) -> None:
    """The trail as this person may see it."""
    team, me = session.team(), session.current().annotator
    # Others' answers to gold rows would tell which rows are gold.
    blind = not team.sees_all(project.name, me)
    alone = blind or bool(team.gold(project.name, me))
    if alone:
        why = "The review is blind: you see" if blind else "You see"
        st.text(f"{why} your own answers, and how the work is organised.")
    wanted = _filters(project.name, me if alone else "")
    count = count_events(team.store, project.name, wanted)
    if not count:
        st.text("Nothing has happened yet." if wanted == Wanted(only=wanted.only) else "No events match.")
        return
    page, pages = team_acts.page_of(count, PAGE_EVENTS)
    entries = page_of_events(team.store, project.name, wanted, page)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chosen = _table(entries, f"trail_{project.name}_{page}_{count}_{entries[0].event.op_id}")
        with st.container(horizontal=True, vertical_alignment="center"):
            if pages > 1:
                picking.pagination(pages, page, f"trail_{project.name}_{count}")
            st.text(f"{count:,} {'event' if count == 1 else 'events'}, times in {team_acts.zone()}")
    with right:
        _entry(chosen or entries[0])
    if session.can(Role.OWNER):
        _files(project, wanted, count)


def _filters(name: str, only: str) -> Wanted:
    names = [n for n in names_in_log(session.store(), name) if only in ("", n)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        person = session.bound(
            st.selectbox,
            "Who",
            [_ALL, *names],
            param="h_who",
            read=lambda text: text if text in names else _ALL,
            format_func=lambda n: n or "everybody",
            width=190,
        )
        kind = session.bound(
            st.selectbox,
            "What",
            list(_WORDS),
            param="h_what",
            read=lambda text: text if text in _WORDS else _ALL,
            format_func=lambda k: _WORDS[k],
            width=200,
        )
        row = session.bound(
            st.text_input, "Row id", param="h_row", read=lambda text: text or "", type="search", width=170
        )
        day = session.bound(st.date_input, "Day", param="h_day", read=_day, width=150)
    since, until = team_acts.bounds(day) if day else ("", "")
    actions = tuple(sorted(VERDICTS)) if kind == _DECIDED else (Action(kind),) if kind else ()
    return Wanted(person or _ALL, actions, row.strip(), since, until, only)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _table(entries: list[Entry], key: str) -> Entry | None:
    """The page's lines; the one that is selected."""
    lines = [
        {
            "when": team_acts.moment(e.event.decided_at),
            "who": e.event.annotator,
            "what": e.words,
            "row": "" if e.event.dataset == WORKSPACE else e.event.row_id,
            "state": "undone" if e.undone else "",
        }
        for e in entries
    ]
    event = st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        column_config={
            "when": st.column_config.TextColumn("When", width=110),
            "who": st.column_config.TextColumn("Who", width=110),
            "what": st.column_config.TextColumn("What", width=230),
            "row": st.column_config.TextColumn("Row id", width=110),
            "state": st.column_config.TextColumn("", width=70),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        height=min(33 * (len(lines) + 1) + 2, 520),
        placeholder="",
        alt="Events, newest first",
    )
    picked = event["selection"]["rows"]
    return entries[picked[0]] if picked and picked[0] < len(entries) else None


def _entry(entry: Entry) -> None:
    """One event in full, with Undo where it is the visitor's own."""
    event = entry.event
    with st.container(border=True, gap="small"):
        st.text(f"{event.annotator}: {entry.words}")
        facts = {
            "Row": "" if event.dataset == WORKSPACE else event.row_id,
            "Given label": event.given_label,
            "Stored": f"{event.decided_at[:19].replace('T', ' ')} UTC, number {event.seq}",
            "Why": event.reason if event.action in VERDICTS else "",
            "State": "undone" if entry.undone else "",
        }
        st.text("\n".join(f"{name}: {value}" for name, value in facts.items() if value))
        if entry.members:
            _members(entry)
        if event.annotator != session.current().annotator or not _can_undo(entry):
            return
        many = f" {rows(len(entry.members))}" if entry.members else ""
        st.button(
            f"Bring back{many}" if event.action is Action.UNDO else f"Undo{many or ' this'}",
            key=f"undo_{event.op_id}",
            icon=":material/undo:",
            on_click=team_acts.take_back,
            args=(event,),
        )


def _can_undo(entry: Entry) -> bool:
    """A redo is taken back by undoing the event itself; a plan and a role are changed by giving another."""
    if entry.undone:
        return False
    if entry.event.action is Action.UNDO:
        return not entry.redo and entry.of is not None and entry.of.action in UNDOABLE
    return entry.event.action in UNDOABLE


def _members(entry: Entry) -> None:
    """The rows of an event about many, the first hundred of them."""
    members = entry.members
    some = members[:MEMBERS_SHOWN]
    if entry.event.action is Action.ASSIGN:
        lines = [{"Row id": row_id, "Given to": ", ".join(people)} for row_id, people in some]
    else:
        lines = [
            {"Row id": row_id, "Given": given or "none", "Now": label or state_of(entry.event)}
            for row_id, given, label in some
        ]
    st.dataframe(pd.DataFrame(lines), hide_index=True, height=260, alt="The rows of this event")
    st.text(f"{len(some):,} of {rows(len(members))}")


def _files(project: Project, wanted: Wanted, count: int) -> None:
    """The events that match as a file, streamed to the disk and from it."""
    folder = session.workspace().exports(project.name)
    with st.container(horizontal=True, vertical_alignment="center"):
        for suffix, title in ((".csv", "CSV"), (".jsonl", "JSON Lines")):
            noun = "event" if count == 1 else "events"
            if st.button(f"Write {count:,} {noun} as {title}", icon=":material/file_download:"):
                session.require_role(Role.OWNER, "export")
                out = folder / f"{project.name}.history{suffix}"
                with st.spinner("Writing"):
                    write_trail(session.store(), project.name, wanted, out)
                _download(project.name, out)


def _download(name: str, out: Path) -> None:
    space = session.workspace()
    token = mint_download(space.secret(), name, session.person(), lifetime(space.settings))
    st.link_button(
        f"Download {session.escape(out.name)}, {readable_size(out.stat().st_size)}",
        f"/labelmend/exports/{quote(name)}/{quote(out.name)}?token={token}",
        type="primary",
    )
