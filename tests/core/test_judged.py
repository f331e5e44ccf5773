from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audit import Audit
from core.audits import audit_now, current_audit, found_audit
from core.checks import near_duplicates, split_leakage
from core.dataset import Dataset
from core.issues import Result
from core.judged import judged_audit
from core.leakage import effects, repair
from core.loading import Prepared
from core.pair_verdicts import RecordedVerdict, events_of
from core.predictions import Predictions
from core.progress import Progress
from core.review.decisions import Action, Decision
from core.review.judgements import DIFFERENT, SAME, Judgements, Verdict, judgements, pair_event
from core.review.store import shared_store
from core.settings import Settings
from core.source import Source
from core.splits import splits_of
from core.workspace import Workspace
from tests.conftest import make_dataset

REFUND = "I would like a refund for the order that I made on Monday"
STORY = "the long story of how my parcel went to another town and came back late"
CHECKS = {"split_leakage": split_leakage.CHECK, "near_duplicates": near_duplicates.CHECK}
# 0 and 1 train; 2 is equal to 0, 3 nearly; 4 is another question
SPLITS = ["train", "train", "test", "test", "test"]
TEXTS = [REFUND, STORY, REFUND.upper(), f"{REFUND} this", "a word on something else"]


def in_splits(splits: list[str], texts: list[str]) -> Dataset:
    dataset = make_dataset([i % 2 for i in range(len(splits))])
    cells = {"text": pd.array(texts, dtype="str"), "split": pd.array(splits, dtype="str")}
    table = dataset.table.assign(**cells)
    return replace(dataset, table=table, columns=replace(dataset.columns, split="split"))


def audit_of(dataset: Dataset, predictions: Predictions | None = None) -> Audit:
    results = {}
    for name, check in CHECKS.items():
        params = {setting.name: setting.default for setting in check.settings}
        results[name] = check.run(dataset, predictions or Predictions(), params, Progress())
    return Audit(results, {})


def said(*pairs: tuple[str, str, Verdict], judge: str = "") -> Judgements:
    return judgements([pair_event("pets", "ann", "rows", pairs, judge)])


def flagged(result: Result) -> list[str]:
    assert result.summary["flagged"] == int(result.table["flagged"].sum())
    return result.table.index[result.table["flagged"]].tolist()


def test_judged_audit__without_judgements_is_the_audit_itself() -> None:
    dataset = in_splits(SPLITS, TEXTS)
    audit = audit_of(dataset)
    assert judged_audit(audit, dataset, judgements([])) is audit


def test_judged_audit__not_a_duplicate_no_longer_counts_anywhere() -> None:
    dataset = in_splits(SPLITS, TEXTS)
    predictions = Predictions("m", np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 1]])
    audit = audit_of(dataset, predictions)
    splits = splits_of(dataset)
    assert splits is not None
    before = audit.results["split_leakage"]
    assert flagged(before) == ["r2", "r3"]
    found = judged_audit(audit, dataset, said(("r3", "r0", DIFFERENT)))
    leaks, copies = found.results["split_leakage"], found.results["near_duplicates"]
    assert flagged(leaks) == ["r2"] and flagged(copies) == ["r0", "r2"]
    assert leaks.summary["judged"] == {"pairs": 1, "same": 0, "different": 1, "cleared": 1, "added": 0}
    assert leaks.summary["estimator"].endswith("; after 1 judged pair")
    assert leaks.figures["splits"].set_index("split")["leaked"].to_dict() == {"test": 1, "train": 1}
    assert leaks.figures["pairs"]["rows"].sum() == 1
    methods = leaks.figures["methods"].set_index("method")
    assert methods.loc["near_duplicate", ["rows", "judged_same", "judged_different"]].tolist() == [1, 0, 1]
    (effect,) = effects(splits, dataset, predictions, leaks.table)
    assert effect.leaked is not None and effect.leaked.of == 1
    assert repair(splits, dataset, leaks.table).rows.tolist() == [0]
    # Both gone: nothing to drop any more. The two rows that are equal are judged as contents.
    every = judged_audit(audit, dataset, said(("r3", "r0", DIFFERENT), ("r2", "r0", DIFFERENT)))
    assert flagged(every.results["split_leakage"]) == flagged(every.results["near_duplicates"]) == []
    assert not len(repair(splits, dataset, every.results["split_leakage"].table).rows)


