from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checks.split_leakage import CHECK
from core.errors import InputError
from core.pair_verdicts import FIELDS, RecordedVerdict, events_of, pairs_to_judge, read_verdicts, write_pairs
from core.predictions import Predictions
from core.progress import Progress
from core.review.judgements import DIFFERENT, NO_JUDGEMENTS, SAME, judgements, pair_event
from tests.conftest import make_dataset
from tests.core.test_judged import SPLITS, TEXTS, in_splits

PETS = make_dataset([0, 1, 0, 1])


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_read_verdicts__csv_and_json_lines(tmp_path: Path) -> None:
    lines = "row_id_a,row_id_b,verdict,judge,text_a\nr0,r1,True,m,x\nr0,r2,,m,x\nr2,r3,Not a duplicate,,x\n"
    expected = [RecordedVerdict("r0", "r1", SAME, "m"), RecordedVerdict("r2", "r3", DIFFERENT, "recorded")]
    assert read_verdicts(written(tmp_path / "v.csv", lines), PETS) == (expected, 1)
    entries = [
        {"row_id_a": "r0", "row_id_b": "r1", "verdict": True, "judge": "m"},
        {"row_id_a": "r2", "row_id_b": "r3", "verdict": "different"},
        {"row_id_a": "r2", "row_id_b": "r1", "verdict": None},
    ]
    text = "\n".join(json.dumps(entry) for entry in entries)
    assert read_verdicts(written(tmp_path / "v.jsonl", text), PETS) == (expected, 1)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("r0,r9,same,m", "v.csv, row 1, column row_id_b: row 'r9' is not in the data set"),
        ("r0,r0,same,m", "v.csv, row 1, column row_id_b: both rows are 'r0'"),
        ("r0,r1,maybe,m", "v.csv, row 1, column verdict: 'maybe' is no verdict. Expected: same or different"),
        (",r1,same,m", "v.csv, row 1, column row_id_a: '' is no row id"),
        ("r0,r1,same,m\nr1,r0,different,m", "row 2, column verdict: m says different, and same of this pair"),
        ("r0,r1,,m", "v.csv: there is no verdict in it"),
        (f"r0,r1,same,{'m' * 201}", "column judge: the judge is no name"),
    ],
)
def test_read_verdicts__names_the_line_and_the_mend(tmp_path: Path, lines: str, why: str) -> None:
    path = written(tmp_path / "v.csv", f"row_id_a,row_id_b,verdict,judge\n{lines}\n")
    with pytest.raises(InputError) as error:
        read_verdicts(path, PETS)
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("v.csv", "a,b\n1,2\n", "there is no column row_id_a"),
        ("v.csv", "", "there is no column row_id_a"),
        ("v.jsonl", "{", "v.jsonl, row 1: not JSON"),
        ("v.jsonl", "[1]", "not a JSON object"),
        ("v.jsonl", '{"row_id_a": ["r0"], "row_id_b": "r1", "verdict": [1]}', "is no row id"),
        ("v.jsonl", '{"row_id_a": "r0", "row_id_b": "r1", "verdict": [1]}', "[1] is no verdict"),
    ],
)
def test_read_verdicts__what_is_no_such_table(tmp_path: Path, name: str, text: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        read_verdicts(written(tmp_path / name, text), PETS)
    assert why in str(error.value)
    (tmp_path / "bytes.csv").write_bytes(b"row_id_a,row_id_b,verdict\n\xff\xfe,b,c")
    with pytest.raises(InputError, match="save it as UTF-8"):
        read_verdicts(tmp_path / "bytes.csv", PETS)
    with pytest.raises(InputError, match="there is no such file"):
        read_verdicts(tmp_path / "none.csv", PETS)


def test_events_of__one_for_each_judge() -> None:
    verdicts = [RecordedVerdict("r0", "r1", SAME, "m"), RecordedVerdict("r0", "r1", DIFFERENT, "n")]
    events = events_of("pets", "ann", [*verdicts, RecordedVerdict("r0", "r2", SAME, "m")])
    assert [(e.details["judge"], len(e.details["rows"])) for e in events] == [("m", 2), ("n", 1)]
    judged = judgements(events).of_rows("r0", "r1")
    assert judged is not None and judged.verdict == SAME and all(o.recorded for o in judged.opinions)


def test_pairs_to_judge__every_match_and_the_nearest_of_the_others_most_alike_first() -> None:
    dataset = in_splits(SPLITS, TEXTS)
    params = {setting.name: setting.default for setting in CHECK.settings}
    result = CHECK.run(dataset, Predictions(), params, Progress())
    pairs, every = pairs_to_judge(dataset, result, NO_JUDGEMENTS, 10)
    assert every == len(pairs) == 3  # r3 with what it nearly equals; r4 with both training rows
    assert pairs.loc[0, ["row_id_a", "row_id_b", "method"]].tolist() == ["r3", "r0", "near_duplicate"]
    assert set(zip(pairs["row_id_a"][1:], pairs["method"][1:], strict=True)) == {("r4", "retrieved")}
    assert pairs["likeness"].is_monotonic_decreasing
    assert len(pairs_to_judge(dataset, result, NO_JUDGEMENTS, 1)[0]) == 1
    found = judgements([pair_event("pets", "ann", "rows", [("r0", "r3", DIFFERENT)])])
    left, still = pairs_to_judge(dataset, result, found, 10)
    assert still == 2 and "r3" not in set(left["row_id_a"])
    assert pairs_to_judge(dataset, result, found, 10, unjudged=False)[1] == 3


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.jsonl"])
def test_write_pairs__what_is_filled_in_is_read_back(tmp_path: Path, name: str) -> None:
    texts = ["=1+1", 'two\nlines, "quoted"', "three", "four"]
    dataset = replace(PETS, table=PETS.table.assign(text=np.array(texts, dtype=object)))
    columns = ["row_id_a", "row_id_b", "method", "likeness"]
    pairs = pd.DataFrame([("r0", "r1", "retrieved", 0.5), ("r2", "r3", "ngram_8", 0.75)], columns=columns)
    path = tmp_path / name
    assert write_pairs(dataset, pairs, path) == 2
    with pytest.raises(InputError, match="there is no verdict in it"):
        read_verdicts(path, dataset)
    if name.endswith("csv"):
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert [line["text_a"] for line in lines] == ["'=1+1", "three"]
        filled = [{**line, "verdict": "same", "judge": "m"} for line in lines]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(filled[0]))
            writer.writeheader()
            writer.writerows(filled)
    else:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert [line["text_a"] for line in lines] == ["=1+1", "three"]
        filled = [{**line, "verdict": True, "judge": "m"} for line in lines]
        path.write_text("\n".join(map(json.dumps, filled)), encoding="utf-8")
    expected = [RecordedVerdict(a, b, SAME, "m") for a, b in (("r0", "r1"), ("r2", "r3"))]
    assert read_verdicts(path, dataset) == (expected, 0)


CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.sampled_from(["r0", "r1", "\ud800", "same"]),
)
LINE = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, CELL))


@settings(max_examples=40)
@given(st.lists(LINE, max_size=4))
def test_read_verdicts__any_lines(tmp_path_factory: pytest.TempPathFactory, entries: list[dict]) -> None:
    path = tmp_path_factory.mktemp("v") / "v.jsonl"
    path.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    try:
        found, empty = read_verdicts(path, PETS)
    except InputError:
        return
    assert found and len(found) + empty == len(entries)
    assert {v.row_id_a for v in found} | {v.row_id_b for v in found} <= set(PETS.row_ids)
