from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.preflight.prediction_files import ArrayFile, align, read_array

IDS = pd.Index(["a", "b", "c"], dtype="str")
VALUES = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])


def table(tmp_path: Path, text: str) -> ArrayFile:
    (tmp_path / "p.csv").write_text(text)
    return read_array(tmp_path / "p.csv", "pred_probs", "id")


def test_read_array__npy_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", VALUES)
    found = read_array(tmp_path / "p.npy", "pred_probs")
    assert isinstance(found.values, np.memmap) and found.values.tolist() == VALUES.tolist()
    assert (found.names, found.ids) == (None, None)


def test_read_array__npz_by_key_or_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", other=[1, 2, 3], pred_probs=VALUES)
    assert read_array(tmp_path / "p.npz", "pred_probs").values.tolist() == VALUES.tolist()
    np.savez(tmp_path / "p.npz", whatever=VALUES)
    assert read_array(tmp_path / "p.npz", "pred_probs").values.tolist() == VALUES.tolist()
    np.savez(tmp_path / "p.npz", a=VALUES, b=VALUES)
    with pytest.raises(InputError, match=r"2 arrays \(a, b\).*pred_probs"):
        read_array(tmp_path / "p.npz", "pred_probs")


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("unpickled",)


def test_read_array__never_unpickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("p.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez("p.npz", pred_probs=np.array([Trap()], dtype=object))
    pd.to_pickle(Trap(), "p.pkl")
    Path("named.npy").write_bytes(Path("p.pkl").read_bytes())
    for name in ("p.npy", "p.npz", "p.pkl", "named.npy"):
        with pytest.raises(InputError, match="can run code"):
            read_array(Path(name), "pred_probs")
    assert not Path("unpickled").exists()


def test_read_array__damaged(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", pred_probs=VALUES)
    (tmp_path / "p.npz").write_bytes((tmp_path / "p.npz").read_bytes()[:100])
    with pytest.raises(InputError, match=r"p\.npz: damaged or cut off"):
        read_array(tmp_path / "p.npz", "pred_probs")
    with pytest.raises(InputError, match="cannot be read"):
        read_array(tmp_path / "missing.npy", "pred_probs")
    with pytest.raises(InputError):
        read_array(tmp_path, "pred_probs")


def test_read_array__table_with_ids(tmp_path: Path) -> None:
    found = table(tmp_path, "id,p_cat,note,p_dog\nb,0.5,x,0.5\na,0.25,y,0.75\n")
    assert found.names == ("p_cat", "p_dog") and found.ids is not None
    assert found.ids.tolist() == ["b", "a"] and found.values.tolist() == [[0.5, 0.5], [0.25, 0.75]]
    assert [p.found for p in found.problems] == ["columns without numbers are left out: note"]


def test_read_array__table_without_header_or_with_an_index(tmp_path: Path) -> None:
    found = table(tmp_path, "0.25,0.75\n0.5,0.5\n")
    assert found.names is None and found.values.tolist() == [[0.25, 0.75], [0.5, 0.5]]
    found = table(tmp_path, ",cat,dog\n0,0.25,0.75\n1,0.5,0.5\n")
    assert found.names == ("cat", "dog") and found.ids is None
    assert found.values.tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_read_array__table_with_class_numbers_as_header(tmp_path: Path) -> None:
    found = table(tmp_path, "0,1\n0.25,0.75\n1,0\n")
    assert found.names == ("0", "1") and found.values.tolist() == [[0.25, 0.75], [1.0, 0.0]]


def test_read_array__cell_that_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"p\.csv, row 2, column dog: 'oops' is no number"):
        table(tmp_path, "cat,dog\n0.25,0.75\n0.5,oops\n")
    assert np.isnan(table(tmp_path, "cat,dog\n0.25,0.75\n0.5,\n").values[1, 1])


def test_read_array__parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"cat": [0.25, None], "dog": [0.75, 0.5]}, index=["b", "a"]).rename_axis("id")
    frame.to_parquet(tmp_path / "p.parquet")
    found = read_array(tmp_path / "p.parquet", "pred_probs", "id")
    assert found.names == ("cat", "dog") and found.ids is not None and found.ids.tolist() == ["b", "a"]
    assert np.isnan(found.values[1, 0])


def test_align__by_order_is_said() -> None:
    values, problems = align(ArrayFile("p.npy", VALUES), IDS)
    assert values is VALUES and "names no rows" in problems[0].found


@pytest.mark.parametrize("rows", [2, 4])
def test_align__another_number_of_rows(rows: int) -> None:
    with pytest.raises(InputError, match=f"{rows} rows, but the data has 3"):
        align(ArrayFile("p.npy", np.ones((rows, 2))), IDS)


def test_align__by_id_in_any_order_and_more() -> None:
    ids = pd.Index(["c", "x", "a", "b"], dtype="str")
    values, problems = align(ArrayFile("p.csv", np.array([[3], [0], [1], [2]]), ids=ids), IDS)
    assert values.tolist() == [[1], [2], [3]]
    assert [p.found for p in problems] == [
        "1 rows are not in the data and left out",
        "rows are matched by id",
    ]


def test_align__ids_missing_repeated_or_foreign() -> None:
    with pytest.raises(InputError, match="row 2: no row for the id 'b'"):
        align(ArrayFile("p.csv", VALUES[:2], ids=pd.Index(["a", "c"])), IDS)
    with pytest.raises(InputError, match="row 2: the id 'a' is there more than once"):
        align(ArrayFile("p.csv", VALUES, ids=pd.Index(["a", "a", "b"])), IDS)
    with pytest.raises(InputError, match=r"none of its ids \(such as 'x'\)"):
        align(ArrayFile("p.csv", VALUES, ids=pd.Index(["x", "y", "z"])), IDS)


def test_align__row_numbers_for_data_without_ids() -> None:
    values, problems = align(ArrayFile("p.csv", VALUES, ids=pd.Index(["0", "1", "2"])), IDS)
    assert values is VALUES and "names no rows" in problems[-1].found
