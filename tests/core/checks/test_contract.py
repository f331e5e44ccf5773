"""What every check of the registry keeps to. A new check is tested without an edit here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.audit import checks
from core.dataset import Columns, Dataset, Kind
from core.flags import FIELDS, Flags
from core.issues import NEEDS, Check, Result
from core.masks import Masks
from core.predictions import MODEL_PARTS, Predictions
from core.preflight.labels import read_given
from core.preflight.reconcile import Where
from core.preflight.targets import read_targets
from core.progress import Cancelled, Progress

CHECKS = list(checks().values())
CLASSES = ("ant", "bee", "cat")
CONTENT: dict[Kind, tuple[str, ...]] = {"text": ("text",), "image": ("path",), "tabular": ("height", "text")}
Build = Callable[..., tuple[Dataset, Predictions]]
WORDS = (
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heath",
    "inlet",
    "jetty",
    "knoll",
    "larch",
)

pytestmark = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of 120 rows: 0.png, 1.png, ...; a black one and one that cannot be opened. Masks: of each
    row m0.png, m1.png, ... and faulty.png, which no model agrees with."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i in range(120):
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        mask = np.zeros((12, 12), np.uint8)
        mask[i % 5 : i % 5 + 6, i % 7 : i % 7 + 5 + i // 35] = 1
        Image.fromarray(mask).save(folder / f"m{i}.png")
    Image.fromarray(np.eye(12, dtype=np.uint8)[::-1] + np.uint8(1)).save(folder / "faulty.png")
    Image.new("RGB", (12, 12)).save(folder / "black.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def build(check: Check, pictures: Path) -> Build:
    """n rows of the check's kind of content, texts where it takes any; labelled and cut as it needs them."""
    if check.name == "identity_cleaning":
        return partial(_build_identities, pictures)
    if check.labels == "number":
        return partial(_build_numbers, check.kind or "text", pictures)
    return partial(_build, check.kind or "text", "tokens" in check.needs, pictures)


def _build(kind: Kind, tokens: bool, folder: Path, n: int, dirty: bool) -> tuple[Dataset, Predictions]:
    """n rows with everything a check may ask for; dirty: with a few issues of every kind."""
    rng = np.random.default_rng(n)
    labels = (np.arange(n) % 3).astype(np.int32)
    true = labels.copy()
    texts = [" ".join(rng.permutation(WORDS)) for _ in range(n)]
    turn = 2 * np.pi * np.arange(n) / n
    embeddings = np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)  # all equally far apart
    probs = np.full((n, 3), 0.05, dtype=np.float32)
    probs[np.arange(n), labels] = 0.9
    height = rng.normal(170, 10, n).round(1)
    paths = [f"{i}.png" for i in range(n)]
    given = [f"m{i}.png" for i in range(n)]
    if dirty:
        given[9], given[11] = "faulty.png", "nowhere.png"
        labels[[3, 50]] = (labels[[3, 50]] + 1) % 3
        labels[7] = -1
        texts[20] = texts[10]
        texts[40], texts[60] = "", "Ann: +44 20 7946 0018, the cafÃ© on the left"
        height[[40, 60]] = (np.nan, 17000.0)
        paths[40], paths[60] = "broken.png", "black.png"
        embeddings = np.hstack([embeddings, rng.normal(0, 0.05, (n, 3)).astype(np.float32)])
        embeddings[30] = embeddings[31]
        embeddings[5] = (0, 0, 0, 0, 9)
        probs[5] = (0.36, 0.33, 0.31)  # labelled cat: no class fits
        probs[60] = (0.5, 0.42, 0.08)  # labelled ant: bee fits nearly as well
    table = pd.DataFrame({"id": [f"r{i}" for i in range(n)], "text": texts}, dtype="str")
    table["height"], table["path"] = height, pd.array(paths, dtype="str")
    table["split"] = np.where(np.arange(n) % 4, "train", "test")
    said_by = np.stack([(np.arange(n) % 3).astype(np.int32)] * 3)  # three people who are always right
    if dirty:
        said_by[0, ::7] = (said_by[0, ::7] + 1) % 3
        said_by[2, 90] = -1
    for number, codes in enumerate(said_by):
        table[f"by {number}"] = ["" if code < 0 else CLASSES[code] for code in codes]
    detections = None
    if kind == "image":  # a box a picture, where it was found before labels were made wrong
        table[["x", "y", "w", "h"]] = (2.0, 2.0, 6.0, 5.0)
        found = {"image": pd.Categorical(paths), "label": pd.Categorical.from_codes(true, list(CLASSES))}
        detections = pd.DataFrame(found | {"score": np.float32(0.9)})
        detections[["x", "y", "w", "h"]] = np.array([2, 2, 6, 5], dtype=np.float32)
    table["label"] = ["" if code < 0 else CLASSES[code] for code in labels]
    table.index = pd.Index(table["id"], dtype="str", name=None)
    columns = Columns(id="id", label="label", split="split", content=CONTENT[kind], kind=kind)
    if tokens:
        table["sentence"], table["position"] = np.arange(n) // 10, np.arange(n) % 10
        table["token"] = pd.array([WORDS[i % 3] for i in range(n)], dtype="str")
        columns = replace(columns, tokens=("sentence", "position", "token"))
    flags = np.array([(0.9, False, -1, True)] * n, dtype=FIELDS)
    if dirty:
        flags[3], flags[7] = (0.1, True, 2, True), (0, True, -1, False)
    said = Flags("A tool", "tool_score", False, flags)
    people = ("by 0", "by 1", "by 2")
    files = pd.DataFrame({"given": given, "predicted": [f"m{i}.png" for i in range(n)]}, dtype="str")
    for name in ("confidence", "given_hash", "predicted_hash", "confidence_hash", "classes"):
        files[name] = pd.Series([""] * n, dtype="str")
    masks = Masks(("ground", "thing", "other"), folder, folder, files.assign(number=-1))
    dataset = Dataset(
        "rows",
        table,
        columns,
        CLASSES,
        CLASSES,
        labels,
        folder,
        flags=said,
        annotators=people,
        masks=masks,
    )
    for array in (labels, probs, embeddings, flags):
        array.setflags(write=False)
    return dataset, Predictions("model", probs, embeddings, None, detections)


