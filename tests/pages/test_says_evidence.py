"""The numbers that the tabs of Evidence say, against ones that the test counts from what it stored."""

from __future__ import annotations

import uuid
from math import sqrt
from types import SimpleNamespace

import pytest

from core import gates
from core.review.decisions import Action, Decision
from core.review.votes import Round
from core.workspace import Workspace
from pages.parts import charts, evidence_models, evidence_retraining, session
from tests.conftest import make_dataset
from tests.core.benchmarks import noisy, stored
from tests.pages.conftest import Open, likely, save, words
from tests.pages.test_evidence_gate import check
from tests.pages.test_evidence_models import read
from tests.pages.test_evidence_retraining import reviewed
from tests.pages.test_evidence_validation import open_round, rounds, vote

LABELS = [0, 1] * 35
WRONG = set(range(0, 24, 2)) | {1, 3, 5}


@pytest.fixture
def name(workspace: Workspace) -> str:
    """70 rows; 12 cats and 3 dogs are flagged, each with the other class as suggestion."""
    made = f"says-{uuid.uuid4().hex[:8]}"
    save(workspace, make_dataset(LABELS, name=made), likely(LABELS, WRONG))
    return made


def keep(name: str, row: int) -> Decision:
    return Decision(name, f"r{row}", Action.KEEP, "ann", ("cat", "dog")[LABELS[row]], f"{name}-{row}")


def test_numbers__how_many_rows_are_decided(open_page: Open, name: str) -> None:
    open_page("evidence", ds=name, tab="numbers")
    for rows, said in (((0,), "1 row has"), ((1, 2, 3), "4 rows have")):
        session.store().record([keep(name, row) for row in rows])
        shown = words(open_page("evidence", ds=name, tab="numbers"))
        assert f"{said} a decision in force. This is counted, not estimated." in shown


def test_gate__counts_of_wrong_fixes_and_of_the_other_rows(open_page: Open, name: str) -> None:
    app = open_page("evidence", ds=name, tab="batches")
    cats = sum(LABELS[i] == 0 for i in WRONG)
    assert f"{len(WRONG)} rows would change: cat → dog {cats}, dog → cat {len(WRONG) - cats}" in words(app)
    app.number_input(key="gate_promise").set_value(30.0).run()
    next(b for b in app.button if b.label == f"Start the check of {len(WRONG)} rows").click().run()
    wrong = 0
    while not gates.checks_of(session.team(), name)[0].over:
        check(name, 1, wrong=1)
        wrong += 1
    assert 1 < wrong < len(WRONG)
    app = open_page("evidence", ds=name, tab="batches")
    assert f"Wrong fixes: {wrong}" in [e.label for e in app.expander]
    labels = [b.label for b in app.button]
    assert f"Check the other {len(WRONG) - wrong} rows anew" in labels


def test_models__pairs_and_what_makes_one_firm(open_page: Open, workspace: Workspace) -> None:
    stored(workspace, noisy(name="says-bench"))
    open_page("evidence", ds="says-bench")
    session.store().record(read(workspace, "says-bench", 200))
    app = open_page("evidence", ds="says-bench", tab="models")
    pairs = 3 * 2 // 2
    assert f"{pairs} pairs: those with an exact p below {0.05 / pairs:.2g} are firm." in words(app)
    assert len(app.dataframe[1].value) == pairs
    (chart,) = app.get("plotly_chart")
    assert chart.proto.alt.endswith("with none, good is first")
    often = next(s for s in app.selectbox if s.label == "Rows that no model doubts are read").options
    assert {"0.1 times as often", "0.5 times as often", "as often as the others"} <= set(often)
    assert evidence_models._as_often(0.25) == "0.25 times as often"


def test_retraining__hover_says_the_gain_with_its_interval() -> None:
    gain, control = (
        SimpleNamespace(mean=0.0234, low=0.011, high=0.0361),
        SimpleNamespace(mean=-0.004, low=-0.0162, high=0.0075),
    )
    made = SimpleNamespace(impact=SimpleNamespace(gain=gain, control_gain=control))
    (dots,) = evidence_retraining._figure(made, charts._LIGHT)["data"]  # type: ignore[arg-type]
    assert dots["hovertext"] == [
        "random edits: -0.4 points, interval -1.6 to 0.8",
        "corrections: +2.3 points, interval 1.1 to 3.6",
    ]
    assert dots["y"] == [0, 1] and [round(x, 2) for x in dots["x"]] == [-0.4, 2.34]


def test_retraining__what_a_measurement_trains(open_page: Open, workspace: Workspace) -> None:
    reviewed(workspace, "says-train")
    app = open_page("evidence", ds="says-train", tab="retraining")
    app.button(key="freeze_it_says-train").click().run()
    labelled = int((workspace.open("says-train").dataset.labels >= 0).sum())
    help = app.button(key="measure_says-train").help
    test = int(next(s for s in words(app).split("\n") if "test rows frozen" in s).split()[0])
    arms, seeds = 3, evidence_retraining.SEEDS
    assert f"Trains {arms * seeds} small models on {labelled - test} rows or fewer" in help


