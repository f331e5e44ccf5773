"""The samples as they are written: consistent, and wrong only where truth.csv says so."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

from sample_data import SAMPLES, Sample
from sample_data.planting import FOLDS, fold_of, plant_errors
from sample_data.report import Loaded, load
from sample_data.sets import INTENTS, SEED, build_wine, read_corpus

BY_NAME = {sample.name: sample for sample in SAMPLES}
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


@cache
def loaded(key: str) -> Loaded:
    return load(BY_NAME[key])


def planted(key: str, kind: str) -> pd.DataFrame:
    truth = loaded(key).truth
    return truth[truth["planted"] == kind]


@every_sample
def test_files__agree_in_rows_columns_and_classes(sample: Sample) -> None:
    data = loaded(sample.name)
    classes = pd.read_csv(sample.classes, dtype=str)
    named = {sample.id_column, sample.label_column, sample.split_column, *sample.content_columns}
    assert set(data.table.columns) == named
    assert classes.columns.tolist() == ["label", "name"]
    assert data.pred_probs.shape == (len(data.table), len(classes))
    assert data.pred_probs.dtype == np.float32
    assert len(data.embeddings) == len(data.table)
    assert np.isfinite(data.embeddings).all()
    assert data.pred_probs.min() >= 0
    np.testing.assert_allclose(data.pred_probs.sum(axis=1), 1, atol=1e-5)


@every_sample
def test_ids__are_unique_and_do_not_name_a_class(sample: Sample) -> None:
    data = loaded(sample.name)
    ids = data.table[sample.id_column]
    assert ids.is_unique
    # Ids only count the rows, so that nobody can read the truth from them.
    assert [int(re.sub(r"\D", "", name)) for name in ids] == list(range(1, len(ids) + 1))


@every_sample
def test_splits__hold_a_quarter_for_testing_and_a_quarter_of_the_errors(sample: Sample) -> None:
    table = loaded(sample.name).table.set_index(sample.id_column)
    split = table[sample.split_column]
    assert set(split) == {"train", "test"}
    assert (split == "test").mean() == pytest.approx(0.25, abs=0.01)
    errors = split[planted(sample.name, "label_error")["id"]].value_counts().to_dict()
    assert (
        errors
        == {
            "digits": {"train": 68, "test": 22},
            "messages": {"train": 37, "test": 12},
            "wine": {"train": 7, "test": 2},
        }[sample.name]
    )


@every_sample
def test_truth__has_known_kinds_once_a_row(sample: Sample) -> None:
    truth = loaded(sample.name).truth
    assert truth.columns.tolist() == ["id", "true_label", "planted", "duplicate_of"]
    assert truth["id"].is_unique
    assert (
        truth["planted"].value_counts().to_dict()
        == {
            "digits": {"label_error": 90},
            "messages": {"label_error": 49, "near_duplicate": 15, "out_of_class": 12},
            "wine": {"label_error": 9},
        }[sample.name]
    )


def test_truth__digits_differ_from_scikit_learn_in_the_listed_rows_only() -> None:
    from sklearn.datasets import load_digits

    target = load_digits().target
    table = loaded("digits").table
    wrong = table["label"].astype(int).to_numpy() != target
    listed = planted("digits", "label_error")
    assert table["id"][wrong].tolist() == listed["id"].tolist()
    assert target[wrong].astype(str).tolist() == listed["true_label"].tolist()


def test_truth__wine_differs_from_scikit_learn_in_the_listed_rows_only() -> None:
    from sklearn.datasets import load_wine

    bunch = load_wine()
    cultivar = {tuple(row): target + 1 for row, target in zip(bunch.data, bunch.target, strict=True)}
    table = loaded("wine").table
    content = table[list(BY_NAME["wine"].content_columns)]
    target = np.array([cultivar[tuple(row)] for row in content.to_numpy()])
    wrong = table["cultivar"].to_numpy() != target
    listed = planted("wine", "label_error")
    assert table["id"][wrong].tolist() == listed["id"].tolist()
    assert target[wrong].astype(str).tolist() == listed["true_label"].tolist()


def test_truth__messages_differ_from_the_corpus_in_the_listed_rows_only() -> None:
    written = {text: name for name in INTENTS for text in read_corpus(f"{name}.txt")}
    outside = set(read_corpus("out_of_class.txt"))
    table = loaded("messages").table
    text_of = dict(zip(table["id"], table["text"], strict=True))
    copies = planted("messages", "near_duplicate")
    original = dict(zip(copies["id"], copies["duplicate_of"], strict=True))
    listed = planted("messages", "label_error")
    errors = dict(zip(listed["id"], listed["true_label"], strict=True))
    assert {text_of[name] for name in planted("messages", "out_of_class")["id"]} == outside
    wrong = {}
    for name, text, intent in zip(table["id"], table["text"], table["intent"], strict=True):
        true = intent if text in outside else written[text_of[original.get(name, name)]]
        if intent != true:
            wrong[name] = true
    assert wrong == errors


def test_near_duplicates__straddle_the_splits_and_are_labelled_right() -> None:
    data = loaded("messages")
    table = data.table.set_index("id")
    pairs = planted("messages", "near_duplicate")
    copy, original = table.loc[pairs["id"]], table.loc[pairs["duplicate_of"]]
    assert set(copy["split"]) == {"test"}
    assert set(original["split"]) == {"train"}
    assert copy["intent"].tolist() == original["intent"].tolist() == pairs["true_label"].tolist()
    assert original.index.is_unique
    assert not set(original.index) & set(data.truth["id"])
    assert (copy["text"].to_numpy() != original["text"].to_numpy()).all()


def test_corpus__has_as_many_messages_as_stated_and_no_copies() -> None:
    counts = {name: len(read_corpus(f"{name}.txt")) for name in INTENTS}
    assert all(80 <= count <= 120 for count in counts.values()), counts
    texts = loaded("messages").table["text"]
    assert len(texts) == sum(counts.values()) + 15 + 12
    plain = texts.str.casefold().str.replace(r"\W+", " ", regex=True).str.strip()
    near = set(loaded("messages").truth.query("planted == 'near_duplicate'")["id"])
    assert plain[~loaded("messages").table["id"].isin(near)].is_unique
    assert texts.str.strip().eq(texts).all()
    assert texts.str.len().min() >= 4


def test_read_corpus__keeps_line_breaks_within_a_message() -> None:
    assert any(text.startswith("Dear Sir or Madam,\nThe six plates") for text in read_corpus("delivery.txt"))


@every_sample
def test_folds__hold_out_each_row_once(sample: Sample) -> None:
    given = loaded(sample.name).given
    folds = fold_of(given, SEED)
    assert set(folds) == set(range(FOLDS))
    sizes = np.bincount(folds)
    assert sizes.sum() == len(given)
    assert sizes.max() - sizes.min() <= len(np.unique(given))


def test_pred_probs__are_those_of_a_model_that_never_saw_the_row() -> None:
    from sklearn.base import clone

    built, data = build_wine(), loaded("wine")
    for fold in range(FOLDS):
        held_out = fold_of(data.given, SEED) == fold
        model = clone(built.estimator).fit(built.features[~held_out], data.given[~held_out])
        expected = model.predict_proba(built.features[held_out])
        np.testing.assert_allclose(data.pred_probs[held_out], expected, atol=1e-5)
        # A model that did see the row gives something else: the tolerance above can tell.
        seen = clone(built.estimator).fit(built.features, data.given).predict_proba(built.features[held_out])
        assert np.abs(data.pred_probs[held_out] - seen).max() > 1e-3


def test_digits__pictures_are_small_grey_and_all_there() -> None:
    from PIL import Image

    sample = BY_NAME["digits"]
    paths = [sample.folder / path for path in loaded("digits").table["path"]]
    assert sorted(paths) == sorted((sample.folder / "images").iterdir())
    assert max(path.stat().st_size for path in paths) < 1000
    with Image.open(paths[0]) as picture:
        assert (picture.mode, picture.size) == ("L", (40, 40))
        # Dark ink on white paper, with a margin.
        assert picture.getpixel((0, 0)) == 255
        assert np.asarray(picture).min() < 60


def test_plant_errors__changes_allowed_rows_only_and_prefers_neighbours() -> None:
    true = np.repeat([0, 1, 2], 40)
    allowed = np.arange(120) % 2 == 0
    test = np.arange(120) % 3 == 0
    rng = np.random.RandomState(0)
    given = plant_errors(true, allowed, test, 20, {0: (1,), 1: (2,), 2: (0,)}, 1.0, rng)
    changed = given != true
    assert changed.sum() == 20
    assert (changed & test).sum() == 5
    assert not (changed & ~allowed).any()
    np.testing.assert_array_equal(given[changed], (true[changed] + 1) % 3)


@every_sample
def test_prepare__reads_the_sample_without_a_problem(sample: Sample) -> None:
    prepared, data = sample.prepare(), loaded(sample.name)
    assert prepared.ok
    assert prepared.dataset is not None
    assert [p for p in prepared.problems if p.severity != "notice"] == []
    assert prepared.dataset.row_ids.tolist() == data.table[sample.id_column].tolist()
    assert list(prepared.dataset.classes) == pd.read_csv(sample.classes)["name"].tolist()
    np.testing.assert_array_equal(prepared.dataset.labels, data.given)
    assert prepared.predictions.model == sample.model
    assert prepared.predictions.pred_probs is not None
    np.testing.assert_allclose(prepared.predictions.pred_probs, data.pred_probs, atol=1e-6)
