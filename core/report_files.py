"""The papers of a review, written: data set card, Croissant metadata, report."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from core.audits import current_audit
from core.corrections import Corrections, ExportOptions, correct
from core.croissant import croissant
from core.dataset_card import dataset_card
from core.errors import refuse
from core.exported import Exported, read_exported
from core.files import staged
from core.html_report import html_report
from core.review.policy import ABOUT, DEFAULT_POLICY, outcomes
from core.review.queue import default_find
from core.review.store import Store
from core.review_record import review_record
from core.team_sections import team_sections
from core.workspace import Project, Workspace

CARD, CROISSANT, REPORT = "README.md", "metadata.json", "report.html"
"""The names that sites which show data sets look for, and ours."""


def write_papers(
    workspace: Workspace,
    store: Store,
    project: Project,
    corrections: Corrections,
    folder: Path,
    written: Exported | None = None,
    names: bool = False,
    replace: bool = False,
) -> tuple[Path, ...]:
    """Write README.md, report.html and, where a file is `written`, metadata.json: all of them or none.

    names: call annotators by their names. replace: overwrite files that are there. Returns the files.
    Raises InputError where one is there and `replace` is not said, or where `written` has other corrections.
    """
    if written is not None and not written.is_of(corrections):
        raise refuse(
            "decisions have changed since it was exported", file=written.path.name, mend="export it again"
        )
    audit = current_audit(workspace, project)
    record = review_record(project, audit, store, corrections, partial(team_sections, workspace))
    texts = {CARD: dataset_card(record, written, names)}
    if written is not None:
        texts[CROISSANT] = croissant(corrections, written)
    texts[REPORT] = html_report(record, workspace.cache_dir, names)
    return _write(folder, texts, replace)


def papers_of_export(
    workspace: Workspace,
    store: Store,
    name: str,
    folder: Path,
    export: Path | None = None,
    policy: str | None = None,
    names: bool = False,
    replace: bool = False,
) -> tuple[Path, ...]:
    """`write_papers` of a data set by its name. Makes the folder where it is absent.

    export: a corrected file that lies in the folder; policy and options are then those that it was written
    with. policy: where annotators differ, without such a file. Raises InputError.
    """
    project = workspace.open(name)
    if export is not None and export.resolve().parent != folder.resolve():
        raise refuse(
            "it does not lie in the folder of the report", file=str(export), expected=f"a file in {folder}"
        )
    written = None if export is None else read_exported(export, name)
    if written is not None and policy not in (None, written.policy):
        raise refuse(
            f"it was exported with the policy {written.policy!r}, not {policy!r}", file=written.path.name
        )
    options = ExportOptions(conflicts="skip") if written is None else written.options
    chosen = policy or (DEFAULT_POLICY if written is None else written.policy)
    about, standings = store.events(name, actions=ABOUT), store.standings(name)
    decided = outcomes(standings, about, project.dataset, chosen, project.predictions.pred_probs)
    found = current_audit(workspace, project).results.get(default_find(project.dataset))
    quality = None if found is None else found.table["score"].to_numpy()
    corrections = correct(project.dataset, project.source, decided, options, quality)
    folder.mkdir(parents=True, exist_ok=True)
    return write_papers(workspace, store, project, corrections, folder, written, names, replace)


def _write(folder: Path, texts: Mapping[str, str], replace: bool) -> tuple[Path, ...]:
    files = tuple(folder / name for name in texts)
    taken = [file.name for file in files if file.exists()]
    if taken and not replace:
        raise refuse(
            f"{', '.join(taken)} is there already",
            file=str(folder),
            mend="choose another folder, or say --replace",
        )
    with staged(*files) as temporary:
        for path, text in zip(temporary, texts.values(), strict=True):
            path.write_text(text, encoding="utf-8", newline="\n")
    return files
