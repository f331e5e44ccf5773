"""The command line with annotators' columns, a record for each answer, soft labels and a folder of splits."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.cli import main
from core.decision_files import write_decisions
from core.review.decisions import Action
from core.settings import read_settings
from core.workspace import Workspace
from tests.core.exporters.conftest import decide
from tests.core.image_layouts import put

WIDE = "id,text,ann_a,ann_b\n" + "".join(
    f"r{i},text {i},{'xy'[i % 2]},{'xy'[i % 2 or i == 2]}\n" for i in range(20)
)
LONG = "id,text,worker,label\n" + "".join(
    f"r{i},text {i},{who},{'xy'[(i + (who == 'c' and i == 3)) % 2]}\n" for i in range(20) for who in "abc"
)


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path / "w"))
    return tmp_path / "w"


def opened(name: str):  # type: ignore[no-untyped-def]
    return Workspace(read_settings()).open(name)


def run(*args: object) -> int:
    return main([str(a) for a in args])


def decisions(name: str, folder: Path, choices: dict[int, str | Action]) -> Path:
    dataset = opened(name).dataset
    write_decisions([decide(dataset, p, c) for p, c in choices.items()], folder / "d.jsonl", dataset)
    return folder / "d.jsonl"


def test_audit__columns_of_annotators(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, {"pets.csv": WIDE}) / "pets.csv"
    assert run("audit", path, "--annotator-columns", "ann_a,ann_b", "--checks", "near_duplicates") == 0
    said = capsys.readouterr().err
    assert "annotators tie: read as unlabelled" in said
    assert opened("pets").dataset.given_labels().tolist()[:4] == ["x", "y", "", "y"]
    made = decisions("pets", tmp_path, {0: "y", 2: "x"})
    assert run("export", "pets", "--out", tmp_path / "out.csv", "--decisions", made) == 0
    wanted = WIDE.replace("r0,text 0,x,x", "r0,text 0,y,y").replace("r2,text 2,x,y", "r2,text 2,x,x")
    assert (tmp_path / "out.csv").read_text() == wanted
    options = ("--annotator-columns", "ann_a,ann_b")
    assert run("apply", made, path, "--out", tmp_path / "applied.csv", *options) == 0
    assert (tmp_path / "applied.csv").read_text() == wanted
    assert run("apply", made, path, "--out", tmp_path / "guessed.csv") == 1  # never into a guessed column
    assert "say --annotator-columns ann_a,ann_b if so, else --label-column" in capsys.readouterr().err
    assert not (tmp_path / "guessed.csv").exists()
    assert run("apply", made, tmp_path / "out.csv", "--check", *options) == 0
    assert "2 decisions in the data already" in capsys.readouterr().out


def test_audit__a_record_for_each_answer_is_offered_and_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, {"pets.csv": LONG}) / "pets.csv"
    assert run("audit", path, "--no-model", "--checks", "near_duplicates") == 1
    said = capsys.readouterr().err
    assert "say --annotator-column worker --id-column id --label-column label if so" in said
    assert "ids that occur more than once" in said
    assert (
        run(
            "audit",
            path,
            "--annotator-column",
            "worker",
            "--consensus",
            "dawid_skene",
            "--checks",
            "near_duplicates",
        )
        == 0
    )
    assert len(opened("pets").dataset) == 20
    made = decisions("pets", tmp_path, {3: "x", 5: Action.EXCLUDE})
    assert run("export", "pets", "--out", tmp_path / "out.csv", "--decisions", made) == 0
    wanted = LONG.replace("r3,text 3,a,y", "r3,text 3,a,x").replace("r3,text 3,b,y", "r3,text 3,b,x")
    assert (tmp_path / "out.csv").read_text() == "".join(
        line for line in wanted.splitlines(keepends=True) if not line.startswith("r5,")
    )


def test_audit__soft_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": f"r{i}", "votes": {"cat": 3, "dog": 2 + i % 3}} for i in range(12)]
    path = put(tmp_path, {"pets.jsonl": "".join(json.dumps(r) + "\n" for r in rows)}) / "pets.jsonl"
    assert run("audit", path, "--soft-labels", "votes", "--checks", "near_duplicates", "--no-model") == 0
    assert opened("pets").dataset.given_labels().tolist()[:3] == ["cat", "", "dog"]
    made = decisions("pets", tmp_path, {1: "dog"})
    assert run("export", "pets", "--out", tmp_path / "out.jsonl", "--decisions", made) == 0
    rows[1]["votes"] = {"cat": 0, "dog": 6}
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == rows


def test_audit__a_folder_of_splits(tmp_path: Path) -> None:
    files = {
        s: "text,label\n" + "".join(f"{s} {i},{'xy'[i % 2]}\n" for i in range(9)) for s in ("train", "test")
    }
    path = put(tmp_path / "news", {f"{s}.csv": text for s, text in files.items()})
    assert run("audit", path, "--checks", "near_duplicates", "--no-model") == 0
    made = decisions("news", tmp_path, {0: "y"})
    assert run("export", "news", "--out", tmp_path / "out.zip", "--decisions", made) == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("train.csv").decode() == files["train"]
        assert archive.read("test.csv").decode() == files["test"].replace("test 0,x", "test 0,y")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--annotator-columns", "a,b", "--soft-labels", "c"], "say different things"),
        (["--consensus", "majority"], "with --annotator-columns or --annotator-column"),
        (
            ["--annotator-columns", "a,b", "--consensus", "crowdlab"],
            "--consensus crowdlab. Expected: majority or",
        ),
        (["--annotator-columns", "ann_a,nobody"], "there is no column 'nobody'"),
        (
            ["--annotator-column", "ann_a", "--id-column", "nothing", "--label-column", "text"],
            "no column 'nothing'",
        ),
    ],
)
def test_audit__options_that_do_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    path = put(tmp_path, {"pets.csv": WIDE}) / "pets.csv"
    assert run("audit", path, *options) == 1
    assert said in capsys.readouterr().err
