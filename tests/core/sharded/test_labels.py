"""Confident learning over shards against the scan of all rows at once, to the last bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.methods.confident_learning import estimate_errors, label_quality, scan
from core.methods.label_filters import DEFAULT_FILTER, flag, lowest
from core.progress import Progress
from core.sharded.dataset import Columns
from core.sharded.labels import count, sort_keys
from core.sharded.run import Asked, run_shards
from core.sharded.runners import InTurn
from tests.core.sharded.shards import folder, made_up, opened, read_tables, write_shards


@st.composite
def cut_up(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Labels, probabilities and where they are cut: empty shards, one row, one class, no label at all."""
    n, classes = draw(st.integers(0, 60)), draw(st.integers(2, 5))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    labels, probs = made_up(n, classes, draw(st.integers(0, 1000)), dtype)
    if draw(st.booleans()):
        labels = np.where(labels >= 0, labels % draw(st.integers(1, 2)), -1).astype(np.int32)
    if draw(st.integers(0, 9)) == 0:
        labels[:] = -1
    return labels, probs, sorted(draw(st.lists(st.integers(0, n), max_size=4)))


@settings(max_examples=30)
@given(cut_up())
def test_shards__say_what_the_scan_of_all_rows_says(case: tuple[np.ndarray, np.ndarray, list[int]]) -> None:
    labels, probs, cuts = case
    with tempfile.TemporaryDirectory() as where:
        source, out = folder(Path(where) / "in"), folder(Path(where) / "out")
        write_shards(source, cuts, labels, probs)
        counts = count(opened(source, folder(Path(where) / "work")), InTurn(), Progress())
        summary = run_shards(source, out, Asked(("labels",)), InTurn(), Progress())["steps"]["labels"]
        told = read_tables(out, "scores")
    expected = scan(labels, probs)
    assert counts.thresholds.dtype == expected.thresholds.dtype
    assert np.array_equal(counts.thresholds, expected.thresholds)
    assert np.array_equal(counts.class_counts, expected.class_counts)
    assert np.array_equal(counts.joint(), expected.confident_joint)
    flagged, score = np.zeros(len(labels), bool), np.ones(len(labels), np.float32)
    flagged[expected.rows] = flag(expected, probs, DEFAULT_FILTER)
    score[expected.rows] = label_quality(expected, "normalized_margin", probs).clip(0, 1)
    assert told["row_id"] == [f"r{i}" for i in range(len(labels))]
    assert told["flagged"] == flagged.tolist()
    assert np.array_equal(np.array(told["score"], np.float32), score)
    assert summary["flagged"] == flagged.sum() and summary["estimate"] == round(estimate_errors(expected))
    suggested = np.full(len(labels), -1)
    shown = flagged[expected.rows] | (expected.predicted != expected.labels)
    suggested[expected.rows] = np.where(shown, expected.other, -1)
    assert [-1 if s is None else s for s in told["suggested_label"]] == suggested.tolist()
    assert [bool(reason) for reason in told["reason"]] == flagged.tolist()


def test_classes__many_are_brought_together_in_several_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.sharded import labels as module

    monkeypatch.setattr(module, "_ROWS_TOGETHER", 40)
    labels, probs = made_up(900, 30, 3)
    labels[labels == 7] = 8  # a class without rows
    write_shards(folder(tmp_path / "in"), [100, 100, 450], labels, probs)
    assert len(module._class_ranges(np.bincount(labels[labels >= 0], minlength=30))) > 10
    counts = count(opened(folder(tmp_path / "in"), folder(tmp_path / "work")), InTurn(), Progress())
    expected = scan(labels, probs)
    assert np.array_equal(counts.thresholds, expected.thresholds)
    assert np.array_equal(counts.joint(), expected.confident_joint)
    assert np.array_equal(counts.counted, expected.confident_joint.sum(axis=1))
    assert np.array_equal(counts.kept, expected.confident_joint.diagonal())


def test_labels__as_text_with_a_class_list(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = folder(tmp_path / "in")
    source.make()
    words = pa.array(["cat", None, "dog", "", "cat"]).dictionary_encode()
    probs = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.5, 0.5], [0.1, 0.9]], np.float32)
    pq.write_table(pa.table({"id": list("abcde"), "label": words}), source.path("part-0.parquet"))
    source.save("pred_probs-0.npy", probs)
    asked = Asked(("labels",), Columns(classes=("cat", "dog")))
    run_shards(source, folder(tmp_path / "out"), asked, InTurn(), Progress())
    told = read_tables(folder(tmp_path / "out"), "scores")
    assert told["given_label"] == ["cat", None, "dog", None, "cat"]
    assert told["suggested_label"] == [None, None, None, None, "dog"]
    labels = np.array([0, -1, 1, -1, 0])
    expected = flag(scan(labels, probs), probs, DEFAULT_FILTER)
    assert [f for f, label in zip(told["flagged"], labels, strict=True) if label >= 0] == expected.tolist()


@given(st.lists(st.floats(-2, 2, width=32), min_size=1), st.sampled_from([np.float32, np.float64]))
def test_sort_keys__order_as_the_values_do(values: list[float], dtype: type) -> None:
    numbers = np.array(values, dtype)
    keys = sort_keys(numbers)
    assert np.array_equal(np.argsort(keys, kind="stable"), np.argsort(numbers, kind="stable"))
    assert np.array_equal(keys[:, None] == keys, numbers[:, None] == numbers)


@settings(max_examples=20)
@given(st.integers(0, 40), st.integers(0, 100), st.sampled_from([np.float32, np.float64]))
def test_cut__takes_what_lowest_takes(wanted: int, seed: int, dtype: type) -> None:
    from core.sharded.labels import _keys, cut

    labels, probs = made_up(60, 3, seed, dtype)
    with tempfile.TemporaryDirectory() as where:
        write_shards(folder(Path(where) / "in"), [5, 5, 31], labels, probs)
        run = opened(folder(Path(where) / "in"), folder(Path(where) / "work"))
        count(run, InTurn(), Progress())
        takes = cut(run, InTurn(), wanted, Progress())
        keys = [_keys(run, number) for number in range(4)]
    found = []
    for own, (key, ties) in zip(keys, takes, strict=True):
        mask = own < own.dtype.type(key)
        mask[np.flatnonzero(own == own.dtype.type(key))[:ties]] = True
        found.append(mask)
    scanned = scan(labels, probs)
    expected = lowest(label_quality(scanned, "normalized_margin", probs), wanted, stable=True)
    assert np.array_equal(np.flatnonzero(np.concatenate(found)), np.sort(expected))
