from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from core import kept_ids as module
from core.dataset import Columns
from core.errors import InputError
from core.kept_ids import kept_ids
from core.preflight.table_checks import row_ids
from core.source import RawTable, Source


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FROM_ROWS", 1)


def raw(ids: list[str], sha256: str = "s") -> RawTable:
    frame = pd.DataFrame({"id": ids, "text": [f"t{i}" for i in ids]}, dtype="str")
    return RawTable(frame, Source(Path("t.csv"), "csv", sha256, 1))


WITHOUT_ID = Columns(None, None, None, ("text",), "text")


@pytest.mark.parametrize("columns", [replace(WITHOUT_ID, id="id"), WITHOUT_ID])
def test_kept_ids__made_once_for_the_same_bytes_and_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: Columns
) -> None:
    made = []
    monkeypatch.setattr(module, "row_ids", lambda *args: made.append(1) or row_ids(*args))
    expected, said = row_ids(raw(["a", "é"]), columns)
    for _ in range(2):
        found, told = kept_ids(raw(["a", "é"]), columns, tmp_path)
        pd.testing.assert_index_equal(found, expected)
        assert told == said
    assert len(made) == 1


def test_kept_ids__other_bytes_or_other_columns_are_made_anew(tmp_path: Path) -> None:
    columns = replace(WITHOUT_ID, id="id")
    assert kept_ids(raw(["a", "b"]), columns, tmp_path)[0].tolist() == ["a", "b"]
    assert kept_ids(raw(["c", "d"], "other"), columns, tmp_path)[0].tolist() == ["c", "d"]
    assert kept_ids(raw(["a", "b"]), WITHOUT_ID, tmp_path)[0].tolist() != ["a", "b"]


def test_kept_ids__the_same_bytes_read_in_another_way_are_made_anew(tmp_path: Path) -> None:
    one, other = raw(["a", "b"]), raw(["a"])
    other = replace(other, source=replace(other.source, layout={"form": "long"}))
    columns = replace(WITHOUT_ID, id="id")
    assert kept_ids(one, columns, tmp_path)[0].tolist() == ["a", "b"]
    assert kept_ids(other, columns, tmp_path)[0].tolist() == ["a"]


def test_kept_ids__an_error_is_not_kept(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="more than once"):
            kept_ids(raw(["a", "a"]), replace(WITHOUT_ID, id="id"), tmp_path)


def test_kept_ids__few_stay(tmp_path: Path) -> None:
    for number in range(module.MOST_KEPT + 3):
        kept_ids(raw(["a"], str(number)), WITHOUT_ID, tmp_path)
    assert len(list((tmp_path / "ids").iterdir())) == module.MOST_KEPT


@pytest.mark.parametrize("left", [0, 50, -1])
def test_kept_ids__a_damaged_file_is_made_anew(tmp_path: Path, left: int) -> None:
    columns = replace(WITHOUT_ID, id="id")
    kept_ids(raw(["a", "b"]), columns, tmp_path)
    (file,) = tmp_path.glob("ids/*.arrow")
    file.write_bytes(file.read_bytes()[:left])
    assert kept_ids(raw(["a", "b"]), columns, tmp_path)[0].tolist() == ["a", "b"]
