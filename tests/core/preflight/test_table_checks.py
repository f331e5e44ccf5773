from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.dataset import Columns
from core.errors import InputError
from core.preflight.labels import read_given
from core.preflight.table_checks import check_table, label_remarks, row_ids, unused_remark
from core.source import RawTable, Source


def raw(columns: dict[str, list[Any]], format: str = "csv", **layout: Any) -> RawTable:
    return RawTable(pd.DataFrame(columns), Source(Path("t.csv"), format, "", 0, layout))


def test_check_table__every_problem_at_once() -> None:
    problems = check_table(raw({"a": [b"x", b"y"]}), Columns("a", None, "nope", ("gone",)))
    assert [(p.severity, p.found) for p in problems] == [
        ("error", "no column of labels was found"),
        ("error", "there is no column 'nope'"),
        ("error", "there is no column 'gone'"),
        ("error", "the cells hold bytes, not text"),
    ]


def test_check_table__rows() -> None:
    assert check_table(raw({"a": []}), Columns(label="a"))[0].found == "no rows"
    (one,) = check_table(raw({"a": ["x"]}), Columns(label="a"))
    assert one.severity == "warning" and "it can still be reviewed" in one.found
    assert check_table(raw({"a": ["x", "y"]}), Columns(label="a")) == []


def test_check_table__id_and_label_are_two() -> None:
    assert "both id and label" in check_table(raw({"a": ["x", "y"]}), Columns("a", "a"))[0].found


def test_check_table__lists_as_labels() -> None:
    (problem,) = check_table(raw({"a": ["[]", "[]"]}, nested=["a"]), Columns(label="a"))
    assert problem.severity == "error" and "multi-label" in problem.found


def test_row_ids__as_written() -> None:
    ids, problems = row_ids(raw({"id": ["007", " 7", "7 "]}), Columns("id"))
    assert ids.tolist() == ["007", " 7", "7 "] and problems == []
    assert ids.name is None and str(ids.dtype) == "str"
    assert row_ids(raw({"id": [3, 1]}), Columns("id"))[0].tolist() == ["3", "1"]


def test_row_ids__repeated_are_named() -> None:
    with pytest.raises(InputError) as caught:
        row_ids(raw({"id": ["a", "b", "a", "c", "b", "a"]}), Columns("id"))
    (problem,) = caught.value.problems
    assert problem.found == "ids that occur more than once: 'a' in rows 1, 3, 6; 'b' in rows 2, 5"
    assert (problem.row, problem.column, problem.count) == (1, "id", 5)


def test_row_ids__empty_are_named() -> None:
    with pytest.raises(InputError, match=r"row 2, column id: no id \(2 rows\)"):
        row_ids(raw({"id": ["a", "", "b", None]}), Columns("id"))


def test_row_ids__from_content_not_position_or_label() -> None:
    columns = Columns(None, "y", None, ("text",), "text")
    first = row_ids(raw({"text": ["a", "b", "a"], "y": ["1", "2", "1"]}), columns)[0]
    second = row_ids(raw({"text": ["b", "a", "a"], "y": ["9", "9", "9"]}), columns)[0]
    assert first.is_unique and set(first) == set(second) and first[2] == first[0] + "-1"


def test_row_ids__positions_where_there_is_nothing_else() -> None:
    ids, (problem,) = row_ids(raw({"y": ["a", "b"]}), Columns(label="y"))
    assert ids.tolist() == ["0", "1"] and problem.severity == "warning"
    assert row_ids(raw({"label": [1, 0]}, "npy"), Columns(label="label"))[1] == []


def remarks(values: list[str]) -> list[tuple[str, str]]:
    given, _ = read_given(pd.Series(values, dtype="str"), "t")
    return [(p.severity, p.found) for p in label_remarks(given, "t", "y")]


def test_label_remarks() -> None:
    assert remarks(["a", "b"] * 5) == []
    assert remarks(["a"]) == [] and remarks(["a", "b"]) == []
    assert remarks(["a"] * 3)[0] == (
        "warning",
        "every label is 'a': with one class no label error can be found",
    )
    assert remarks(["a", "a", "b"]) == [("notice", "1 class has one row only: 'b'")]
    unique = [f"x{i}" for i in range(20)]
    assert remarks(unique)[0][0] == "error" and remarks(unique[:19])[0][0] == "warning"
    assert remarks([*unique, "x0"])[0][0] == "warning"


def test_unused_remark() -> None:
    assert unused_remark(("a", "b"), np.array([0, 1, -1]), "t") == []
    assert (
        unused_remark(("a", "b", "c"), np.array([1, -1]), "t")[0].found
        == "2 of 3 classes have no row: 'a', 'c'"
    )
