from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.checks import split_leakage
from core.checks.split_leakage import CHECK, run
from core.dataset import Columns, Dataset
from core.issues import Result
from core.methods.rephrased import TEXT_ROWS
from core.predictions import Predictions
from core.progress import Progress
from core.source import file_sha256
from tests.conftest import make_dataset

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}
REFUND = "I would like a refund for the order that I made on Monday"
STORY = " ".join(f"word{i}" for i in range(20))


def audit(dataset: Dataset, embeddings: np.ndarray | None = None, **params: float) -> Result:
    return run(dataset, Predictions("m", None, embeddings), DEFAULTS | params, Progress())


def in_splits(splits: Sequence[str | None], texts: Sequence[str] = (), labels: Sequence[int] = ()) -> Dataset:
    n = len(splits)
    dataset = make_dataset(list(labels) or [0] * n, ("refund", "delay"))
    cells = list(texts) or [f"{chr(97 + i) * 9}" for i in range(n)]
    table = dataset.table.assign(text=pd.array(cells, dtype="str"), split=pd.array(list(splits), dtype="str"))
    return replace(dataset, table=table, columns=replace(dataset.columns, split="split"))


def flagged(result: Result) -> list[str]:
    return result.table.index[result.table["flagged"]].tolist()


def test_run__texts_that_lie_in_training_too() -> None:
    texts = [
        REFUND,
        f"before {' '.join(STORY.split()[:11])} after it all",
        "Where is my parcel?",
        REFUND.upper(),
        f"{REFUND} this",
        STORY,
        "nothing like it",
        REFUND,
    ]
    splits = ["train", "train", "train", "test", "test", "test", "test", "train"]
    result = audit(in_splits(splits, texts, [0, 1, -1, 0, 0, 1, 0, 1]))
    table = result.table
    assert table["reason"].tolist() == [
        "",
        "",
        "",
        "Same text as row r0, which is in train and labelled refund.",
        "Shares 91% of its text with row r0, which is in train and labelled refund.",
        "Has 55% of its words in the same order as row r1, which is in train and labelled delay.",
        "",
        "",
    ]
    assert table["method"].tolist()[3:6] == ["exact", "near_duplicate", "ngram_8"]
    assert table["other"].tolist() == ["", "", "", "r0", "r0", "r1", "", ""]
    np.testing.assert_allclose(table["score"], [1, 1, 1, 0, 5 / 58, 0.45, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(table["distance"][3:6], [0, 5 / 58, 0.45], rtol=1e-6)
    assert table["leaks"].tolist() == [True, True, False, False, False, False, False, True]
    summary = result.summary
    assert (summary["flagged"], summary["training_rows_that_leak"], summary["held_out_rows"]) == (3, 3, 4)
    assert summary["estimator"].endswith("; training side: train (by its name)")


def test_run__figures_count_by_split_and_method() -> None:
    texts = [REFUND, STORY, REFUND, f"{STORY} more", "short", STORY]
    result = audit(in_splits(["train", "train", "test", "test", "dev", "dev"], texts))
    splits = result.figures["splits"].set_index("split")
    assert splits["rows"].to_dict() == {"dev": 2, "test": 2, "train": 2}
    assert splits["leaked"].to_dict() == {"dev": 1, "test": 2, "train": 2}
    assert splits.loc["dev", "share"] == 0.5
    assert splits.loc["dev", "low"] == pytest.approx(0.0945, abs=1e-4)
    assert splits.loc["dev", "high"] == pytest.approx(0.9055, abs=1e-4)
    assert np.isnan(splits.loc["train", "share"])
    assert result.figures["pairs"].to_numpy().tolist() == [
        ["dev", "train", "exact", 1],
        ["test", "train", "exact", 1],
        ["test", "train", "near_duplicate", 1],
    ]
    methods = result.figures["methods"].set_index("method")
    found = {"exact": 2, "near_duplicate": 1, "ngram_8": 3, "ngram_13": 3, "judged": 0}
    assert methods["rows"].to_dict() == found
    assert methods["only"].to_dict() == dict.fromkeys(found, 0)
    assert methods.loc["exact", "share"] == 0.5


def test_run__training_is_preferred_and_held_out_splits_leak_into_each_other() -> None:
    texts = [REFUND, REFUND, REFUND, STORY, STORY, "alone here"]
    table = audit(in_splits(["test", "dev", "training", "test", "dev", "test"], texts)).table
    assert table["other"].tolist() == ["r2", "r2", "", "r4", "r3", ""]
    assert table["leaks"].tolist() == [False, False, True, False, False, False]


def test_run__training_is_the_largest_split_where_no_name_says_so() -> None:
    summary = audit(in_splits(["b", "b", "a"])).summary
    assert (summary["training"], summary["held_out"]) == (["b"], ["a"])
    assert "training side: b (the largest split; none is called train)" in summary["estimator"]


def test_run__several_training_splits_are_one_side() -> None:
    result = audit(in_splits(["train_1", "Train-2", "test"], [STORY, STORY, REFUND]))
    assert (result.summary["training"], flagged(result)) == (["Train-2", "train_1"], [])


@pytest.mark.parametrize("splits", [["train"] * 3, ["test"] * 3, [None] * 3, [""] * 3])
def test_run__one_split_or_none_has_nothing_to_compare(splits: list[str | None]) -> None:
    result = audit(in_splits(splits, [REFUND] * 3))
    assert flagged(result) == []
    assert result.summary["estimator"].startswith("none: there is one split")


def test_run__rows_without_a_split_are_left_out_and_counted() -> None:
    result = audit(in_splits(["train", "test", None, ""], [STORY, REFUND, REFUND, STORY]))
    assert flagged(result) == []
    assert result.summary["note"] == "2 rows are in no split and were not compared."


def test_run__rows_without_content_are_no_copies() -> None:
    assert flagged(audit(in_splits(["train", "test"], ["", ""]))) == []


def test_run__many_alike_rows_of_the_same_split_do_not_hide_the_one_in_training() -> None:
    """duplicates.alike_texts pairs only some rows of a long run, and held-out rows come first here."""
    texts = [f"{REFUND} number {i}" for i in range(40)]
    result = audit(in_splits(["test"] * 39 + ["train"], texts))
    assert len(flagged(result)) == 39
    assert set(result.table["other"][:39]) == {"r39"}


def test_run__embeddings_that_almost_coincide() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(40, 16)).astype(np.float32)
    embeddings[0:3] = embeddings[39] + rng.normal(0, 0.001, (3, 16))
    dataset = in_splits(["test"] * 10 + ["dev"] * 5 + ["train"] * 25)
    result = audit(replace(dataset, columns=replace(dataset.columns, kind="none")), embeddings)
    assert flagged(result) == ["r0", "r1", "r2"]
    assert set(result.table["method"][:3]) == {"embedding"}
    assert result.table["reason"].iloc[0].startswith("To the model almost the same (distance ")
    assert result.table["reason"].iloc[0].endswith(") as row r39, which is in train and labelled refund.")
    bins = result.figures["cosine_bins"]
    assert bins["rows"].sum() == 15
    assert bins.iloc[-1].tolist() == [0.99, 1.0, 3, 3]
    candidates = result.figures["candidates"]
    assert len(candidates) == 12 and not set(candidates["row_id"]) & {"r0", "r1", "r2"}
    assert candidates["cosine"].is_monotonic_decreasing


def test_run__embeddings_between_held_out_splits() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(40, 16)).astype(np.float32)
    embeddings[0] = embeddings[12] + 0.001
    dataset = in_splits(["test"] * 10 + ["dev"] * 5 + ["train"] * 25)
    result = audit(dataset, embeddings)
    assert flagged(result) == ["r0", "r12"]
    assert result.table["other"][["r0", "r12"]].tolist() == ["r12", "r0"]
    assert result.summary["training_rows_that_leak"] == 0


