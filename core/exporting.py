"""Writes a corrected file with its change log and summary, all or nothing, and checks what was written."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import core.exporters
import core.importers
from core import __version__, soft_labels
from core.corrections import Change, Corrections
from core.errors import refuse
from core.exporters._base import ExportFormat
from core.files import staged
from core.importers._base import ImportFormat
from core.label_forms.form import LABEL_FORM, inner_source
from core.progress import Progress
from core.registry import collect
from core.review.decisions import Action
from core.source import Source, file_sha256
from core.spreadsheet import escape

LOG_COLUMNS = (
    "row_id", "row", "column", "before", "after", "decision", "annotator", "how", "confidence", "decided_at",
    "reason", "op_id",
)  # fmt: skip


@dataclass(frozen=True)
class ExportSummary:
    """What an export wrote. The same facts are in its summary.json.

    files: the corrected file, then changes.csv, changes.json and summary.json.
    cells_changed: labels decided anew. cells_renamed: labels of classes that were renamed or merged.
    decided_by: the policy for rows on which annotators differ, and what it leaves, in words.
    rows_excluded: decided "exclude", left out or marked as `excluded` says.
    rows_along: tokens left out because another one of their sentence is excluded.
    rows_of_other_splits: not asked for and not written.
    proposals_left_out: boxes that a model proposed and nobody has given a class; not written.
    cells_escaped: cells changed by the spreadsheet-safe option.
    already: decisions that the source shows already.
    skipped: decisions not applied because they conflict with the data.
    sha256: of the corrected file.
    """

    files: tuple[Path, ...]
    format: str
    rows_read: int
    rows_written: int
    cells_changed: int
    cells_renamed: int
    decided_by: str
    rows_excluded: int
    excluded: str
    rows_along: int
    rows_of_other_splits: int
    proposals_left_out: int
    cells_escaped: int
    already: int
    skipped: tuple[str, ...]
    sha256: str

    @property
    def path(self) -> Path:
        return self.files[0]

    @property
    def sentence(self) -> str:
        """What was written, in a line or two for a person."""
        written = f"{counted(self.rows_written, 'row')}, {counted(self.cells_changed, 'label')} changed"
        said = [f"{self.path.name}: {written}"]
        if self.cells_renamed:
            said.append(f"{counted(self.cells_renamed, 'cell')} renamed with their class")
        if self.rows_excluded:
            done = "left out" if self.excluded == "drop" else "marked"
            done = "to be deleted by the script" if formats()[self.format].is_script else done
            said.append(f"{counted(self.rows_excluded, 'excluded row')} {done}")
        if self.rows_along:
            said.append(f"{counted(self.rows_along, 'other token')} of their sentences left out with them")
        if self.rows_of_other_splits:
            said.append(f"{counted(self.rows_of_other_splits, 'row')} of other splits left out")
        if self.proposals_left_out:
            boxes = "box" if self.proposals_left_out == 1 else "boxes"
            said.append(f"{self.proposals_left_out:,} proposed {boxes} without an accepted class left out")
        if self.cells_escaped:
            said.append(f"{counted(self.cells_escaped, 'cell')} made safe for spreadsheets")
        if self.already:
            said.append(f"{counted(self.already, 'decision')} in the data already")
        if self.skipped:
            said.append(f"{counted(len(self.skipped), 'conflicting decision')} skipped")
        said.append(self.decided_by)
        return "; ".join(said) + f". Change log: {self.files[1].name}"


def counted(number: int, noun: str) -> str:
    """ "1 row" or "2,000 rows"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def formats() -> dict[str, ExportFormat]:
    """Every export format by name."""
    return collect(core.exporters, ExportFormat)


