from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from core.dataset import Dataset
from core.desk import Desk
from core.errors import InputError
from core.loading import Prepared
from core.methods.confident_learning import bootstrap_interval, estimate_errors, scan
from core.methods.exact import mcnemar
from core.methods.intervals import paired_difference, wilson
from core.predictions import Predictions
from core.progress import Progress
from core.review.changes import Change, Version
from core.review.decisions import Action, Decision
from core.review.queue import Filters
from core.review.tables import decisions
from core.settings import Settings
from core.source import Source
from core.targets import Targets
from core.version_report import (
    label_counts,
    moves,
    number_report,
    paired,
    rates,
    sentence,
    set_rates,
    wrong,
    wrong_sentence,
)
from core.versions import Comparison, Labels, changed_rows, compared, labels_of
from core.workspace import Workspace
from tests.conftest import make_dataset
from tests.core.label_sets import PROBS, moods
from tests.core.reviewed import said

GIVEN, NOW = Version("given"), Version("now")


class Case:
    """A workspace with a data set in it, and its log."""

    def __init__(self, folder: Path, dataset: Dataset, predictions: Predictions | None = None) -> None:
        self.workspace = Workspace(Settings(folder, (folder,), "", "ann"))
        self.name = dataset.name
        self.save(dataset, predictions)
        self.desk = Desk(self.workspace, lambda project: {})
        self.store = self.desk.store

    def save(self, dataset: Dataset, predictions: Predictions | None = None) -> None:
        source = Source(self.workspace.root / f"{dataset.name}.csv", "csv", "0" * 64, 1)
        self.workspace.save(Prepared(dataset, predictions or Predictions(), source, ()))

    @property
    def dataset(self) -> Dataset:
        return self.workspace.open(self.name).dataset

    def labels(self, version: Version, policy: str = "agreed") -> Labels:
        return labels_of(self.workspace, self.store, self.name, version, policy)

    def compare(self, before: Version = GIVEN, after: Version = NOW, policy: str = "agreed") -> Comparison:
        return compared(self.labels(before, policy), self.labels(after, policy), self.dataset)

    def rows(self, change: Change) -> list[int]:
        return np.flatnonzero(changed_rows(self.workspace, self.store, self.name, change)).tolist()


LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 1, -1]
"""r0 to r3 cats, r4 to r8 dogs, r9 none."""


@pytest.fixture
def pets(tmp_path: Path) -> Case:
    """Decided: r0 to dog, r1 kept, r4 to cat, r5 out, r9 to cat; r6 is contested."""
    case = Case(tmp_path, make_dataset(LABELS))
    events = [
        said(case.dataset, 0, "ann", "dog"),
        said(case.dataset, 1, "ann", Action.KEEP),
        said(case.dataset, 4, "ann", "cat"),
        said(case.dataset, 5, "ann", Action.EXCLUDE),
        said(case.dataset, 9, "ann", "cat"),
        said(case.dataset, 6, "ann", "cat"),
        said(case.dataset, 6, "bob", Action.KEEP),
    ]
    case.store.record(events)
    return case


def texts(labels: Labels) -> list[str]:
    return [*np.array([*labels.names, ""], dtype=object)[labels.codes]]


def test_labels_of__as_imported_as_corrected_and_in_between(pets: Case) -> None:
    assert texts(pets.labels(GIVEN)) == ["cat"] * 4 + ["dog"] * 5 + [""]
    now = pets.labels(NOW)
    assert texts(now) == ["dog", "cat", "cat", "cat", "cat", "dog", "dog", "dog", "dog", "cat"]
    assert np.flatnonzero(~now.there).tolist() == [5]
    first = pets.labels(Version("seq", "1"))
    assert texts(first) == ["dog", "cat", "cat", "cat", *["dog"] * 5, ""] and first.there.all()
    assert texts(pets.labels(Version("seq", "0"))) == texts(pets.labels(GIVEN))
    assert texts(pets.labels(NOW, "latest"))[6] == "dog"
    pets.store.record([said(pets.dataset, 6, "cleo", "cat"), said(pets.dataset, 6, "dora", "cat")])
    assert texts(pets.labels(NOW, "majority"))[6] == "cat"
    assert texts(pets.labels(NOW))[6] == "dog"


def test_labels_of__until_the_end_of_a_day(pets: Case) -> None:
    with pets.store.database.writing() as connection:
        for seq, at in ((1, "2026-01-05T23:59:59.999+00:00"), (2, "2026-01-06T00:00:00.000+00:00")):
            connection.execute(update(decisions).where(decisions.c.seq == seq).values(decided_at=at))
        connection.execute(
            update(decisions).where(decisions.c.seq > 2).values(decided_at="2026-01-07T09:00:00.000+00:00")
        )
    day = {d: texts(pets.labels(Version("until", f"2026-01-0{d}"))) for d in (4, 5, 6, 7)}
    assert day[4] == texts(pets.labels(GIVEN))
    assert day[5] == day[6] == texts(pets.labels(Version("seq", "1")))
    assert day[7] == texts(pets.labels(NOW))


