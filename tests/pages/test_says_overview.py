"""Every number that the Overview says, against one counted here from the labels and the issue table."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.audit import run_audit
from core.audits import current_audit
from core.dataset import Dataset
from core.issues import Result
from core.multilabel import LabelSets
from core.predictions import Predictions
from core.review.decisions import Action
from core.targets import Targets
from core.workspace import Workspace
from pages.parts import masks, session
from sample_data import SAMPLES
from tests.conftest import make_dataset
from tests.core.mask_sets import SIDE, mask_folder, prepared, scene, write_png
from tests.core.reviewed import said
from tests.pages.conftest import Open, likely, save, words


def alts(app: AppTest) -> list[str]:
    """What each chart says to those who cannot see it, in the order of the page."""
    return [chart.proto.alt for chart in app.get("plotly_chart")]


def metrics(app: AppTest) -> dict[str, tuple[str, str]]:
    return {m.label: (m.value, m.proto.delta) for m in app.metric}


def found_by(workspace: Workspace, name: str, check: str = "label_issues") -> Result:
    return current_audit(workspace, workspace.open(name)).results[check]


def crowded(workspace: Workspace, k: int) -> str:
    """20 rows of each of k classes, some of which are likelier the next class, or the one after; 7 without
    a label."""
    name = f"crowded-{k}"
    if name in workspace.names():
        return name
    labels = np.repeat(np.arange(k), 20)
    rng = np.random.default_rng(k)
    likeliest = labels.copy()
    for code in range(k):
        off = np.flatnonzero(labels == code)[: rng.integers(0, 12)]
        likeliest[off] = (code + 1 + (rng.random(len(off)) < 0.3)) % k
    probs = np.full((len(labels), k), 0.1 / (k - 1), dtype=np.float32)
    probs[np.arange(len(labels)), likeliest] = 0.9
    labels[rng.choice(len(labels), 7, replace=False)] = -1
    dataset = make_dataset(labels.tolist(), tuple(f"c{code:02}" for code in range(k)), name)
    save(workspace, dataset, Predictions("test model", probs))
    return name


def pairs_of(dataset: Dataset, result: Result) -> Counter[tuple[str, str]]:
    """Flagged rows by given and suggested label."""
    table = result.table
    return Counter(
        (str(given), str(new))
        for given, new, bad in zip(dataset.given_labels(), table["suggestion"], table["flagged"], strict=True)
        if bad and not pd.isna(new) and not pd.isna(given)
    )


def test_says__classes_mixed_up_and_how_far_down(open_page: Open, workspace: Workspace) -> None:
    name = crowded(workspace, 30)
    dataset, result = workspace.open(name).dataset, found_by(workspace, name)
    table, flagged = result.table, int(result.table["flagged"].sum())
    pairs = pairs_of(dataset, result)
    assert 100 < sum(pairs.values()) == flagged
    app = open_page("overview", ds=name, cut="0.5", given="c03", sug="c04")
    text = words(app)
    assert f"{flagged} of 593 labels look wrong" in text
    # The classes with most rows in pairs are shown; a pair with another class is not.
    involved = Counter(side for pair, rows in pairs.items() for side in pair for _ in range(rows))
    order = sorted(dataset.classes, key=lambda c: -involved[c])[: len(involved)][:15]
    outside = sum(rows for pair, rows in pairs.items() if not set(pair) <= set(order))
    assert outside > 10
    assert f"The 15 worst of 30 classes; {outside} rows not shown." in text
    most = max(pairs.values())
    matrix = alts(app)[0]
    assert matrix in {f"Most mixed up: {most} rows labelled {a} look like {b}" for a, b in pairs}
    given, new = matrix.split(" labelled ")[1].split(" look like ")
    assert pairs[given, new] == most
    pair = pairs["c03", "c04"]
    assert pair > 1 and f"{pair} rows labelled c03, looking like c04" in text
    assert app.button(key="pair").label == f"Review these {pair}"
    labelled = np.asarray(dataset.labels) >= 0
    assert f"Label quality scores of {labelled.sum()} rows, {flagged} flagged" in alts(app)
    below = table["score"] <= 0.5
    among = int((below & table["flagged"]).sum())
    assert below.sum() > 0
    assert f"Cut 0.50: {below.sum()} rows, {among} of them flagged." in text
    assert app.button(key="cut").label == f"Review these {below.sum()}"
    assert f"Back to the {flagged} flagged" in text
    assert f"The queue holds the flagged rows: {flagged}." in words(open_page("overview", ds=name))


def test_says__worst_classes_and_rows_of_each_check(open_page: Open, workspace: Workspace) -> None:
    name = crowded(workspace, 30)
    dataset, result = workspace.open(name).dataset, found_by(workspace, name)
    flagged = np.flatnonzero(result.table["flagged"].to_numpy())
    # Three decided rows, of which two are flagged.
    right = int(np.flatnonzero(~result.table["flagged"].to_numpy() & (np.asarray(dataset.labels) >= 0))[0])
    session.store().record([said(dataset, int(row), "ann", Action.KEEP) for row in (*flagged[:2], right)])
    app = open_page("overview", ds=name)
    shown = metrics(app)
    assert shown["Label errors"] == (f"{len(flagged)}", f"{len(flagged) / 600:.1%} of rows")
    assert shown["Reviewed"] == (f"2 of {len(flagged)}", f"{2 / len(flagged):.0%} of flagged")
    for title, check in (
        ("Near-duplicates", "near_duplicates"),
        ("Conflicting copies", "conflicting_copies"),
    ):
        if title in shown:
            count = int(found_by(workspace, name, check).table["flagged"].sum())
            assert shown[title] == (f"{count}", f"{count / 600:.1%} of rows")
    rates = result.figures["per_class"].set_index("class")["error_rate"].dropna()
    worst = f"Estimated share of wrong labels by class, highest for {rates.idxmax()}: {rates.max():.0%}"
    assert alts(app)[-1] == worst and len(rates) > 20
    assert f"The worst 20 of {len(rates)} classes." in words(app)


def test_says__pairs_where_a_matrix_would_not_fit(open_page: Open, workspace: Workspace) -> None:
    name = crowded(workspace, 61)
    pairs = pairs_of(workspace.open(name).dataset, found_by(workspace, name))
    assert len(pairs) > 50
    app = open_page("overview", ds=name)
    assert "The 50 most frequent pairs of 61 classes." in words(app)
    assert alts(app)[0].startswith(f"Most mixed up: {max(pairs.values())} rows labelled ")


def test_says__labels_missing_and_too_many(open_page: Open, workspace: Workspace) -> None:
    """25 labels, two a row; in each an own number of rows lacks it, or has it and should not."""
    rng = np.random.default_rng(0)
    k, n = 25, 1000
    true = np.zeros((n, k), dtype=bool)
    true[np.arange(n), np.arange(n) % k] = True
    true[np.arange(n), (np.arange(n) + 1 + np.arange(n) // k % 5) % k] = True
    given = true.copy()
    for code in range(k):
        lacking = np.flatnonzero(true[:, code])[: code % 7 + 1]
        given[lacking, code] = False
        given[rng.choice(np.flatnonzero(~true[:, code]), code % 3 + 1, replace=False), code] = True
    names = tuple(f"t{code:02}" for code in range(k))
    cells = ["|".join(names[c] for c in np.flatnonzero(row)) for row in given]
    classes = (*names, *sorted({c for c in cells if c not in names and c}))
    dataset = make_dataset([classes.index(c) if c else -1 for c in cells], classes, "several-said")
    columns = replace(dataset.columns, delimiter="|")
    dataset = replace(dataset, columns=columns, sets=LabelSets(names, names, "|"))
    save(workspace, dataset, Predictions("test model", np.where(true, 0.97, 0.02).astype(np.float32)))
    result = found_by(workspace, "several-said")
    per_label = result.figures["per_label"]
    doubted = per_label[per_label["missing"] + per_label["extra"] > 0]
    app = open_page("overview", ds="several-said")
    assert len(doubted) > 20
    assert f"The 20 of {len(doubted)} labels most in doubt." in words(app)
    name, rest = alts(app)[0].removeprefix("Most in doubt: ").split(", missing in ")
    lacks = (true & ~given)[:, names.index(name)] & (np.asarray(dataset.labels) >= 0)
    extra = (given & ~true)[:, names.index(name)]
    assert rest == f"{lacks.sum()} rows, too many in {extra.sum()}"
    assert name == doubted["class"].iloc[0]


def test_says__numbers_with_some_far_outside(open_page: Open, workspace: Workspace) -> None:
    numbers = np.concatenate([np.linspace(100, 200, 397), [9000.0, 9500.0, 12000.0]])
    table_names = tuple(dict.fromkeys(f"{v:.4f}" for v in numbers))
    dataset = make_dataset([table_names.index(f"{v:.4f}") for v in numbers], table_names, "far-numbers")
    dataset = replace(dataset, targets=Targets(4), columns=replace(dataset.columns, target=True))
    predicted = numbers + np.random.default_rng(0).normal(0, 1, 400)
    predicted[[3, 50, 397]] = [190, 180, 150]
    save(workspace, dataset, Predictions("test model", predicted=predicted))
    result = found_by(workspace, "far-numbers", "target_errors")
    flagged = int(result.table["flagged"].sum())
    app = open_page("overview", ds="far-numbers")
    assert 0 < flagged < 50
    assert f"{flagged} of 400 numbers look wrong" in words(app)
    assert alts(app)[0] == f"Given numbers of 400 rows, {flagged} flagged"
    assert "3 rows far outside lie in the first and the last bar." in words(app)


def test_says__pixels_of_masks(
    open_page: Open, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = mask_folder(tmp_path / "masks", 12)
    for number in range(3):  # a car that the model does not see, and pavement that it calls road
        mask = scene(number)
        mask[mask == 2] = 0
        mask[-number - 1 :] = 0
        write_png(root / "predictions" / f"{number:03}.png", mask)
    made = prepared(root)
    workspace.save(made)
    assert made.dataset is not None
    run_audit(made.dataset, made.predictions, workspace.cache_dir)
    monkeypatch.setattr(masks, "MOST", 1)
    app = open_page("overview", ds="masks")
    seen = [np.asarray(scene(number)) for number in range(12)]
    cars = sum(int((mask == 2).sum()) for mask in seen)
    lost = sum(int((mask == 2).sum()) for mask in seen[:3])
    pavement, kept = sum(int((mask == 1).sum()) for mask in seen), SIDE * (1 + 2 + 3)
    assert "The 1 largest of 2 pairs." in words(app)
    pairs, classes = (table.value for table in app.dataframe[:2])
    (top,) = pairs.to_dict("records")
    assert (top["Given"], top["Predicted"], top["Pixels"]) == ("car", "road", lost)
    assert top["Of the given"] == pytest.approx(lost / cars)
    shares = classes.set_index("Class")["IoU"]
    assert shares["car"] == pytest.approx((cars - lost) / cars)
    assert shares["pavement"] == pytest.approx((pavement - kept) / pavement)
    for line in classes.to_dict("records"):
        low, high = (float(end.rstrip("%")) / 100 for end in line["95% interval"].split(" to "))
        assert low - 0.001 <= line["IoU"] <= high + 0.001
    seed = int(found_by(workspace, "masks", "mask_errors").summary["seed"])
    assert f"Poisson bootstrap over pictures, seed {seed}." in words(app)


def test_says__notes_and_the_interval_of_the_estimate(open_page: Open, workspace: Workspace) -> None:
    """Rows without a label, classes with few rows, the interval of the estimate, sentence for sentence."""
    labels = [0, 1] * 30 + [2] * 3 + [-1] * 2
    save(workspace, make_dataset(labels, ("a", "b", "c"), "noted"), likely(labels, {1, 4, 9}, 3))
    text = words(open_page("overview", ds="noted")).replace("\\", "")
    assert "2 rows without a label are not counted." in text
    assert "No estimate for 1 class with under 5 rows." in text
    summary = found_by(workspace, "noted").summary
    interval = f"95% interval {summary['low']}-{summary['high']}"
    assert f"estimated wrong {summary['estimate']}, {interval}" in text
    assert summary["low"] <= summary["estimate"] <= summary["high"]


def test_says__one_row_in_the_singular(open_page: Open, workspace: Workspace) -> None:
    labels = [0, 1] * 25
    save(workspace, make_dataset(labels, name="one-wrong"), likely(labels, {7}))
    app = open_page("overview", ds="one-wrong")
    assert app.title[0].value == "1 of 50 labels looks wrong"
    assert any(b.help == "Open row 8" for b in app.button)


def test_says__how_many_flags_of_sample_data_are_planted(open_page: Open, workspace: Workspace) -> None:
    sample = SAMPLES[-1]
    workspace.save(sample.prepare())
    project = workspace.open(sample.name)
    run_audit(project.dataset, project.predictions, workspace.cache_dir)
    truth = pd.read_csv(sample.truth, dtype="str")
    wrong = set(truth.loc[truth["planted"] == "label_error", "id"])
    table = found_by(workspace, sample.name).table
    flagged = set(table.index[table["flagged"]])
    assert 0 < len(flagged & wrong) < len(flagged)
    text = words(open_page("overview", ds=sample.name)).replace("\\", "")
    right = f"{len(flagged & wrong)} of the {len(flagged)} flags are planted errors"
    assert f"sample data: {right}, of {len(wrong)} planted" in text