def test_validation__what_a_round_asks(open_page: Open, name: str) -> None:
    app = open_page("evidence", ds=name, tab="validation")
    said = words(app)
    assert f"{len(WRONG)} rows of this queue are flagged with another label suggested." in said
    app.number_input(key="v_readers").set_value(3).run()
    app.number_input(key=f"v_rows_{len(WRONG)}").set_value(4).run()
    assert f"4 rows with 3 votes each: {4 * 3} votes." in words(app)
    app.number_input(key="v_readers").set_value(1).run()
    app.number_input(key=f"v_rows_{len(WRONG)}").set_value(1).run()
    assert "1 row with 1 vote each: 1 vote." in words(app)
    assert "Ask about 1 row" in [b.label for b in app.button]


def other(row: str) -> str:
    return ("dog", "cat")[LABELS[int(row[1:])]]


def given(row: str) -> str:
    return ("cat", "dog")[LABELS[int(row[1:])]]


def share(hits: int, of: int) -> str:
    """The share with the roots of (p - s)^2 = z^2 s (1 - s) / n, which are Wilson's interval."""
    z2, p = 1.96**2, hits / of
    a, b = 1 + z2 / of, 2 * p + z2 / of
    half = sqrt(max(0.0, b * b - 4 * a * p * p))
    return f"{p:.0%} ({(b - half) / (2 * a):.0%} to {(b + half) / (2 * a):.0%})"


def voted(of: Round) -> dict[str, str]:
    """Bob and Eve vote on every row: of the cats 9 are wrong, of the dogs 1; the others are right."""
    ids = sorted(of.rows, key=lambda row: int(row[1:]))
    cats = [row for row in ids if given(row) == "cat"]
    right = {*cats[9:], *[row for row in ids if given(row) == "dog"][1:]}
    said = {row: given(row) if row in right else other(row) for row in ids}
    for row, label in said.items():
        for who in ("bob", "eve"):
            vote(of, who, row, label)
    return said


def test_validation__outcomes_classes_and_what_was_decided_already(open_page: Open, name: str) -> None:
    open_round(open_page("evidence", ds=name, tab="validation"), 2)
    [of] = rounds(name)
    said = voted(of)
    wrong = [row for row, label in said.items() if label != given(row)]
    app = open_page("evidence", ds=name, tab="validation", show="results")
    (pills,) = [g for g in app.get("button_group") if g.label == "Outcome"]
    labels = [o.content for o in pills.proto.options]
    assert sorted(labels) == [f"Correctable {len(wrong)}", f"Given label right {len(said) - len(wrong)}"]
    assert set(app.dataframe[0].value["votes"]) <= {"suggested 2", "given 2"}
    app.toggle(key="validated_by_class").set_value(True).run()
    table = next(f.value for f in app.dataframe if "given label" in f.value.columns).set_index("given label")
    for label in ("cat", "dog"):
        rows = [row for row in said if given(row) == label]
        hits = len([row for row in rows if row in wrong])
        assert table.loc[label].tolist() == [len(rows), hits, share(hits, len(rows))]
    session.store().record([keep(name, int(row[1:])) for row in wrong[:3]])
    app.session_state[f"v_apply_{of.id}"] = True
    app.run()
    assert f"{len(wrong) - 3} rows: correctable, so they get the suggested label (left alone: " in words(app)
    assert "3 decided already" in words(app)
    assert app.button(key=f"v_do_{of.id}").label == f"Decide {len(wrong) - 3} rows"


def test_validation__votes_that_are_brought_and_the_choice_of_a_round(open_page: Open, name: str) -> None:
    open_round(open_page("evidence", ds=name, tab="validation"), 1)
    app = open_page("evidence", ds=name, tab="validation")
    app.session_state["v_bring"] = True
    app.run()
    lines = [
        "row_id,annotator,choice",
        *(f"r0,p{i},suggested" for i in range(3)),
        "r2,p0,given",
        "r4,p1,both",
    ]
    app.file_uploader(key="votes_file").set_value(("v.csv", "\n".join(lines).encode(), "text/csv")).run()
    assert "5 votes on 3 rows. Stored, this becomes a round of its own." in words(app)
    next(b for b in app.button if b.label == "Store 5 votes").click().run()
    assert not app.exception and len(rounds(name)) == 2
    app = open_page("evidence", ds=name, tab="validation")
    options = app.selectbox(key="url_round").options
    assert any(": 3 rows, recorded votes (" in text for text in options)
    assert any(f": {len(WRONG)} rows, 1 vote a row (flagged rows)" in text for text in options)
