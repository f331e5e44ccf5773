"""Records of annotation tools as a table: which label their annotators gave, and where it is written.

A record holds answers of annotators to one or more questions. Each question becomes a column of given labels:
the answer that the tool marks as final, else what most annotators say. Where they tie, there is no given
label. Where a record has several answers, each annotator's are a column of their own too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import Problem, refuse
from core.importers import json_lines
from core.importers._records import BOM, check_characters, parse_file, to_frame
from core.preflight.labels import integer
from core.progress import Progress
from core.source import ModelOutput, Named, RawTable, Source, file_sha256

Value = Any
"""A label (text or whole number), or a list of labels."""
Place = tuple[str | int, ...]
"""The keys and positions that lead to a value within a record."""
Outputs = list[tuple[str, str, list[Named]]]
"""(model, question, the classes that it names) of what models say of a record."""
Cells = dict[tuple[str, str], Any]
"""{(group, key): value}; the group goes before the key where two groups have the same key."""


@dataclass(frozen=True)
class Answer:
    """One annotator's answer to one question.

    annotator: "" where the tool does not say. final: the tool marks it as the one that holds.
    about: what the tool says the question is about, needed to write a first answer.
    """

    annotator: str
    value: Value
    place: Place
    final: bool = False
    about: str = ""


@dataclass(frozen=True)
class Addition:
    """Where a record without an answer takes its first one: a member of the object there, or (key None) an
    element of the list there."""

    place: Place
    key: str | None
    value: Any


@dataclass(frozen=True)
class Tool:
    """How the records of one tool are taken apart and put together again.

    cells: (record) -> what the record says beside answers. answers: (record) -> answers by question. Both
        raise ValueError for a record that cannot be read so, worded for the person who owns the file.
    first: (record, question, values, about) -> where the first answer goes; None: this tool has no room.
    several: how several labels are written where one stood as bare text.
    added: the key of the object that takes the values of added columns; "" for the record itself.
    aside: groups of cells that are no content of a row. inside: where the cells of a group stand in a record,
        for groups that can hold labels. records_key: of the list, within an object. prefers: questions that
        go before those with more answers. codes: (record) -> {class name: its code}, where the file has both.
    outputs: (record) -> what models say of it; None: files of this tool hold nothing of the kind.
    """

    name: str
    title: str
    cells: Callable[[dict[str, Any]], Cells]
    answers: Callable[[dict[str, Any]], dict[str, list[Answer]]]
    first: Callable[[dict[str, Any], str, list[Any], str], Addition | None]
    several: Callable[[list[Any]], Any] = list
    added: str = ""
    aside: frozenset[str] = frozenset({"prediction", "about"})
    inside: Mapping[str, Place] = field(default_factory=dict)
    records_key: str | None = None
    id_column: str | None = None
    prefers: tuple[str, ...] = ()
    codes: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    outputs: Callable[[dict[str, Any]], Outputs] | None = None


def given(answers: Sequence[Answer], listed: bool) -> Value | None:
    """The given label: of the final answers, else of all, the one that most annotators gave; None where two
    are given equally often, or there is none. listed: a list, even of one label."""
    if len(answers) == 1:
        return _cell(answers[0].value, listed)
    counted = [a for a in answers if listed or a.value != []]
    counted = [a for a in counted if a.final] or counted
    ranks = Counter(_key(a.value) for a in counted).most_common(2)
    if not ranks or (len(ranks) == 2 and ranks[0][1] == ranks[1][1]):
        return None
    return _cell(next(a.value for a in counted if _key(a.value) == ranks[0][0]), listed)


def to_correct(answers: Sequence[Answer], listed: bool) -> list[Answer]:
    """The answers that change with the given label: those that gave it, or all where there is none. Without
    lists an empty answer is nobody's to change, unless it has no annotator and is the only one."""
    label = given(answers, listed)
    filled = [a for a in answers if listed or a.value != []]
    answers = filled or [a for a in answers if not a.annotator]
    return [a for a in answers if label is None or _key(a.value) == _key(label)]


