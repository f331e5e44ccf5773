from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.another_model import read_model
from core.dataset import Dataset
from core.errors import InputError
from core.model_agreement import Miss, agreement_of
from core.predictions import Predictions
from core.targets import Targets
from tests.conftest import make_dataset
from tests.core.label_sets import PROBS, moods

P = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9], [0.6, 0.4], [0.5, 0.5]])


def written(tmp_path: Path, text: str, name: str = "other.csv") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_read_model__by_order_and_by_id_give_the_same(tmp_path: Path, pets: Dataset) -> None:
    np.save(tmp_path / "other.npy", P)
    found, problems = read_model(pets, tmp_path / "other.npy")
    assert found.model == "other" and found.pred_probs is not None and found.pred_probs.tolist() == P.tolist()
    assert any("names no rows" in p.found for p in problems)
    lines = [f"r{i},{P[i, 1]},{P[i, 0]}" for i in (5, 3, 1, 0, 2, 4)]
    found, problems = read_model(pets, written(tmp_path, "\n".join(["id,p_dog,p_cat", *lines])))
    assert found.pred_probs is not None and found.pred_probs.tolist() == P.tolist()
    assert any("matched by id" in p.found for p in problems)


def test_read_model__columns_by_token_or_number(tmp_path: Path, pets: Dataset) -> None:
    pets = replace(pets, tokens=("c", "d"))
    rows = "\n".join(f"{b},{a}" for a, b in P)
    for head in ("d,c", "p_1,p_0"):
        found, _ = read_model(pets, written(tmp_path, f"{head}\n{rows}\n"))
        assert found.pred_probs is not None and found.pred_probs.tolist() == P.tolist()


def test_read_model__predicted_classes(tmp_path: Path, pets: Dataset) -> None:
    records = [{"id": f"r{i}", "prediction": ("cat", "dog")[i % 2]} for i in range(6)]
    found, problems = read_model(pets, written(tmp_path, json.dumps(records), "other.json"))
    assert found.pred_probs is not None and found.pred_probs.tolist() == np.eye(2)[[0, 1] * 3].tolist()
    assert any(p.found.startswith("hard labels") for p in problems)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,cat,cow\nr0,0.1,0.9\n", r"other.csv: the columns \('cat', 'cow'\) are not named as the classes"),
        ("0.1,0.2,0.7\n" * 6, r"3 columns, but the data has 2 classes \('cat', 'dog'\)"),
        ("cat,dog\n" + "0.1,0.9\n" * 5, "5 rows, but the data has 6"),
        ("cat,dog\n" + "1.9,0.9\n" * 6, "row 1, column 1: 1.9 is not a probability"),
    ],
)
def test_read_model__refused(tmp_path: Path, pets: Dataset, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_model(pets, written(tmp_path, text))


def test_agreement_of__share_of_the_labelled_rows_with_its_interval(pets: Dataset) -> None:
    found = agreement_of(pets, Predictions("m", P))
    assert (found.rows, found.share) == (5, 0.8)  # row 5 has no label
    assert (round(found.low, 4), round(found.high, 4)) == (0.3755, 0.9638)
    assert found.sentence == "agrees with 80.0% of 5 labels (95% interval 37.6%-96.4%)"
    assert (
        agreement_of(make_dataset([-1, -1]), Predictions("m", P[:2])).sentence == "no labels to compare with"
    )


def test_agreement_of__numbers_are_how_far_apart_the_two_lie() -> None:
    given = [float(i) for i in range(10)]
    names = tuple(str(number) for number in given)
    numbers = replace(make_dataset([*range(10), -1], names), targets=Targets(1))
    off = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, np.nan, 0])
    found = agreement_of(numbers, Predictions("m", predicted=np.array([*given, 5.0]) + off))
    assert isinstance(found, Miss)
    assert (found.rows, found.typical) == (9, 4.0)  # one row has no label, one no finite prediction
    assert (found.low, found.high) == (1.0, 7.0)
    assert found.sentence == "is typically 4 off (9 numbers, 95% interval 1-7)"
    few = agreement_of(replace(make_dataset([0, -1], ("1.0",)), targets=Targets(1)), Predictions("m"))
    assert few.sentence == "no numbers to compare with"


def test_agreement_of__several_labels_count_where_they_are_exactly_the_given_ones() -> None:
    """Row 0 would get sad and not love; row 4 has no label."""
    found = agreement_of(moods(), Predictions("m", PROBS))
    assert (found.rows, found.share) == (5, 0.8)
