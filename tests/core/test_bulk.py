from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bulk import EXAMPLES, PAIRS, TYPED_ABOVE, Counts, Wish, apply, preview
from core.desk import Desk
from core.errors import InputError
from core.issues import Result, issue_table
from core.loading import Prepared
from core.predictions import Predictions
from core.review.assignments import assignment_event
from core.review.decisions import Action, Decision
from core.review.locks import lock_event
from core.review.people import NotPermitted, People, Role
from core.review.plan import Plan, plan_event
from core.review.queue import Filters
from core.review.store import shared_store
from core.settings import Settings
from core.source import Source
from core.splits import splits_of
from core.team import Team
from core.workspace import Project, Workspace
from tests.conftest import make_dataset

CLASSES = ("cat", "dog", "fish")
# row:      r0 r1 r2 r3  r4  r5 r6 r7
LABELS = [0, 0, 0, 1, -1, 2, 2, 1]
SUGGESTED = [1, 1, 2, 0, 1, -1, 2, 0]
FLAGGED = [1, 1, 1, 1, 1, 1, 1, 0]

Make = Callable[..., Team]


def team_of(workspace: Workspace, suggested: list[int], flagged: list[int], role: Role) -> Team:
    """A team in which everybody has this role; the one check suggests and flags as told, in row order."""

    def results(project: Project) -> dict[str, Result]:
        score = np.linspace(0, 0.4, len(flagged))
        table = issue_table(project.dataset, score, np.array(flagged, bool), np.array(suggested))
        return {"label_issues": Result(table, {"flagged": sum(flagged), "estimator": "test"})}

    desk = Desk(workspace, results)
    return Team(desk, People(desk.store, role))


@pytest.fixture
def make_team(tmp_path: Path, store_url: str) -> Iterator[Make]:
    """Makes a team over a data set of these labels and suggestions; everybody is an annotator."""
    made: list[Team] = []

    def make(
        labels: list[int], suggested: list[int], flagged: list[int], role: Role = Role.ANNOTATOR
    ) -> Team:
        workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), store_url, "ann"))
        dataset = make_dataset(labels, CLASSES)
        workspace.save(Prepared(dataset, Predictions(), Source(tmp_path / "p.csv", "csv", "0" * 64, 0), ()))
        made.append(team_of(workspace, suggested, flagged, role))
        return made[-1]

    yield make
    for team in made:
        team.store.close()


@pytest.fixture
def team(make_team: Make) -> Team:
    return make_team(LABELS, SUGGESTED, FLAGGED)


def wish(action: Action = Action.RELABEL, label: str | None = None, **more: object) -> Wish:
    return Wish("pets", Filters(), action, label, **more)  # type: ignore[arg-type]


def decide(team: Team, row: str, who: str, action: Action = Action.KEEP, op_id: str = "") -> None:
    code = LABELS[int(row[1:])]
    given_label = "" if code < 0 else CLASSES[code]
    event = Decision("pets", row, action, who, given_label, op_id or f"{who}-{row}")
    (receipt,) = team.record(who, [event])
    assert receipt.refused == ""


def in_force(team: Team) -> dict[str, tuple[str, str | None, str]]:
    return {r: (str(d.action), d.label, d.annotator) for r, d in team.store.in_force("pets").items()}


# --- locked splits ---------------------------------------------------------------------------------


@pytest.fixture
def split_team(tmp_path: Path, store_url: str) -> Iterator[Team]:
    """Rows r0 to r3 train, r4 to r7 are held out; r5 is in no split. eve is an owner as all are."""
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), store_url, "ann"))
    dataset = make_dataset(LABELS, CLASSES)
    names = pd.array(["train"] * 4 + ["test", None, "test", "test"], dtype="str")
    table = dataset.table.assign(split=names)
    dataset = replace(dataset, table=table, columns=replace(dataset.columns, split="split"))
    workspace.save(Prepared(dataset, Predictions(), Source(tmp_path / "p.csv", "csv", "0" * 64, 0), ()))
    team = team_of(workspace, SUGGESTED, FLAGGED, Role.OWNER)
    yield team
    team.store.close()


EVERY = tuple(f"r{i}" for i in range(8))