def read_answers(
    tool: Tool, path: Path, progress: Progress, like: Mapping[str, Any] | None = None
) -> RawTable:
    """The table of a tool's file. like: the layout of a file to read this one alike, as after an export.

    Layout: encoding, bom, nested, lines (whether JSON Lines), records_key; questions {name: about}, lists
    (the questions with several labels a row), annotators {question: {annotator: column}} ("unknown" where
    the tool names nobody), names [[group, key, column]]; for the guess of roles label_column, id_column and
    aside (columns that are no content); classes, where annotators know more of them than there are given
    labels; codes, where the tool has them.
    """
    progress.report(0.0, "Reading JSON")
    data = path.read_bytes()
    records, lines = _records(path, data, tool, like, progress.part(0.0, 0.2))
    cells, answers = [], []
    for number, record in enumerate(records, 1):
        if number % 5_000 == 0:
            progress.report(0.2 + 0.5 * number / len(records), "Reading records")
        if not isinstance(record, dict):
            found = f"record {number:,} is a {type(record).__name__}"
            raise refuse(found, file=path.name, row=number, expected="an object")
        try:
            cells.append(tool.cells(record))
            answers.append(tool.answers(record))
        except ValueError as error:
            mend = "mend this record, or load the file in a tool for such labels"
            raise refuse(str(error), file=path.name, row=number, mend=mend) from error
    layout = {**_layout(tool, cells, answers, like), "encoding": "utf-8", "bom": data.startswith(BOM)}
    layout["lines"] = lines
    if tool.codes is not None:
        layout["codes"] = {name: code for record in records for name, code in tool.codes(record).items()}
    if classes := _unseen_classes(layout, answers):
        layout["classes"] = classes
    check_characters(layout, path.name)
    progress.report(0.8, "Reading records")
    frame, nested, problems = to_frame(_rows(layout, cells, answers), path.name)
    layout["nested"] = nested
    source = Source(path, tool.name, file_sha256(path), len(data), layout)
    quiet = {*layout["aside"], *layout["questions"]}
    said = [p for p in problems if p.column not in quiet]
    models = () if tool.outputs is None else _models(tool.outputs, records)
    return RawTable(frame, source, (*said, *_remarks(layout, answers, path.name)), None, models)


def question_cell(value: Value | None) -> Any:
    """A label as its cell holds it: a list as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def object_in(record: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, {} where there is none. Raises ValueError for anything else."""
    value = record.get(key)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{key!r} is a {type(value).__name__}, not an object")
    return value or {}


def _records(
    path: Path, data: bytes, tool: Tool, like: Mapping[str, Any] | None, progress: Progress
) -> tuple[list[Any], bool]:
    """(records, whether each is a line of its own)."""
    begins = tool.records_key is None and data.removeprefix(BOM).lstrip()[:1] == b"{"
    if like["lines"] if like is not None else begins:
        return list(json_lines.records_of(path, progress)), True
    value = parse_file(data, path.name)
    value = value.get(tool.records_key) if tool.records_key and isinstance(value, dict) else value
    if not isinstance(value, list):
        raise refuse("no list of records", file=path.name, expected=f"a file of {tool.title}")
    return value, False


def _models(
    outputs: Callable[[dict[str, Any]], Outputs], records: Sequence[dict[str, Any]]
) -> tuple[ModelOutput, ...]:
    found: dict[tuple[str, str], ModelOutput] = {}
    for row, record in enumerate(records):
        for model, question, named in outputs(record):
            key = (model, question)
            if key not in found:
                found[key] = ModelOutput(model, question, [()] * len(records))
            rows = found[key].rows
            rows[row] = (*rows[row], named)
    return tuple(found.values())


def _by_person(answers: Sequence[Answer]) -> Iterator[tuple[str, Answer]]:
    """(what an annotator is called, the answer) of each; a second answer of one person is told apart, and
    the only answer is left out where nobody is named: it is the given label itself."""
    taken: set[str] = set()
    for one in answers if len(answers) > 1 else [a for a in answers if a.annotator]:
        person = name = one.annotator or "unknown"
        number = 1
        while name in taken:
            number += 1
            name = f"{person} ({number})"
        taken.add(name)
        yield name, one


