"""Gold rows, anchoring, and errors against ambiguity, on the Team, Evidence and Export pages."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.evidence.people_words import gold_in_words
from core.gold import candidates, events_of, measured_of
from core.review.chance import random_order
from core.review.decisions import Action, Decision
from core.review.orders import RANDOM_SEED
from core.review.people import Role
from core.review.plan import Plan, plan_event
from core.review.queue import Filters
from core.review.store import Store
from core.team import shared_team
from core.workspace import Workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.pages import test_team
from tests.pages.conftest import Open, likely, save, words
from tests.pages.test_team import (  # noqa: F401
    LABELS,
    as_role,
    nothing_decided,
    say,
    store,
    tables,
    verdict,
    workspace,
)


def told(row: int, who: str, label: str | None, **shown: object) -> Decision:
    made = verdict(row, who, Action.RELABEL if label else Action.KEEP, label)
    return Decision(**{f: getattr(made, f) for f in made.__slots__} | {"shown": json.dumps(shown)})


def other(row: int) -> str:
    return ("cat", "dog")[1 - LABELS[row]]


def settle(store: Store, rows: int = 8, who: str = "ann") -> None:  # noqa: F811
    """The first rows, settled: every second label is wrong."""
    say(
        store,
        *(verdict(r, who, *((Action.RELABEL, other(r)) if r % 2 else (Action.KEEP,))) for r in range(rows)),
    )


def test_plan__marks_settled_rows_as_gold_and_takes_them_back(open_page: Open, store: Store) -> None:  # noqa: F811
    app = open_page("team", ds="pets", tab="plan")
    assert "No row is gold yet." in words(app)
    assert "No row that is not gold yet has been settled" in words(app)
    settle(store)
    app = open_page("team", ds="pets", tab="plan")
    assert "settled 4 right and 4 wrong labels that are not gold yet." in words(app)
    app.button(key="gold_mark_8").click().run()
    assert "8 rows are gold: 4 known right, 4 known wrong." in words(app)
    assert "with this plan no other row is" in words(app)
    assert "8 rows marked as gold" in words(app)
    team = session.team()
    assert len(team.gold("pets")) == 8
    assert all(s.final is not None for s in team.store.standings("pets").values())
    (gold,) = [n for n in app.number_input if n.label.startswith("Gold rows among")]
    assert gold.value == 5.0
    gold.set_value(10.0).run()
    next(b for b in app.button if b.label == "Save this plan").click().run()
    assert team.plan("pets").gold == 0.1
    back = next(b for b in app.button if b.label == "Take back")
    back.click().run()
    assert not app.exception and team.gold("pets") == frozenset()
    assert "No row is gold yet." in words(app)


def test_plan__reads_gold_rows_from_a_file(open_page: Open, store: Store) -> None:  # noqa: F811
    app = open_page("team", ds="pets", tab="plan")
    upload = app.file_uploader(key="gold_file_pets")
    upload.set_value(("gold.csv", b"row_id,label\nr0,cat\nr99,cat\n", "text/csv")).run()
    assert "there is no row 'r99'" in words(app).replace("\\", "")
    upload = app.file_uploader(key="gold_file_pets")
    upload.set_value(("gold.csv", b"row_id,label\nr0,cat\nr1,cat\n", "text/csv")).run()
    assert "1 known right, 1 known wrong." in words(app)
    app.button(key="gold_mark_file").click().run()
    assert "2 rows are gold: 1 known right, 1 known wrong." in words(app)
    assert not app.exception


def answered(store: Store, workspace: Workspace) -> None:  # noqa: F811
    """Four gold rows of each kind, answered by Bob: a false alarm, and two misses."""
    settle(store, who="eve")
    team = shared_team(workspace)
    dataset, classes = workspace.open("pets").dataset, team.desk.classes("pets")
    found = candidates(store.standings("pets"), dataset, classes, team.role)
    say(store, *events_of(found.half_and_half(8), "eve", classes))
    for row in range(8):
        wrong = row % 2 == 1
        errs = row in (0, 1, 3)
        say(store, told(row, "bob", other(row) if wrong != errs else None, source="gold"))


def test_agreement__tells_adjudicators_of_everybodys_errors_on_gold(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
) -> None:
    answered(store, workspace)
    app = open_page("team", ds="pets", tab="agreement")
    found = measured_of(session.team(), "pets")
    assert (found.everybody.false_alarms, found.everybody.misses) == ((1, 4), (2, 4))
    assert gold_in_words(found.everybody) in words(app)
    assert "bob" in tables(app) and "1 of 4" in tables(app) and "2 of 4" in tables(app)


def test_agreement__tells_annotators_their_own_errors_and_no_gold_row(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
    as_role: test_team.Callable[[Role], None],  # noqa: F811
) -> None:
    answered(store, workspace)
    as_role(Role.ANNOTATOR)
    app = open_page("team", ds="pets", tab="agreement")
    assert "On gold rows" not in words(app)  # the visitor has answered none
    team = session.team()
    assert team.gold("pets", "zoe") == team.gold("pets")
    app = open_page("team", ds="pets", tab="history")
    assert "gold" not in words(app) + tables(app) and "final word" not in words(app) + tables(app)


def test_agreement__tells_errors_from_ambiguity_with_the_way_to_the_rows(
    open_page: Open,
    store: Store,  # noqa: F811
) -> None:
    for row in (0, 1, 2):  # an error each
        say(store, *(verdict(row, who, Action.RELABEL, other(row)) for who in ("ann", "bob")))
    say(store, verdict(4, "ann"), verdict(4, "bob"), verdict(5, "ann"), verdict(5, "bob", Action.AMBIGUOUS))
    app = open_page("team", ds="pets", tab="agreement")
    assert (
        "Of 5 rows that several people read, 3 have a wrong label, 1 a right one, 1 is ambiguous, and 0 want "
        "one more reader." in words(app)
    )
    frame = next(f.value for f in app.dataframe if "finding" in f.value.columns)
    assert frame["finding"].tolist() == ["error"] * 3 + ["ambiguous", "right"]
    links = [link for link in app.get("page_link") if link.proto.label.startswith("Review ")]
    assert [link.proto.label for link in links] == ["Review 3 rows with an error", "Review 1 ambiguous row"]
    there = Filters(q="/^(r0|r1|r2)$/", state="decided", cut=1.0)
    assert sorted(session.team().queue("pets", "ann", there)[0].tolist()) == [0, 1, 2]
    app.get("button_group")[-1].set_value("crowdlab").run()
    assert not app.exception


def test_agreement__measures_anchoring_once_there_are_enough_decisions(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
) -> None:
    app = open_page("team", ds="pets", tab="agreement")
    assert "Nothing is known of anchoring: the plan hides no suggestions." in words(app)
    say(store, plan_event("pets", "ann", Plan(hide_suggestions=0.3)))
    lot = {"suggested": "dog", "hidden_share": 0.3}
    say(store, told(0, "ann", "dog", seen=True, **lot))
    app = open_page("team", ds="pets", tab="agreement")
    assert "Too few decisions to tell of anchoring (1 of 100)." in words(app)
    labels = [0] * 400
    save(workspace, make_dataset(labels, name="many"), likely(labels, set()))
    rng = np.random.default_rng(0)
    events = []
    for row in range(400):
        seen = bool(rng.random() >= 0.3)
        took = rng.random() < (0.8 if seen else 0.2)
        action, label = (Action.RELABEL, "dog") if took else (Action.KEEP, None)
        shown = json.dumps({**lot, "seen": seen})
        events.append(Decision("many", f"r{row}", action, "bob", "cat", f"m{row}", label, shown=shown))
    say(store, *events)
    app = open_page("team", ds="many", tab="agreement")
    assert "points more often than they would choose it unaided (" in words(app)
    assert "answers with the suggestion shown" in words(app)


def test_evidence__says_what_the_corrected_line_lacks_and_then_the_line(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
) -> None:
    answered(store, workspace)
    dataset = workspace.open("pets").dataset
    order = [p for p in random_order(dataset.row_ids, RANDOM_SEED).tolist() if p >= 8]
    say(store, *(told(p, "bob", None, source="audit") for p in order[:12]))
    said = words(open_page("evidence", ds="pets")).replace("\\", "")
    assert "among the 20 rows nobody has read" in said  # 40 less 8 gold rows and 12 read
    assert (
        "To correct for the annotators' own errors, more answers to gold rows are needed: 96 to rows known "
        "right and 96 to rows known wrong." in said
    )
    for person in range(25):
        events = [told(row, f"p{person}", other(row) if row % 2 else None, source="gold") for row in range(8)]
        say(store, *events)
    said = words(open_page("evidence", ds="pets")).replace("\\", "")
    assert (
        "Corrected for the annotators' own errors, 0 to " in said
        and "of the 32 labels are wrong (95%)." in said
    )
    assert "they called 1 of 104 right labels wrong, and missed 2 of 104 wrong ones." in said


def test_export__offers_soft_labels(open_page: Open, store: Store) -> None:  # noqa: F811
    say(store, verdict(0, "ann"), verdict(0, "bob", Action.RELABEL, "dog"))
    app = open_page("export", ds="pets")
    pills = app.get("button_group")
    assert any("soft_label" in [o.content for o in p.proto.options] for p in pills)


@pytest.mark.parametrize("page", ["issues", "overview"])
def test_pages__open_for_annotators_where_there_is_gold(
    open_page: Open,
    store: Store,  # noqa: F811
    workspace: Workspace,  # noqa: F811
    as_role: test_team.Callable[[Role], None],  # noqa: F811
    page: str,
) -> None:
    answered(store, workspace)
    as_role(Role.ANNOTATOR)
    open_page(page, ds="pets")
