"""Every number that the map, the clusters and the classes of Explore say, against one counted here."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core import map_view
from core.audits import current_audit
from core.checks.identity_cleaning import APART, MERGE
from core.class_report import calibration
from core.cluster_facts import find_facts, stored_facts
from core.clustering import find_clusters, sizes_tried, stored_clusters
from core.data_map import draw_map, stored_map
from core.methods import keep_budget
from core.methods.exact import mcnemar
from core.methods.hdbscan import SAMPLES
from core.methods.intervals import wilson
from core.model_store import add_model
from core.predictions import Predictions
from core.progress import Progress
from core.workspace import Workspace
from pages.parts import explore_charts, explore_clusters, identities
from tests.conftest import make_dataset
from tests.core.methods.identities import planted
from tests.pages.conftest import Open, likely, save, words
from tests.pages.test_says_overview import alts

K = 20


def percent(hits: int, rows: int, digits: int = 0) -> str:
    """ "50% (43%-58%)", with Wilson's interval."""
    low, high = (float(end[0]) for end in wilson(np.array([hits]), np.array([rows])))
    return f"{hits / rows:.{digits}%} ({low:.{digits}%}-{high:.{digits}%})"


@pytest.fixture
def busy(workspace: Workspace) -> str:
    """600 rows of 20 classes and two splits, 5 without a label, in five groups of 250 to 50; in the last
    group most labels look wrong."""
    if "busy" not in workspace.names():
        rng = np.random.default_rng(0)
        group = np.repeat(np.arange(5), [250, 150, 100, 50, 50])
        labels = (group * 4 + np.arange(600) % 4) % K
        likeliest = labels.copy()
        wrong = np.flatnonzero(rng.random(600) < np.array([0.05, 0.1, 0.2, 0.3, 0.6])[group])
        likeliest[wrong] = (labels[wrong] + rng.integers(1, 3, len(wrong))) % K
        probs = np.full((600, K), 0.02 / (K - 1), dtype=np.float32)
        probs[np.arange(600), likeliest] = 0.98
        labels[[0, 9, 300, 450, 599]] = -1
        dataset = make_dataset(labels.tolist(), tuple(f"c{code:02}" for code in range(K)), "busy")
        dataset.table["split"] = pd.array(np.where(np.arange(600) % 6 == 0, "test", "train"), dtype="str")
        dataset = replace(dataset, columns=replace(dataset.columns, split="split"))
        embeddings = (np.eye(5, 16)[group] + 0.1 * rng.normal(size=(600, 16))).astype(np.float32)
        embeddings[:12] = rng.normal(size=(12, 16))  # alike to nothing
        save(workspace, dataset, Predictions("test model", probs, embeddings))
        project = workspace.open("busy")
        for method in ("kmeans", "hdbscan"):
            find_clusters(workspace, project, Progress(), method)
            find_facts(workspace, project, Progress(), method)
        draw_map(workspace, project, "near", Progress())
    return "busy"


