"""What cleanlab said of the labels, as a check of its own: from the data's columns and from a file beside."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from core.audit import run_audit, write_issues_csv
from core.corrections import correct
from core.errors import InputError
from core.exporting import write_export
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.predictions import Predictions
from core.preflight.agreement import IS_IT_IN_ORDER
from core.preflight.prediction_files import read_predictions
from core.review.classes import class_list
from core.review.policy import Outcomes
from core.settings import Settings
from core.workspace import Workspace

DATA = "id,text,label\na,one two three,cat\nb,four five six,dog\nc,seven eight nine,cat\nd,ten eleven,dog\n"
STUDIO = (
    "id,text,label,is_label_issue,label_issue_score,suggested_label\n"
    "a,one two three,cat,True,0.9375,dog\n"
    "b,four five six,dog,False,0.25,\n"
    "c,seven eight nine,cat,TRUE,,dog\n"
    "d,ten eleven,dog,,,\n"
)
DATALAB = (
    "is_label_issue,label_score,given_label,predicted_label\n"
    "True,0.0625,cat,dog\nFalse,0.75,dog,dog\nFalse,0.5,cat,dog\nFalse,1.0,dog,dog\n"
)


def load(tmp_path: Path, data: str = DATA, flags: str | None = None, **plan: Any) -> Prepared:
    (tmp_path / "in.csv").write_text(data)
    if flags is not None:
        (tmp_path / "issues.csv").write_text(flags)
        plan["flags"] = tmp_path / "issues.csv"
    raw = read_table(tmp_path / "in.csv")
    return prepare(raw, Plan("x", guess_columns(raw), **plan))


def table(tmp_path: Path, prepared: Prepared) -> list[list[Any]]:
    """[row, score, flagged, suggestion, reason] of the check."""
    assert prepared.ok and prepared.dataset is not None, prepared.problems
    found = run_audit(prepared.dataset, Predictions(), tmp_path / "cache", ["tool_flags"])
    frame = found.results["tool_flags"].table
    suggestion = frame["suggestion"].astype("object").fillna("")
    return [
        [row, float(frame["score"][row]), bool(frame["flagged"][row]), suggestion[row], frame["reason"][row]]
        for row in frame.index
    ]


def said(prepared: Prepared, severity: str) -> list[str]:
    return [str(p) for p in prepared.problems if p.severity == severity]


def test_own__studio_a_high_score_is_bad_there_and_low_here(tmp_path: Path) -> None:
    prepared = load(tmp_path, STUDIO)
    why, dog = "Flagged by Cleanlab Studio", ", which suggests dog."
    assert table(tmp_path, prepared) == [
        ["a", 0.0625, True, "dog", f"{why} (label_issue_score 0.94, there 1 is the worst){dog}"],
        ["b", 0.75, False, "", ""],
        ["c", 0, True, "dog", f"{why}{dog}"],
        ["d", 1, False, "", ""],
    ]
    shown = "the flags of Cleanlab Studio are shown as a check of their own (2 rows)."
    assert f"in.csv, column is_label_issue: {shown}" in said(prepared, "notice")


def test_own__datalab_a_low_score_is_bad_there_as_here(tmp_path: Path) -> None:
    lines = zip(DATA.splitlines(), DATALAB.splitlines(), strict=True)
    prepared = load(tmp_path, "\n".join(f"{a},{b}" for a, b in lines) + "\n")
    why = "Flagged by cleanlab's Datalab"
    assert table(tmp_path, prepared) == [
        [
            "a", 0.0625, True, "dog",
            f"{why} (label_score 0.06, there 0 is the worst), which suggests dog.",
        ],
        ["b", 0.75, False, "", ""],
        ["c", 0.5, False, "dog", ""],
        ["d", 1, False, "", ""],
    ]  # fmt: skip


def test_own__without_flags_nobody_is_told_of_the_check(tmp_path: Path) -> None:
    prepared = load(tmp_path)
    assert prepared.dataset is not None and prepared.dataset.flags is None
    audit = run_audit(prepared.dataset, Predictions(), tmp_path / "cache")
    assert "tool_flags" in audit.skipped and "tool_flags" not in audit.missed


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("True,0.9375", "maybe,0.9375", "row 1, column is_label_issue: {}'maybe' is no flag"),
        ("0.25", "nan", ""),
        ("0.25", "inf", "row 2, column label_issue_score: {}a score of inf. Expected: from 0 to 1"),
        ("0.25", "-0.5", "row 2, column label_issue_score: {}a score of -0.5"),
        ("0.25", "high", "row 2, column label_issue_score: {}'high' is no number"),
        ("0.9375,dog", "0.9375,cow", "row 1, column suggested_label: the suggested label 'cow' is no class"),
    ],
)
def test_own__what_cannot_be_read_is_told_and_stops_nothing(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    prepared = load(tmp_path, STUDIO.replace(old, new, 1))
    assert prepared.ok
    left = "these flags are left out, since: "
    assert message.format(left) in " ".join(said(prepared, "warning"))
    assert prepared.dataset is not None
    assert (prepared.dataset.flags is None) == ("{}" in message)


def test_own__an_export_keeps_the_columns_byte_for_byte(tmp_path: Path) -> None:
    prepared = load(tmp_path, STUDIO)
    assert prepared.dataset is not None
    decided = Outcomes({}, class_list(prepared.dataset.classes))
    summary = write_export(correct(prepared.dataset, prepared.source, decided), tmp_path / "out.csv")
    assert summary.path.read_bytes() == STUDIO.encode()


def test_file__in_the_order_of_the_data_is_to_be_confirmed(tmp_path: Path) -> None:
    prepared = load(tmp_path, flags=DATALAB)
    assert [row[:4] for row in table(tmp_path, prepared)] == [
        ["a", 0.0625, True, "dog"], ["b", 0.75, False, ""], ["c", 0.5, False, "dog"], ["d", 1, False, ""],
    ]  # fmt: skip
    assert prepared.by_order == ("issues.csv",) and not prepared.order_doubted


def test_file__by_id_in_any_order_with_more_rows(tmp_path: Path) -> None:
    head, *rows = STUDIO.splitlines()
    extra = "z,none,cat,True,1,dog"
    prepared = load(tmp_path, flags="\n".join([head, *reversed([*rows, extra])]) + "\n")
    assert [row[:4] for row in table(tmp_path, prepared)] == [
        ["a", 0.0625, True, "dog"], ["b", 0.75, False, ""], ["c", 0, True, "dog"], ["d", 1, False, ""],
    ]  # fmt: skip
    assert prepared.by_order == ()


def test_file__goes_before_the_columns_of_the_data(tmp_path: Path) -> None:
    prepared = load(tmp_path, STUDIO, DATALAB)
    assert prepared.dataset is not None and prepared.dataset.flags is not None
    assert prepared.dataset.flags.tool == "cleanlab's Datalab"


def test_file__given_labels_that_are_others_speak_against_the_order(tmp_path: Path) -> None:
    head, *rows = DATALAB.splitlines()
    prepared = load(tmp_path, flags="\n".join([head, *rows[1:], rows[0]]) + "\n")
    assert said(prepared, "warning") == [
        "issues.csv, row 1, column given_label: the given label there is not that of the data: was another "
        f"version checked? (4 rows). Mend: {IS_IT_IN_ORDER}"
    ]
    assert prepared.order_doubted


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (DATALAB.replace("0.75", "1.5"), "issues.csv, row 2, column label_score: a score of 1.5"),
        (DATALAB.replace("False,1.0", "?,1.0"), "issues.csv, row 4, column is_label_issue: '?' is no flag"),
        (DATALAB.replace("False,1.0,dog,dog\n", ""), "issues.csv: 3 rows, but the data has 4"),
        (STUDIO.replace("\nd,", "\na,"), "the id 'a' is there more than once"),
        (STUDIO.replace("\nd,", "\nx,"), "issues.csv, row 4: no row for the id 'd' of the data"),
        ("id,text\na,b\n", "issues.csv: no flags of cleanlab in this table. Expected: is_label_issue with"),
    ],
)
def test_file__refused_in_words(tmp_path: Path, flags: str, message: str) -> None:
    assert message in " ".join(said(load(tmp_path, flags=flags), "error"))


def test_file__given_as_predictions_says_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "issues.csv").write_text(DATALAB)
    with pytest.raises(InputError, match=r"flags of cleanlab, no predictions\. Mend: give it"):
        read_predictions(tmp_path / "issues.csv")


def test_workspace__flags_are_stored_and_read_again(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path / "w", (tmp_path,), "", ""))
    prepared = load(tmp_path, STUDIO)
    assert prepared.dataset is not None and prepared.dataset.flags is not None
    found = workspace.open(workspace.save(prepared)).dataset
    assert found.flags is not None
    assert found.flags.rows.tolist() == prepared.dataset.flags.rows.tolist()
    assert (found.flags.tool, found.flags.score_column, found.flags.reversed) == (
        "Cleanlab Studio", "label_issue_score", True,
    )  # fmt: skip
    assert found.part("flags") == prepared.dataset.part("flags") != ""
    plain = workspace.open(workspace.save(load(tmp_path, DATA))).dataset
    assert plain.flags is None and plain.part("flags") == ""


def test_issues_csv__has_the_flags_worst_first(tmp_path: Path) -> None:
    prepared = load(tmp_path, STUDIO)
    assert prepared.dataset is not None
    audit = run_audit(prepared.dataset, Predictions(), tmp_path / "cache", ["tool_flags"])
    write_issues_csv(audit, prepared.dataset, tmp_path / "found.csv")
    with (tmp_path / "found.csv").open(newline="") as lines:
        rows = [[r["row_id"], r["check"], r["flagged"], r["suggested_label"]] for r in csv.DictReader(lines)]
    assert rows == [
        ["c", "tool_flags", "true", "dog"],
        ["a", "tool_flags", "true", "dog"],
        ["b", "tool_flags", "false", ""],
        ["d", "tool_flags", "false", ""],
    ]