def default_format(source: Source, out: Path | None = None) -> ExportFormat:
    """The format that the source came in; another only where the suffix of `out` names exactly one."""
    own = [f for f in formats().values() if source.format in f.rewrites]
    if out is not None and out.suffix.lower() != source.path.suffix.lower():
        suffix = out.suffix.lower()
        writing = [f for f in formats().values() if f.writes(source.format)]
        named = [f for f in writing if f.suffix == suffix]
        named = named or [f for f in writing if suffix in _other_suffixes(f)]
        # Of several, as CSV and the manifest: the source's own, else the one that is read under its name.
        mine = [f for f in named if source.format in f.rewrites]
        named = mine or [f for f in named if f.name in f.rewrites]
        if len(named) == 1:
            return named[0]
    if not own:
        raise refuse(f"there is no export format for {source.format!r}", expected=", ".join(formats()))
    return own[0]


def suffix_of(source: Source, format: ExportFormat) -> str:
    """What the name of a corrected file ends in: as the source's, where the format's files are called so."""
    own = source.path.suffix
    kept = source.format in format.rewrites and source.path.is_file()
    # A file of answers is written as the file it is, a folder of them as a zip.
    alike = format.name == LABEL_FORM or format.suffix in _other_suffixes(format)
    return own if kept and own and alike else format.suffix


def _other_suffixes(format: ExportFormat) -> tuple[str, ...]:
    """What files of this format are called as well, as its importer knows."""
    reader = collect(core.importers, ImportFormat).get(format.name)
    return reader.suffixes if reader is not None else ()


def write_export(
    corrections: Corrections, out: Path, format: str | None = None, progress: Progress | None = None
) -> ExportSummary:
    """Write the corrected file to `out`, and beside it its change log and summary.

    For train.csv these are train.changes.csv, train.changes.json and train.summary.json. All four are
    written under temporary names and renamed at the end; whatever fails before leaves nothing behind.
    Raises InputError where decisions conflict, the source has changed since it was loaded, or `out`
    would overwrite the source.
    """
    progress = progress or Progress()
    corrections.refuse_conflicts()
    chosen = _format(format) if format else default_format(corrections.source, out)
    if not chosen.writes(corrections.source.format):
        found = f"{chosen.title} can only be written from such a file"
        raise refuse(found, file=corrections.source.path.name, mend="choose another format")
    files = (out, *side_files(out))
    _check_targets(corrections.source, files)
    stamp = _check_source(corrections.source)
    # The summary is renamed last: where it stands, it names the sha256 of the data that it belongs to.
    with staged(*files) as (data, log_csv, log_json, summary_json):
        escaped = chosen.write(corrections, data, progress.part(0.0, 0.95))
        if _stamp(corrections.source.path) != stamp:
            raise _changed(corrections.source)
        summary = _summary(corrections, chosen, files, escaped, file_sha256(data))
        _write_log_csv(corrections, log_csv)
        _write_json(log_json, [log_entry(corrections, c) for c in corrections.changes])
        _write_json(summary_json, _summary_document(corrections, summary))
        progress.report(1.0, "done")
    return summary


def side_files(out: Path) -> tuple[Path, Path, Path]:
    """Where the change log (CSV and JSON) and the summary of an export to `out` are written."""
    return out.with_suffix(".changes.csv"), out.with_suffix(".changes.json"), out.with_suffix(".summary.json")


def log_entry(corrections: Corrections, change: Change) -> dict[str, Any]:
    """One line of the change log. row: 1 is the first record. column: "" where the whole row is left out."""
    decision, because = change.decision, corrections.because(change)
    return {
        "row_id": change.row_id,
        "row": change.position + 1,
        "column": change.column,
        "before": change.before,
        "after": change.after,
        "decision": decision.action.value,
        "annotator": decision.annotator,
        "how": because.how,
        "confidence": None if because.confidence is None else round(because.confidence, 4),
        "decided_at": decision.decided_at,
        "reason": decision.reason,
        "op_id": decision.op_id,
    }


def _format(name: str) -> ExportFormat:
    found = formats().get(name)
    if found is None:
        raise refuse(f"there is no export format called {name!r}", expected="one of " + ", ".join(formats()))
    return found


