"""Verdicts on pairs that are given elsewhere: the pairs written out for a judge, the judge's file read back.

Either way a table of row_id_a, row_id_b, verdict and judge: CSV, or JSON Lines where the name ends in .jsonl.
Nothing here asks a model: who or what judges is the owner's choice.
Source: Yang et al.: Rethinking Benchmark and Contamination for Language Models with Rephrased Samples, 2023.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.corrections import refuse_all
from core.dataset import Dataset
from core.errors import InputError, Problem, refuse
from core.files import json_lines, staged
from core.issues import Result
from core.methods.duplicates import contents
from core.review.decisions import Decision
from core.review.judgements import DIFFERENT, SAME, Judgements, Verdict, pair_event
from core.spreadsheet import escape, unescape

FIELDS = ("row_id_a", "row_id_b", "verdict", "judge")
WORDS: dict[str, Verdict] = {
    **dict.fromkeys(("same", "true", "yes", "1"), SAME),
    **dict.fromkeys(("different", "not a duplicate", "false", "no", "0"), DIFFERENT),
}
"""What a verdict can be written as, in any case."""
UNNAMED = "recorded"
"""The judge of verdicts that name none."""
MOST_PAIRS = 1_000_000
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class RecordedVerdict:
    """What a judge elsewhere said of two rows."""

    row_id_a: str
    row_id_b: str
    verdict: Verdict
    judge: str


def read_verdicts(path: Path, dataset: Dataset) -> tuple[list[RecordedVerdict], int]:
    """(the verdicts of a file in its order, how many lines had an empty verdict and were passed by).

    Other columns are ignored, so that a file of `write_pairs` can be filled in. Raises InputError naming
    every line that is no verdict (the first 20, and how many more): a row that is not in the data set, a
    pair of a row with itself, a word that is no verdict, a judge who says both.
    """
    problems: list[Problem] = []
    found: list[tuple[int, RecordedVerdict]] = []
    empty = 0
    said: dict[tuple[str, str, str], tuple[int, Verdict]] = {}
    for row, entry in _entries(path):
        parsed = _verdict(entry)
        if parsed is None:
            empty += 1
            continue
        if isinstance(parsed, Problem):
            problems.append(_at(parsed, path, row))
            continue
        one, other = sorted((parsed.row_id_a, parsed.row_id_b))
        first = said.setdefault((one, other, parsed.judge), (row, parsed.verdict))
        if first[1] != parsed.verdict:
            said_before = f"{first[1]} of this pair in row {first[0]:,}"
            problem = Problem(
                "error",
                f"{parsed.judge} says {parsed.verdict}, and {said_before}",
                mend="keep one of the two",
                column="verdict",
            )
            problems.append(_at(problem, path, row))
            continue
        found.append((row, parsed))
        if len(found) > MOST_PAIRS:
            raise refuse("too many verdicts", file=path.name, expected=f"at most {MOST_PAIRS:,} lines")
    problems += _unknown(found, dataset, path)
    if problems:
        problems.sort(key=lambda problem: problem.row or 0)
        raise refuse_all(problems, "lines that are no verdicts")
    if not found:
        raise refuse(
            "there is no verdict in it", file=path.name, expected="at least one line with a verdict",
            mend=f"fill in the column verdict with {SAME} or {DIFFERENT}",
        )  # fmt: skip
    return [verdict for _, verdict in found], empty


def events_of(dataset: str, by: str, verdicts: list[RecordedVerdict]) -> list[Decision]:
    """One event for each judge, in the order of their first verdict. by: who brings them."""
    judges: dict[str, dict[tuple[str, str], Verdict]] = {}
    for v in verdicts:
        judges.setdefault(v.judge, {})[v.row_id_a, v.row_id_b] = v.verdict
    return [
        pair_event(dataset, by, "rows", [(a, b, said) for (a, b), said in pairs.items()], judge)
        for judge, pairs in judges.items()
    ]


def pairs_to_judge(
    dataset: Dataset, result: Result, found: Judgements, most: int, unjudged: bool = True
) -> tuple[pd.DataFrame, int]:
    """(row_id_a (held out), row_id_b, method, likeness of at most `most` pairs, most alike first; how many
    pairs there are).

    The pairs that the check of split leakage matched, and the nearest training rows of every other held-out
    row. result: of that check, as it found them. unjudged: without the pairs that anybody judged.
    """
    parts = []
    for name in ("matches", "retrieved"):
        if name in result.figures:
            frame = result.figures[name]
            method = frame.get("method", "retrieved")
            parts.append(frame[["row", "other", "distance"]].assign(method=method))
    ids = dataset.row_ids.to_numpy(dtype=object)
    if not parts:
        return pd.DataFrame(columns=["row_id_a", "row_id_b", "method", "likeness"]), 0
    every = pd.concat(parts, ignore_index=True)
    low, high = every[["row", "other"]].min(axis=1), every[["row", "other"]].max(axis=1)
    every = every.loc[~pd.DataFrame({"low": low, "high": high}).duplicated()]
    every = every.sort_values(["distance", "row", "other"], kind="stable")
    pairs = pd.DataFrame(
        {
            "row_id_a": ids[every["row"].to_numpy()],
            "row_id_b": ids[every["other"].to_numpy()],
            "method": every["method"].to_numpy(),
            "likeness": (1 - every["distance"].to_numpy()).round(4),
        }
    )
    if unjudged and found.rows:
        known = [
            found.of_rows(a, b) is not None for a, b in zip(pairs["row_id_a"], pairs["row_id_b"], strict=True)
        ]
        pairs = pairs[~np.array(known, dtype=bool)]
    return pairs.head(most).reset_index(drop=True), len(pairs)


def write_pairs(dataset: Dataset, pairs: pd.DataFrame, out: Path) -> int:
    """Write pairs for a judge: ids, both contents, how they were found, and verdict and judge to fill in.

    CSV cells that a spreadsheet would run carry a leading ' (see core.spreadsheet), which reading takes off
    ids again. The file appears whole or not at all. Returns the lines.
    """
    texts = contents(dataset)
    places = [dataset.positions(pairs[name]) for name in ("row_id_a", "row_id_b")]
    as_csv = out.suffix.lower() == ".csv"
    header = ["row_id_a", "row_id_b", "text_a", "text_b", "method", "likeness", "verdict", "judge"]
    with staged(out) as (temporary,), temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        if as_csv:
            writer.writerow(header)
        for line, one, other in zip(pairs.itertuples(index=False), *places, strict=True):
            cells = [line.row_id_a, line.row_id_b, texts[one], texts[other], line.method, line.likeness]
            if as_csv:
                writer.writerow([*(escape(str(cell)) for cell in cells), "", ""])
            else:
                values = dict(zip(header, [*cells, None, None], strict=True))
                handle.write(json.dumps(values, ensure_ascii=True, default=float) + "\n")
    return len(pairs)


def _entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the line or CSV record, its fields). Raises InputError for what is no such table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            if path.suffix.lower() == ".csv":
                reader = csv.DictReader(handle)
                names = reader.fieldnames or []
                missing = [name for name in FIELDS[:3] if name not in names]
                if missing:
                    raise refuse(
                        f"there is no column {missing[0]}", file=path.name,
                        expected="the columns " + ", ".join(FIELDS),
                        mend="name the columns in the first line",
                    )  # fmt: skip
                for row, cells in enumerate(reader, 1):
                    yield row, {k: unescape(v) for k, v in cells.items() if k is not None and v is not None}
                return
            for row, entry in json_lines(handle, path.name):
                if isinstance(entry, Problem):
                    raise InputError(entry)
                yield row, entry
    except (UnicodeDecodeError, csv.Error) as error:
        raise refuse(f"not readable: {error}", file=path.name, mend="save it as UTF-8") from None
    except FileNotFoundError:
        raise refuse("there is no such file", file=str(path)) from None


def _verdict(entry: dict[str, Any]) -> RecordedVerdict | Problem | None:
    """What a line says, what is wrong with it, or None for a verdict that is left empty."""
    said = entry.get("verdict")
    if said is None or (isinstance(said, str) and not said.strip()):
        return None
    ids = [entry.get(name) for name in ("row_id_a", "row_id_b")]
    for name, row_id in zip(FIELDS, ids, strict=False):
        if not isinstance(row_id, str) or not row_id or not _is_whole(row_id):
            return Problem(
                "error", f"{row_id!r} is no row id", column=name, expected="the id of a row as text"
            )
    if ids[0] == ids[1]:
        return Problem("error", f"both rows are {ids[0]!r}", column="row_id_b", expected="another row")
    word = str(said).strip().lower() if isinstance(said, (str, bool, int)) else ""
    if word not in WORDS:
        expected = " or ".join(dict.fromkeys(WORDS.values())) + ", or true or false"
        return Problem("error", f"{said!r} is no verdict", column="verdict", expected=expected)
    judge = entry.get("judge") or UNNAMED
    if not isinstance(judge, str) or len(judge) > _LONGEST_NAME:
        expected = f"a text of at most {_LONGEST_NAME} characters"
        return Problem("error", "the judge is no name", column="judge", expected=expected)
    return RecordedVerdict(str(ids[0]), str(ids[1]), WORDS[word], judge.strip() or UNNAMED)


def _is_whole(text: str) -> bool:
    """Whether no character of it is a half one, which no row id has."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unknown(found: list[tuple[int, RecordedVerdict]], dataset: Dataset, path: Path) -> list[Problem]:
    """The lines that name a row which the data set does not have."""
    problems = []
    for name in ("row_id_a", "row_id_b"):
        ids = [getattr(verdict, name) for _, verdict in found]
        for at in np.flatnonzero(dataset.positions(ids) < 0).tolist():
            problem = Problem(
                "error", f"row {ids[at]!r} is not in the data set", column=name,
                expected="an id of one of its rows", mend="use the ids of the file of pairs",
            )  # fmt: skip
            problems.append(_at(problem, path, found[at][0]))
    return problems


def _at(problem: Problem, path: Path, row: int) -> Problem:
    return replace(problem, file=path.name, row=row)