def test_compared__rows_and_labels_that_differ(pets: Case) -> None:
    found = pets.compare()
    assert len(found.before) == 9
    assert found.at[found.changed].tolist() == [0, 4, 9]
    assert (found.only_before.tolist(), found.only_after.tolist()) == ([5], [])
    assert sentence(found) == "3 labels differ, 33.3% of the 9 rows in both. 1 row is not there any more."
    matrix = moves(found)
    cells = {(matrix.classes[g], matrix.classes[t]): int(matrix.counts[g, t]) for t, g in matrix.cells}
    assert cells == {("cat", "dog"): 1, ("dog", "cat"): 1, ("(no label)", "cat"): 1}
    counts = label_counts(found).set_index("label")
    assert counts.loc["cat"].to_dict() == {"before": 4, "after": 5, "came": 2, "left": 1}
    assert counts.loc["dog"].to_dict() == {"before": 5, "after": 4, "came": 1, "left": 1}


def test_changed_rows__each_cell_is_a_queue(pets: Case) -> None:
    assert pets.rows(Change()) == [0, 4, 9]
    assert pets.rows(Change(source="cat", target="dog")) == [0]
    assert pets.rows(Change(source="", target="cat")) == [9]
    assert pets.rows(Change(target="cat")) == [4, 9]
    assert pets.rows(Change(source="gone")) == []
    assert pets.rows(Change(kind="only_before")) == [5]
    assert pets.rows(Change(before=NOW, after=GIVEN, kind="only_after")) == [5]
    queue, _ = pets.desk.queue("pets", Filters(change=str(Change()), sort="row"))
    assert queue.tolist() == [0, 4, 9]
    queue, _ = pets.desk.queue("pets", Filters(change=str(Change()), given="cat", sort="row"))
    assert queue.tolist() == [0]


def test_queue__of_a_change_stays_as_of_an_event_and_follows_the_log(pets: Case) -> None:
    change = Filters(change=str(Change()), sort="row")
    seq = pets.store.last_seq("pets")
    assert pets.desk.queue("pets", change)[0].tolist() == [0, 4, 9]
    pets.store.record([said(pets.dataset, 2, "ann", "dog")])
    assert pets.desk.queue("pets", change, seq)[0].tolist() == [0, 4, 9]
    assert pets.desk.queue("pets", change)[0].tolist() == [0, 2, 4, 9]


def class_event(seq_name: str, **detail: object) -> Decision:
    return Decision("pets", "", Action.CLASS, "ann", "", seq_name, detail=json.dumps(detail))


def test_labels_of__a_new_name_is_no_change_and_a_merge_is_one(tmp_path: Path) -> None:
    case = Case(tmp_path, make_dataset([0, 1, 2, 2], ("cat", "kitten", "dog")))
    case.store.record([class_event("1", rename="dog", to="hound")])
    assert not case.compare().changed.any()
    assert case.labels(GIVEN).names == ("cat", "kitten", "hound")
    case.store.record([class_event("2", merge=["cat", "kitten"], to="cat")])
    found = case.compare()
    assert found.at[found.changed].tolist() == [1]
    assert case.rows(Change(source="kitten", target="cat")) == [1]
    # What the model calls a kitten is a cat after the merge, and was none before.
    predicted = np.array([1, 0, 2, 2])
    both = paired(found, case.dataset, predicted)
    assert both is not None
    assert (both.before.hits, both.after.hits, both.only_after, both.only_before) == (2, 4, 2, 0)


def test_paired__known_values(pets: Case) -> None:
    found = pets.compare()
    predicted = np.array([1, 0, 1, 0, 0, 0, 1, 1, 0, 0])
    both = paired(found, pets.dataset, predicted)
    assert both is not None
    # r0 cat->dog, r4 dog->cat are met after only; r5 is out, r9 had no label; r2 and r8 are never met
    assert (both.before.hits, both.after.hits, both.before.rows) == (4, 6, 8)
    assert (both.only_before, both.only_after) == (0, 2)
    assert both.change == pytest.approx(0.25)
    assert both.p == mcnemar(0, 2)[0] == 0.5
    assert (both.low, both.high) == paired_difference(0, 2, 8)
    low, high = wilson(np.array(6), np.array(8))
    assert (both.after.low, both.after.high) == pytest.approx((float(low), float(high)))
    assert both.sentence == (
        "On the 8 rows that have a label in both, the model's first choice is the label in 50.0% "
        f"({both.before.low:.1%}-{both.before.high:.1%}) before and 75.0% ({low:.1%}-{high:.1%}) after: a "
        f"change of +25.0 points (95% interval {both.low * 100:+.1f} to {both.high * 100:+.1f}; McNemar "
        "p 0.500). It met 2 labels only after, 0 only before."
    )
    table = rates(found, pets.dataset, predicted).set_index("label")
    assert table.loc["cat", "recall_before"] == 2 / 4
    assert table.loc["cat", "precision_before"] == 2 / 4
    assert table.loc["cat", "recall_after"] == 3 / 4
    assert table.loc["cat", "precision_after"] == 3 / 4
    assert table.loc["dog", "rows_after"] == 4 and table.loc["dog", "recall_after"] == 3 / 4
    assert table.loc["cat", "precision_low_after"] == pytest.approx(
        float(wilson(np.array(3), np.array(4))[0])
    )


