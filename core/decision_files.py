"""Decisions as a file: written, read back with every line checked, applied to a copy of the data.

JSON Lines, one decision a line, with the fields of core.review.decisions.Decision; or CSV with those
fields as columns, in which formula-like cells carry a leading ' (see core.spreadsheet). JSON Lines written
for a data set start with a header and what each decided row is known by (core.patch), so that they reach a
copy in which rows have other ids; CSV and files without that header know rows by their id only.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.corrections import ExportOptions, refuse_all
from core.dataset import Columns, Dataset
from core.errors import InputError, Problem
from core.exporting import counted, write_export
from core.files import json_lines, staged
from core.patch import HEADER, Key, Layout, keys, read_key
from core.patch_report import Applied, Patch, apply_patch, decided_rows, write_report
from core.progress import Progress
from core.review.classes import class_list
from core.review.decisions import VERDICTS, Action, Decision, Standing, live
from core.review.fold import Fold
from core.review.judgements import fault
from core.review.policy import DEFAULT_POLICY
from core.review.votes import fault as fault_of_vote
from core.spreadsheet import escape, unescape

if TYPE_CHECKING:
    from core.review.store import Store
    from core.source import RawTable

FIELDS = tuple(field.name for field in fields(Decision))
REQUIRED = ("row_id", "action", "given_label")
_LASTING = (Action.CLASS, Action.PAIR, Action.LOCK, Action.FREEZE)
"""The events about the data set that a file of the decisions in force has."""


def write_decisions(decisions: Iterable[Decision], out: Path, dataset: Dataset | None = None) -> int:
    """Write decisions in their order: CSV where `out` ends in .csv, else JSON Lines. Returns how many.

    Give the events for the whole history, or what `in_force` makes of them. The file appears whole or not
    at all. dataset: the data that they are about; JSON Lines then name the content of each decided row.
    """
    count = 0
    as_csv = out.suffix.lower() == ".csv"
    lines: list[dict[str, Any]] = []
    if dataset is not None and not as_csv:
        decisions = list(decisions)
        known = keys(dataset, decided_rows(decisions))
        lines = [Layout.of(dataset).header(), *(asdict(key) for key in known)]
    with staged(out) as (temporary,), temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)  # CRLF: with LF alone, csv would leave a lone CR unquoted
        if as_csv:
            writer.writerow(FIELDS)
        handle.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        for decision in decisions:
            count += 1
            values = asdict(decision)
            if as_csv:
                writer.writerow(["" if v is None else escape(str(v)) for v in values.values()])
            else:
                handle.write(json.dumps(values, ensure_ascii=False) + "\n")
    return count


def read_decisions(path: Path) -> list[Decision]:
    """The decisions of a file without what their rows are known by; see `read_patch`."""
    return read_patch(path).events


def read_patch(path: Path) -> Patch:
    """A JSON Lines or CSV file with its decisions in file order, which is the order of `fold`.

    Needed are row_id, action and given_label, and label for a relabel, undoes for an undo.
    Raises InputError naming every line that is not a decision (the first 20, and how many more).
    """
    if not path.is_file():
        raise InputError(Problem("error", "there is no such file", file=str(path)))
    problems: list[Problem] = []
    decisions: dict[str, Decision] = {}
    known: dict[str, Key] = {}
    layout = None
    for row, entry in _entries(path, problems):
        if HEADER in entry and layout is None and not decisions:
            layout = Layout.read(entry, path.name)
            continue
        is_key = layout is not None and "content" in entry
        found = read_key(entry) if is_key else _decision(entry, f"{path.name}:{row}")
        said = mend = ""
        if isinstance(found, str):
            said = found
        elif isinstance(found, Key):
            if known.setdefault(found.row_id, found) != found:
                said = f"row_id {found.row_id!r} stands for two different rows"
        elif decisions.setdefault(found.op_id, found) != found:
            said, mend = f"op_id {found.op_id!r} stands for two different decisions", "give each its own"
        if said:
            problems.append(Problem("error", said, file=path.name, row=row, mend=mend))
    if problems:
        raise refuse_all(problems, "lines that are no decisions")
    return Patch(list(decisions.values()), layout, known)


def in_force(standings: Mapping[str, Standing], about: Iterable[Decision]) -> list[Decision]:
    """The decision of each settled row, and the changes of the class list, judgements of pairs and locks of
    splits that stand, in store order.

    about: the data set's other events in store order. What is left of a decision on many rows is one again.
    """
    about = list(about)
    standing_ids = live(about)
    found = [e for e in about if e.action in _LASTING and e.op_id in standing_ids]
    rows: dict[str, list[Decision]] = {}
    for standing in standings.values():
        if standing.settled is not None:
            rows.setdefault(standing.settled.op_id, []).append(standing.settled)
    for same in rows.values():
        members = [(d.row_id, d.given_label, d.label) for d in same]
        whole = replace(same[0], given_label="", label=None).bulk(members) if len(same) > 1 else same[0]
        found.append(whole)
    return sorted(found, key=lambda event: event.seq)


def write_decisions_of(
    store: Store, dataset: str, out: Path, everything: bool = False, data: Dataset | None = None
) -> str:
    """Write a data set's decisions: those in force, or every event. Returns what was written, in words.

    data: the data set itself, so that the file can be applied to copies with other ids.
    """
    if everything:
        return f"{out.name}: {counted(write_decisions(store.events(dataset), out, data), 'event')}"
    standings = store.standings(dataset)
    about = store.events(dataset, actions=(*_LASTING, Action.UNDO))
    count = write_decisions(in_force(standings, about), out, data)
    differ = sum(standing.disagreed for standing in standings.values())
    left = f"; {counted(differ, 'row')} on which annotators differ left out" if differ else ""
    return f"{out.name}: {counted(count, 'event')} in force{left}"


def apply_decisions(
    decisions: Path,
    data: Path,
    out: Path | None,
    check: bool = False,
    columns: Columns | None = None,
    classes: Path | None = None,
    options: ExportOptions | None = None,
    progress: Progress | None = None,
    policy: str = DEFAULT_POLICY,
    report: Path | None = None,
    read: Callable[[Path], RawTable] | None = None,
) -> str:
    """Apply a decisions file to a copy of the data. Returns what was done, in words.

    The copy may be re-ordered, larger, with other ids or in another format; where the file knows its rows
    by id only, ids must be the same. columns: which column is which, by default as in the file, else guessed.
    check: write no data and say what would change. policy: for rows on which annotators differ.
    report: a JSON file that lists what became of each decided row; written also where the data are not.
    read: how the copy is read, where its labels are in another form than one column.
    Raises InputError naming every decision that does not fit: its row is missing, ambiguous or has other
    content, or its given label differs. Rows that show the decided label already are counted, not refused.
    """
    if out is None and not check:
        raise InputError(Problem("error", "there is no file to write to", mend="give --out, or --check"))
    patch = read_patch(decisions)
    applied = _apply(patch, data, columns, classes, options, policy, read)
    if report is not None:
        write_report(applied, report, decisions, data, out, classes)
    if not check and out is not None:
        written = write_export(applied.corrections, out, progress=progress).sentence
        return f"{written}. {applied.sentence}" if patch.layout else written
    said = _would(applied)
    if applied.corrections.conflicts:
        raise InputError(Problem("notice", said), *applied.corrections.conflicts)
    return said


def _apply(
    patch: Patch,
    data: Path,
    columns: Columns | None,
    classes: Path | None,
    options: ExportOptions | None,
    policy: str,
    read: Callable[[Path], RawTable] | None,
) -> Applied:
    """What the decisions do to the data file, read as they say. Raises InputError where it cannot be read."""
    from core.loading import Plan, prepare, read_table
    from core.preflight.columns import fill_columns

    raw = (read or read_table)(data)
    said = columns or Columns()
    if patch.layout is not None:
        said = patch.layout.within(said, {str(c) for c in raw.frame.columns}, data.name)
    prepared = prepare(raw, Plan(data.stem, fill_columns(said, raw), classes=classes))
    if prepared.dataset is None or not prepared.ok:
        raise InputError(*(p for p in prepared.problems if p.severity == "error"))
    dataset = prepared.dataset
    if not classes:
        dataset = _with_decided_classes(dataset, Fold(patch.events).standings(), patch.events)
    return apply_patch(patch, dataset, prepared.source, policy, options)


def _with_decided_classes(
    dataset: Dataset, standings: Mapping[str, Standing], events: Iterable[Decision]
) -> Dataset:
    """The data set knowing the decided classes that no row of it has, where classes are plain labels."""
    if dataset.tokens != dataset.classes or dataset.sets is not None or dataset.targets is not None:
        return dataset
    now = class_list(dataset.classes, events)
    verdicts = (d for s in standings.values() for d in (*s.opinions, *((s.final,) if s.final else ())))
    decided = dict.fromkeys(now.resolve(d.label, d.seq) for d in verdicts if d.label is not None)
    known = tuple(dict.fromkeys((*dataset.classes, *(name for name in decided if name not in now.names))))
    return replace(dataset, classes=known, tokens=known) if known != dataset.classes else dataset


def _would(applied: Applied) -> str:
    corrections = applied.corrections
    actions = Counter(c.decision.action for c in corrections.changes)
    renamed = actions[Action.CLASS]
    return (
        f"Would change {counted(actions[Action.RELABEL], 'label')} and exclude "
        f"{counted(actions[Action.EXCLUDE], 'row')} of {len(corrections.dataset):,}; "
        + (f"{counted(renamed, 'cell')} renamed with their class; " if renamed else "")
        + f"{corrections.outcomes.sentence}; "
        f"{counted(corrections.already, 'decision')} in the data already; "
        f"{counted(len(corrections.conflicts), 'decision')} that cannot be applied. Nothing was written"
    )


def _entries(path: Path, problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the line or CSV record, its fields); lines that are no objects become problems."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            if path.suffix.lower() == ".csv":
                for row, cells in enumerate(csv.DictReader(handle), 1):
                    yield row, _csv_entry(cells)
                return
            for row, entry in json_lines(handle, path.name):
                if isinstance(entry, Problem):
                    problems.append(entry)
                else:
                    yield row, entry
    except (UnicodeDecodeError, csv.Error) as error:
        problems.append(Problem("error", f"not readable: {error}", file=path.name, mend="save it as UTF-8"))


def _csv_entry(cells: dict[str | None, Any]) -> dict[str, Any]:
    """The cells that say something; an empty given_label says that the row has none."""
    named = {k: unescape(v) for k, v in cells.items() if k is not None and v is not None}
    entry: dict[str, Any] = {k: v for k, v in named.items() if v or k in ("given_label", "row_id")}
    return {**entry, "more cells than the header": ""} if None in cells else entry


def _decision(entry: dict[str, Any], fallback_id: str) -> Decision | str:
    """A decision, or what is wrong with the entry."""
    unknown = sorted(set(entry) - set(FIELDS))
    if unknown:
        return f"unknown field {unknown[0]!r}; the fields are {', '.join(FIELDS)}"
    others = ("seq", "based_on", "final")
    texts = {k: v for k, v in entry.items() if v is not None and k not in others}
    wrong = [k for k, v in texts.items() if not isinstance(v, str)]
    if wrong:
        return f"{wrong[0]} is {texts[wrong[0]]!r}, not text"
    missing = [name for name in REQUIRED if name not in texts]
    if missing:
        return f"{missing[0]} is missing"
    if texts["action"] not in set(Action):
        return f"action is {texts['action']!r}, not one of {', '.join(Action)}"
    if not _is_object(texts.get("detail") or "{}"):
        return "detail is no JSON object"
    action = Action(texts.pop("action"))
    bulk = action in VERDICTS and not texts["row_id"]
    if bulk and not _members(texts.get("detail", "")):
        return "a decision on many rows needs detail with members, each [row_id, given_label, label]"
    if action is Action.PAIR and (said := fault(json.loads(texts.get("detail") or "{}"))):
        return said.rstrip(".")
    if action is Action.VOTE and (said := fault_of_vote(json.loads(texts.get("detail") or "{}"))):
        return said.rstrip(".")
    if not bulk and (action is Action.RELABEL) != bool(texts.get("label")):
        return "a relabel needs a label, and nothing else has one"
    if (action is Action.UNDO) != bool(texts.get("undoes")):
        return "an undo needs undoes, and nothing else has it"
    try:
        seq = int(entry.get("seq") or 0)
        based_on = None if entry.get("based_on") is None else int(entry["based_on"])
    except (TypeError, ValueError):
        return f"seq or based_on is no whole number: {entry.get('seq')!r}, {entry.get('based_on')!r}"
    final = entry.get("final") in (True, "True")
    blank = {"dataset": "", "annotator": "", "op_id": fallback_id}
    return Decision(action=action, seq=seq, based_on=based_on, final=final, **{**blank, **texts})


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _members(detail: str) -> bool:
    """Whether `detail` names the rows of a bulk decision as `Decision.bulk` does."""
    try:
        members = json.loads(detail)["members"]
        return bool(members) and all(
            isinstance(row_id, str) and isinstance(given, str) and (label is None or isinstance(label, str))
            for row_id, given, label in members
        )
    except (ValueError, TypeError, KeyError):
        return False
