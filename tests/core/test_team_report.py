from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from core.dataset import Dataset
from core.predictions import Predictions
from core.review.decisions import Action, Decision, Standing
from core.review.fold import Fold
from core.review.items import Board
from core.review.plan import Plan
from core.review.store import Store
from core.team_report import (
    News,
    Progress,
    State,
    Tally,
    disagreement_rows,
    ended_rows,
    news,
    pace,
    plan_in_words,
    state_of_row,
)

ONCE = Plan()
TWICE = Plan(looks=2, share=1.0)
MONDAY, TUESDAY, WEDNESDAY = date(2025, 3, 3), date(2025, 3, 4), date(2025, 3, 5)


def said(row: str, who: str, action: Action = Action.KEEP, *, day: int = 3, **more: object) -> Decision:
    label = "dog" if action is Action.RELABEL else None
    at = f"2025-03-{day:02d}T12:00:00.000+00:00"
    return Decision("pets", row, action, who, "cat", f"{who}-{row}-{action}", label, decided_at=at, **more)  # type: ignore[arg-type]


def stands(*events: Decision) -> dict[str, Standing]:
    return dict(Fold(events).standings())


def tally(*events: Decision, queue: int = 4, plan: Plan = ONCE, looks: int = 1) -> Tally:
    rows = [f"r{i}" for i in range(queue)]
    made = Tally(plan, rows, dict.fromkeys(rows, looks) if looks > 1 else {})
    made.put(stands(*events))
    return made


@pytest.mark.parametrize(
    ("events", "looks", "state"),
    [
        ([said("r", "ann")], 1, State.DONE),
        ([said("r", "ann")], 2, State.WAITING),
        ([said("r", "ann"), said("r", "bob")], 2, State.DONE),
        ([said("r", "ann"), said("r", "bob", Action.EXCLUDE)], 2, State.DISAGREED),
        ([said("r", "ann"), said("r", "bob", Action.EXCLUDE)], 3, State.DISAGREED),
        ([said("r", "ann", Action.NEEDS_REVIEW)], 1, State.NEEDS_REVIEW),
        ([said("r", "ann", Action.NEEDS_REVIEW), said("r", "bob")], 1, State.DONE),
        ([said("r", "ann"), said("r", "eve", Action.EXCLUDE, final=True)], 2, State.DONE),
        ([said("r", "eve", Action.NEEDS_REVIEW, final=True)], 2, State.NEEDS_REVIEW),
    ],
)
def test_state_of_row(events: list[Decision], looks: int, state: State) -> None:
    assert state_of_row(stands(*events)["r"], ONCE, looks) is state


def test_state_of_row__a_change_waits_for_a_second_look_where_the_plan_says_so() -> None:
    plan = Plan(looks=2, changes=True)
    assert state_of_row(stands(said("r", "ann", Action.RELABEL))["r"], plan, 1) is State.WAITING
    assert state_of_row(stands(said("r", "ann", Action.KEEP))["r"], plan, 1) is State.DONE


def test_progress__states_of_the_queue_and_rows_outside_of_it() -> None:
    found = tally(
        said("r0", "ann"),
        said("r1", "ann"),
        said("r1", "bob", Action.EXCLUDE),
        said("r2", "ann", Action.NEEDS_REVIEW),
        said("elsewhere", "ann"),
    ).progress()
    assert found == Progress(total=4, done=1, waiting=0, disagreed=1, needs_review=1, outside=1)
    assert found.undecided == 1


def test_progress__the_looks_of_the_plan_make_rows_wait() -> None:
    found = tally(said("r0", "ann"), said("r1", "ann"), said("r1", "bob"), plan=TWICE, looks=2).progress()
    assert (found.done, found.waiting, found.undecided) == (1, 1, 2)


def test_people__count_the_rows_on_which_their_verdict_stands() -> None:
    made = tally(said("r0", "ann"), said("r0", "bob"), said("x", "ann"), said("r1", "eve", final=True))
    assert made.people() == {"ann": 2, "bob": 1, "eve": 1}
    made.put({"r0": None})
    assert made.people() == {"ann": 1, "eve": 1}


def test_put__replaces_what_a_row_added_before() -> None:
    made = tally(said("r0", "ann"))
    made.put(stands(said("r0", "ann"), said("r0", "bob", Action.EXCLUDE)))
    assert (made.progress().done, made.progress().disagreed) == (0, 1)
    made.put({"r0": None, "never seen": None})
    assert made.progress() == Progress(4, 0, 0, 0, 0, 0)


def test_per_day__counts_down_to_what_is_left_without_gaps() -> None:
    made = tally(said("r0", "ann", day=3), said("r1", "ann", day=5), said("elsewhere", "ann", day=4))
    table = made.per_day(date(2025, 3, 6))
    assert table["day"].tolist() == [MONDAY, TUESDAY, WEDNESDAY, date(2025, 3, 6)]
    assert table["done"].tolist() == [1, 0, 1, 0]
    assert table["left"].tolist() == [3, 3, 2, 2]


def test_per_day__a_row_without_agreement_is_still_left() -> None:
    made = tally(said("r0", "ann"), said("r0", "bob", Action.EXCLUDE), said("r1", "ann", Action.NEEDS_REVIEW))
    table = made.per_day(MONDAY)
    assert (table["done"].tolist(), table["left"].tolist()) == ([0], [4])


def test_per_day__days_are_those_of_the_viewer() -> None:
    late = said("r0", "ann", day=3)  # noon in UTC is Tuesday at 14 hours ahead
    made = Tally(ONCE, ["r0"], {}, timezone(timedelta(hours=14)))
    made.put(stands(late))
    assert made.per_day(TUESDAY)["day"].tolist() == [TUESDAY]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store(store_url)
    yield opened
    opened.close()