def _layout(
    tool: Tool,
    cells: Sequence[Cells],
    answers: Sequence[Mapping[str, list[Answer]]],
    like: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Which columns there are and what they are called; questions by how often they are answered."""
    counts: Counter[str] = Counter()
    about: dict[str, str] = {}
    people: dict[str, dict[str, str]] = {}
    lists: dict[str, None] = {}
    for record in answers:
        for question, given_ones in record.items():
            counts[question] += len(given_ones)
            about.setdefault(question, next((a.about for a in given_ones if a.about), ""))
            if any(isinstance(a.value, list) and len(a.value) > 1 for a in given_ones):
                lists[question] = None
            if len(given_ones) > 1:
                people.setdefault(question, {})
    if like is not None:
        about, lists = {**about, **like["questions"]}, dict.fromkeys(like["lists"])
        people = {question: dict(columns) for question, columns in like["annotators"].items()}
    for record in answers:
        for question in people:
            for name, _ in _by_person(record.get(question, ())):
                people[question].setdefault(name, f"{question} by {name}")
    ranked = sorted((q for q, _ in counts.most_common()), key=lambda q: q not in tool.prefers)
    questions = list(like["questions"]) if like else ranked
    columns = [column for each in people.values() for column in each.values()]
    names = _names(cells, (*questions, *columns), like)
    aside = [name for group, _, name in names if group in tool.aside]
    return {
        "questions": {question: about.get(question, "") for question in questions},
        "lists": list(lists),
        "annotators": people,
        "names": names,
        "label_column": questions[0] if questions else None,
        "aside": [*aside, *columns, *questions[1:]],
        **({"id_column": tool.id_column} if tool.id_column else {}),
        **({"records_key": tool.records_key} if tool.records_key else {}),
    }


def _names(
    cells: Sequence[Cells], reserved: Sequence[str], like: Mapping[str, Any] | None
) -> list[list[str]]:
    """[[group, key, column]] in order of first appearance; a column's name is its key where that is free."""
    known = {(group, key): name for group, key, name in like["names"]} if like else {}
    taken = {*reserved, *known.values()}
    for key in dict.fromkeys(key for record in cells for key in record):
        if key not in known:
            name = key[1] if key[1] not in taken else ".".join(key)
            while name in taken:
                name += "_"
            known[key] = name
            taken.add(name)
    return [[group, key, name] for (group, key), name in known.items()]


def _unseen_classes(layout: Mapping[str, Any], answers: Sequence[Mapping[str, list[Answer]]]) -> list[str]:
    """All labels that annotators gave, sorted, where some of them are no row's given label."""
    label = layout["label_column"]
    seen: set[str] = set()
    known: set[str] = set()
    for record in answers:
        several = record.get(label, ())
        known.update(name for one in several for name in _key(one.value))
        kept = given(several, label in layout["lists"])
        seen.update(() if kept is None else _key(kept))
    return sorted(known, key=lambda name: (integer(name) or 0, name)) if known - seen else []


def _rows(
    layout: Mapping[str, Any], cells: Sequence[Cells], answers: Sequence[Mapping[str, list[Answer]]]
) -> Iterator[dict[str, Any]]:
    names = {(group, key): name for group, key, name in layout["names"]}
    quiet = dict.fromkeys(layout["aside"])
    for record, answered in zip(cells, answers, strict=True):
        row = {names[key]: value for key, value in record.items()}
        for question in layout["questions"]:
            row[question] = given(answered.get(question, ()), question in layout["lists"])
        for question, columns in layout["annotators"].items():
            for name, one in _by_person(answered.get(question, ())):
                row[columns[name]] = _cell(one.value, question in layout["lists"])
        yield {**row, **{name: None for name in quiet if name not in row}}


def _remarks(
    layout: Mapping[str, Any], answers: Sequence[Mapping[str, list[Answer]]], file: str
) -> list[Problem]:
    label, said = layout["label_column"], []
    if label is None:
        found = "no annotator's answer in this file: its labels have to be in a column of its data"
        return [Problem("notice", found, file=file)]
    others = list(layout["questions"])[1:]
    if others:
        found = f"labels are the answers to {label!r}; answers to {', '.join(others)} are columns beside them"
        said.append(Problem("notice", found, "choose another column as label", file=file, column=label))
    several = [record.get(label, ()) for record in answers]
    count = sum(len(one) > 1 for one in several)
    if count:
        found = "several annotators: the given label is the final answer, or what most of them say"
        said.append(Problem("notice", found, "", "", file, None, label, count))
    ties = [i for i, one in enumerate(several) if one and given(one, label in layout["lists"]) is None]
    ties = [i for i in ties if len(several[i]) > 1]
    if ties:
        found = "annotators tie: read as unlabelled, so that nobody is preferred"
        mend = "decide these rows"
        said.append(Problem("notice", found, mend, "", file, ties[0] + 1, label, len(ties)))
    return said


def _cell(value: Value, listed: bool) -> Value | None:
    """A label, or the list of labels. Without lists an empty one is no label."""
    if listed:
        return value if isinstance(value, list) else [value]
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _key(value: Value) -> tuple[str, ...]:
    """Equal for equal sets of labels, whatever their order."""
    return tuple(sorted(map(str, value if isinstance(value, list) else [value])))