def test_apply__an_exclusion_never_reaches_a_locked_split(split_team: Team) -> None:
    asked = wish(Action.EXCLUDE, rows=EVERY)
    assert preview(split_team, "ann", asked).counts == Counts(8, 5, 0, 0, 0, 0, locked=3)
    done = apply(split_team, "ann", asked, "op", expect=5)
    assert done.counts == Counts(8, 5, 0, 0, 0, 0, locked=3)
    assert set(in_force(split_team)) == {"r0", "r1", "r2", "r3", "r5"}
    again = apply(split_team, "ann", wish(Action.EXCLUDE, rows=("r4", "r6")), "op-2")
    assert again.receipt.refused == "Every one of these rows is in a locked split."
    # Other verdicts reach them, and so does one person's verdict on one row.
    assert preview(split_team, "ann", wish(Action.KEEP, rows=EVERY)).counts.change == 3
    decide(split_team, "r4", "bob", Action.EXCLUDE)
    assert in_force(split_team)["r4"][0] == "exclude"
    assert preview(split_team, "ann", asked).counts == Counts(8, 0, 6, 0, 0, 0, locked=2)


def test_apply__which_splits_are_locked_is_said_by_the_last_lock(split_team: Team) -> None:
    splits = splits_of(split_team.desk.project("pets").dataset)
    assert splits is not None
    lock = lock_event("pets", "ann", ["train"], splits)
    assert split_team.record("ann", [lock])[0].refused == ""
    apply(split_team, "ann", wish(Action.EXCLUDE, rows=EVERY), "op")
    assert set(in_force(split_team)) == {"r4", "r5", "r6", "r7"}


def test_record__locking_needs_an_owner(team: Team) -> None:
    event = Decision("pets", "", Action.LOCK, "ann", "", "lock", detail='{"splits": []}')
    with pytest.raises(NotPermitted):
        team.record("ann", [event])


# --- preview ----------------------------------------------------------------------------------------


def test_preview__the_suggestions_of_the_queue(team: Team) -> None:
    found = preview(team, "ann", wish())
    # r5 has no suggestion, r6 is labelled as suggested, r7 is not in the queue
    assert found.counts == Counts(total=7, change=5, decided=0, held=0, unsuggested=1, same=1)
    assert found.pairs == (("cat", "dog", 2), (None, "dog", 1), ("cat", "fish", 1), ("dog", "cat", 1))
    assert sorted(found.examples) == [0, 1, 2, 3, 4]
    assert preview(team, "ann", wish()).examples == found.examples
    assert (found.as_of, found.seen) == (0, 0)


def test_preview__decided_and_held_rows_are_left_alone_each_counted_once(team: Team) -> None:
    decide(team, "r0", "bob")
    decide(team, "r5", "ann", Action.NEEDS_REVIEW)
    team.claims.take("pets", "bob", ["r1", "r6", "r0"])
    team.claims.take("pets", "ann", ["r2"])
    found = preview(team, "ann", wish(as_of=1))
    assert found.counts == Counts(total=7, change=3, decided=2, held=2, unsuggested=0, same=0)
    assert sorted(found.examples) == [2, 3, 4]
    assert (found.as_of, found.seen) == (1, 2)


def test_apply__rows_given_to_others_are_left_to_them(team: Team) -> None:
    given = {"r0": ("bob",), "r1": ("bob", "ann"), "r2": ("cy",)}
    team.store.record([assignment_event("pets", "eve", given)])
    done = apply(team, "ann", wish(), "op")
    assert done.counts == Counts(total=7, change=3, decided=0, held=2, unsuggested=1, same=1)
    assert set(in_force(team)) == {"r1", "r3", "r4"}
    assert apply(team, "bob", wish(), "op-2").counts.change == 1
    assert in_force(team)["r0"][2] == "bob"


@pytest.mark.parametrize(
    ("asked", "change", "same", "pairs"),
    [
        (wish(label="cat"), 4, 3, (("fish", "cat", 2), (None, "cat", 1), ("dog", "cat", 1))),
        (wish(Action.KEEP), 7, 0, (("cat", None, 3), ("fish", None, 2), (None, None, 1), ("dog", None, 1))),
        (wish(Action.EXCLUDE, rows=("r7", "r0", "r7")), 2, 0, (("cat", None, 1), ("dog", None, 1))),
    ],
)
def test_preview__one_label_one_action_or_these_rows(
    team: Team, asked: Wish, change: int, same: int, pairs: tuple
) -> None:
    found = preview(team, "ann", asked)
    assert found.counts == Counts(change + same, change, 0, 0, 0, same)
    assert found.pairs == pairs


def test_preview__shows_few_of_many(make_team: Make) -> None:
    team = make_team([0] * 400, [1] * 400, [1] * 400)
    found = preview(team, "ann", wish())
    assert found.counts.change == 400
    assert len(set(found.examples)) == EXAMPLES
    assert len(found.pairs) <= PAIRS
    assert found.examples != tuple(range(EXAMPLES))


