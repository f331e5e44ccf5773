"""Votes that were given elsewhere, read from a file, and the votes of a round written to one.

A file is CSV, a JSON array, or JSON Lines. Each record names a row ("row_id" or "id") and says either what
one voter chose ("choice" and, where they are named, "annotator"), or how many voters chose each
("votes_given", "votes_suggested", "votes_both", "votes_neither"). Records of the label-errors study are of
the second kind: their "guessed" is our "suggested", and their counts lie in "mturk". The two labels can be
named too ("given", "suggested"); without them they are the row's label and what the check suggests now.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.corrections import refuse_all
from core.dataset import UNLABELLED, Dataset
from core.errors import InputError, Problem, refuse
from core.evidence.validation import READERS, Choice
from core.files import json_lines, staged
from core.issues import Result
from core.review.decisions import Decision
from core.review.votes import Pair, Round, round_event
from core.spreadsheet import escape, unescape

FIELDS = ("row_id", "given", "suggested", "annotator", "choice", "votes", "voted_at")
_ID = ("row_id", "id")
_GIVEN = ("given_name", "given_original_label_name", "given", "given_original_label")
_SUGGESTED = ("suggested", "guessed_name", "our_guessed_label_name", "guessed", "our_guessed_label")
_VOTER = ("annotator", "voter")
_WORDS = {**{str(choice): choice for choice in Choice}, "guessed": Choice.SUGGESTED}
_COUNTS = {f"votes_{word}": choice for word, choice in _WORDS.items()}
_MTURK = "mturk"
_MOST_VOTES = 1_000_000
_LONGEST_NAME = 200


@dataclass(frozen=True, eq=False)
class Recorded:
    """The votes of a file. rows: row id -> what was asked, in the file's order. votes: (row id, who or "",
    Choice, how many).
    """

    file: str
    rows: Mapping[str, Pair]
    votes: tuple[tuple[str, str, str, int], ...]

    def event(self, dataset: str, by: str, readers: int = READERS, flagged: int | None = None) -> Decision:
        """The event of a round that holds these votes. flagged: how many rows these were drawn from."""
        if flagged is not None and flagged < len(self.rows):
            raise refuse(f"{flagged:,} flagged rows", expected=f"at least the {len(self.rows):,} voted on")
        return round_event(
            dataset, by, self.rows, readers=readers, flagged=flagged, queue=self.file, recorded=self.votes
        )


def read_votes(path: Path, dataset: Dataset, result: Result | None = None) -> Recorded:
    """The votes of a file. result: of the check whose suggestions stand in for those that the file lacks.

    Where both labels of a row are the same, a vote for it is counted once, as one for the given label.
    Raises InputError naming file, row and column of every record that is no vote (the first 20, and how
    many more): a row or a class that the data set does not have, another given label than the row's, two
    votes of one voter on a row, a word that is no choice, a count that is no whole number.
    """
    reader = _Reader(dataset, result)
    problems: list[Problem] = []
    for row, entry in _entries(path):
        try:
            reader.take(row, entry)
        except InputError as error:
            problems += [replace(problem, file=path.name, row=row) for problem in error.problems]
    if problems:
        raise refuse_all(problems, "records that are no votes")
    if not reader.votes:
        raise refuse(
            "there is no vote in it", file=path.name, expected="choice, or votes_given and so on",
            mend="name the columns " + ", ".join(FIELDS[:5]),
        )  # fmt: skip
    return Recorded(path.name, reader.rows, tuple(reader.votes))


def write_votes(of: Round, out: Path) -> int:
    """Write the votes of a round: CSV, or JSON Lines where the name does not end in .csv. Returns the lines.

    `read_votes` reads them back. CSV cells that a spreadsheet would run carry a leading '. The file appears
    whole or not at all.
    """
    as_csv = out.suffix.lower() == ".csv"
    lines = 0
    with staged(out) as (temporary,), temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        if as_csv:
            writer.writerow(FIELDS)
        for row_id, votes in of.votes.items():
            pair = of.rows[row_id]
            for vote in votes:
                at = vote.event.decided_at
                cells = [row_id, pair.given, pair.suggested, vote.voter, str(vote.choice), vote.times, at]
                if as_csv:
                    writer.writerow([escape(str(cell)) for cell in cells])
                else:
                    named = dict(zip(FIELDS, cells, strict=True))
                    handle.write(json.dumps(named, ensure_ascii=False) + "\n")
                lines += 1
    return lines


class _Reader:
    """Takes record after record in."""

    def __init__(self, dataset: Dataset, result: Result | None) -> None:
        self.dataset, self.result = dataset, result
        self.rows: dict[str, Pair] = {}
        self.votes: list[tuple[str, str, str, int]] = []
        self._said: dict[tuple[str, str], int] = {}
        """(row id, voter) -> the record in which they voted."""

    def take(self, row: int, entry: Mapping[str, Any]) -> None:
        row_id, position = self._row(entry)
        counts = _counts(entry)
        choice, column = _cell(entry, ("choice",))
        if counts is not None and choice:
            raise refuse("it has a choice, and counts", column=column, mend="leave one of them out")
        if counts is None:
            if not choice:
                return  # nobody has voted yet: a file that is being filled in
            counts = {_choice(choice): _whole(entry.get("votes") or 1, "votes")}
        voter, column = _cell(entry, _VOTER)
        if len(voter) > _LONGEST_NAME:
            raise refuse(
                "the name is too long", column=column, expected=f"at most {_LONGEST_NAME} characters"
            )
        pair = self._pair(row_id, position, entry)
        if pair.given == pair.suggested:
            counts.pop(Choice.SUGGESTED, None)
        if self.rows.setdefault(row_id, pair) != pair:
            raise refuse(f"row {row_id!r} is asked about two pairs of labels", mend="make it two files")
        self._once(row, row_id, voter or ("" if choice else "\0counts"))
        self.votes += [(row_id, voter, str(what), many) for what, many in counts.items() if many]

    def _once(self, row: int, row_id: str, voter: str) -> None:
        """Votes without a name can come in many records; a named voter has one, and so have counts."""
        if not voter:
            return
        first = self._said.setdefault((row_id, voter), row)
        if first != row:
            who = "votes are counted" if voter == "\0counts" else f"{voter} votes"
            raise refuse(f"{who} on row {row_id!r} in record {first:,} already", mend="keep one of the two")

    def _row(self, entry: Mapping[str, Any]) -> tuple[str, int]:
        row_id, column = _cell(entry, _ID)
        if not row_id:
            raise refuse("it names no row", column=column, expected="the id of a row")
        position = int(self.dataset.positions([row_id])[0])
        if position < 0:
            raise refuse(
                f"row {row_id!r} is not in the data set", column=column, expected="an id of one of its rows"
            )
        if self.dataset.labels[position] == UNLABELLED:
            raise refuse(f"row {row_id!r} has no label", column=column, expected="a labelled row")
        return row_id, position

    def _pair(self, row_id: str, position: int, entry: Mapping[str, Any]) -> Pair:
        given = str(self.dataset.given_labels(slice(position, position + 1))[0])
        said = [(text, name) for name in _GIVEN if (text := _cell(entry, (name,))[0])]
        if said and given not in [text for text, _ in said]:
            raise refuse(
                f"row {row_id!r} was labelled {said[0][0]!r} when it was voted on, and is {given!r} here",
                column=said[0][1], mend="bring votes on these labels only",
            )  # fmt: skip
        named = [(text, name) for name in _SUGGESTED if (text := _cell(entry, (name,))[0])]
        if not named:
            return Pair(given, self._suggested(row_id, position))
        known = next((text for text, _ in named if self.dataset.knows(text)), None)
        if known is None:
            raise refuse(
                f"{named[0][0]!r} is no class of the data set",
                column=named[0][1],
                expected="one of its classes",
            )
        return Pair(given, known)

    def _suggested(self, row_id: str, position: int) -> str:
        value = None if self.result is None else self.result.table["suggestion"].iloc[position]
        if value is None or pd.isna(value):
            raise refuse(
                f"the suggested label of row {row_id!r} is not known", column="suggested",
                expected="the label that was suggested",
            )  # fmt: skip
        return str(value)


def _counts(entry: Mapping[str, Any]) -> dict[Choice, int] | None:
    """How many chose what; None where the record counts no votes."""
    found: dict[Choice, int] = {}
    if isinstance(entry.get(_MTURK), dict):
        for word, many in entry[_MTURK].items():
            if word not in _WORDS:
                raise refuse(f"{word!r} is no choice", column=_MTURK, expected="one of " + ", ".join(Choice))
            found[_WORDS[word]] = _whole(many, _MTURK)
        return found
    for name, choice in _COUNTS.items():
        if entry.get(name) not in (None, ""):
            found[choice] = _whole(entry[name], name)
    return found or None


def _choice(text: str) -> Choice:
    if text.lower() not in _WORDS:
        raise refuse(f"{text!r} is no choice", column="choice", expected="one of " + ", ".join(Choice))
    return _WORDS[text.lower()]


def _whole(value: Any, column: str) -> int:
    text = value if isinstance(value, int) and not isinstance(value, bool) else str(value).strip()
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < _MOST_VOTES:
        raise refuse(f"{value!r} is no number of votes", column=column, expected="a whole number from 0")
    return number


def _cell(entry: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, str]:
    """(the text of the first of these fields that holds one, its name)."""
    for name in names:
        value = entry.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise refuse(f"{name} is {type(value).__name__}, not a text", column=name)
        text = str(value).strip()
        try:
            text.encode()
        except UnicodeEncodeError:
            raise refuse("it holds half a character", column=name, mend="save it as UTF-8") from None
        if text:
            return text, name
    return "", names[0]


def _entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the record, its fields). Raises InputError for what is no such table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            if path.suffix.lower() == ".csv":
                reader = csv.DictReader(handle)
                if not set(reader.fieldnames or ()) & set(_ID):
                    raise refuse(
                        "there is no column row_id",
                        file=path.name,
                        expected="columns " + ", ".join(FIELDS[:5]),
                    )
                for row, cells in enumerate(reader, 1):
                    yield row, {k: unescape(v) for k, v in cells.items() if k is not None and v is not None}
                return
            first = handle.read(1)
            handle.seek(0)
            records = _array(handle.read(), path.name) if first == "[" else json_lines(handle, path.name)
            for row, entry in records:
                if isinstance(entry, Problem):
                    raise InputError(entry)
                yield row, entry
    except (UnicodeDecodeError, csv.Error) as error:
        raise refuse(f"not readable: {error}", file=path.name, mend="save it as UTF-8") from None
    except FileNotFoundError:
        raise refuse("there is no such file", file=str(path)) from None


def _array(text: str, file: str) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    try:
        found = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise refuse(f"not JSON: {error}", file=file) from None
    for row, entry in enumerate(found, 1):
        yield row, entry if isinstance(entry, dict) else Problem("error", "not an object", file=file, row=row)