def test_judged_audit__a_judgement_holds_for_all_rows_of_that_content() -> None:
    dataset = in_splits(
        ["train", "test", "test", "train"], [REFUND, f"{REFUND} this", f"{REFUND} this", STORY]
    )
    audit = audit_of(dataset)
    assert flagged(audit.results["split_leakage"]) == ["r1", "r2"]
    found = judged_audit(audit, dataset, said(("r2", "r0", DIFFERENT)))
    assert flagged(found.results["split_leakage"]) == []
    assert flagged(found.results["near_duplicates"]) == ["r1", "r2"]  # of each other they are copies


def test_judged_audit__the_next_pair_of_the_row_takes_its_place() -> None:
    texts = [REFUND, f"{REFUND} now", f"{REFUND} this"]
    dataset = in_splits(["train", "train", "test"], texts)
    audit = audit_of(dataset)
    first = str(audit.results["split_leakage"].table["other"].iloc[2])
    found = judged_audit(audit, dataset, said(("r2", first, DIFFERENT))).results["split_leakage"]
    assert flagged(found) == ["r2"]
    assert {first, found.table["other"].iloc[2]} == {"r0", "r1"}


def test_judged_audit__the_same_counts_though_no_method_finds_it() -> None:
    dataset = in_splits(SPLITS, TEXTS)
    audit = audit_of(dataset)
    found = judged_audit(audit, dataset, said(("r1", "r4", SAME), judge="a model"))
    leaks = found.results["split_leakage"]
    assert flagged(leaks) == ["r2", "r3", "r4"]
    row = leaks.table.loc["r4"]
    assert (row["method"], row["other"], row["score"]) == ("judged", "r1", 0)
    assert row["reason"] == "Was judged to be the same as row r1, which is in train and labelled dog."
    assert leaks.table["leaks"].tolist() == [True, True, False, False, False]
    methods = leaks.figures["methods"].set_index("method")
    assert methods.loc["judged", ["rows", "only", "judged_same"]].tolist() == [1, 1, 1]
    assert leaks.summary["judged"]["added"] == 1
    assert flagged(found.results["near_duplicates"]) == ["r0", "r1", "r2", "r3", "r4"]


def test_judged_audit__the_same_within_one_split_is_no_leak() -> None:
    dataset = in_splits(SPLITS, TEXTS)
    audit = audit_of(dataset)
    found = judged_audit(audit, dataset, said(("r3", "r4", SAME))).results["split_leakage"]
    assert flagged(found) == ["r2", "r3"] and found.summary["judged"]["pairs"] == 0


def test_judged_audit__a_row_is_contaminated_if_any_of_its_verdicts_says_so() -> None:
    dataset = in_splits(SPLITS, TEXTS)
    found = judged_audit(audit_of(dataset), dataset, said(("r4", "r0", DIFFERENT), ("r4", "r1", SAME)))
    assert "r4" in flagged(found.results["split_leakage"])


def test_judged_audit__rows_that_are_gone_are_left_out() -> None:
    dataset = in_splits(SPLITS, TEXTS)
    audit = audit_of(dataset)
    found = judged_audit(audit, dataset, said(("r3", "gone", DIFFERENT), ("x", "y", SAME)))
    assert flagged(found.results["split_leakage"]) == ["r2", "r3"]


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from([REFUND, STORY, f"{REFUND} now", f"{STORY} too"]), min_size=4, max_size=9),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.booleans()), max_size=6),
)
def test_judged_audit__keeps_what_is_said_of_any_rows(
    texts: list[str], pairs: list[tuple[int, int, bool]]
) -> None:
    """Every pair of contents judged different is gone, everything judged the same across splits is there."""
    n = len(texts)
    dataset = in_splits(
        ["train", "test", "dev"] * 2 + ["train"] * 3 if n == 9 else (["train", "test"] * 5)[:n], texts
    )
    audit = audit_of(dataset)
    splits = splits_of(dataset)
    assert splits is not None
    kept = [(f"r{a % n}", f"r{b % n}", SAME if same else DIFFERENT) for a, b, same in pairs if a % n != b % n]
    if not kept:
        return
    found = judged_audit(audit, dataset, judgements([pair_event("pets", "ann", "rows", [p]) for p in kept]))
    verdict = {}
    for a, b, _ in kept:
        said_of = judgements([pair_event("pets", "ann", "rows", [p]) for p in kept]).of_rows(a, b)
        assert said_of is not None
        content = frozenset((texts[int(a[1:])], texts[int(b[1:])]))
        verdict[content] = SAME if SAME in (verdict.get(content), said_of.verdict) else DIFFERENT
    table = found.results["split_leakage"].table
    for i in range(n):
        if table["flagged"].iloc[i]:
            other = int(table["other"].iloc[i][1:])
            assert verdict.get(frozenset((texts[i], texts[other]))) != DIFFERENT
            assert splits.codes[i] != splits.codes[other]
    for content, what in verdict.items():
        for i in np.flatnonzero(splits.holds_out).tolist():
            partners = [
                j
                for j in range(n)
                if frozenset((texts[i], texts[j])) == content and splits.codes[j] != splits.codes[i]
            ]
            if what == SAME and partners:
                assert table["flagged"].iloc[i]


