from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import top_classes as kept
from core.class_report import (
    by_split,
    calibration,
    class_counts,
    class_frame,
    confusion,
    difference,
    label_counts,
    top_classes,
)
from core.methods.intervals import wilson
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from tests.conftest import make_dataset
from tests.core.label_sets import PROBS, moods


def test_top_classes__the_first_of_equals() -> None:
    probs = np.array([[0.2, 0.8], [0.5, 0.5], [0.7, 0.3]], dtype=np.float32)
    predicted, confidence = top_classes(probs, Progress())
    assert predicted.tolist() == [1, 0, 0]
    np.testing.assert_allclose(confidence, [0.8, 0.5, 0.7])
    assert confidence.dtype == np.float32


def test_top_classes__in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.class_report._CHUNK", 100)
    probs = np.random.default_rng(0).random((1000, 7))
    assert (top_classes(probs, Progress())[0] == probs.argmax(axis=1)).all()


def test_class_frame__known_values() -> None:
    """Given cat 4, dog 4; cat is predicted for 3 cats and 1 dog, dog for 1 cat and 3 dogs... and none."""
    dataset = make_dataset([0, 0, 0, 0, 1, 1, 1, 1, -1])
    predicted = np.array([0, 0, 0, 1, 1, 1, 0, 0, 1])
    frame = class_frame(dataset.names, class_counts(dataset, predicted)).set_index("class")
    assert frame["rows"].to_dict() == {"cat": 4, "dog": 4}
    assert frame["predicted"].to_dict() == {"cat": 5, "dog": 3}
    assert frame["precision"].to_dict() == pytest.approx({"cat": 0.6, "dog": 2 / 3})
    assert frame["recall"].to_dict() == {"cat": 0.75, "dog": 0.5}
    assert frame["f1"].to_dict() == pytest.approx({"cat": 2 / 3, "dog": 4 / 7})
    low, high = wilson(np.array(3), np.array(4))
    assert frame.loc["cat", ["recall_low", "recall_high"]].tolist() == pytest.approx([low, high])


def test_class_frame__classes_without_rows_come_last_without_rates() -> None:
    dataset = make_dataset([0, 0], classes=("cat", "dog"))
    frame = class_frame(dataset.names, class_counts(dataset, np.array([0, 0])))
    assert frame["class"].tolist() == ["cat", "dog"]
    assert frame.loc[1, ["precision", "recall", "f1", "f1_low"]].isna().all()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 3)), min_size=1, max_size=80))
def test_class_frame__equals_scikit_learn(rows: list[tuple[int, int]]) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    classes = ("a", "b", "c", "d")
    labels, predicted = np.array(rows).T
    frame = class_frame(classes, class_counts(make_dataset(labels.tolist(), classes), predicted))
    there = labels >= 0
    known = (
        precision_recall_fscore_support(
            labels[there], predicted[there], labels=range(4), zero_division=np.nan
        )
        if there.any()
        else np.full((4, 4), np.nan)
    )
    frame = frame.set_index("class").loc[list(classes)]
    np.testing.assert_allclose(frame["precision"], known[0])
    np.testing.assert_allclose(frame["recall"], known[1])
    both = frame["f1"].notna()
    np.testing.assert_allclose(frame["f1"][both], np.nan_to_num(known[2])[both.to_numpy()])
    for rate in ("precision", "recall", "f1"):
        some = frame[frame[rate].notna()]
        assert (some[f"{rate}_low"] <= some[rate] + 1e-12).all()
        assert (some[f"{rate}_high"] >= some[rate] - 1e-12).all()


def test_class_frame__the_interval_of_f1_holds_the_true_one() -> None:
    rng = np.random.default_rng(0)
    both, given_only, predicted_only = 0.12, 0.05, 0.03
    truth = 2 * both / (2 * both + given_only + predicted_only)
    cells = rng.multinomial(300, [both, given_only, predicted_only, 0.8], 2000)
    counts = pd.DataFrame(
        {"rows": cells[:, 0] + cells[:, 1], "predicted": cells[:, 0] + cells[:, 2], "both": cells[:, 0]}
    )
    frame = class_frame([str(i) for i in range(2000)], counts)
    held = ((frame["f1_low"] <= truth) & (truth <= frame["f1_high"])).mean()
    assert 0.93 <= held <= 0.975


def test_label_counts__of_rows_with_several_labels() -> None:
    counts = label_counts(moods(), PROBS, Progress())
    assert counts["rows"].tolist() == [3, 3, 1]
    assert counts["predicted"].tolist() == [3, 2, 2]
    assert counts["both"].tolist() == [3, 2, 1]


def test_confusion__leaves_out_what_agrees_and_says_what_it_hides() -> None:
    classes = ("a", "b", "c", "d")
    dataset = make_dataset([0, 0, 0, 1, 2, 3, -1], classes)
    predicted = np.array([0, 1, 1, 0, 3, 2, 0])
    found = confusion(dataset, predicted, top=2)
    assert found.classes == ("a", "b")
    assert found.counts.tolist() == [[0, 2], [1, 0]]
    assert found.hidden == 2
    everything = confusion(dataset, predicted)
    assert everything.hidden == 0
    assert everything.counts.sum() == 5


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(-1, 9), st.integers(0, 9)), min_size=1, max_size=100), st.integers(1, 12)
)
def test_confusion__every_differing_row_is_shown_or_hidden(rows: list[tuple[int, int]], top: int) -> None:
    labels, predicted = np.array(rows).T
    found = confusion(make_dataset(labels.tolist(), tuple("abcdefghij")), predicted, top)
    assert found.counts.sum() + found.hidden == ((labels >= 0) & (labels != predicted)).sum()
    assert not found.counts.diagonal().any()


