from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.cache import cache_key, load, load_table, store, store_table
from core.dataset import Dataset
from core.issues import Check, Result, issue_table
from core.predictions import Predictions
from core.progress import Progress


def run(dataset: Dataset, predictions: Predictions, params: object, progress: Progress) -> Result:
    table = issue_table(
        dataset,
        score=np.linspace(0, 1, len(dataset)),
        flagged=np.arange(len(dataset)) == 1,
        suggestion=np.where(np.arange(len(dataset)) == 1, 0, -1),
        reasons={1: 'It is =odd, "so" to say: naïve 漢.'},
        other=pd.array(["", "r0"] + [""] * (len(dataset) - 2), dtype="str"),
        distance=np.where(np.arange(len(dataset)) == 1, 0.5, np.nan).astype(np.float32),
    )
    figure = pd.DataFrame({"class": pd.Categorical(["dog", "cat"]), "rate": [0.5, np.nan]})
    return Result(table, {"flagged": 1, "estimator": "made up"}, {"per_class": figure})


CHECK = Check("made_up", "Made up", "For tests.", frozenset({"labels"}), run, uses=frozenset({"embeddings"}))


@pytest.fixture
def result(pets: Dataset, pets_predictions: Predictions) -> Result:
    return run(pets, pets_predictions, {}, Progress())


def key(dataset: Dataset, predictions: Predictions, check: Check = CHECK, **settings: object) -> str:
    return cache_key(check, settings, dataset, predictions)


def assert_equal(found: Result | None, expected: Result) -> None:
    assert found is not None
    pd.testing.assert_frame_equal(found.table, expected.table)
    assert found.summary == expected.summary
    assert found.figures.keys() == expected.figures.keys()
    for name in expected.figures:
        pd.testing.assert_frame_equal(found.figures[name], expected.figures[name])


def test_load__gives_what_was_stored(tmp_path: Path, pets: Dataset, result: Result) -> None:
    assert load(tmp_path, CHECK, "k", pets) is None
    store(tmp_path, CHECK, "k", result)
    assert_equal(load(tmp_path, CHECK, "k", pets), result)
    assert [p.name for p in (tmp_path / "made_up").iterdir()] == ["k"]  # no temporary folder is left


def test_store__twice_keeps_the_later(tmp_path: Path, pets: Dataset, result: Result) -> None:
    store(tmp_path, CHECK, "k", result)
    store(tmp_path, CHECK, "k", replace(result, summary={"flagged": 1, "estimator": "later"}))
    found = load(tmp_path, CHECK, "k", pets)
    assert found is not None and found.summary["estimator"] == "later"


CHANGES: dict[str, Callable[[Dataset, Predictions], tuple[Dataset, Predictions]]] = {
    "label": lambda d, p: (replace(d, labels=np.array([1, 0, 1, 1, 0, -1], dtype=np.int32)), p),
    "class name": lambda d, p: (replace(d, classes=("cat", "wolf")), p),
    "row id": lambda d, p: (replace(d, table=d.table.rename(index={"r0": "x"})), p),
    "row order": lambda d, p: (replace(d, table=d.table.iloc[::-1]), p),
    "embedding": lambda d, p: (d, replace(p, embeddings=np.eye(6, dtype=np.float32) * 2)),
    "no embeddings": lambda d, p: (d, replace(p, embeddings=None)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_cache_key__changes_with_all_that_is_read(
    change: str, pets: Dataset, pets_predictions: Predictions
) -> None:
    assert key(*CHANGES[change](pets, pets_predictions)) != key(pets, pets_predictions)


def test_cache_key__does_not_change_with_what_is_not_read(
    pets: Dataset, pets_predictions: Predictions
) -> None:
    other_text = replace(pets, name="other", table=pets.table.assign(text="new"))
    other_probs = replace(pets_predictions, model="other", pred_probs=None)
    assert key(other_text, other_probs) == key(pets, pets_predictions)


def test_cache_key__changes_with_settings_version_and_name(
    pets: Dataset, pets_predictions: Predictions
) -> None:
    keys = {
        key(pets, pets_predictions),
        key(pets, pets_predictions, a=1),
        key(pets, pets_predictions, a="1"),
        key(pets, pets_predictions, replace(CHECK, version=2)),
        key(pets, pets_predictions, replace(CHECK, name="other")),
    }
    assert len(keys) == 5
    assert key(pets, pets_predictions, a=1, b=2) == key(pets, pets_predictions, b=2, a=1)


def test_cache_key__changes_with_how_the_content_is_read(
    pets: Dataset, pets_predictions: Predictions
) -> None:
    check = replace(CHECK, needs=frozenset({"content"}))
    tabular = replace(pets, columns=replace(pets.columns, kind="tabular"))
    assert key(tabular, pets_predictions, check) != key(pets, pets_predictions, check)


FILES = ("table.parquet", "figure-per_class.parquet", "summary.json", "manifest.json")
DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "one bit": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_load__trusts_no_damaged_entry(
    tmp_path: Path, pets: Dataset, result: Result, name: str, damage: str
) -> None:
    store(tmp_path, CHECK, "k", result)
    DAMAGE[damage](tmp_path / "made_up" / "k" / name)
    assert load(tmp_path, CHECK, "k", pets) is None
    store(tmp_path, CHECK, "k", result)
    assert_equal(load(tmp_path, CHECK, "k", pets), result)


@pytest.mark.parametrize("manifest", ["[]", "{}", '"x"', '{"table.parquet": 3}'])
def test_load__trusts_no_odd_manifest(tmp_path: Path, pets: Dataset, result: Result, manifest: str) -> None:
    store(tmp_path, CHECK, "k", result)
    (tmp_path / "made_up" / "k" / "manifest.json").write_text(manifest)
    assert load(tmp_path, CHECK, "k", pets) is None


def test_load__trusts_no_entry_of_another_length(tmp_path: Path, pets: Dataset, result: Result) -> None:
    store(tmp_path, CHECK, "k", result)
    assert load(tmp_path, CHECK, "k", replace(pets, table=pets.table.iloc[:3])) is None


def test_store__leaves_nothing_behind_when_it_fails(tmp_path: Path, pets: Dataset, result: Result) -> None:
    with pytest.raises(TypeError):
        store(tmp_path, CHECK, "k", replace(result, summary={"not for JSON": object()}))
    assert list((tmp_path / "made_up").iterdir()) == []
    assert load(tmp_path, CHECK, "k", pets) is None


def test_store__writes_no_pickle(tmp_path: Path, result: Result) -> None:
    store(tmp_path, CHECK, "k", result)
    folder = tmp_path / "made_up" / "k"
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    assert json.loads((folder / "summary.json").read_text())["flagged"] == 1
    assert (folder / "table.parquet").read_bytes()[:4] == b"PAR1"


def test_load_table__gives_what_was_stored_and_nothing_damaged(tmp_path: Path) -> None:
    table = pd.DataFrame({"cluster": np.array([0, 2, 1], dtype=np.int32)})
    assert load_table(tmp_path, "clusters", "k") is None
    store_table(tmp_path, "clusters", "k", table)
    found = load_table(tmp_path, "clusters", "k")
    assert found is not None
    pd.testing.assert_frame_equal(found, table)
    assert [p.name for p in (tmp_path / "clusters").iterdir()] == ["k"]

    table.iloc[::-1].to_parquet(tmp_path / "clusters" / "k" / "table.parquet")
    assert load_table(tmp_path, "clusters", "k") is None
    store_table(tmp_path, "clusters", "k", table)
    assert load_table(tmp_path, "clusters", "k") is not None