def _build_numbers(kind: Kind, folder: Path, n: int, dirty: bool) -> tuple[Dataset, Predictions]:
    """The same rows with numbers for labels; dirty: three of them ten times too large, one without."""
    dataset, predictions = _build(kind, False, folder, n, dirty)
    rng = np.random.default_rng(n)
    predicted = rng.uniform(100, 900, n).round(1)
    numbers = predicted + rng.normal(0, 10, n).round(1)
    if dirty:
        numbers[[3, 50, 60]] *= 10
    texts = pd.Series(np.char.mod("%.1f", numbers), dtype="str", index=dataset.row_ids)
    texts.iloc[[7] if dirty else []] = ""
    table = dataset.table.assign(label=texts)
    given, _ = read_given(texts, "rows.csv")
    found = read_targets(given, Where("rows.csv", "label"), texts)
    columns = replace(dataset.columns, target=True)
    dataset = replace(
        dataset, table=table, columns=columns, classes=found.names, tokens=found.names, labels=found.labels,
        targets=found.targets, flags=None,
    )  # fmt: skip
    found.labels.setflags(write=False)
    predicted.setflags(write=False)
    return dataset, replace(predictions, pred_probs=None, predicted=predicted)


def _build_identities(folder: Path, n: int, dirty: bool) -> tuple[Dataset, Predictions]:
    """As _build, with a class of every four rows, alike in embeddings; dirty: two rows are elsewhere."""
    dataset, predictions = _build("text", False, folder, n, dirty)
    rng = np.random.default_rng(n)
    labels = (np.arange(n) // 4).astype(np.int32)
    classes = tuple(f"person {i}" for i in range(int(labels.max()) + 1))
    centres = rng.normal(size=(len(classes), 32))
    embeddings = (centres[labels] + rng.normal(0, 0.2, (n, 32))).astype(np.float32)
    if dirty:
        labels[[3, 50]] = (labels[[3, 50]] + 5) % len(classes)
    table = dataset.table.assign(label=pd.array(np.array(classes, dtype=object)[labels], dtype="str"))
    for array in (labels, embeddings):
        array.setflags(write=False)
    dataset = replace(dataset, table=table, classes=classes, tokens=classes, labels=labels)
    return dataset, replace(predictions, embeddings=embeddings)


def defaults(check: Check) -> dict[str, Any]:
    return {setting.name: setting.default for setting in check.settings}


def run(check: Check, dataset: Dataset, predictions: Predictions, **params: Any) -> Result:
    return check.run(dataset, predictions, defaults(check) | params, Progress())


def assert_schema(dataset: Dataset, result: Result) -> None:
    table = result.table
    assert list(table.columns[:4]) == ["score", "flagged", "suggestion", "reason"]
    assert table.index.equals(dataset.row_ids)
    assert table["score"].dtype == np.float32
    assert table["score"].between(0, 1).all()
    assert table["flagged"].dtype == bool
    more = result.figures["suggested_sets"]["set"] if "suggested_sets" in result.figures else ()
    assert list(table["suggestion"].cat.categories) == [*dataset.classes, *more]
    assert ((table["reason"] != "") == table["flagged"]).all()
    assert table["reason"][table["flagged"]].str.fullmatch(r"[A-Z].*\.").all()
    assert result.summary["flagged"] == table["flagged"].sum()
    assert result.summary["estimator"]
    json.dumps(result.summary, allow_nan=False)


def test_check__describes_itself(check: Check) -> None:
    assert check.name.isidentifier() and check.title and check.help.endswith(".")
    assert check.needs | check.uses <= set(NEEDS)
    assert all(setting.help.endswith(".") for setting in check.settings)
    assert all(not setting.choices or setting.default in setting.choices for setting in check.settings)


def test_run__keeps_the_schema_and_finds_what_was_planted(check: Check, build: Build) -> None:
    dataset, predictions = build(120, dirty=True)
    result = run(check, dataset, predictions)
    assert_schema(dataset, result)
    assert 0 < result.summary["flagged"] < 20


@pytest.mark.parametrize("n", [1, 2, 90])
def test_run__nothing_flagged_in_clean_or_tiny_data(check: Check, build: Build, n: int) -> None:
    dataset, predictions = build(n, dirty=False)
    result = run(check, dataset, predictions)
    assert_schema(dataset, result)
    assert result.summary["flagged"] == 0


def test_run__every_choice_of_every_setting(check: Check, build: Build) -> None:
    dataset, predictions = build(120, dirty=True)
    for setting in check.settings:
        for choice in setting.choices:
            assert_schema(dataset, run(check, dataset, predictions, **{setting.name: choice}))


def test_run__the_same_again(check: Check, build: Build) -> None:
    dataset, predictions = build(120, dirty=True)
    first, again = run(check, dataset, predictions), run(check, dataset, predictions)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert first.summary == again.summary
    assert first.figures.keys() == again.figures.keys()
    for name, figure in first.figures.items():
        pd.testing.assert_frame_equal(figure, again.figures[name])


def test_run__does_not_hang_on_the_order_of_rows(check: Check, build: Build) -> None:
    dataset, predictions = build(120, dirty=True)
    order = np.random.default_rng(0).permutation(120)
    flags = None if dataset.flags is None else replace(dataset.flags, rows=dataset.flags.rows[order])
    assert dataset.masks is not None
    masks = replace(dataset.masks, rows=dataset.masks.rows.iloc[order].reset_index(drop=True))
    table, labels = dataset.table.iloc[order], dataset.labels[order]
    shuffled = replace(dataset, table=table, labels=labels, flags=flags, masks=masks)
    arrays = {name: getattr(predictions, name) for name in MODEL_PARTS}
    by_row = {name: array[order] for name, array in arrays.items() if isinstance(array, np.ndarray)}
    moved = replace(predictions, **by_row)
    straight = run(check, dataset, predictions).table
    found = run(check, shuffled, moved).table.loc[dataset.row_ids]
    assert (found["flagged"] == straight["flagged"]).all()
    np.testing.assert_allclose(found["score"], straight["score"], atol=1e-6)


def test_run__reads_only_what_it_declares(check: Check, build: Build) -> None:
    """Else the cache, keyed by what a check declares, would hand out stale results."""
    dataset, predictions = build(120, dirty=True)
    read = check.needs | check.uses
    table = dataset.table.copy()
    if "split" not in read:
        table["split"] = "other"
    if "content" not in read:
        table["text"] = "other"
    if not read & {"content", "boxes"}:
        table["path"] = "other"
    if kept := [side for side in "xywh" if side in table and "boxes" not in read]:
        table[kept] = 0
    if "votes" not in read:
        table["by 0"] = "bee"
    other = replace(
        dataset,
        table=table,
        classes=dataset.classes if "labels" in read else ("x", "y", "z"),
        labels=dataset.labels if "labels" in read else np.zeros(120, dtype=np.int32),
        flags=dataset.flags if "flags" in read else None,
        masks=dataset.masks if "masks" in read else None,
    )
    less = Predictions(
        "another",
        predictions.pred_probs if "pred_probs" in read else None,
        predictions.embeddings if "embeddings" in read else None,
        predictions.predicted if "predicted" in read else None,
        predictions.detections if "detections" in read else None,
    )
    expected, found = run(check, dataset, predictions).table, run(check, other, less).table
    pd.testing.assert_frame_equal(found.drop(columns="suggestion"), expected.drop(columns="suggestion"))
    assert "labels" in read or expected["suggestion"].isna().all()


def test_run__stops_when_cancelled(check: Check, build: Build) -> None:
    dataset, predictions = build(120, dirty=True)
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        check.run(dataset, predictions, defaults(check), progress)


def test_run__reports_rising_fractions(check: Check, build: Build) -> None:
    dataset, predictions = build(120, dirty=True)
    seen: list[float] = []
    check.run(dataset, predictions, defaults(check), Progress(lambda fraction, _: seen.append(fraction)))
    assert seen == sorted(seen) and len(seen) > 1
