from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from core.predictions import Predictions
from core.review.chance import random_order
from core.review.decisions import Action, Decision
from core.review.orders import RANDOM_SEED
from core.targets import Targets
from core.workspace import Workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.pages.conftest import Open, save, words


def read_random(workspace: Workspace, name: str, rows: int) -> list[Decision]:
    """The first rows of the random order, read blind; every fourth given label is wrong."""
    dataset = workspace.open(name).dataset
    shown = json.dumps({"source": "audit", "shown_at": "2026-01-01T00:00:00.000Z"})
    return [
        Decision(
            name,
            str(dataset.row_ids[p]),
            Action.RELABEL if i % 4 == 0 else Action.KEEP,
            "ann",
            str(dataset.given_labels()[p]),
            f"{name}{i}",
            "cat" if dataset.given_labels()[p] == "dog" and i % 4 == 0 else "dog" if i % 4 == 0 else None,
            shown=shown,
        )
        for i, p in enumerate(random_order(dataset.row_ids, RANDOM_SEED)[:rows].tolist())
    ]


def test_evidence__without_random_rows_says_so_and_offers_them(open_page: Open) -> None:
    said = words(open_page("evidence", ds="pets")).replace("\\", "")
    assert "Nothing is known of the 40 rows nobody has read: no random row has been read yet." in said
    assert "How many wrong labels are left?" in said


def test_evidence__after_random_rows_gives_the_interval_and_the_burn_down(
    open_page: Open, workspace: Workspace
) -> None:
    open_page("evidence", ds="long")
    assert not [r for r in session.store().record(read_random(workspace, "long", 60)) if r.refused]
    app = open_page("evidence", ds="long")
    said = words(app).replace("\\", "")
    assert (
        "wrong labels are left among the 240 rows nobody has read (95%, valid however often you look)."
        in said
    )
    assert "15 of them in 60 random rows" in said
    assert "When to stop?" in said and "random rows have met 15 of the 46 wrong labels" in said
    assert "Expect" in said and "in the next 50 rows of the ranking" in said
    assert len(app.get("plotly_chart")) == 2
    app.toggle(key="left_by_class").set_value(True).run()
    assert not app.exception
    assert "wrong, 95% interval" in app.dataframe[0].value.columns


def test_evidence__of_a_data_set_that_is_read_through(open_page: Open, workspace: Workspace) -> None:
    open_page("evidence", ds="one-row")
    session.store().record(read_random(workspace, "one-row", 1))
    assert "Every row has been read: 1 label is found wrong" in words(open_page("evidence", ds="one-row"))


def test_evidence__of_numbers_goes_by_the_check_of_numbers(open_page: Open, workspace: Workspace) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(120) % 3 / 2
    given = np.where(np.arange(120) % 10 == 0, truth[::-1], truth)
    names = tuple(dict.fromkeys(str(v) for v in given))
    codes = [names.index(str(v)) for v in given]
    dataset = replace(make_dataset(codes, names, "numbers"), targets=Targets(1))
    save(workspace, dataset, Predictions("a model", predicted=truth + rng.normal(0, 0.5, 120)))
    shown = json.dumps({"source": "audit", "find": "target_errors"})
    order = random_order(dataset.row_ids, RANDOM_SEED)[:40].tolist()
    decisions = [
        Decision("numbers", str(dataset.row_ids[p]), Action.KEEP, "ann", str(given[p]), f"n{i}", shown=shown)
        for i, p in enumerate(order)
    ]
    assert not [r for r in session.store().record(decisions) if r.refused]
    app = open_page("evidence", ds="numbers")
    said = words(app)
    assert "When to stop?" in said and "in the next 50 rows of the ranking" in said
    assert not [t for t in app.toggle if t.label == "By class"]  # a number is no class
    tables = open_page("evidence", ds="numbers", tab="numbers").table
    [models] = [t.value for t in tables if "Numbers compared" in t.value]
    assert models["Numbers compared"].tolist() == ["120"] and float(models["Typically off by"].iloc[0]) < 1
