from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.dataset import Dataset
from core.predictions import Predictions
from core.review.classes import change_event, class_list
from core.review.decisions import Action, Decision
from core.review.plan import Plan, plan_event
from core.review.queue import Filters, select, tag_of
from core.review_record import Count, RandomSample, Record
from tests.conftest import make_dataset
from tests.core.label_sets import moods
from tests.core.reviewed import project_of, record_of, said


def recorded(dataset: Dataset, events: list[Decision], folder: Path, **more: object) -> Record:
    return record_of(project_of(dataset, folder), events, folder, **more)  # type: ignore[arg-type]


def test_record__nothing_decided(pets: Dataset, tmp_path: Path) -> None:
    found = recorded(pets, [], tmp_path)
    assert (found.decided, found.verdicts, found.annotators, found.changes) == ({}, {}, [], [])
    assert found.classes == [Count("cat", 3, 3), Count("dog", 2, 2), Count("(no label)", 1, 1)]
    assert (found.splits, found.agreed, found.sample, found.open) == ([], None, None, [])


def test_record__counts_verdicts_changes_and_annotators(pets: Dataset, tmp_path: Path) -> None:
    events = [
        said(pets, 0, "ann", "dog"),
        said(pets, 1, "ann", "dog"),
        said(pets, 2, "ann"),
        said(pets, 3, "bob", Action.EXCLUDE),
        said(pets, 4, "bob", Action.AMBIGUOUS),
        said(pets, 5, "bob", "cat"),
        replace(said(pets, 0, "bob"), row_id="gone", op_id="gone"),
    ]
    found = recorded(pets, events, tmp_path, conflicts="skip")
    assert len(found.decided) == 6
    assert found.gone == 1
    assert found.verdicts == {"given label kept": 1, "label changed": 3, "excluded": 1, "ambiguous": 1}
    assert found.annotators == [("ann", 3), ("bob", 3)]
    assert found.changes == [("cat", "dog", 2), ("", "cat", 1)]
    assert found.classes == [Count("cat", 3, 2), Count("dog", 2, 3), Count("(no label)", 1, 0)]
    assert found.looks == {1: 6}


def test_record__an_excluded_row_that_is_marked_is_still_counted(pets: Dataset, tmp_path: Path) -> None:
    found = recorded(pets, [said(pets, 3, "bob", Action.EXCLUDE)], tmp_path, excluded="mark")
    assert found.classes[1] == Count("dog", 2, 2)


def test_record__open_disagreements_stay_open_whatever_the_policy(pets: Dataset, tmp_path: Path) -> None:
    events = [
        said(pets, 0, who, what) for who, what in (("ann", "dog"), ("bob", Action.KEEP), ("cyd", "dog"))
    ]
    events += [said(pets, 1, "ann", "dog"), said(pets, 1, "bob"), said(pets, 1, "cyd", "dog", final=True)]
    found = recorded(pets, events, tmp_path, policy="majority")
    assert found.open == ["r0"]
    assert found.ended == 1
    assert found.changes == [("cat", "dog", 2)]
    assert found.looks == {2: 1, 3: 1}
    assert found.annotators == [("ann", 2), ("bob", 2), ("cyd", 2)]


def test_record__renamed_and_merged_classes(pets: Dataset, tmp_path: Path) -> None:
    rename = change_event("pets", "ann", class_list(pets.classes), {"rename": "cat", "to": "kitten"})
    found = recorded(pets, [said(pets, 2, "ann", "cat"), rename], tmp_path)
    assert found.changes == [("dog", "kitten", 1)]
    assert found.class_changes == [("class cat renamed to kitten", 3)]
    assert [(c.name, c.before, c.after) for c in found.classes] == [
        ("cat", 3, 0), ("dog", 2, 1), ("kitten", 0, 4), ("(no label)", 1, 1),
    ]  # fmt: skip


def test_record__sets_of_labels_are_counted_by_class(tmp_path: Path) -> None:
    data = moods()
    found = recorded(data, [said(data, 0, "ann", "love")], tmp_path)
    assert [(c.name, c.before, c.after) for c in found.classes] == [
        ("joy", 3, 2), ("love", 3, 3), ("sad", 1, 1), ("(no label)", 1, 1),
    ]  # fmt: skip