def parts(workspace: Workspace, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(label codes, flagged) of all rows."""
    project = workspace.open(name)
    table = current_audit(workspace, project).results["label_issues"].table
    return np.asarray(project.dataset.labels), table["flagged"].to_numpy()


def test_says__what_is_in_a_cluster(open_page: Open, workspace: Workspace, busy: str) -> None:
    labels, flagged = parts(workspace, busy)
    project = workspace.open(busy)
    clusters = stored_clusters(workspace, project)
    assert clusters is not None
    text = words(open_page("explore", ds=busy, view="clusters", cluster="1"))
    inside = clusters == 0
    counted = Counter(labels[inside & (labels >= 0)].tolist())
    (common, most), of = counted.most_common(1)[0], sum(counted.values())
    bad = int((flagged & inside & (labels >= 0)).sum())
    assert f"{clusters.max() + 1} clusters by k-means" in text
    assert f"Cluster 1, {inside.sum()} rows: " in text or f"), {inside.sum()} rows: " in text
    share = percent(most, of)
    assert (
        f"{share.split(' (')[0]} of {of} labels are c{common:02} (95% interval {share.split('(')[1]}; "
        f"{bad} flagged, {percent(bad, of)}."
    ) in text
    assert f"12 of {inside.sum()} rows: the most typical one" in text
    # What would be kept: half of the rows, of which the flagged share is that of the rows themselves.
    facts = stored_facts(workspace, project)
    assert facts is not None
    app = open_page("explore", ds=busy, view="clusters", x_keep="30")
    app.session_state["keep_busy"] = True
    app.run()
    complexity = keep_budget.complexity(facts.distance, clusters, facts.between)
    kept = keep_budget.budget(keep_budget.shares(complexity), np.bincount(clusters), 180)
    mask = keep_budget.keep_mask(clusters, facts.distance, kept, "random")
    there = labels >= 0
    assert (
        f"180 of 600 rows kept. Flagged: {flagged[mask & there].sum() / (mask & there).sum():.1%} of them, "
        f"{flagged[there].sum() / there.sum():.1%} of all."
    ) in words(app)


def test_says__what_a_budget_leaves(workspace: Workspace, busy: str) -> None:
    labels, flagged = parts(workspace, busy)
    project = workspace.open(busy)
    mask = (labels != 3) & (labels != 7) & (np.arange(600) % 2 == 0)
    left = len(set(labels[labels >= 0].tolist()) - set(labels[mask].tolist()))
    assert left == 10  # the even rows hold the even classes alone, and those two are odd
    said = explore_clusters._what_is_left(project, mask, flagged)
    assert said.startswith(f"{mask.sum()} of 600 rows kept. Flagged: ")
    assert said.endswith("10 classes keep no row.")
    audit = current_audit(workspace, project)
    copies = audit.results["near_duplicates"].table["flagged"].sum()
    line = f"{copies} row{'' if copies == 1 else 's'} are near-duplicates" if copies else ""
    assert line in explore_clusters._budget_words(audit)
    made = replace(audit.results["near_duplicates"], summary={"flagged": 1234})
    with_copies = replace(audit, results={"near_duplicates": made})
    assert " 1,234 rows are near-duplicates: " in explore_clusters._budget_words(with_copies)


def test_says__clusters_by_density(open_page: Open, workspace: Workspace, busy: str) -> None:
    project = workspace.open(busy)
    found, tried = stored_clusters(workspace, project, "hdbscan"), sizes_tried(workspace, project)
    assert found is not None and len(tried) > 1
    none = int((found < 0).sum())
    assert none > 1
    text = words(open_page("explore", ds=busy, view="clusters", x_by="hdbscan"))
    assert f"{found.max() + 1} clusters by HDBSCAN" in text
    assert f"({SAMPLES} samples); {none} rows lie in none." in text
    best = tried["validity"].max()
    good = tried[tried["validity"] >= 0.95 * best]
    size, validity = good["size"].max(), good.set_index("size")["validity"][good["size"].max()]
    first = tried.loc[tried["validity"] == best, "size"].iloc[0]
    sizes = ", ".join(map(str, tried["size"]))
    assert f"At least {size} rows a cluster: of the sizes {sizes} the largest whose validity" in text
    assert f" ({validity:.2f}) is 95% of the best ({best:.2f} with {first}) or more." in text


def test_says__which_class_is_predicted_as_which(open_page: Open, workspace: Workspace, busy: str) -> None:
    labels, _ = parts(workspace, busy)
    project = workspace.open(busy)
    assert project.predictions.pred_probs is not None
    predicted = np.asarray(project.predictions.pred_probs).argmax(axis=1)
    confidence = np.asarray(project.predictions.pred_probs).max(axis=1)
    there = labels >= 0
    apart = Counter(
        (int(given), int(told))
        for given, told in zip(labels[there], predicted[there], strict=True)
        if given != told
    )
    app = open_page("explore", ds=busy, view="classes", given="c17", sug="c18")
    text = words(app)
    said = [alt for alt in alts(app) if alt.startswith(("Most often apart", "Where the model"))]
    involved = Counter(side for pair, rows in apart.items() for side in pair for _ in range(rows))
    shown = sorted(range(K), key=lambda c: -involved[c])[:15]
    hidden = sum(rows for pair, rows in apart.items() if not set(pair) <= set(shown))
    assert hidden > 5 and f"The 15 worst of 20 classes; {hidden} rows not shown." in text
    most = max(apart.values())
    assert said[0] in {
        f"Most often apart: {most} rows labelled c{a:02}, predicted c{b:02}"
        for (a, b), rows in apart.items()
        if rows == most
    }
    assert apart[17, 18] > 2 and f"{apart[17, 18]} rows labelled c17, predicted c18." in text
    agrees = (predicted == labels)[there]
    error = abs(agrees.mean() - 0.98)  # all have one probability: one bin
    found = calibration(confidence[there], agrees)
    assert found is not None and found.low <= error <= found.high and found.by_chance < error
    assert (
        f"Expected calibration error {error:.3f}, 95% interval {found.low:.3f}-{found.high:.3f} (bootstrap, "
        f"1,000 draws, seed 0); by chance alone up to {found.by_chance:.3f}."
    ) in text
    assert said[1] == (
        f"Where the model gives 98%, {agrees.mean():.0%} of the labels agree; expected calibration error "
        f"{error:.3f}"
    )
    test = np.arange(600)[there] % 6 == 0
    (splits,) = [table.value for table in app.table if "Split" in table.value]
    for name, some in (("test", test), ("train", ~test)):
        line = splits[splits["Split"] == name].iloc[0]
        assert line["Labels compared"] == f"{some.sum()}"
        assert f"{line['Agrees with']} ({line['95% interval']})" == percent(agrees[some].sum(), some.sum(), 1)
    rates = next(d.value for d in app.dataframe if "f1" in d.value).set_index("class")
    for code in (0, 17):
        both = int(((labels == code) & (predicted == code)).sum())
        for rate, of in (("recall", labels == code), ("precision", (predicted == code) & there)):
            line = rates.loc[f"c{code:02}"]
            assert line[rate] == pytest.approx(both / of.sum())
            assert f"{both / of.sum():.0%} ({line[f'{rate}_interval']})" == percent(both, int(of.sum()))


def test_says__two_models_far_apart(open_page: Open, workspace: Workspace) -> None:
    labels = [0, 1] * 40
    wrong = set(range(0, 60, 3))
    save(workspace, make_dataset(labels, name="far-models"), likely(labels, {1, 4}))
    add_model(workspace, "far-models", replace(likely(labels, wrong), model="worse", embeddings=None))
    app = open_page("explore", ds="far-models", view="classes")
    (table,) = [t.value for t in app.table if "Model" in t.value]
    line = table.iloc[1]
    assert not {1, 4} & wrong
    assert [line["Only it agrees"], line["Only the one in use"]] == ["2", f"{len(wrong)}"]
    assert mcnemar(2, 20)[0] < 0.001
    assert line["p (McNemar)"] == "below 0.001"
    assert f"{line['Agrees with']} ({line['95% interval']})" == percent(60, 80, 1)


def test_says__what_lies_in_an_area(open_page: Open, workspace: Workspace, busy: str) -> None:
    labels, flagged = parts(workspace, busy)
    layout = stored_map(workspace, workspace.open(busy), "near")
    assert layout is not None
    inside = (layout[:, 0] >= -0.5) & (layout[:, 0] <= 1) & (layout[:, 1] >= -1) & (layout[:, 1] <= 1)
    app = open_page("explore", ds=busy, area="near:-0.5,-1 1,1", x_colour="given")
    text = words(app)
    assert 100 < inside.sum() < 600
    assert app.subheader[0].value == f"{inside.sum()} rows chosen"
    bad = int((inside & flagged).sum())
    made = Counter(labels[inside].tolist())
    sizes = sorted(made.values(), reverse=True)
    assert len(made) > 7
    line = next(line for line in text.splitlines() if "of them flagged" in line)
    assert line.startswith(f"{bad} of them flagged. Labelled c")
    assert line.endswith(f", {len(made) - 6} other labels.")
    told = [part.split(" ") for part in line.split("Labelled ")[1].split(", ")[:6]]
    assert [int(rows) for _, rows in told] == sizes[:6]
    assert all(made[int(name[1:])] == int(rows) for name, rows in told)
    assert app.button(key="area_all").label == f"Review these {inside.sum()}"
    assert app.button(key="area_flagged").label == f"Only the {bad} flagged"
    assert alts(app)[0].startswith("Map of 600 rows by ") and alts(app)[0].endswith(
        f", {flagged.sum()} flagged"
    )
    assert f"The 7 largest groups; {K - 7} others share one." in text


def test_says__how_many_points_are_drawn(
    open_page: Open, workspace: Workspace, busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_view, "POINTS", 90)
    monkeypatch.setattr(map_view, "FLAGGED_POINTS", 30)
    app = open_page("explore", ds=busy)
    assert "Points: 30 flagged and 90 others of 600 rows, drawn by lot" in words(app)


def test_says__hover_of_charts() -> None:
    """What shows where the mouse rests: rows, shares and intervals of the very point."""
    from pages.parts.charts import _LIGHT as theme

    agrees = np.arange(400) % 4 > 0
    found = calibration(np.repeat([0.6, 0.9], 200), agrees)
    assert found is not None
    dots = explore_charts.reliability(found.bins, theme)["data"]
    hover = [text for trace in dots for text in trace.get("hovertext", [])]
    for confidence in ("60.0%", "90.0%"):
        low, high = percent(150, 200, 1).split("(")[1].rstrip(")").split("-")
        assert f"200 rows at {confidence} on average: 75.0% agree, interval {low} to {high}" in hover
    frame = pd.DataFrame({"value": [1.25], "low": [0.5], "high": [2.0]})
    (trace,) = explore_charts.intervals(["a"], frame, "times", theme)["data"]
    assert trace["hovertext"] == ["a: 1.2, interval 0.5 to 2"]


def test_says__how_alike_classes_are(
    open_page: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = planted(0.8, people=24, each=6, splits=3, wrong=0.1)
    names = tuple(f"person {code}" for code in range(27))
    dataset = make_dataset(people.labels.tolist(), names, "people-said")
    save(workspace, dataset, Predictions("m", None, people.embeddings))
    result = current_audit(workspace, workspace.open("people-said")).results[identities.CHECK]
    why = Counter(result.table["why"][result.table["flagged"]])
    app = open_page("explore", ds="people-said", view="classes")
    text, flagged = words(app), int(result.table["flagged"].sum())
    assert f"Review these {flagged}" in text and sum(why.values()) == flagged
    rows = [f"{why[kind]} {'row' if why[kind] == 1 else 'rows'}" for kind in (APART, MERGE)]
    assert f"{rows[0]} unlike their class; {rows[1]} of classes that look like a larger one." in text
    assert why[APART] > 2 and why[MERGE] > 2
    unit = people.embeddings / np.linalg.norm(people.embeddings, axis=1, keepdims=True)
    cosine, same = unit @ unit.T, people.labels[:, None] == people.labels[None]
    pairs = ~np.eye(len(unit), dtype=bool)
    said = next(alt for alt in alts(app) if "usually have a cosine of" in alt)
    middle, far = (
        float(word.rstrip(";")) for word in said.split() if word[0] in "0123456789" and "." in word
    )
    assert middle == pytest.approx(np.median(cosine[same & pairs]), abs=0.03)
    assert far == pytest.approx(np.quantile(cosine[~same], 0.95), abs=0.03)
    shown = [m.value for m in app.markdown if " of their means" in m.value]
    assert len(shown) == 3
    for value in shown:
        one, other, *_ = value.split("**")[1::2]
        sizes = [int((people.labels == names.index(name)).sum()) for name in (one, other)]
        assert all(f"**{n}** ({size} rows)" in value for n, size in zip((one, other), sizes, strict=True))
        centres = [unit[people.labels == names.index(name)].mean(axis=0) for name in (one, other)]
        likeness = centres[0] @ centres[1] / np.prod([np.linalg.norm(c) for c in centres])
        # Means are of the rows that the cleaning kept.
        assert float(value.split("cosine ")[1].split(" ")[0]) == pytest.approx(likeness, abs=0.1)
    monkeypatch.setattr(identities, "AT_ONCE", 2)
    assert "3 pairs" in words(open_page("explore", ds="people-said", view="classes"))