def test_current_audit__after_judgements_and_their_undo(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    dataset = in_splits(SPLITS, TEXTS)
    workspace.save(Prepared(dataset, Predictions(), Source(tmp_path / "p.csv", "csv", "0" * 64, 1), ()))
    project = workspace.open("pets")
    audit_now(workspace, project, Progress())
    raw = current_audit(workspace, project)
    store = shared_store(workspace.database_url)
    event = pair_event("pets", "ann", "rows", [("r3", "r0", DIFFERENT)])
    store.record([event])
    after = current_audit(workspace, project)
    assert flagged(after.results["split_leakage"]) == ["r2"]
    assert current_audit(workspace, project) is after and found_audit(workspace, project) is raw
    store.record([Decision("pets", "", Action.UNDO, "ann", "", "undo", undoes=event.op_id)])
    assert flagged(current_audit(workspace, project).results["split_leakage"]) == ["r2", "r3"]
    store.close()


def test_judged_leaks__the_recorded_verdicts_of_codealpaca(shared_data: Path) -> None:
    """The repository's README says that 21 of 164 are contaminated; its recorded verdicts say 18."""
    file = shared_data / "contamination" / "rephrased" / "CodeAlpacaDB.jsonl"
    recorded = [json.loads(line) for line in file.open(encoding="utf-8")]
    training = list(dict.fromkeys(text for row in recorded for text in row["train"]))
    tests = [row["test"] for row in recorded]
    dataset = in_splits(["test"] * len(tests) + ["train"] * len(training), [*tests, *training])
    place = {text: f"r{len(tests) + i}" for i, text in enumerate(training)}
    verdicts = [
        RecordedVerdict(f"r{i}", place[text], SAME if same else DIFFERENT, "gpt-4")
        for i, row in enumerate(recorded)
        for text, same in zip(row["train"], row["results"], strict=True)
    ]
    audit = audit_of(dataset)
    found = judged_audit(audit, dataset, judgements(events_of("pets", "ann", verdicts)))
    result = found.results["split_leakage"]
    methods = result.figures["methods"].set_index("method")
    assert methods.loc["judged", "rows"] == 18 and result.summary["held_out_rows"] == 164
    # None of the methods on runs of words says so much: they are shown beside the verdicts.
    assert list(methods.index) == ["exact", "near_duplicate", "ngram_8", "ngram_13", "judged"]
    assert methods.loc[["exact", "ngram_8"], "rows"].sum() < 18
    assert len(flagged(result)) == 18
    assert methods["judged_same"].max() == 18


def test_judged_audit__a_check_that_had_nothing_to_compare_is_left_as_it_is() -> None:
    dataset = in_splits(["train"] * 3, TEXTS[:3])
    audit = audit_of(dataset)
    assert "matches" not in audit.results["split_leakage"].figures
    found = judged_audit(audit, dataset, said(("r0", "r2", DIFFERENT)))
    assert found.results["split_leakage"] is audit.results["split_leakage"]
    assert flagged(found.results["near_duplicates"]) == []


@pytest.mark.parametrize("verdict", [SAME, DIFFERENT])
def test_judged_audit__does_not_change_what_was_found(verdict: Verdict) -> None:
    dataset = in_splits(SPLITS, TEXTS)
    audit = audit_of(dataset)
    table = audit.results["split_leakage"].table.copy()
    found = judged_audit(audit, dataset, said(("r3", "r0", verdict)))
    pd.testing.assert_frame_equal(audit.results["split_leakage"].table, table)
    again = found.results["split_leakage"].figures["matches"]
    pd.testing.assert_frame_equal(again, audit.results["split_leakage"].figures["matches"])