def test_calibration__known_bins() -> None:
    confidence = np.repeat([0.6, 0.9], [40, 60])
    agrees = np.concatenate([np.arange(40) < 24, np.arange(60) < 42])
    found = calibration(confidence, agrees)
    assert found is not None
    assert found.bins["rows"].tolist() == [40, 60]
    assert found.bins["confidence"].tolist() == pytest.approx([0.6, 0.9])
    assert found.bins["agrees"].tolist() == pytest.approx([0.6, 0.7])
    assert found.error == pytest.approx(0.6 * 0.2)
    assert 0 < found.low < found.error < found.high
    assert calibration(confidence, agrees).error == found.error  # type: ignore[union-attr]
    assert calibration(confidence, agrees).low == found.low  # type: ignore[union-attr]


def test_calibration__bins_hold_about_equally_many_rows() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.beta(8, 1, 30_000)
    found = calibration(confidence, rng.random(30_000) < confidence)
    assert found is not None
    assert found.bins["rows"].tolist() == [2000] * 15
    assert (found.bins["high"] < found.bins["low"].shift(-1).fillna(2)).all()


def test_calibration__equal_probabilities_and_few_rows() -> None:
    found = calibration(np.ones(5), np.array([True, True, True, False, False]))
    assert found is not None
    assert found.bins["rows"].tolist() == [5]
    assert found.error == pytest.approx(0.4)
    assert calibration(np.empty(0), np.empty(0, bool)) is None
    certain = calibration(np.ones(50), np.ones(50, bool))
    assert certain is not None
    assert (certain.error, certain.low, certain.high) == (0, 0, 0)


@pytest.mark.parametrize("slope", [1.0, 0.85])
def test_calibration__the_interval_holds_the_true_error(slope: float) -> None:
    """Of 100 samples of 1,000 rows; a calibrated model's true error is 0, the other's a sum."""
    rng = np.random.default_rng(2)
    truth = (1 - slope) * rng.beta(4, 1, 200_000).mean()
    held = 0
    for _ in range(100):
        confidence = rng.beta(4, 1, 1000)
        found = calibration(confidence, rng.random(1000) < slope * confidence)
        assert found is not None
        held += found.low <= truth <= found.high
    assert held >= 86


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=300))
def test_calibration__is_an_error_and_covers_all_rows(rows: list[tuple[float, bool]]) -> None:
    confidence, agrees = np.array([c for c, _ in rows], dtype="f4"), np.array([a for _, a in rows])
    found = calibration(confidence, agrees)
    assert found is not None
    assert found.bins["rows"].sum() == len(rows)
    assert 0 <= found.low <= found.error <= found.high <= 1


def test_calibration__an_error_by_chance_lies_within_its_interval() -> None:
    """900 rows of 60 classes that the model cannot tell apart: nearly all draws can lie above the error."""
    for seed in range(190, 200):
        rng = np.random.default_rng(seed)
        confidence = np.repeat(rng.uniform(0.016, 0.018, 15), 60)
        found = calibration(confidence, rng.random(900) < 1 / 60)
        assert found is not None
        assert found.low <= found.error <= found.high


def test_by_split__counts_labelled_rows_with_a_split() -> None:
    agrees = np.array([1, 0, np.nan, 1, 1])
    splits = pd.Series(["train", "train", "train", "test", None], dtype="str")
    frame = by_split(agrees, splits)
    assert frame["split"].tolist() == ["test", "train"]
    assert frame["rows"].tolist() == [1, 2]
    assert frame["agrees"].tolist() == [1, 0.5]
    assert by_split(np.full(2, np.nan), splits[:2]).empty


def test_difference__is_mcnemars_exact_test() -> None:
    first = np.array([True] * 10 + [False] * 2 + [True] * 5)
    second = np.array([False] * 10 + [True] * 2 + [True] * 5)
    found = difference(first, second)
    assert (found.only_first, found.only_second) == (10, 2)
    # 2 * (C(12,0) + C(12,1) + C(12,2)) / 2^12
    assert found.p == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert difference(first, first).p == 1


def test_kept__few_probabilities_are_read_each_time_and_many_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions = Predictions("t", np.random.default_rng(0).random((50, 3)).astype(np.float32))
    predicted, confidence = kept.top_classes(tmp_path, predictions, Progress())
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(kept, "_FEW_BYTES", 0)
    again = kept.top_classes(tmp_path, predictions, Progress())
    stop = Progress()
    stop.cancel()
    read_back = kept.top_classes(
        tmp_path, predictions, stop
    )  # reads no probability, so that it is not stopped
    for found in (again, read_back):
        assert (found[0] == predicted).all()
        assert (found[1] == confidence).all()
    other = Predictions("t", np.ones((50, 3), dtype=np.float32) / 3)
    with pytest.raises(Cancelled):
        kept.top_classes(tmp_path, other, stop)


def test_kept__counts_of_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_FEW_BYTES", 0)
    for _ in range(2):
        counts = kept.label_counts(tmp_path, moods(), Predictions("t", PROBS), Progress())
        assert counts["both"].tolist() == [3, 2, 1]
    assert len(list(tmp_path.glob("label_counts/*"))) == 1