def test_preview__a_hidden_suggestion_is_none(team: Team) -> None:
    team.store.record([plan_event("pets", "eve", Plan(hide_suggestions=1.0))])
    assert preview(team, "ann", wish()).counts == Counts(7, 0, 0, 0, 7, 0)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (wish(label="horse"), "'horse' is not a class"),
        (wish(Action.KEEP, "cat"), "names no class"),
        (wish(Action.UNDO), "is no verdict"),
        (wish(Action.KEEP, rows=("r0", "r99")), "'r99' is not in this project"),
    ],
)
def test_preview__refuses_what_means_nothing(team: Team, asked: Wish, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        preview(team, "ann", asked)
    with pytest.raises(InputError, match=sentence):
        apply(team, "ann", asked, "op")
    assert team.store.events("pets") == []


def test_wish__goes_by_what_the_classes_are_called_now(team: Team) -> None:
    for i, change in enumerate(({"rename": "dog", "to": "hound"}, {"add": "bird"})):
        event = Decision("pets", "", Action.CLASS, "eve", "", f"c{i}", detail=json.dumps(change))
        assert team.store.record([event])[0].refused == ""
    found = preview(team, "ann", wish())
    assert found.pairs == (("cat", "hound", 2), (None, "hound", 1), ("cat", "fish", 1), ("hound", "cat", 1))
    # r3 and r7 are called hounds already
    assert preview(team, "ann", wish(label="hound", rows=("r0", "r3", "r7"))).counts.same == 2
    assert preview(team, "ann", wish(label="bird")).counts.change == 7
    with pytest.raises(InputError, match="'dog' is not a class"):
        preview(team, "ann", wish(label="dog"))
    apply(team, "ann", wish(rows=("r0", "r3")), "op")
    (event,) = team.store.events("pets", annotator="ann")
    assert event.details["members"] == [["r0", "cat", "hound"], ["r3", "dog", "cat"]]


# --- apply ------------------------------------------------------------------------------------------


def test_apply__one_event_with_its_members(team: Team) -> None:
    told = apply(team, "ann", wish(), "op", seen=0, expect=5)
    assert told.counts == Counts(total=7, change=5, decided=0, held=0, unsuggested=1, same=1)
    assert (told.receipt.refused, told.since) == ("", 0)
    (event,) = team.store.events("pets")
    assert (event.row_id, event.action, event.label, event.based_on) == ("", Action.RELABEL, None, 0)
    assert event.details["members"] == [
        ["r0", "cat", "dog"],
        ["r1", "cat", "dog"],
        ["r2", "cat", "fish"],
        ["r3", "dog", "cat"],
        ["r4", "", "dog"],
    ]
    assert event.reason == "shown by label_issues"
    assert in_force(team) == {
        "r0": ("relabel", "dog", "ann"),
        "r1": ("relabel", "dog", "ann"),
        "r2": ("relabel", "fish", "ann"),
        "r3": ("relabel", "cat", "ann"),
        "r4": ("relabel", "dog", "ann"),
    }


def test_apply__rows_decided_or_taken_since_the_preview_are_left_alone_and_told(team: Team) -> None:
    decide(team, "r0", "bob")
    seen = preview(team, "ann", wish(as_of=0))
    assert (seen.counts.change, seen.counts.decided) == (4, 1)
    decide(team, "r1", "bob", Action.EXCLUDE)
    team.claims.take("pets", "bob", ["r2"])
    told = apply(team, "ann", wish(as_of=0), "op", seen=seen.seen, expect=seen.counts.change)
    assert told.counts == Counts(total=7, change=2, decided=2, held=1, unsuggested=1, same=1)
    assert told.since == 1
    assert in_force(team) == {
        "r0": ("keep", None, "bob"),
        "r1": ("exclude", None, "bob"),
        "r3": ("relabel", "cat", "ann"),
        "r4": ("relabel", "dog", "ann"),
    }


def test_apply__sent_again_is_acknowledged_again(team: Team) -> None:
    first = apply(team, "ann", wish(as_of=0), "op", seen=0, expect=5)
    decide(team, "r5", "bob")
    again = apply(team, "ann", wish(as_of=0), "op", seen=0, expect=5)
    assert (again.receipt.seq, again.receipt.refused, again.counts.change) == (first.receipt.seq, "", 5)
    assert again.counts.total == sum(vars(again.counts).values()) - again.counts.total
    assert len(team.store.events("pets")) == 2


def test_apply__nothing_left_to_change_stores_nothing(team: Team) -> None:
    decide(team, "r0", "bob")
    told = apply(team, "ann", wish(Action.EXCLUDE, rows=("r0",)), "op")
    assert told.receipt.refused == "Every one of these rows is decided or held already."
    assert told.counts == Counts(1, 0, 1, 0, 0, 0)
    assert in_force(team) == {"r0": ("keep", None, "bob")}


def test_apply__never_more_rows_than_were_told(team: Team) -> None:
    team.claims.take("pets", "bob", ["r0"])
    expect = preview(team, "ann", wish()).counts.change
    team.claims.release("pets", "bob")
    with pytest.raises(InputError, match="5 rows would change now"):
        apply(team, "ann", wish(), "op", expect=expect)
    assert team.store.events("pets") == []


def test_apply__the_number_of_very_many_is_wanted(make_team: Make) -> None:
    n = TYPED_ABOVE + 1
    team = make_team([0] * n, [1] * n, [1] * n)
    with pytest.raises(InputError, match="1,001 rows would change, and their number was not given"):
        apply(team, "ann", wish(), "op")
    assert apply(team, "ann", wish(), "op", expect=n).counts.change == n


def test_apply__wants_an_annotator(make_team: Make) -> None:
    team = make_team(LABELS, SUGGESTED, FLAGGED, Role.VIEWER)
    with pytest.raises(NotPermitted, match="Your role is viewer; this needs annotator"):
        apply(team, "ann", wish(), "op")
    assert team.store.events("pets") == []


def test_apply__is_undone_and_redone_as_one(team: Team) -> None:
    apply(team, "ann", wish(), "op")
    decide(team, "r5", "ann")
    before = in_force(team)
    undo = Decision("pets", "", Action.UNDO, "ann", "", "undo", undoes="op")
    assert [r.refused for r in team.record("ann", [undo])] == [""]
    assert in_force(team) == {"r5": ("keep", None, "ann")}
    redo = Decision("pets", "", Action.UNDO, "ann", "", "redo", undoes="undo")
    assert [r.refused for r in team.record("ann", [redo])] == [""]
    assert in_force(team) == before
    steps = team.timeline("ann", "pets")["done"]
    assert [(s["op_id"], s["row_id"], s["n"]) for s in steps] == [("ann-r5", "r5", 1), ("op", "", 5)]


def test_apply__gives_back_ones_own_claims_on_the_rows(team: Team) -> None:
    team.claims.take("pets", "ann", ["r0", "r1", "r7"])
    apply(team, "ann", wish(rows=("r0", "r1")), "op")
    assert set(team.claims.held("pets")) == {"r7"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One workspace for every example of a property, each with a data set of its own."""
    folder = tmp_path_factory.mktemp("counts")
    yield Workspace(Settings(folder, (folder,), "", "ann"))
    shared_store(f"sqlite:///{folder / 'labelmend.db'}").close()


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2)), min_size=1, max_size=12),
    data=st.data(),
)
def test_counts__sum_up_and_come_true(
    shared: Workspace, rows: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whatever is decided or held: the counts add up, and what is applied is what was told."""
    labels, suggested = [label for label, _ in rows], [s for _, s in rows]
    dataset = make_dataset(labels, CLASSES, f"pets{len(shared.names())}")
    shared.save(Prepared(dataset, Predictions(), Source(Path("p.csv"), "csv", "0" * 64, 0), ()))
    team = team_of(shared, suggested, [1] * len(rows), Role.OWNER)
    ids = list(dataset.row_ids)
    decided = data.draw(st.sets(st.sampled_from(ids)))
    held = data.draw(st.sets(st.sampled_from(ids)))
    action, label = data.draw(
        st.sampled_from([(Action.RELABEL, None), (Action.RELABEL, "dog"), (Action.KEEP, None)])
    )
    asked = Wish(dataset.name, Filters(), action, label)
    for row in decided:
        team.store.record([Decision(dataset.name, row, Action.EXCLUDE, "bob", "", dataset.name + row)])
    team.claims.take(dataset.name, "bob", sorted(held))

    told = preview(team, "ann", asked).counts
    others = (told.change, told.decided, told.held, told.unsuggested, told.same)
    assert told.total == sum(others) == len(rows)
    assert (told.decided, told.held) == (len(decided), len(held - decided))
    done = apply(team, "ann", asked, f"op-{dataset.name}", expect=told.change)
    assert done.counts == told
    mine = {r: d for r, d in team.store.in_force(dataset.name).items() if d.annotator == "ann"}
    assert len(mine) == told.change
    assert not mine.keys() & (decided | held)
    assert all(d.label != d.given_label for d in mine.values() if action is Action.RELABEL)
