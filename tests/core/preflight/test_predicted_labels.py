from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.preflight.labels import ClassList
from core.preflight.predicted_labels import PredictedLabels, as_probabilities
from core.preflight.prediction_files import ArrayFile, read_predictions


def read(tmp_path: Path, text: str, name: str = "p.csv") -> PredictedLabels | ArrayFile:
    (tmp_path / name).write_text(text)
    return read_predictions(tmp_path / name, "id")


def labels(*values: str, scores: list[float] | None = None) -> PredictedLabels:
    found = None if scores is None else np.array(scores)
    return PredictedLabels("p.csv", "prediction", pd.Series(values, dtype="str"), found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", "id,prediction\nb,cat\na,dog\n"),
        ("p.csv", "id,text,Predicted Label\nb,x y,cat\na,z,dog\n"),
        ("p.jsonl", '{"id": "b", "pred": "cat"}\n{"id": "a", "pred": "dog"}\n'),
    ],
)
def test_read_predictions__a_class_a_row(tmp_path: Path, name: str, text: str) -> None:
    found = read(tmp_path, text, name)
    assert isinstance(found, PredictedLabels) and found.scores is None and found.ids is not None
    assert found.labels.tolist() == ["cat", "dog"] and found.ids.tolist() == ["b", "a"]


def test_read_predictions__a_class_and_its_score(tmp_path: Path) -> None:
    records = [{"label": "cat", "score": 0.75}, {"label": "dog", "score": 0.5}]
    found = read(tmp_path, json.dumps(records), "p.json")
    assert isinstance(found, PredictedLabels) and found.scores is not None and found.ids is None
    assert found.labels.tolist() == ["cat", "dog"] and found.scores.tolist() == [0.75, 0.5]


def test_read_predictions__class_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "id,prediction\nb,0\na,1\n")
    assert isinstance(found, PredictedLabels) and found.labels.tolist() == ["0", "1"]
    np.save(tmp_path / "p.npy", np.array(["cat", "dog"]))
    found = read_predictions(tmp_path / "p.npy")
    assert isinstance(found, PredictedLabels) and found.labels.tolist() == ["cat", "dog"]


@pytest.mark.parametrize(
    "text",
    [
        "id,cat,dog\na,0.25,0.75\n",
        "id,prediction,cat,dog\na,dog,0.25,0.75\n",
        "prediction,p_cat,p_dog\ndog,0.25,0.75\n",
        "id,label,cat,dog\na,1,0.25,0.75\n",
    ],
)
def test_read_predictions__probabilities_are_never_a_class_a_row(tmp_path: Path, text: str) -> None:
    assert isinstance(read(tmp_path, text), ArrayFile)


def test_read_predictions__the_data_itself_is_no_prediction(tmp_path: Path) -> None:
    """Its labels would agree with themselves in every row."""
    with pytest.raises(InputError, match=r'no column of numbers.*called "prediction"'):
        read(tmp_path, "id,text,label\na,some text,cat\n")


def test_as_probabilities__one_hot_over_the_classes_of_the_data() -> None:
    found = as_probabilities(labels("dog", "cat"), ("eel", "dog", "cat"))
    assert found.names == ("cat", "dog", "eel") and found.values.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert found.problems == ()


def test_as_probabilities__a_predicted_class_that_no_row_has() -> None:
    assert as_probabilities(labels("dog", "ape"), ("dog", "cat")).names == ("ape", "cat", "dog")


def test_as_probabilities__numbers_by_their_value() -> None:
    found = as_probabilities(labels("10", "2.0"), ("0", "2", "10"))
    assert found.names == ("0", "2", "10") and found.values.tolist() == [[0, 0, 1], [0, 1, 0]]


def test_as_probabilities__a_class_list_gives_names_tokens_or_positions_in_this_order() -> None:
    listed = ClassList(("1", "0"), ("dog", "cat"))
    assert as_probabilities(labels("cat", "0", "1"), ("0", "1"), listed).values.tolist() == [
        [0, 1],
        [0, 1],
        [1, 0],
    ]
    named = ClassList(("dog", "cat"), ("dog", "cat"))
    assert as_probabilities(labels("1", "0"), ("cat",), named).values.tolist() == [[0, 1], [1, 0]]


def test_as_probabilities__score_and_the_rest_evenly() -> None:
    found = as_probabilities(labels("dog", "cat", scores=[0.5, 1.0]), ("cat", "dog", "eel"))
    assert found.values.tolist() == [[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]]
    assert [p.severity for p in found.problems] == ["warning"]
    assert found.problems[0].found.startswith("only the likeliest class and its score")
    found = as_probabilities(labels("dog", "cat", scores=[0.75, 1.0]), ("cat", "dog"))
    assert found.values.tolist() == [[0.25, 0.75], [1.0, 0.0]] and found.problems == ()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (labels("cat", ""), "row 2, column prediction: no predicted label"),
        (labels("LABEL_0", "LABEL_1"), r"row 1.*'LABEL_0' is no class.*\(2 rows\).*such as 'cat', 'dog'"),
        (labels("cat", "dog", scores=[0.9, 0.4]), "row 2: a score of 0.4 for the likeliest class.*from 0.5"),
        (labels("cat", "dog", scores=[np.nan, 0.9]), "row 1: a score of nan"),
        (labels("cat", "dog", scores=[0.9, 93.0]), "row 2: a score of 93"),
    ],
)
def test_as_probabilities__refused(found: PredictedLabels, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_probabilities(found, ("dog", "cat"))


def test_as_probabilities__a_class_that_the_list_lacks() -> None:
    with pytest.raises(InputError, match=r"row 2.*'cow' is no class of the data.*'cat', 'dog'"):
        as_probabilities(labels("cat", "cow"), ("cat",), ClassList(("cat", "dog"), ("cat", "dog")))
