from __future__ import annotations

from pathlib import Path

from core.loading import Plan, guess_columns, prepare, read_table
from core.preflight.cleanlab_columns import cleanlab_columns

STUDIO = (
    "id,text,label,is_label_issue,label_issue_score,suggested_label,is_outlier,outlier_score,is_spam,spam\n"
    "1,one two three four five six seven,cat,True,0.93,dog,False,0.1,no,3\n"
    "2,seven six five four three two one,dog,False,0.02,,False,0.2,yes,4\n"
)
DATALAB = (
    "text,label,is_label_issue,label_score,is_outlier_issue,outlier_score\na b,cat,True,0.01,False,0.9\n"
)


def load(tmp_path: Path, text: str) -> tuple[list[str], object]:
    path = tmp_path / "in.csv"
    path.write_text(text)
    raw = read_table(path)
    columns = guess_columns(raw)
    return [
        str(p) for p in prepare(raw, Plan("x", columns)).problems if "cleanlab" in str(p).lower()
    ], columns


def test_studio__no_content_and_a_notice_of_the_direction(tmp_path: Path) -> None:
    said, columns = load(tmp_path, STUDIO)
    assert said == [
        "in.csv: Cleanlab Studio's columns: there a high score is bad; in Labelmend 0 is the worst. "
        "They are kept, and are no content: is_label_issue, label_issue_score, suggested_label, "
        "is_outlier, outlier_score.",
        "in.csv, column is_label_issue: the flags of Cleanlab Studio are shown as a check of their own.",
    ]
    assert (columns.id, columns.label, columns.content) == ("id", "label", ("text",))  # type: ignore[attr-defined]


def test_studio__never_the_label_and_never_the_content_of_a_table(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5}.5,{i % 2 == 0},0.{i}1,{'ab'[i % 2]}\n" for i in range(40))
    _, columns = load(tmp_path, "width,height,is_label_issue,label_issue_score,suggested_label\n" + rows)
    assert columns.label == "width"  # type: ignore[attr-defined]
    assert columns.content == ("height",)  # type: ignore[attr-defined]


def test_datalab__says_that_the_direction_is_the_same(tmp_path: Path) -> None:
    said, columns = load(tmp_path, DATALAB)
    assert said[0].startswith(
        "in.csv: the columns of cleanlab's Datalab: there, as in Labelmend, 0 is the worst"
    )
    assert columns.label == "label"  # type: ignore[attr-defined]


def test_datalab__issues_alone_have_no_data(tmp_path: Path) -> None:
    path = tmp_path / "issues.csv"
    path.write_text("is_label_issue,label_score,is_outlier_issue,outlier_score\nTrue,0.01,False,0.9\n" * 1)
    raw = read_table(path)
    prepared = prepare(raw, Plan("x", guess_columns(raw)))
    assert not prepared.ok
    found = " ".join(str(p) for p in prepared.problems)
    assert "no column of labels was found" in found
    assert "this file has no rows of data, only their scores in row order" in found
    assert "Mend: load the data that was checked, not this file, and give this file as its flags" in found


def test_cleanlab_columns__ones_own_flags_and_scores_stay() -> None:
    assert cleanlab_columns(["is_spam", "spam_score", "label"]) == []
    assert cleanlab_columns(["suggested_label", "label"]) == []
    names = ["is_label_issue", "label_issue_score", "is_spam", "credit_score", "label"]
    assert cleanlab_columns(names) == ["is_label_issue", "label_issue_score"]
