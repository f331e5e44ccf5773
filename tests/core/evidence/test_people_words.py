from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.evidence.log import ReviewLog
from core.evidence.people import Gap, Gold, gold
from core.evidence.people_words import (
    anchoring_in_words,
    corrected_in_words,
    gap_in_words,
    gold_in_words,
    readers_in_words,
)
from core.evidence.readers import findings, usual_method
from core.evidence.remaining import Remaining, corrected
from core.evidence.state import corrected_total
from core.evidence.suggestions import ByLot, by_lot
from core.review.classes import classes_of
from core.review.decisions import Action, Decision
from core.team_answers import Answers, answers
from tests.conftest import make_dataset

DATASET = make_dataset([0] * 8, ("cat", "dog", "cow"))
CLASSES = classes_of(DATASET)


def told(row: str, op: str, label: str | None = "dog", who: str = "ann", **shown: object) -> Decision:
    shown = {"suggested": "dog", "seen": True, "hidden_share": 0.2, **shown}
    action = Action.KEEP if label is None else Action.RELABEL
    return Decision("d", row, action, who, "cat", op, label, shown=json.dumps(shown))


def test_by_lot__reads_first_answers_to_rows_that_a_lot_showed_or_hid() -> None:
    events = [
        told("r1", "1"),
        told("r1", "2", None),  # a second thought
        told("r1", "3", None, who="bob", seen=False, hidden_share=0.5),
        told("r2", "4", "cow"),  # another class than the one suggested
        replace(told("r3", "5"), shown='{"source": "audit"}'),  # not by lot
        replace(told("r4", "6"), action=Action.NEEDS_REVIEW, label=None),
        replace(told("r5", "7"), final=True),
        told("r6", "8"),
        Decision("d", "r6", Action.UNDO, "ann", "", "9", undoes="8"),
        replace(told("", "10"), action=Action.KEEP, label=None).bulk([("r7", "cat", None)]),
    ]
    found = by_lot(events, CLASSES)
    assert found.shown.tolist() == [True, False, True] and found.took.tolist() == [True, False, False]
    assert found.share.tolist() == [0.2, 0.5, 0.2] and found.gap is None
    assert len(by_lot([], CLASSES)) == 0


def test_by_lot__knows_a_suggestion_by_its_later_name() -> None:
    rename = Decision(
        "pets", "", Action.CLASS, "eve", "", "c", detail='{"rename": "dog", "to": "hound"}', seq=1
    )
    found = by_lot([replace(told("r1", "1", "hound"), seq=2)], classes_of(DATASET, [rename]))
    assert found.took.tolist() == [True]


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (
            Gap(0.09, 0.02, 0.16, 800, 200),
            "Annotators take a shown suggestion 9 points more often than they would choose it unaided "
            "(2 to 16).",
        ),
        (
            Gap(-0.01, -0.03, -0.001, 800, 200),
            "Annotators take a shown suggestion 1 point less often than they would choose it unaided "
            "(0 to 3).",
        ),
        (
            Gap(0.01, -0.04, 0.06, 800, 200),
            "No anchoring shown: a shown suggestion is taken 4 points less to 6 points more often than "
            "annotators would choose it unaided (95%).",
        ),
    ],
)
def test_anchoring_in_words__gives_the_gap_and_its_interval(gap: Gap, said: str) -> None:
    assert gap_in_words(gap) == said


def test_anchoring_in_words__of_too_little_says_what_is_missing() -> None:
    def lot(shown: int, hidden: int) -> ByLot:
        seen = np.arange(shown + hidden) < shown
        return ByLot(seen, seen, np.full(len(seen), 0.2))

    assert anchoring_in_words(lot(0, 0), False) == (
        "Nothing is known of anchoring: the plan hides no suggestions."
    )
    assert anchoring_in_words(lot(0, 0), True) == "Too few decisions to tell of anchoring (0 of 100)."
    assert anchoring_in_words(lot(40, 9), False) == "Too few decisions to tell of anchoring (49 of 100)."
    assert anchoring_in_words(lot(120, 9), True) == (
        "Too few decisions with the suggestion hidden to tell of anchoring (9 of 10)."
    )
    found = lot(300, 100)
    assert found.gap is not None and found.gap.gap == 1.0
    assert anchoring_in_words(found, True).startswith("Annotators take a shown suggestion 100 points more")


def test_gold_in_words__gives_both_rates() -> None:
    assert gold_in_words(Gold((2, 50), (0, 40))) == (
        "On gold rows: 2 of 50 right labels called wrong (0.5% to 13.7%); 0 of 40 wrong labels missed "
        "(0.0% to 8.8%)."
    )
    assert gold_in_words(Gold((0, 0), (1, 1))) == (
        "On gold rows: no answer to a row known right; 1 of 1 wrong labels missed (2.5% to 100.0%)."
    )


LEFT = Remaining(5000, 600, 600, 60, 60, 400, 620, 500)


