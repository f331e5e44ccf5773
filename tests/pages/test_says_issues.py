"""Every number that the Issues page says, and those of two versions on Explore, against one counted here."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.audits import current_audit
from core.issue_rows import PAGE_ROWS
from core.predictions import Predictions
from core.review import items
from core.review.decisions import Action
from core.version_report import NO_LABEL
from core.workspace import Workspace
from pages.parts import explore_charts, session
from pages.parts.charts import _LIGHT
from tests.conftest import make_dataset
from tests.core.reviewed import said
from tests.pages.conftest import Open, likely, save, words
from tests.pages.test_says_overview import alts

K = 17
N = 340


@pytest.fixture
def listed(workspace: Workspace) -> str:
    """340 rows of 17 classes and two splits, a fifth of them likelier the next class; row 2 is long."""
    if "listed" not in workspace.names():
        rng = np.random.default_rng(0)
        labels = np.arange(N) % K
        wrong = np.flatnonzero(rng.random(N) < 0.3)
        probs = np.full((N, K), 0.1 / (K - 1), dtype=np.float32)
        likeliest = labels.copy()
        likeliest[wrong] = (labels[wrong] + 1) % K
        probs[np.arange(N), likeliest] = 0.9
        dataset = make_dataset(labels.tolist(), tuple(f"c{code:02}" for code in range(K)), "listed")
        table = dataset.table.assign(split=pd.array(np.where(np.arange(N) % 5, "train", "test"), dtype="str"))
        table.loc["r2", "text"] = "x" * (items.TEXT_LIMIT + 1234)
        table["share of label"] = 0.4 + np.arange(N) / 1000
        table["lead of label"] = 0.05
        dataset = replace(dataset, table=table, columns=replace(dataset.columns, split="split"))
        embeddings = rng.normal(size=(N, 8)).astype(np.float32)
        save(workspace, dataset, Predictions("test model", probs, embeddings))
    return "listed"


def test_says__how_many_rows_each_choice_leaves(open_page: Open, workspace: Workspace, listed: str) -> None:
    project = workspace.open(listed)
    results = current_audit(workspace, project).results
    table = results["label_issues"].table
    flagged = table["flagged"].to_numpy()
    labels, test = np.asarray(project.dataset.labels), np.arange(N) % 5 == 0
    assert PAGE_ROWS == 100
    app = open_page("issues", ds=listed, cut="1", sort="row", page="4")
    text = words(app)
    assert f"**{N} rows** match" in text and f"301 to {N} of {N}" in text
    assert "scored" not in text
    app = open_page("issues", ds=listed, cut="0.5", split="train")
    below = (table["score"] <= 0.5).to_numpy() & ~test
    text = words(app)
    assert 0 < below.sum() < (table["score"] <= 0.5).sum()
    assert f"**{below.sum()} rows** match" in text and "scored 0.50 or lower" in text
    assert f"Review these {below.sum()}" in text
    app = open_page("issues", ds=listed)
    given = Counter(f"c{code:02} · {rows}" for code, rows in Counter(labels[flagged].tolist()).items())
    assert set(given) <= set(app.selectbox(key="url_given").options)
    suggested = table["suggestion"].astype("str")[flagged].value_counts()
    assert {f"{name} · {rows}" for name, rows in suggested.items()} <= set(
        app.selectbox(key="url_sug").options
    )
    splits = [f"test · {(flagged & test).sum()}", f"train · {(flagged & ~test).sum()}"]
    assert set(splits) <= set(app.selectbox(key="url_split").options)
    assert f"undecided · {flagged.sum()}" in app.selectbox(key="url_state").options
    found = {name: int(r.table["flagged"].sum()) for name, r in results.items()}
    (checks,) = [group.options for group in app.get("button_group") if group.label == "Found by"]
    assert (
        checks[0] == f"Label errors {found['label_issues']}"
        and f"Out of class {found['out_of_class']}" in checks
    )
    assert len(checks) == sum(count > 0 for count in found.values()) > 1


def test_says__one_row_in_full(open_page: Open, workspace: Workspace, listed: str) -> None:
    project = workspace.open(listed)
    table = current_audit(workspace, project).results["label_issues"].table
    row = int(np.flatnonzero(table["flagged"].to_numpy())[3])
    app = open_page("issues", ds=listed, row=f"r{row}")
    text = words(app)
    assert app.subheader[0].value == f"Row {row + 1}"
    assert f"**Label errors**, score {table['score'].iloc[row]:.2f}" in text.replace("\\", "")
    assert f"The given label has {0.4 + row / 1000:.0%} of the votes" in text
    probs, embeddings = project.predictions.pred_probs, project.predictions.embeddings
    assert probs is not None and embeddings is not None
    shown = next(d.value for d in app.dataframe if "Probability" in d.value)
    best = int(np.asarray(probs[row]).argmax())
    assert shown["Class"].iloc[0] == f"c{best:02}"
    assert shown["Probability"].iloc[0] == pytest.approx(float(probs[row].max()))
    near = next(d.value for d in app.dataframe if "Distance" in d.value)
    unit = np.asarray(embeddings) / np.linalg.norm(embeddings, axis=1, keepdims=True)
    far = 1 - unit @ unit[row]
    far[row] = np.inf
    order = np.argsort(far)[: len(near)]
    assert near["Row"].tolist() == (order + 1).tolist() and len(near) == 6
    assert near["Distance"].tolist() == pytest.approx(far[order].tolist(), abs=1e-3)
    assert "… 1,234 more characters" in words(open_page("issues", ds=listed, row="r2"))


def test_says__a_wide_row_has_more_columns(open_page: Open, workspace: Workspace) -> None:
    labels = [0, 1] * 10
    dataset = make_dataset(labels, name="wide")
    names = [f"x{i}" for i in range(items.FIELD_LIMIT + 3)]
    more = pd.DataFrame(np.arange(20 * len(names)).reshape(20, -1), columns=names, index=dataset.table.index)
    table = pd.concat([dataset.table, more.astype("float64")], axis=1)
    columns = replace(dataset.columns, kind="tabular", content=tuple(names))
    save(workspace, replace(dataset, table=table, columns=columns), likely(labels, {3}))
    assert "The first 200 columns; 3 more are in the file." in words(open_page("issues", ds="wide"))


def test_says__views_and_rows_that_no_check_finds(open_page: Open) -> None:
    app = open_page("issues", ds="clean", given="dog")
    for name in ("one", "two"):
        app.text_input(key="view_name").set_value(name)
        app.button(key="view_save").click().run()
    app = open_page("issues", ds="clean", given="dog", sug="cat", q="nothing like it")
    assert "Views (2)" in [block.proto.popover.label for block in app.get("popover")]
    assert "No rows match these 3 filters." in words(app)
    assert "Show all 1 row, lowest score first" in words(open_page("issues", ds="one-row"))


def test_says__how_versions_differ(open_page: Open, workspace: Workspace, listed: str) -> None:
    dataset = workspace.open(listed).dataset
    labels = np.asarray(dataset.labels)
    if not session.store().decided(listed):
        c00, c01 = (np.flatnonzero(labels == code)[:3] for code in (0, 1))
        changes = [*((int(r), "c05") for r in c00), *((int(r), "c06") for r in c01[:2])]
        changes += [(int(np.flatnonzero(labels == code)[4]), "c03") for code in (2, 4)]
        changes += [(int(np.flatnonzero(labels == code)[4]), f"c{code - 1:02}") for code in range(7, 17)]
        gone = [int(np.flatnonzero(labels == code)[7]) for code in (3, 9)]
        session.store().record(
            [said(dataset, r, "ann", new) for r, new in changes]
            + [said(dataset, r, "ann", Action.EXCLUDE) for r in gone]
        )
    app = open_page("explore", ds=listed, view="classes")
    text = words(app)
    assert f"17 labels differ, {17 / (N - 2):.1%} of the {N - 2} rows in both. 2 rows are not there" in text
    assert "Most often from c00 to c05: 3 rows" in alts(app)
    # 15 of the labels that change are shown of 17 that take part; the rows of the others are not.
    pairs = Counter({("c00", "c05"): 3, ("c01", "c06"): 2, ("c02", "c03"): 1, ("c04", "c03"): 1})
    pairs.update((f"c{code:02}", f"c{code - 1:02}") for code in range(7, 17))
    involved = Counter(side for pair, rows in pairs.items() for side in pair for _ in range(rows))
    order = sorted(dataset.classes, key=lambda c: -involved[c])
    shown = [c for c in order if involved[c]][:15]
    hidden = sum(rows for pair, rows in pairs.items() if not set(pair) <= set(shown))
    assert hidden == 2 and "The labels with most changes; 2 rows not shown." in text
    assert any(b.label == "Review these 17" for b in app.button)
    counts = next(d.value for d in app.dataframe if "came" in d.value).set_index("label")
    assert counts.loc["c00"].to_dict() == {"before": 20, "after": 17, "came": 0, "left": 3}
    assert counts.loc["c03"].to_dict() == {"before": 20, "after": 21, "came": 2, "left": 0}
    assert counts.loc["c06"].to_dict() == {"before": 20, "after": 23, "came": 3, "left": 0}
    links = [link.proto.label for link in app.get("page_link")]
    assert "List the 2 rows not there any more" in links
    turned = open_page("explore", ds=listed, view="classes", x_before="now", x_after="given")
    assert "List the 2 rows that came" in [link.proto.label for link in turned.get("page_link")]
    cell = "before=given&after=now&from=c01&to=c06"
    app = open_page("explore", ds=listed, view="classes", change=cell)
    assert "2 rows: label changed from c01 to c06 (as imported → as corrected now)." in words(app)
    assert any(b.label == "Review these 2" for b in app.button)


def test_says__hover_of_matrices_in_the_singular() -> None:
    from core.overview import confusion_of

    moved = confusion_of(np.array([0, 0, 1]), np.array([1, 1, 2]), ("a", "b", NO_LABEL))
    points = explore_charts.version_matrix(moved, _LIGHT)["data"][1]["hovertext"]
    assert sorted(points) == ["a before, b after: 2 rows", f"b before, {NO_LABEL} after: 1 row"]
    points = explore_charts.predicted_matrix(moved, _LIGHT)["data"][1]["hovertext"]
    assert sorted(points) == ["labelled a, predicted b: 2 rows", f"labelled b, predicted {NO_LABEL}: 1 row"]
