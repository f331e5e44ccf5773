"""The parts of the Export page."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from urllib.parse import quote

import streamlit as st

from core import soft_labels
from core.corrections import Corrections, ExportOptions
from core.dataset import Dataset
from core.decision_files import write_decisions_of
from core.errors import InputError
from core.export_check import verify_export
from core.exported import written_as
from core.exporters._base import ExportFormat
from core.exporting import counted, formats, suffix_of, write_export
from core.label_forms.form import LABEL_FORM, form_of
from core.report_files import write_papers
from core.review.decisions import Action
from core.review.policy import ABOUT, DEFAULT_POLICY, POLICIES, WEIGH_CLASSES, Outcomes, outcomes
from core.session_token import lifetime, mint_download
from core.workspace import Project, Workspace
from pages.parts import session
from pages.parts.problems import show_problems


def split_names(dataset: Dataset) -> list[str]:
    """The values of the split column in alphabetical order; none without such a column."""
    return [] if dataset.splits is None else sorted(dataset.splits.dropna().unique())


def decided(project: Project) -> Outcomes:
    """What people decided, by the policy of the address; the choice of one where annotators differ."""
    store, probs = session.store(), project.predictions.pred_probs
    standings = store.standings(project.name)
    about = store.events(project.name, actions=ABOUT)
    plain = outcomes(standings, about, project.dataset)
    if not plain.disagreed:
        return plain
    names = [name for name, policy in POLICIES.items() if probs is not None or not policy.needs_model]
    if project.dataset.targets is not None:
        names = [name for name in names if name not in WEIGH_CLASSES]
    chosen = session.bound(
        st.selectbox,
        f"{counted(len(plain.disagreed), 'row')} on which annotators differ",
        names,
        format_func=lambda name: f"{POLICIES[name].title}: {POLICIES[name].about}",
        param="policy",
        read=lambda text: text if text in names else DEFAULT_POLICY,
    )
    try:
        with st.spinner("Weighing the answers"):
            return outcomes(standings, about, project.dataset, str(chosen), probs)
    except InputError as error:
        show_problems(error.problems)
        st.stop()


def show_open(found: Outcomes) -> None:
    """What people have not settled, with the way there."""
    if found.unsettled:
        stay = "stays" if len(found.unsettled) == 1 else "stay"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{counted(len(found.unsettled), 'row')} on which annotators differ {stay} as given.")
            st.page_link(
                "team.py",
                label="Settle them",
                icon=":material/groups:",
                query_params=session.only(tab="disagreements"),
            )
    if found.waiting:
        wait = "waits" if len(found.waiting) == 1 else "wait"
        rows = counted(len(found.waiting), "row")
        st.text(f"{rows} {wait} for a second look. What is decided so far is written.")


def can_add(dataset: Dataset, column: str, scored: bool) -> bool:
    """Whether an export can add a column to this data set. scored: it has label quality scores."""
    if column == soft_labels.NAME:
        return dataset.sets is None and dataset.targets is None
    return scored or column != "label_quality"


def options(excluded: str, added: Sequence[str], safe: bool, splits: Sequence[str]) -> ExportOptions:
    """The choices of the page as ExportOptions."""
    return ExportOptions(
        excluded="mark" if excluded == "mark" else "drop",
        add=tuple(added),
        spreadsheet_safe=safe,
        splits=tuple(splits) or None,
    )


def _changed(corrections: Corrections, changed: int, cells: int, chosen: ExportFormat) -> str:
    if chosen.name != LABEL_FORM:
        return f"{changed:,} of {cells:,} cells change."
    soft = form_of(corrections.source).kind == "soft"
    how = "the new one gets every share" if soft else "every answer that gave the old one gives the new one"
    return f"{counted(changed, 'row')} get{'s' if changed == 1 else ''} another label: {how}."


def headline(corrections: Corrections, cells: int, chosen: ExportFormat, own: ExportFormat) -> str:
    """What the export does to the file, in one sentence."""
    dropped = sum(c.column == "" for c in corrections.changes)
    renamed = sum(c.decision.action is Action.CLASS for c in corrections.changes)
    changed = len(corrections.changes) - dropped
    parts = []
    if corrections.untouched:
        same = "The script has no statement." if chosen.is_script else "The export equals your file."
        parts.append(f"Nothing changed yet. {same}")
    else:
        parts.append(_changed(corrections, changed, cells, chosen))
        if renamed:
            parts.append(f"{renamed:,} of them {'is' if renamed == 1 else 'are'} renamed with the class.")
        if dropped:
            done = "deleted when the script is run" if chosen.is_script else "left out"
            parts.append(f"{counted(dropped, 'row')} {'is' if dropped == 1 else 'are'} {done}.")
        if corrections.along:
            other = counted(corrections.along, "other token")
            go = "goes" if corrections.along == 1 else "go"
            parts.append(f"{other} of their sentences {go} with them: no token can be cut out of a sentence.")
    if chosen.name != own.name:
        parts.append(f"Written anew as {chosen.title}.")
    elif chosen.is_script and not corrections.untouched:
        parts.append("The script touches no other cell.")
    elif not corrections.untouched:
        parts.append("Every other cell is copied from your file.")
    return " ".join(parts)


def write(workspace: Workspace, corrections: Corrections, format_name: str) -> None:
    """The button that writes the file, and what was written, with its downloads, until a choice changes."""
    chosen = formats()[format_name]
    key, mark = (corrections.dataset.name, "corrected"), _mark(corrections, format_name)
    out = _target(workspace, corrections, chosen)
    blocked = bool(corrections.conflicts)
    if st.button(
        f"Write {counted(len(corrections.changes), 'change')}",
        type="primary",
        icon=":material/file_download:",
        disabled=blocked,
        help="Mend the conflicts above first." if blocked else None,
    ):
        bar = st.progress(0.0, "Writing")
        session.current().made.pop(key, None)
        try:
            summary = write_export(corrections, out, format_name, session.progress_to(bar))
            checked = verify_export(corrections, summary)
        except InputError as error:
            bar.empty()
            show_problems(error.problems)
            return
        bar.empty()
        said = (summary.sentence, f"Read back. {checked}", *checked.examples)
        session.current().made[key] = session.Made(mark, tuple(summary.files), said)
    _show_made(workspace, key, mark)


def _mark(corrections: Corrections, *choices: Hashable) -> tuple[Hashable, ...]:
    """What the files of this page are made from: data, decisions up to the last, and the choices."""
    dataset = corrections.dataset
    seen = session.store().last_seq(dataset.name)
    return (dataset.fingerprint, seen, corrections.outcomes.policy, corrections.options, *choices)


def _show_made(workspace: Workspace, key: tuple[str, str], mark: tuple[Hashable, ...]) -> None:
    """What a button wrote, also after another one was pressed; nothing once it would write something else."""
    made = session.current().made.get(key)
    if made is None or made.mark != mark or not all(path.is_file() for path in made.files):
        return
    if made.said:
        st.success(session.escape(made.said[0]), icon=":material/check_circle:")
    for line in made.said[1:]:
        st.text(line)
    downloads(workspace, key[0], made.files)


def _target(workspace: Workspace, corrections: Corrections, chosen: ExportFormat) -> Path:
    """Where the corrected file is written."""
    suffix = suffix_of(corrections.source, chosen)
    return workspace.exports(corrections.dataset.name) / f"{corrections.source.path.stem}.corrected{suffix}"


def for_the_record(
    workspace: Workspace, project: Project, corrections: Corrections, format_name: str
) -> None:
    """The data set card, the report and, of a file that is written as shown, Croissant metadata."""
    with st.popover("For the record", icon=":material/description:"):
        st.text(
            "A data set card, Croissant metadata of the written file, and a report for the review meeting."
        )
        names = st.toggle("Name the annotators", key="x_names")
        key, mark = (project.name, "record"), _mark(corrections, format_name, names)
        if st.button("Make them", key="x_record"):
            _write_papers(workspace, project, corrections, format_name, names, key, mark)
        _show_made(workspace, key, mark)


def _write_papers(
    workspace: Workspace,
    project: Project,
    corrections: Corrections,
    format_name: str,
    names: bool,
    key: tuple[str, str],
    mark: tuple[Hashable, ...],
) -> None:
    path = _target(workspace, corrections, formats()[format_name])
    folder, store = workspace.exports(project.name), session.store()
    session.current().made.pop(key, None)
    try:
        with st.spinner("Counting"):
            written = written_as(path, corrections)
            papers = write_papers(
                workspace, store, project, corrections, folder, written, names, replace=True
            )
    except InputError as error:
        show_problems(error.problems)
        return
    if written is None:
        st.text("No Croissant metadata: they describe the written file. Write the changes first.")
    session.current().made[key] = session.Made(mark, tuple(papers))


def write_patch(workspace: Workspace, project: Project) -> None:
    """The button that writes the decisions as a file for `labelmend apply`, and its download."""
    key = (project.name, "patch")
    mark = (project.dataset.fingerprint, session.store().last_seq(project.name))
    if st.button(
        "Make a patch of the decisions",
        icon=":material/difference:",
        help="A small file that `labelmend apply` lays on any copy of the data: re-ordered, larger, with "
        "other ids or in another format. What does not fit is listed.",
    ):
        out = workspace.exports(project.name) / f"{project.source.path.stem}.decisions.jsonl"
        said = write_decisions_of(session.store(), project.name, out, data=project.dataset)
        session.current().made[key] = session.Made(mark, (out,), (said,))
    _show_made(workspace, key, mark)


def downloads(workspace: Workspace, dataset: str, files: Sequence[Path]) -> None:
    """Links to a route that streams: st.download_button would hold the whole file in memory."""
    token = mint_download(workspace.secret(), dataset, session.person(), lifetime(workspace.settings))
    with st.container(horizontal=True):
        for number, path in enumerate(files):
            size = path.stat().st_size
            st.link_button(
                f"Download {session.escape(path.name)}, {readable_size(size)}",
                f"/labelmend/exports/{quote(dataset)}/{quote(path.name)}?token={token}",
                type="primary" if number == 0 else "secondary",
            )


def readable_size(size: int) -> str:
    """Bytes as a person says them, for example "1.2 GB"."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if round(value, 1) < 1000:  # 999,990 bytes are 1.0 MB, not 1000.0 kB
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
