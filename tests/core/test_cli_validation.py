from __future__ import annotations

from pathlib import Path

import pytest

from core.cli import main
from core.dataset import Columns
from core.loading import Plan, prepare, read_table
from core.review.store import Store
from core.review.votes import RoundLog
from core.settings import Settings
from core.workspace import Workspace

ROWS = "id,label\n" + "".join(f"r{i},{'cat' if i % 2 else 'dog'}\n" for i in range(20))
VOTES = "id,guessed,votes_given,votes_guessed,votes_both,votes_neither\nr0,cat,1,4,0,0\nr1,dog,5,0,0,0\n"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "pets.csv").write_text(ROWS)
    (tmp_path / "votes.csv").write_text(VOTES)
    root = tmp_path / "w"
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(root))
    monkeypatch.setenv("LABELMEND_ANNOTATOR", "ann")
    made = Workspace(Settings(root, (tmp_path,), "", "ann"))
    made.save(prepare(read_table(tmp_path / "pets.csv"), Plan("pets", Columns(id="id", label="label"))))
    return made


def run(capsys: pytest.CaptureFixture[str], code: int, *args: object) -> str:
    assert main(["validation", *(str(a) for a in args)]) == code
    said = capsys.readouterr()
    return said.err if code else said.out


def test_validation__prints_what_the_votes_come_to_and_keeps_them_when_asked(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, 0, "pets", "--votes", tmp_path / "votes.csv", "--flagged", 8)
    assert "pets, votes.csv: 2 of 2 rows have their 5 votes. The rows are drawn from 8 flagged ones." in said
    assert "1 of the 2 labels checked is an error: 50.0% (95% Wilson interval 9.5% to 90.5%)." in said
    assert "About 20.00% of the 20 labels are flagged and wrong" in said and "  correctable: 1\n" in said
    assert "nothing has been voted on yet" in run(capsys, 1, "pets")
    run(capsys, 0, "pets", "--votes", tmp_path / "votes.csv", "--store")
    out = tmp_path / "out.csv"
    said = run(capsys, 0, "pets", "--out", out)
    assert "At least 5.00% of the 20 labels are wrong." in said and "out.csv: 3 lines" in said
    assert len(out.read_text().splitlines()) == 4
    store = Store(workspace.database_url)
    [found] = RoundLog(store).of("pets").values()
    assert (found.event.annotator, found.readers, found.flagged) == ("ann", 5, 2)
    store.close()


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--store",), "there are no votes to bring in"),
        (("--votes", "votes.csv", "--readers", "0"), "--readers 0"),
        (("--votes", "votes.csv", "--flagged", "1"), "1 flagged rows"),
        (("--votes", "none.csv"), "there is no such file"),
    ],
)
def test_validation__what_makes_no_sense_is_said(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert why in run(capsys, 1, "pets", *args)
