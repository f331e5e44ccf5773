"""Every number that the Causes tab says: against the rows counted here, or a frame of known numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.audits import current_audit
from core.methods.intervals import wilson
from core.review.decisions import Action
from core.slices import Causes, stored_causes
from core.workspace import Workspace
from pages.parts import annotators, causes, causes_corrected, session
from tests.core.reviewed import said
from tests.pages.conftest import Open, words
from tests.pages.test_annotators import crowd
from tests.pages.test_causes import correct, look, shop
from tests.pages.test_says_overview import alts


def shown(open_page: Open, name: str) -> tuple[str, list[str]]:
    app = open_page("explore", ds=name, view="causes")
    return words(app).replace("\\", ""), alts(app)


def test_says__where_errors_pile_up(open_page: Open, workspace: Workspace) -> None:
    project = shop(workspace, "piled")
    assert "Look for causes in 200 rows" in shown(open_page, "piled")[0]
    look(workspace, project)
    table = current_audit(workspace, project).results["label_issues"].table
    data = project.dataset.table
    cell = (data["label"] == "shirt") & (data["source"] == "shop_b")
    wrong = (table["flagged"] & (table["suggestion"].astype("str") == "t-shirt")).to_numpy()
    shirts = (data["label"] == "shirt").to_numpy()
    seen, expected = int((wrong & cell).sum()), cell.sum() * (wrong & shirts).sum() / shirts.sum()
    text, said_alts = shown(open_page, "piled")
    assert f"Of {cell.sum()} rows labelled shirt with source = shop_b, {seen} look like t-shirt;" in text
    assert f"{seen / expected:.1f} times as many as expected, 95% interval " in text
    found = stored_causes(workspace, project, current_audit(workspace, project))
    assert found is not None
    assert f"Review these {seen}" in text
    for line in found.findings.itertuples():
        assert line.low <= line.ratio <= line.high + 1e-9
        by_chance = (
            "chance alone would hardly do this" if line.q < 0.001 else f"false discovery rate {line.q:.3f}"
        )
        interval = f"95% interval {line.low:.1f} to {line.high:.1f}; {by_chance}"
        assert f"{line.ratio:.1f} times as many as expected, {interval}" in text
    if len(found.findings) > 1:
        most = found.findings["ratio"].iloc[0]
        assert any(
            a.startswith("Errors over expected") and a.endswith(f": {most:.1f} times") for a in said_alts
        )


def test_says__frames_of_known_numbers(
    open_page: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn of each frame, line by line."""
    project = shop(workspace, "framed")
    look(workspace, project)
    found = stored_causes(workspace, project, current_audit(workspace, project))
    assert found is not None and len(found.findings)
    many = pd.concat([found.findings.head(1)] * 11, ignore_index=True)
    many = many.assign(ratio=2.34, low=1.26, high=4.07, q=0.0123, observed=1234)
    overlap = pd.DataFrame(
        [("shirt", "t-shirt", "model", 0.314, 0.418, 0.314, 0.28, 0.35, True)],
        columns=["a", "b", "by", "a_like_b", "b_like_a", "score", "low", "high", "overlaps"],
    )
    weak = pd.DataFrame([("It fails.", "{}", 0.613, 0.742)], columns=["sentence", "params", "low", "high"])
    shortcuts = pd.DataFrame(
        [("the brightness", "It is foretold.", True, 0.817, 0.924)],
        columns=["property", "sentence", "shortcut", "low", "high"],
    )
    rare = pd.DataFrame({"class": list("abcdefghijk"), "rare": True, "sentence": "A few rows."})
    order = pd.DataFrame(
        [("labels", 0.437, 0.015, "Order tells.")], columns=["what", "strength", "p", "sentence"]
    )
    made = Causes(many, overlap, rare, found.noise, weak, shortcuts, order, found.drift, found.facts)
    monkeypatch.setattr(causes, "stored_causes", lambda *_: made)
    text, said_alts = shown(open_page, "framed")
    for sentence in (
        "2.3 times as many as expected, 95% interval 1.3 to 4.1; false discovery rate 0.012.",
        "Review these 1,234",
        "3 more are in the table.",
        "31% of shirt look like t-shirt and 42% of t-shirt like shirt, by the model: one class, or",
        "It fails. 95% interval 61% to 74%.",
        "It is foretold. 95% interval 82% to 92%.",
        "So have 3 other classes.",
        "Strength 0.44 of 1, p = 0.015, by 199 permutations, seed 0.",
    ):
        assert sentence in text
    assert any(alt.endswith(": 2.3 times") for alt in said_alts)
    nothing = replace(made, findings=many.head(9), overlap=overlap.iloc[:0], imbalance=rare.head(9))
    nothing = replace(nothing, order=order.iloc[:0])
    monkeypatch.setattr(causes, "stored_causes", lambda *_: nothing)
    text, _ = shown(open_page, "framed")
    for sentence in (
        "1 more is in the table.",
        "In no pair of classes do 5% of the rows of both look like the other.",
        "So has 1 other class.",
        "0 rows could be compared.",
    ):
        assert sentence in text, sentence