def test_corrected_in_words__says_what_is_missing_and_then_the_interval() -> None:
    assert corrected_in_words(LEFT, None, Gold((1, 62), (1, 120))) == (
        "To correct for the annotators' own errors, more answers to gold rows are needed: 38 to rows known "
        "right."
    )
    assert corrected_in_words(LEFT, None, Gold((0, 0), (1, 58))).endswith(
        "needed: 100 to rows known right and 42 to rows known wrong."
    )
    assert corrected_in_words(LEFT, (310, 600), Gold((3, 120), (10, 110))) == (
        "Corrected for the annotators' own errors, 310 to 600 of the 5,000 labels are wrong (95%). On gold "
        "rows they called 3 of 120 right labels wrong, and missed 10 of 110 wrong ones."
    )


def test_corrected_total__goes_by_first_readers_and_leaves_gold_out() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(600) < 0.05
    log = ReviewLog(
        np.arange(600),
        np.zeros(600, bool),
        np.zeros(600, bool),
        np.ones(600, bool),
        np.full(600, np.nan),
        np.zeros(0),
        said,
        np.arange(600, 800),
    )
    dataset = make_dataset([0] * 3200)
    few, enough = Gold((0, 99), (10, 110)), Gold((5, 120), (10, 110))
    assert corrected_total(dataset, log, few) is None
    found = corrected_total(dataset, log, enough)
    assert found == corrected(3000, said, np.ones(600, bool), (5, 120), (10, 110)) and found is not None
    assert corrected_total(dataset, replace(log, said=None), enough) != found
    assert corrected_total(dataset, log, gold(np.zeros(0), np.zeros(0))) is None


def table(rows: list[list[str]]) -> Answers:
    """Answers of people a, b, c, ... to rows r0, r1, ..., "" where one gave none."""
    histories: dict[str, list[Decision]] = {}
    for i, row in enumerate(rows):
        for k, label in enumerate(row):
            if label:
                action = (
                    Action.AMBIGUOUS if label == "?" else Action.EXCLUDE if label == "-" else Action.RELABEL
                )
                text = label if action is Action.RELABEL else None
                event = Decision("d", f"r{i}", action, "abcd"[k], "cat", f"{i}{k}", text, seq=10 * i + k + 1)
                histories.setdefault(f"r{i}", []).append(replace(event, shown='{"blind": true}'))
    return answers(histories, DATASET.classes)


def test_findings__tell_errors_from_ambiguity() -> None:
    frame = findings(
        table(
            [
                ["dog", "dog", ""],  # an error
                ["cat", "cat", "cat"],  # right
                ["cat", "dog", ""],  # all differ
                ["dog", "dog", "cow"],  # 0.67
                ["dog", "dog", "?"],  # a third call it ambiguous
                ["-", "-", ""],  # of no class
            ]
        ),
        DATASET,
        CLASSES,
        "majority",
    ).set_index("row_id")
    assert frame["finding"].to_dict() == {
        "r0": "error",
        "r1": "right",
        "r2": "ambiguous",
        "r3": "ambiguous",
        "r4": "ambiguous",
        "r5": "error",
    }
    assert frame.loc["r0", ["given", "consensus", "sure", "readers"]].tolist() == ["cat", "dog", 1.0, 2]
    assert frame.loc["r2", "consensus"] == "" and np.isnan(frame.loc["r2", "sure"])
    assert frame.loc["r4", "readers"] == 3 and frame.loc["r5", "consensus"] == "(exclude)"
    assert list(frame["finding"]) == ["error"] * 2 + ["ambiguous"] * 3 + ["right"]
    assert len(findings(table([]), DATASET, CLASSES, "majority")) == 0


def test_findings__by_dawid_skene_and_by_crowdlab() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 60)
    names = DATASET.classes
    rows = [[names[t] if rng.random() < 0.9 else names[(t + 1) % 3] for _ in range(4)] for t in truth]
    dataset = make_dataset([0] * 60, names)
    found = table(rows)
    assert usual_method(found) == "dawid_skene" and usual_method(table([["cat", "dog"]])) == "majority"
    by_weight = findings(found, dataset, CLASSES, "dawid_skene").set_index("row_id")
    right = [names[truth[int(row[1:])]] for row in by_weight.index]
    assert (by_weight["consensus"] == right).mean() > 0.95
    probs = np.full((60, 3), 0.05, dtype=np.float32)
    probs[np.arange(60), truth] = 0.9
    with_model = findings(found, dataset, CLASSES, "crowdlab", probs).set_index("row_id")
    assert (with_model["consensus"] == [names[truth[int(r[1:])]] for r in with_model.index]).mean() > 0.95


def test_readers_in_words__counts_each_finding() -> None:
    found = ["error"] * 3 + ["right"] * 5 + ["ambiguous"] + ["one more reader"] * 2
    frame = pd.DataFrame({"finding": found})
    assert readers_in_words(frame) == (
        "Of 11 rows that several people read, 3 have a wrong label, 5 a right one, 1 is ambiguous, and 2 "
        "want one more reader."
    )
    assert readers_in_words(frame[:1]) == (
        "Of 1 row that several people read, 1 has a wrong label, 0 a right one, 0 are ambiguous, and 0 want "
        "one more reader."
    )
    assert readers_in_words(frame[:0]) == "No row has been read unaided by several people yet."
