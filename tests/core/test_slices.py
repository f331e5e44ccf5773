from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import core.slices
from core.audit import Audit, run_audit
from core.checks.label_issues import CHECK, run
from core.dataset import Columns, Dataset
from core.loading import Prepared
from core.methods.clusters import clusters
from core.methods.systematic import params_of
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from core.review.queue import DEFAULT_FIND as FROM
from core.settings import Settings
from core.slices import Causes, causes, find_causes, slice_columns, stored_causes
from core.source import Source
from core.workspace import Workspace
from tests.benchmarks.bench_ambiguous import opened
from tests.benchmarks.bench_ranking import known
from tests.conftest import make_dataset

NAMES = ("shirt", "t-shirt", "shoe")
DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}


def shop(n: int = 900, seed: int = 0) -> tuple[Dataset, Predictions]:
    """Clothes of three shops: shop_b calls most t-shirts shirts. Texts of shoes are longer."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, n)
    source = rng.choice(["shop_a", "shop_b", "shop_c"], n)
    given = np.where((true == 1) & (source == "shop_b") & (rng.random(n) < 0.4), 0, true)
    dataset = make_dataset(given.tolist(), NAMES)
    table = dataset.table.assign(
        text=pd.array([f"item {'very ' * (4 if t == 2 else 1)}{i}" for i, t in enumerate(true)], dtype="str"),
        source=pd.array(source, dtype="str"),
        price=rng.normal(20, 5, n),
        answer=dataset.table["label"],
        note=pd.array([f"note {i}" for i in range(n)], dtype="str"),
        same="x",
        split=np.where(np.arange(n) % 4, "train", "test"),
    )
    probs = np.full((n, 3), 0.04)
    probs[np.arange(n), true] = 0.92
    embeddings = np.eye(3)[true] + rng.normal(0, 0.2, (n, 3))
    data = replace(dataset, table=table, columns=replace(dataset.columns, split="split"))
    return data, Predictions("m", probs.astype(np.float32), embeddings.astype(np.float32))


def explained(dataset: Dataset, predictions: Predictions, clusters: np.ndarray | None = None) -> Causes:
    result = run(dataset, predictions, DEFAULTS, Progress())
    return causes(dataset, predictions, result, clusters)


def test_slice_columns__which_columns_and_why_not_others() -> None:
    dataset, _ = shop()
    columns, left_out = slice_columns(dataset, np.arange(900) % 2)
    assert [(c.name, c.param) for c in columns] == [
        ("source", "where"),
        ("price", ""),
        ("split", "split"),
        ("cluster", "cluster"),
    ]
    assert left_out == [
        "answer holds class names: answers, not slices.",
        "note has more than 200 different values.",
    ]
    assert set(columns[3].values) == {"1", "2"}
    quartiles = pd.Series(columns[1].values).value_counts()
    assert quartiles.tolist() == [225] * 4
    assert re.fullmatch(r"over [\d.]+ up to [\d.]+", quartiles.index[0]) or " to " in quartiles.index[0]


def test_slice_columns__odd_values() -> None:
    dataset = make_dataset([0, 1] * 20)
    table = dataset.table.assign(
        few=[1, 2] * 20,
        some=[1.0, np.nan] * 20,
        listed=[["a"], ["b"]] * 20,
        yes=[True, False] * 20,
        empty=pd.array(["", "x"] * 20, dtype="str"),
        missing=pd.array([None, "x", "y", "x"] * 10, dtype="str"),
        infinite=[np.inf, *range(39)],
    )
    columns = {c.name: c for c in slice_columns(replace(dataset, table=table), None)[0]}
    assert set(columns) == {"few", "listed", "yes", "empty", "missing", "infinite"}
    assert set(columns["few"].values) == {"1", "2"} and set(columns["yes"].values) == {"True", "False"}
    assert set(columns["empty"].values) == {"", "x"}
    assert set(columns["missing"].values) == {None, "x", "y"}
    assert columns["infinite"].values[0] is None


def test_slice_columns__of_a_table_its_content_too() -> None:
    dataset = make_dataset([0, 1] * 30)
    table = dataset.table.assign(text=pd.array(["u", "v", "w"] * 20, dtype="str"))
    tabular = replace(dataset, table=table, columns=Columns("id", "label", None, ("text",), "tabular"))
    assert [c.name for c in slice_columns(tabular, None)[0]] == ["text"]


def test_causes__errors_of_one_shop() -> None:
    dataset, predictions = shop()
    found = explained(dataset, predictions, np.arange(900) % 5)
    first = found.findings.iloc[0]
    assert params_of(first["params"]) == {
        "find": FROM,
        "given": "shirt",
        "sug": "t-shirt",
        "where": "source=shop_b",
    }
    assert first["low"] > 1
    assert "with source = shop_b, " in first["sentence"]
    assert found.underperforming[["column", "value"]].to_numpy().tolist() == [["source", "shop_b"]]
    assert found.shortcuts[found.shortcuts["shortcut"]]["property"].iloc[0] == "the length of the text"
    assert not found.overlap["overlaps"].any() and not found.imbalance["rare"].any()
    assert (found.order["p"] > 0.005).all() and found.order["what"].tolist() == [
        "alike rows",
        "shares of classes",
    ]
    assert any("exact hypergeometric tests" in text for text in found.said("findings"))
    assert "note has more than 200 different values." in found.said("left out")


def test_causes__the_same_again() -> None:
    dataset, predictions = shop(150)
    one, again = explained(dataset, predictions), explained(dataset, predictions)
    for part in fields(Causes):
        pd.testing.assert_frame_equal(getattr(one, part.name), getattr(again, part.name))


@pytest.mark.parametrize("labels", [[], [0], [-1, -1], [0, 1]])
def test_causes__tiny_data(labels: list[int]) -> None:
    probs = np.full((len(labels), 2), 0.5, dtype=np.float32)
    found = explained(make_dataset(labels), Predictions("m", probs, np.ones((len(labels), 2), np.float32)))
    assert len(found.findings) == len(found.shortcuts) == 0


def test_causes__without_predictions() -> None:
    dataset, _ = shop(300)
    found = causes(dataset, Predictions(), None, None)
    assert len(found.findings) == len(found.overlap) == len(found.underperforming) == 0
    assert "Systematic errors: the label check has not run." in found.said("left out")
    assert len(found.drift) == 30 and found.imbalance["rows"].sum() == 300


def test_causes__pictures_and_their_textures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    names = []
    for i, label in enumerate(labels.tolist()):
        pixels = rng.integers(0, 120, (40, 40, 3)) + 120 * label  # one class is bright
        names.append(f"{i}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / names[-1])
    (tmp_path / "0.png").write_bytes(b"not a picture")
    dataset = make_dataset(labels.tolist())
    table = dataset.table.assign(
        text=pd.array(names, dtype="str"), split=["train", "train", "test", "test"] * 30
    )
    columns = replace(dataset.columns, kind="image", split="split")
    pictures = replace(dataset, table=table, columns=columns, media_root=tmp_path)
    found = causes(pictures, Predictions(), None, None)
    bright = found.shortcuts[found.shortcuts["property"] == "the brightness"].iloc[0]
    assert bright["shortcut"] and bright["accuracy"] == 1 and bright["rows"] == 119
    assert any(text.startswith("Textures, split test taken as trusted: ") for text in found.said("shortcuts"))
    alone = causes(replace(pictures, columns=replace(columns, split=None)), Predictions(), None, None)
    assert "Textures: without a split that can be trusted, a texture laid over every row cannot be told." in (
        alone.said("shortcuts")
    )


def test_causes__stops_when_cancelled_and_reports_rising_fractions() -> None:
    dataset, predictions = shop(300)
    result = run(dataset, predictions, DEFAULTS, Progress())
    seen: list[float] = []
    causes(dataset, predictions, result, None, Progress(lambda fraction, _: seen.append(fraction)))
    assert seen == sorted(seen) and len(seen) > 100 and seen[-1] == 1
    stopped = Progress(lambda fraction, _: stopped.cancel() if fraction > 0.6 else None)
    with pytest.raises(Cancelled):
        causes(dataset, predictions, result, None, stopped)


def test_causes__on_crowd_news_most_rows_of_a_finding_are_wrong(shared_data: Path) -> None:
    """In the rows of the findings, flagged or not, far more labels are wrong than in their classes."""
    data = known(shared_data / "text_agnews_human", "crowd AG News", "data.csv", "is_error")
    dataset, predictions = opened(data)
    assert predictions.embeddings is not None
    where = clusters(predictions.embeddings)
    result = run(dataset, predictions, DEFAULTS, Progress())
    columns, _ = slice_columns(dataset, where)
    found = core.slices._findings(dataset, result, columns, [], Progress())
    pairs = found[found["suggested"] != ""]
    assert len(pairs) >= 5
    inside, of_class = [], []
    for line in pairs.itertuples():
        of = dataset.given_labels() == line.given
        inside.append(data.wrong[of & (where + 1 == int(line.value))].mean())
        of_class.append(data.wrong[of].mean())
    assert np.mean(inside) > 0.6 and np.mean(inside) > 2 * np.mean(of_class)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))


def test_find_causes__computes_once_for_each_content(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, predictions = shop(150)
    source = Source(workspace.root / "pets.csv", "csv", "0" * 64, 1)
    workspace.save(Prepared(dataset, predictions, source, ()))
    project = workspace.open("pets")
    audit = run_audit(project.dataset, project.predictions, workspace.cache_dir, names=[FROM])
    calls = []
    real = core.slices.causes
    monkeypatch.setattr(core.slices, "causes", lambda *args: calls.append(1) or real(*args))
    assert stored_causes(workspace, project, audit) is None
    find_causes(workspace, project, audit, Progress())
    find_causes(workspace, project, audit, Progress())
    assert len(calls) == 1
    stored = stored_causes(workspace, project, audit)
    assert stored is not None
    made = real(
        project.dataset,
        project.predictions,
        audit.results[FROM],
        core.slices.stored_clusters(workspace, project),
    )
    for part in fields(Causes):
        frame = getattr(stored, part.name)
        pd.testing.assert_frame_equal(frame, getattr(made, part.name), check_dtype=False)
    other = run_audit(
        project.dataset,
        project.predictions,
        workspace.cache_dir,
        [FROM],
        {FROM: {"filter_by": "prune_by_class"}},
    )
    assert stored_causes(workspace, project, other) is None
    assert stored_causes(workspace, project, Audit({}, {})) is None