def test_record__splits(tmp_path: Path) -> None:
    data = make_dataset([0, 1, 0, 1])
    table = data.table.assign(fold=["b", "a", "b", None])
    data = replace(data, table=table, columns=replace(data.columns, split="fold"))
    found = recorded(data, [said(data, 0, "ann", Action.EXCLUDE)], tmp_path)
    assert found.splits == [Count("(no split)", 1, 1), Count("a", 1, 1), Count("b", 2, 1)]
    found = recorded(data, [], tmp_path, splits=("a",))
    assert found.splits == [Count("(no split)", 1, 0), Count("a", 1, 1), Count("b", 2, 0)]


def test_agreed__two_annotators_have_kappa_too(tmp_path: Path) -> None:
    data = make_dataset([0, 1] * 60)
    events = [said(data, row, "ann") for row in range(120)]
    events += [said(data, row, "bob", "dog" if row % 10 == 0 else Action.KEEP) for row in range(120)]
    agreed = recorded(data, events, tmp_path).agreed
    assert agreed is not None and agreed.kappa is not None
    assert (agreed.annotators, agreed.alpha.rows, agreed.kappa.rows, agreed.by_lot) == (2, 120, 120, False)
    # 12 of 120 rows differ: cat 60 and 48, dog 60 and 72
    assert agreed.kappa.value == pytest.approx((0.9 - 0.5) / 0.5)
    assert agreed.alpha.low < agreed.alpha.value < agreed.alpha.high
    assert agreed.alpha.value == pytest.approx(1 - 24 * 239 / (240**2 - 108**2 - 132**2))


def test_agreed__says_why_there_is_no_number(pets: Dataset, tmp_path: Path) -> None:
    agreed = recorded(pets, [said(pets, 0, "ann"), said(pets, 0, "bob")], tmp_path).agreed
    assert agreed is not None
    assert np.isnan(agreed.alpha.value)
    assert agreed.alpha.reason == "Too few shared rows (1 of 30)."


def test_agreed__rows_drawn_by_lot_alone_where_there_are_any(tmp_path: Path) -> None:
    data = make_dataset([0, 1] * 60)
    plan = plan_event("pets", "own", Plan(share=0.5, seed=3))
    events = [plan, *(said(data, row, who) for row in range(120) for who in ("ann", "bob"))]
    agreed = recorded(data, events, tmp_path).agreed
    assert agreed is not None and agreed.by_lot
    assert 40 < agreed.alpha.rows < 80


def test_sample__is_the_random_order_up_to_the_last_row_audited(tmp_path: Path) -> None:
    data = make_dataset([0, 1] * 20)
    order = select(data, {}, {}, Filters(sort="random"))
    queue = {"queue": tag_of(order)}
    wrong = "dog" if data.labels[order[0]] == 0 else "cat"
    events = [
        said(data, int(order[0]), "ann", wrong, queue),
        said(data, int(order[1]), "ann", Action.KEEP, queue),
        said(data, int(order[2]), "ann", Action.AMBIGUOUS, queue),
        said(data, int(order[3]), "ann", Action.KEEP, {"queue": "the worst first"}),
        # order[4] was passed over
        said(data, int(order[5]), "ann", Action.KEEP, queue),
        said(data, int(order[6]), "ann", Action.KEEP, {"queue": "the worst first"}),
    ]
    assert recorded(data, events, tmp_path).sample == RandomSample(6, 1, 2)


def test_sample__rows_of_other_queues_are_none(tmp_path: Path) -> None:
    data = make_dataset([0, 1] * 20)
    order = select(data, {}, {}, Filters(sort="random"))
    events = [said(data, int(p), "ann", Action.KEEP, {"queue": "abc"}) for p in order[:10]]
    events += [said(data, int(order[10]), "ann", Action.KEEP, ["no mapping"])]
    assert recorded(data, events, tmp_path).sample is None


def test_random_sample__share_with_its_interval() -> None:
    sample = RandomSample(100, 10, 5)
    assert sample.share() == pytest.approx((0.1, 0.0552, 0.1744), abs=1e-4)  # Wilson, 10 of 100
    assert sample.share(True)[0] == 0.15
    assert sample.usable
    assert not RandomSample(10, 1, 6).usable


def test_flagged__with_how_many_are_decided(
    pets: Dataset, pets_predictions: Predictions, tmp_path: Path
) -> None:
    found = record_of(
        project_of(pets, tmp_path, pets_predictions), [said(pets, 1, "ann"), said(pets, 3, "ann")], tmp_path
    )
    assert {title: (flagged, decided) for title, flagged, decided in found.flagged}["Label errors"] == (1, 1)