def test_run__above_20_held_out_splits_only_training_is_searched_and_that_is_said() -> None:
    embeddings = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    embeddings[1] = embeddings[0]
    splits = [f"fold{i % 25}" for i in range(40)] + ["train"] * 20
    dataset = in_splits(splits, [f"{i} some text" for i in range(60)])
    result = audit(replace(dataset, columns=replace(dataset.columns, kind="none")), embeddings)
    assert flagged(result) == []
    assert "likeness was looked for in training only" in result.summary["note"]


def test_run__pictures_in_another_encoding(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = []
    for i in range(6):
        noise = Image.fromarray(rng.integers(0, 255, (5, 6, 3), dtype=np.uint8))
        picture = noise.resize((96, 80), Image.Resampling.BICUBIC)
        picture.save(tmp_path / f"{i}.png")
        names.append(f"{i}.png")
        if i < 3:
            picture.resize((64, 53)).save(tmp_path / f"{i}.jpg", quality=80)
            names.append(f"{i}.jpg")
    splits = ["test" if name.endswith("jpg") else "train" for name in names]
    dataset = in_splits(splits)
    table = dataset.table.assign(path=pd.array(names, dtype="str"))
    hashes = np.array([file_sha256(tmp_path / name) for name in names])
    columns = replace(dataset.columns, content=("path",), kind="image")
    result = audit(replace(dataset, table=table, columns=columns, media_root=tmp_path, media_hash=hashes))
    assert flagged(result) == ["r1", "r3", "r5"]
    assert set(result.table["method"][["r1", "r3", "r5"]]) == {"picture"}
    assert result.table["other"][["r1", "r3", "r5"]].tolist() == ["r0", "r2", "r4"]
    assert result.table["reason"].iloc[1].startswith("Looks the same (difference ")
    assert any("cropped" in said for said in result.summary["blind_spots"])


def test_run__tabular() -> None:
    dataset = in_splits(["train", "test", "test"])
    table = dataset.table.assign(a=[1, 1, 2], b=[0.5, 0.5, 0.5])
    columns = Columns(split="split", content=("a", "b"), kind="tabular")
    result = audit(replace(dataset, table=table, columns=columns))
    assert (
        result.table["reason"].tolist()[1] == "Same values as row r0, which is in train and labelled refund."
    )


def test_run__says_what_its_methods_cannot_see() -> None:
    said = " ".join(
        audit(in_splits(["train", "test", "test"], [STORY, "too short", STORY])).summary["blind_spots"]
    )
    assert (
        "of 164 rephrased programming tasks with known originals (HumanEval) they found 0 (0% to 2%)" in said
    )
    assert "1 held-out row has fewer than 8 words" in said
    assert "There are no embeddings" in said


def test_run__without_embeddings_the_most_alike_texts_are_offered() -> None:
    texts = ["How do I get my money back?", "Where is my parcel now?", "Get my money back: how do I?", "Sun"]
    result = audit(in_splits(["train", "train", "test", "test"], texts))
    assert flagged(result) == []
    first = result.figures["candidates"].iloc[0]
    assert (first["row_id"], first["other"]) == ("r2", "r0")
    assert 0.5 < first["cosine"] < 1
    assert result.figures.keys() >= {"splits", "pairs", "methods"} and "cosine_bins" not in result.figures


def test_run__too_many_texts_for_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_leakage, "TEXT_ROWS", 1)
    result = audit(in_splits(["train", "test"], ["one text here", "another text here"]))
    assert "candidates" not in result.figures
    assert result.summary["note"].startswith("Without embeddings, rephrased rows are looked for among up to")
    assert TEXT_ROWS > 1