def test_says__what_corrections_have_in_common(
    open_page: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    causes_corrected._found.clear()  # another test's data set can have the same rows and as many events
    project = shop(workspace, "common")
    dataset, probs = project.dataset, project.predictions.pred_probs
    assert probs is not None
    session.store().record([said(dataset, row, "bea", Action.EXCLUDE) for row in (2, 5)])
    text, _ = shown(open_page, "common")
    assert "2 of 2 rows read one by one are wrong: too few to look for what they share." in text
    correct(project)
    wrong = np.asarray(probs).argmax(axis=1) != np.asarray(dataset.labels)
    wrong[[2, 5]] = True  # also said to be so by a second person
    text, _ = shown(open_page, "common")
    counts = [part for part in text.splitlines() if part.startswith(":small[Over ")]
    settled = len(session.store().settled_rows("common"))
    (line,) = counts
    assert line.startswith(f":small[Over {settled} rows that were read one by one, ")
    settled_ids = set(session.store().settled_rows("common"))
    inside = np.array([str(i) in settled_ids for i in dataset.row_ids])
    assert f", {(wrong & inside).sum()} of them wrong: " in line
    cell = (dataset.table["label"] == "shirt") & (dataset.table["source"] == "shop_b")
    cell = cell.to_numpy() & inside
    shirts = (dataset.table["label"] == "shirt").to_numpy() & inside
    to_other = wrong & inside & (np.asarray(probs).argmax(axis=1) == 1)
    seen = int((cell & to_other).sum())
    ratio = seen / (cell.sum() * (shirts & to_other).sum() / shirts.sum())
    assert f"Of {cell.sum()} rows labelled shirt with source = shop_b, {seen} are t-shirt; " in text
    assert f"{ratio:.1f} times as many as expected, 95% interval " in text
    monkeypatch.setattr(causes_corrected, "SHOWN", 0)
    found = causes_corrected._found(("common", 1), project)[0].findings
    more = f"{len(found)} more {'is' if len(found) == 1 else 'are'} in the table."
    assert len(found) and more in shown(open_page, "common")[0]


def test_says__who_differs_from_the_others(
    open_page: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(workspace, "crowd-said")
    votes = workspace.open("crowd-said").dataset.table[["lea", "tom", "ida"]]
    answers = votes.notna().sum(axis=1)
    leading = votes.mode(axis=1)
    tie = leading[1].notna() if 1 in leading else pd.Series(False, index=votes.index)
    consensus = leading[0].mask(tie)
    text, said_alts = shown(open_page, "crowd-said")
    agree = votes.eq(consensus, axis=0).sum(axis=1)
    counted = Counter(zip(answers[~tie].tolist(), agree[~tie].tolist(), strict=True))
    for (of, hits), rows in counted.items():
        assert f"{hits} of {of} answers are the consensus: {rows} row" in text
    assert tie.sum() == 1 and "Answers that tie: 1 row, ambiguous" in text
    labels = np.asarray(workspace.open("crowd-said").dataset.labels)
    other = [
        bool(c) and n != ("cat", "dog")[code] for c, n, code in zip(~tie, consensus, labels, strict=True)
    ]
    assert f"Review {sum(other)} row labelled other than the consensus" in text
    ida = votes["ida"].eq(consensus)[~tie]
    (alt,) = [a for a in said_alts if a.startswith("Agreement with the consensus")]
    assert alt.startswith("Agreement with the consensus by annotator, lowest ida: ")
    share = float(alt.rsplit(" ", 1)[1].rstrip("%")) / 100
    low, high = wilson(np.array([ida.sum()]), np.array([len(ida)]))
    assert share == pytest.approx(ida.mean(), abs=0.02) and low[0] < share < high[0]
    monkeypatch.setattr(annotators, "_DOTS", 2)
    assert "The 2 who agree least, of 3; all are in the table." in shown(open_page, "crowd-said")[0]
