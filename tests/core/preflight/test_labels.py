from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.preflight.labels import integer, read_class_list, read_given


def test_read_given__codes_counts_and_first_rows() -> None:
    given, problems = read_given(pd.Series(["b", "a", "b", "a", "b"], name="label"), "t.csv")
    assert given.values == ("b", "a")
    assert given.codes.tolist() == [0, 1, 0, 1, 0] and given.codes.dtype == np.int32
    assert given.counts.tolist() == [3, 2] and given.first.tolist() == [0, 1]
    assert problems == []


def test_read_given__missing_labels_are_no_class() -> None:
    column = pd.Series(["cat", "", None, "  ", "NA", "null", "None", "none"], name="label")
    given, (problem,) = read_given(column, "t.csv")
    assert given.values == ("cat", "none")
    assert given.codes.tolist() == [0, -1, -1, -1, -1, -1, -1, 1]
    assert (problem.severity, problem.row, problem.column, problem.count) == ("notice", 2, "label", 6)
    assert problem.found == "no label (also the words NA, None, null): kept as unlabelled"


def test_read_given__a_listed_word_is_a_class() -> None:
    given, problems = read_given(pd.Series(["NA", "x"]), "t.csv", frozenset({"NA", "x"}))
    assert given.values == ("NA", "x") and problems == []


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pd.Series([3, 1]), ("3", "1")),
        (pd.Series([3.0, np.nan]), ("3.0",)),
        (pd.Series([3, None], dtype="Int64"), ("3",)),
        (pd.Series([True, False]), ("True", "False")),
        (pd.Series(pd.Categorical(["b", None, "a"], ["z", "a", "b"])), ("b", "a")),
        (pd.Series(pd.Categorical([2, 1])), ("2", "1")),
    ],
)
def test_read_given__typed_columns(column: pd.Series, values: tuple[str, ...]) -> None:
    assert read_given(column, "t")[0].values == values


def test_integer() -> None:
    texts = ["3", "3.0", " 3 ", "-1", "3.5", "", "3e2", "9" * 30, "٣x"]
    assert [integer(t) for t in texts] == [3, 3, 3, -1, None, None, None, None, None]


@pytest.mark.parametrize(
    ("name", "text", "tokens", "names"),
    [
        ("c.txt", "cat\n dog \n\nbig, bird\n", ("cat", "dog", "big, bird"), ("cat", "dog", "big, bird")),
        ("c.json", '["cat", "dog"]', ("cat", "dog"), ("cat", "dog")),
        ("c.json", '{"1": "dog", "0": "cat"}', ("0", "1"), ("cat", "dog")),
        ("c.json", '{"dog": 1, "cat": 0}', ("cat", "dog"), ("cat", "dog")),
        ("c.json", '{"b": "Bird", "a": "Ant"}', ("b", "a"), ("Bird", "Ant")),
        ("c.csv", 'label,name\n1,"dog, big"\n0,cat\n', ("0", "1"), ("cat", "dog, big")),
        ("c.csv", "name,label\ncat,0\ndog,1\n", ("0", "1"), ("cat", "dog")),
        ("c.csv", "0,cat\n1,dog\n", ("0", "1"), ("cat", "dog")),
        ("c.csv", "label\ncat\ndog\n", ("cat", "dog"), ("cat", "dog")),
        ("c.txt", "\ufefflabel,name\nc,Cat\nd,Dog\n", ("c", "d"), ("Cat", "Dog")),
    ],
)
def test_read_class_list(
    tmp_path: Path, name: str, text: str, tokens: tuple[str, ...], names: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = read_class_list(tmp_path / name)
    assert (found.tokens, found.names, found.file) == (tokens, names, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no class in the class list"),
        ("cat\ndog\ncat\n", "'cat' is listed twice"),
        ('{"a": [1]}', "not a list of names"),
        ('["a"', "not valid JSON"),
        ('{"0": "cat", "1": "cat"}', "'cat' is listed twice"),
    ],
)
def test_read_class_list__refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_class_list(tmp_path / "c.txt")


def test_read_class_list__not_text(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as UTF-8 text"):
        read_class_list(tmp_path / "c.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_class_list(tmp_path / "missing.txt")
