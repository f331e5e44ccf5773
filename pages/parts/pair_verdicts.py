"""Verdicts on pairs that are given elsewhere, and the splits that no suggestion reaches."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from core.audits import found_audit
from core.errors import InputError
from core.exporting import counted
from core.issues import Result
from core.pair_verdicts import MOST_PAIRS, UNNAMED, events_of, pairs_to_judge, read_verdicts, write_pairs
from core.review.decisions import Action
from core.review.locks import lock_event, locked_splits
from core.review.people import Role
from core.splits import Splits
from core.uploads import store_upload
from core.workspace import Project
from pages.parts import judging, session, sign_in, team_acts
from pages.parts.export_steps import downloads
from pages.parts.problems import show_problems

CHECK = "split_leakage"
_USUAL = 5000


def show_judged(project: Project, result: Result) -> None:
    """How many pairs are judged, by people and by recorded verdicts, and what that changed."""
    judged = result.summary.get("judged")
    if not judged or not judged["pairs"]:
        return
    said = (
        f"{counted(judged['pairs'], 'pair')} across splits judged: {judged['same']:,} the same, "
        f"{judged['different']:,} not a duplicate, which no longer count."
    )
    moved = [_moved(judged[what], words) for what, words in _MOVED.items() if judged[what]]
    st.text(f"{said} {' and '.join(moved).capitalize()}." if moved else said)


_MOVED = {"cleared": "cleared", "added": "added"}


def _moved(count: int, words: str) -> str:
    return f"{counted(count, 'held-out row')} {'was' if count == 1 else 'were'} {words}"


def locks(project: Project, splits: Splits) -> frozenset[str]:
    """The locked splits; owners can change them."""
    events = session.store().events(project.name, actions=[Action.LOCK])
    now = locked_splits(events, splits)
    names = [name for name in splits.names if name in now]
    words = ", ".join(names) if names else "none"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(f"Locked splits: {words}.", width="content")
        if session.can(Role.OWNER):
            with st.popover("Change", icon=":material/lock:", type="tertiary"):
                _change(project, splits, names, len(events))
    st.markdown(
        ":small[Rows of a locked split are reported, and can be decided one by one: no suggestion drops them "
        "and no exclusion of many rows reaches them.]"
    )
    return now


def _change(project: Project, splits: Splits, names: list[str], changes: int) -> None:
    if not sign_in.ask_name("name_to_lock"):
        return
    key = f"locks_{project.name}_{changes}"
    chosen = st.multiselect("Locked splits", splits.names, names, key=key, placeholder="none")
    st.button(
        "Save",
        type="primary",
        key=f"{key}_save",
        disabled=set(chosen) == set(names),
        on_click=_lock,
        args=(project.name, chosen, splits),
    )


def _lock(name: str, chosen: list[str], splits: Splits) -> None:
    team_acts.record(lock_event(name, session.current().annotator, chosen, splits))


def judge_elsewhere(project: Project) -> None:
    """Pairs written out for a judge, and the judge's verdicts read back; for owners."""
    if not session.can(Role.OWNER):
        return
    place = st.expander("Verdicts of a judge elsewhere", on_change="rerun", key=f"judge_{project.name}")
    if not place.open:
        return
    with place:
        st.text(
            "A row is contaminated if any of its pairs is judged the same. Write the pairs to a file, have "
            "them judged elsewhere, and bring the verdicts back. A person's word here goes before theirs."
        )
        _write(project)
        _read(project)


def _write(project: Project) -> None:
    result = found_audit(session.workspace(), project).results.get(CHECK)
    if result is None:
        return
    found = judging.judgements(project)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = st.number_input("Pairs at most, most alike first", 1, MOST_PAIRS, _USUAL, width=260)
        kind = st.segmented_control("As", ["csv", "jsonl"], default="csv", required=True, key="pairs_as")
        pressed = st.button("Write the pairs", icon=":material/edit_document:")
    key, mark = (project.name, "pairs"), (project.dataset.fingerprint, most, kind, len(found.rows))
    if pressed:
        pairs, every = pairs_to_judge(project.dataset, result, found, int(most))
        out = session.workspace().exports(project.name) / f"{project.source.path.stem}.pairs.{kind}"
        write_pairs(project.dataset, pairs, out)
        said = f"{out.name}: {len(pairs):,} of {counted(every, 'pair')} that nobody has judged"
        session.current().made[key] = session.Made(mark, (out,), (said,))
    made = session.current().made.get(key)
    if made is not None and made.mark == mark:
        st.text(f"{made.said[0]}.")
        downloads(session.workspace(), project.name, made.files)


def _read(project: Project) -> None:
    session.may_upload()
    help = (
        "CSV or JSON Lines with row_id_a, row_id_b, verdict (same or different, true or false) and judge; "
        "other columns are passed by"
    )
    upload = st.file_uploader("File of verdicts", type=["csv", "jsonl"], help=help, key="verdicts_file")
    if upload is None:
        return
    if not sign_in.ask_name("name_to_store"):
        return
    try:
        path = store_upload(session.workspace().uploads, upload.name, upload)
        verdicts, empty = read_verdicts(path, project.dataset)
    except InputError as error:
        show_problems(error.problems)
        return
    counts = Counter(verdict.verdict for verdict in verdicts)
    judges = ", ".join(dict.fromkeys(v.judge for v in verdicts)) or UNNAMED
    left = f"; {counted(empty, 'line')} without a verdict passed by" if empty else ""
    st.text(
        f"{counted(len(verdicts), 'verdict')} of {judges}: {counts['same']:,} the same, "
        f"{counts['different']:,} not a duplicate{left}."
    )
    events = events_of(project.name, session.current().annotator, verdicts)
    stored = f"verdicts_{project.name}_{upload.file_id}"
    if st.button(
        f"Store {counted(len(verdicts), 'verdict')}", type="primary", key=stored
    ) and team_acts.record(*events):
        st.rerun()