def _check_targets(source: Source, files: tuple[Path, ...]) -> None:
    if not files[0].parent.is_dir():
        raise refuse(f"the folder {str(files[0].parent)!r} does not exist", mend="make it first")
    for file in files:
        if file.is_dir():
            raise refuse(f"{str(file)!r} is a folder", mend="give the name of a file")
        if file.resolve() == source.path.resolve() or (file.exists() and file.samefile(source.path)):
            raise refuse(
                f"{file.name} is the source itself; an export never overwrites it",
                mend="choose another name, for example " + file.with_suffix(".corrected" + file.suffix).name,
            )


def _check_source(source: Source) -> tuple[int, ...] | None:
    """Raises InputError unless the file holds the bytes that were loaded. Returns its stamp."""
    if not source.path.exists():
        raise refuse("the source is gone", file=str(source.path), mend="put it back, or load it again")
    if source.path.is_dir():
        reader = collect(core.importers, ImportFormat)[inner_source(source).format]
        if reader.read(source.path, Progress()).source.sha256 != source.sha256:
            raise _changed(source)
        return None
    stamp = _stamp(source.path)
    if source.path.stat().st_size != source.size or file_sha256(source.path) != source.sha256:
        raise _changed(source)
    return stamp


def _stamp(path: Path) -> tuple[int, ...] | None:
    if not path.is_file():
        return None
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _changed(source: Source) -> Exception:
    return refuse(
        "the source has changed since it was loaded; nothing was written",
        file=source.path.name,
        mend="load it again (decisions are kept), or put the old file back",
    )


def _summary(
    corrections: Corrections, chosen: ExportFormat, files: tuple[Path, ...], escaped: int, sha256: str
) -> ExportSummary:
    actions = Counter(c.decision.action for c in corrections.changes)
    return ExportSummary(
        files=files,
        format=chosen.name,
        rows_read=len(corrections.dataset),
        rows_written=corrections.rows_written,
        cells_changed=actions[Action.RELABEL],
        cells_renamed=actions[Action.CLASS],
        decided_by=corrections.outcomes.sentence,
        rows_excluded=actions[Action.EXCLUDE],
        excluded=corrections.options.excluded,
        rows_along=corrections.along,
        rows_of_other_splits=corrections.left_out,
        proposals_left_out=corrections.proposals_left_out,
        cells_escaped=escaped,
        already=corrections.already,
        skipped=tuple(str(problem) for problem in corrections.conflicts),
        sha256=sha256,
    )


def _summary_document(corrections: Corrections, summary: ExportSummary) -> dict[str, Any]:
    source, outcomes = corrections.source, corrections.outcomes
    return {
        **{k: v for k, v in asdict(summary).items() if k != "files"},
        "file": summary.path.name,
        "source": {"file": source.path.name, "format": source.format, "sha256": source.sha256},
        "data_set": corrections.dataset.name,
        "classes": corrections.written.names,
        "policy": {
            "name": outcomes.policy,
            "decided": len(outcomes.decisions),
            "disagreed": len(outcomes.disagreed),
            "unsettled": len(outcomes.unsettled),
            "waiting": len(outcomes.waiting),
        },
        "options": asdict(corrections.options),
        **_soft(corrections),
        "labelmend": __version__,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _soft(corrections: Corrections) -> dict[str, Any]:
    """What the soft labels rest on, where they are written."""
    if soft_labels.NAME not in corrections.options.add:
        return {}
    read = soft_labels.rows_by_readers(corrections)
    return {
        soft_labels.NAME: {
            "how": soft_labels.HOW,
            "rows_by_readers": read,
            "rows_by_their_label": corrections.rows_written - read,
        }
    }


def _write_log_csv(corrections: Corrections, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)  # CRLF: with LF alone, csv would leave a lone CR unquoted
        writer.writerow(LOG_COLUMNS)
        for change in corrections.changes:
            cells = log_entry(corrections, change).values()
            writer.writerow(["" if cell is None else escape(str(cell)) for cell in cells])


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