def test_refresh__follows_verdicts_undos_bulk_and_their_undo(store: Store) -> None:
    made = Tally(ONCE, ["r0", "r1", "r2"], {}, UTC)
    store.record([said("r0", "ann")])
    made.refresh(store, "pets")
    assert made.progress().done == 1
    store.record_bulk(
        Decision("pets", "", Action.EXCLUDE, "bob", "", "b"), [("r1", "", None), ("r2", "", None)]
    )
    made.refresh(store, "pets")
    assert made.people() == {"ann": 1, "bob": 2}
    store.record([Decision("pets", "", Action.UNDO, "bob", "", "u", undoes="b")])
    seq = made.refresh(store, "pets")
    assert made.active == {e.annotator: e.decided_at for e in store.events("pets")}
    assert (made.progress().done, seq) == (1, 3)
    store.record([Decision("pets", "", Action.UNDO, "bob", "", "redo", undoes="u")])
    store.record([Decision("pets", "r0", Action.UNDO, "ann", "cat", "v", undoes="ann-r0-keep")])
    made.refresh(store, "pets")
    assert made.people() == {"bob": 2}
    fresh = Tally(ONCE, ["r0", "r1", "r2"], {}, UTC)
    fresh.refresh(store, "pets")
    assert fresh.progress() == made.progress()


def times(*seconds: float) -> list[str]:
    return [f"2025-03-03T12:{int(s) // 60:02d}:{s % 60:06.3f}+00:00" for s in seconds]


def test_pace__is_the_median_gap_and_leaves_pauses_out() -> None:
    assert pace(times(0, 2, 6, 600, 603)) == 3
    assert pace(times(0)) is None
    assert pace([]) is None
    assert pace(times(0, 61)) is None
    assert pace(times(0, 60)) == 60


def test_pace__only_the_last_twenty_gaps_count() -> None:
    slow = [30.0 * i for i in range(31)]
    quick = [900 + 2.0 * i for i in range(1, 21)]
    assert pace(times(*slow, *quick)) == 2


def test_news__counts_what_others_did_and_stands() -> None:
    events = [
        said("r0", "ann"),
        said("r0", "bob", Action.EXCLUDE),
        Decision("pets", "", Action.KEEP, "cy", "", "bulk").bulk([("r1", "cat", None), ("r2", "cat", None)]),
        said("r3", "bob"),
        Decision("pets", "r3", Action.UNDO, "bob", "cat", "u", undoes="bob-r3-keep"),
        Decision("pets", "r0", Action.NOTE, "dee", "cat", "n", detail='{"text": "hm"}'),
    ]
    assert news(events, "ann", stands(*events)) == News(decisions=3, people=2, disagreements=1)
    assert news([], "ann", {}) == News(0, 0, 0)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(), "Each of 4 rows in the queue gets one look."),
        (
            Plan(looks=3, share=1.0, hide_suggestions=1.0),
            "4 of 4 rows in the queue get 3 looks by different people. Annotators do not see each other's "
            "answers. 4 are shown without the model's suggestion.",
        ),
        (
            Plan(classes=("dog",), blind=False),
            "2 of 4 rows in the queue get 2 looks by different people.",
        ),
        (
            Plan(changes=True, blind=False),
            "Of 4 rows in the queue, one gets 2 looks where the first annotator changes or excludes it.",
        ),
        (
            Plan(classes=("dog",), changes=True, blind=False),
            "2 of 4 rows in the queue get 2 looks by different people. So does a row where the first "
            "annotator changes or excludes it.",
        ),
    ],
)
def test_plan_in_words(pets: Dataset, plan: Plan, words: str) -> None:
    assert plan_in_words(plan, pets, np.array([0, 1, 2, 3])) == words


def board(pets: Dataset, predictions: Predictions, hidden: list[bool] | None = None) -> Board:
    return Board(
        pets, predictions, {}, "", lambda p, size: "", None if hidden is None else np.array(hidden)
    )  # fmt: skip


def test_disagreement_rows__answers_side_by_side_without_names(
    pets: Dataset, pets_predictions: Predictions
) -> None:
    events = [said("r1", "ann"), said("r1", "bob", Action.RELABEL), said("r1", "cy", Action.EXCLUDE)]
    events += [said("gone", "ann"), said("gone", "bob", Action.AMBIGUOUS)]
    table = disagreement_rows(board(pets, pets_predictions), stands(*events), ["r1", "gone"])
    assert list(table.columns) == ["row", "preview", "given", "model", "A", "B", "C"]
    assert table.loc["r1"].tolist() == [2, "text 1", "cat", "dog 80%", "cat (kept)", "dog", "excluded"]
    assert pd.isna(table.loc["gone", "row"])
    assert table.loc["gone"].tolist()[1:] == ["not in this data set", "", "", "cat (kept)", "ambiguous", ""]


def test_disagreement_rows__a_hidden_suggestion_stays_hidden(
    pets: Dataset, pets_predictions: Predictions
) -> None:
    events = [said("r1", "ann"), said("r1", "bob", Action.EXCLUDE)]
    hiding = board(pets, pets_predictions, [False, True, False, False, False, False])
    assert disagreement_rows(hiding, stands(*events), ["r1"])["model"].tolist() == [""]


def test_ended_rows__name_everybody(pets: Dataset, pets_predictions: Predictions) -> None:
    events = [said("r1", "ann"), said("r1", "bob", Action.EXCLUDE), said("r1", "eve", final=True)]
    table = ended_rows(board(pets, pets_predictions), stands(*events), ["r1"])
    assert table.loc["r1", ["answers", "final"]].tolist() == [
        "ann: cat (kept) · bob: excluded",
        "eve: cat (kept)",
    ]