def test_paired_difference__holds_the_true_one_and_equals_the_formula() -> None:
    # Agresti and Min, 2005: (b + 0.5, c + 0.5) of n + 2
    change, trials = (12.5 - 3.5) / 102, 102
    half = 1.96 * np.sqrt(12.5 + 3.5 - 81 / 102) / trials
    assert paired_difference(3, 12, 100) == pytest.approx((change - half, change + half))
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        first, second, *_ = rng.multinomial(60, [0.05, 0.15, 0.8])
        low, high = paired_difference(int(first), int(second), 60)
        held += low <= 0.1 <= high
    assert 930 <= held <= 985


def test_wrong__is_the_estimate_of_either_version(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    noisy = np.where(np.arange(200) < 20, 1 - labels, labels)
    probs = np.where(np.eye(2)[labels] > 0, 0.85, 0.15) + rng.uniform(-0.1, 0.1, (200, 1)) * [1, -1]
    predictions = Predictions("m", probs.astype(np.float32))
    case = Case(tmp_path, make_dataset(noisy.tolist()), predictions)
    case.store.record(
        [said(case.dataset, row, "ann", ("cat", "dog")[labels[row]]) for row in range(15)]
        + [said(case.dataset, 30, "ann", Action.EXCLUDE)]
    )
    found = case.compare()
    stored = case.workspace.open("pets").predictions
    for after, known in (
        (False, noisy),
        (True, np.where(np.arange(200) < 15, labels, np.where(np.arange(200) == 30, -1, noisy))),
    ):
        said_ = wrong(tmp_path, stored, found, case.dataset, after, Progress())
        scanned = scan(known.astype(np.int32), probs.astype(np.float32))
        assert said_ is not None
        assert said_.estimate == round(estimate_errors(scanned))
        assert (said_.low, said_.high) == bootstrap_interval(scanned, 1000, 0)
        assert said_.rows == (known >= 0).sum()
    both = [wrong(tmp_path, stored, found, case.dataset, after, Progress()) for after in (False, True)]
    assert both[0] is not None and both[1] is not None
    assert wrong_sentence(both[0], both[1]) == (
        "Labels estimated wrong (confident joint, 95% bootstrap interval): "
        f"{both[0].estimate} of 200 ({both[0].low}-{both[0].high}) before, "
        f"{both[1].estimate} of 199 ({both[1].low}-{both[1].high}) after."
    )
    assert wrong(tmp_path, Predictions(), found, case.dataset, False, Progress()) is None


def test_wrong__of_merged_classes_adds_their_probabilities(tmp_path: Path) -> None:
    probs = np.array([[0.4, 0.4, 0.2], [0.3, 0.4, 0.3], [0.1, 0.1, 0.8], [0.45, 0.45, 0.1]] * 5, dtype="f4")
    case = Case(tmp_path, make_dataset([0, 1, 2, 2] * 5, ("cat", "kitten", "dog")), Predictions("m", probs))
    case.store.record([class_event("2", merge=["cat", "kitten"], to="cat")])
    found = case.compare()
    made = wrong(tmp_path, case.workspace.open("pets").predictions, found, case.dataset, True, Progress())
    merged = np.stack([probs[:, 0] + probs[:, 1], probs[:, 2]], axis=1)
    scanned = scan(np.array([0, 0, 1, 1] * 5, dtype=np.int32), merged)
    assert made is not None and made.estimate == round(estimate_errors(scanned)) > 0


def test_compared__another_data_set_by_row_id(pets: Case) -> None:
    other = make_dataset([1, 0, 0, 0, 1], name="newer")
    table = other.table.assign(text=["text 0", "changed", "text 2", "text 3", "text 11"])
    table.index = table.index[:4].append(table.index[4:].map(lambda _: "r11"))
    pets.save(replace(other, table=table))
    found = pets.compare(GIVEN, Version("given", "", "newer"))
    assert found.at.tolist() == [0, 1, 2, 3]
    assert found.at[found.changed].tolist() == [0]
    assert found.only_before.tolist() == [4, 5, 6, 7, 8, 9]
    assert found.only_after.tolist() == [4]
    assert found.other_content == 1
    assert "The content of 1 row in both differs." in sentence(found)
    change = Change(GIVEN, Version("given", "", "newer"))
    assert pets.rows(change) == [0]
    assert pets.rows(replace(change, kind="only_after")) == []
    there = replace(change, kind="only_after").seen_from("pets", "newer")
    assert (str(there.before), str(there.after)) == ("given@pets", "given")
    mask = changed_rows(pets.workspace, pets.store, "newer", there)
    assert np.flatnonzero(mask).tolist() == [4]
    back = pets.compare(Version("given", "", "newer"), GIVEN)
    assert back.at.tolist() == [0, 1, 2, 3] and back.changed.tolist() == found.changed.tolist()


def test_compared__refuses_what_cannot_be_matched(pets: Case) -> None:
    strange = make_dataset([0], name="strange")
    strange.table.index = strange.table.index.map(lambda _: "x")
    pets.save(strange)
    pets.save(replace(moods(), name="moods"))
    with pytest.raises(InputError, match="no row id in common"):
        pets.compare(GIVEN, Version("given", "", "strange"))
    with pytest.raises(InputError, match="labels of two kinds"):
        pets.compare(GIVEN, Version("given", "", "moods"))
    with pytest.raises(InputError, match="CROWDLAB needs probabilities"):
        pets.labels(NOW, "crowdlab")


def test_compared__sets_of_labels_count_each_label(tmp_path: Path) -> None:
    dataset = moods()
    assert dataset.sets is not None
    case = Case(tmp_path, dataset, Predictions("m", PROBS))
    given = dataset.given_labels()
    row = 0
    without = sorted(dataset.sets.members(given[row]))
    name = next(n for n in dataset.names if n not in without)
    new = dataset.sets.text([*without, name])
    case.store.record([said(case.dataset, row, "ann", new)])
    found = case.compare()
    assert found.at[found.changed].tolist() == [row]
    counts = label_counts(found).set_index("label")
    assert counts.loc[name, "after"] - counts.loc[name, "before"] == 1 == counts.loc[name, "came"]
    assert counts["left"].sum() == 0
    assert case.rows(Change(kind="gained", target=name)) == [row]
    assert case.rows(Change(kind="lost", source=name)) == []
    table = set_rates(found, case.dataset, case.workspace.open(case.name).predictions, Progress())
    table = table.set_index("label")
    assert table.loc[name, "rows_after"] - table.loc[name, "rows_before"] == 1
    there = dataset.labels >= 0
    predicted = PROBS[there, dataset.names.index(name)] >= 0.5
    assert table.loc[name, "predicted_after"] == predicted.sum()


def test_number_report__how_far_numbers_moved(tmp_path: Path) -> None:
    texts_ = ("1", "2.5", "40", "7")
    labels = make_dataset([0, 1, 2, 3, 1], texts_, name="prices")
    dataset = replace(labels, targets=Targets(1))
    case = Case(tmp_path, dataset, Predictions("m", predicted=dataset.numbers + 1))
    rows = np.flatnonzero(dataset.labels >= 0)[:2].tolist()
    news = [str(int(dataset.numbers[row]) + 10 * (i + 1)) for i, row in enumerate(rows)]
    case.store.record([said(case.dataset, row, "ann", new) for row, new in zip(rows, news, strict=True)])
    found = case.compare()
    moved = [abs(float(new) - dataset.numbers[row]) for row, new in zip(rows, news, strict=True)]
    made = number_report(found, case.dataset, case.workspace.open(case.name).predictions.predicted)
    assert (made.changed, made.typical, made.most) == (2, pytest.approx(np.median(moved)), max(moved))
    assert made.miss is not None and made.miss[0][0] == pytest.approx(1)
    assert f"it moved by {made.typical:.3g} (median), by {made.most:.3g} at most" in made.sentence
    assert case.rows(Change()) == sorted(rows)


@pytest.mark.parametrize(
    "wanted",
    ["x", "before=later", "kind=odd", "policy=mine", "before=until:2026-13-01", "after=seq:x", "a=1", "%%"],
)
def test_change__refuses(wanted: str) -> None:
    with pytest.raises(InputError):
        Filters.from_query({"change": wanted})


def test_change__is_read_back() -> None:
    for change in (
        Change(),
        Change(Version("seq", "7"), Version("given", "", "new-2"), source="a&b=c", target=""),
        Change(Version("until", "2026-01-31"), NOW, "gained", target="joy", policy="majority"),
    ):
        assert Change.parse(str(change)) == change
        query = Filters(change=str(change)).to_query()
        assert Filters.from_query(query).change == str(change)
    assert date.fromisoformat("2026-01-31")
    assert Change(source="cat", target="").words == (
        "label changed from cat to no label (as imported → as corrected now)"
    )