def test_run__a_sample_of_many_held_out_texts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_leakage, "TEXT_QUERIES", 2)
    texts = [f"{chr(97 + i) * 5} and one more text" for i in range(6)]
    result = audit(in_splits(["train"] * 2 + ["test"] * 4, texts))
    assert len(result.figures["candidates"]) == 2
    assert "rephrased forms of 2 of 4 rows were looked for, drawn by seed 0." in result.summary["note"]


def test_run__settings_are_read() -> None:
    dataset = in_splits(["train", "test"], [" ".join(STORY.split()[:9]), STORY])
    assert flagged(audit(dataset)) == []
    assert flagged(audit(dataset, cover=0.4)) == ["r1"]
    near = in_splits(["train", "test"], [REFUND, f"{REFUND} this"])
    assert flagged(audit(near, shared_text=0.95, cover=0.99)) == []


def test_run__names_with_line_breaks_stay_one_sentence() -> None:
    reason = audit(in_splits(["train\nA", "test"], [STORY, STORY])).table["reason"].iloc[1]
    assert reason == "Same text as row r0, which is in train A and labelled refund."


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "test", "dev", None]), st.sampled_from(["a", REFUND, STORY, ""])),
        min_size=1,
        max_size=12,
    )
)
def test_run__equal_texts_as_counted_by_hand(rows: list[tuple[str | None, str]]) -> None:
    splits, texts = zip(*rows, strict=True)
    dataset = in_splits(splits, texts)
    result = audit(dataset)
    training = set(result.summary["training"])
    for i, (split, text) in enumerate(rows):
        elsewhere = {s for s, t in rows if t == text and s is not None and s != split}
        expected = bool(split) and split not in training and bool(text) and bool(elsewhere)
        line = result.table.iloc[i]
        assert bool(line["flagged"]) == expected
        if expected:
            other = rows[int(line["other"][1:])]
            assert other[1] == text and other[0] != split
            assert (other[0] in training) == bool(elsewhere & training)
