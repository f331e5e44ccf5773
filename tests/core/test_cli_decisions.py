"""The commands about decisions, in this process: export with a policy, decisions, backup, restore."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.cli import main
from core.dataset import Columns
from core.loading import Plan, prepare, read_table
from core.review.classes import change_event, class_list
from core.review.decisions import Action, Decision
from core.review.store import Store
from core.settings import Settings
from core.workspace import Workspace

DATA = "id,label\na,cat\nb,dog\nc,cat\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in which annotators differ on a, agree on b, and cat was renamed."""
    (tmp_path / "pets.csv").write_text(DATA)
    root = tmp_path / "w"
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(root))
    workspace = Workspace(Settings(root, (tmp_path,), "", "ann"))
    plan = Plan("pets", Columns(id="id", label="label"))
    workspace.save(prepare(read_table(tmp_path / "pets.csv"), plan))
    store = Store(workspace.database_url)
    store.record([verdict("a", "ann", "cat", "dog"), verdict("a", "bob", "cat", "dog")])
    store.record([verdict("a", "cyd", "cat", None), verdict("b", "ann", "dog", "cat")])
    current = class_list(("cat", "dog"))
    store.record([change_event("pets", "eve", current, {"rename": "cat", "to": "kitty"}, 2, 1)])
    store.close()
    return root


def verdict(row_id: str, who: str, given: str, label: str | None) -> Decision:
    action = Action.KEEP if label is None else Action.RELABEL
    return Decision("pets", row_id, action, who, given, f"{row_id}-{who}", label)


def run(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    code = main([str(a) for a in args])
    said = capsys.readouterr()
    assert code == 0, said.err
    return said.out


@pytest.mark.parametrize(
    ("policy", "label", "said"),
    [
        (
            (),
            "kitty",
            "1 label changed; 2 cells renamed with their class; policy: Agreed only; "
            "1 row on which annotators differ left as given",
        ),
        (
            ("--policy", "majority"),
            "dog",
            "2 labels changed; 1 cell renamed with their class; policy: Majority; "
            "it decided 1 row on which annotators differ",
        ),
        (("--policy", "latest"), "kitty", "policy: Latest; it decided 1 row on which annotators differ"),
    ],
)
def test_export__policy(root: Path, capsys, policy: tuple[str, ...], label: str, said: str) -> None:
    out = root.parent / "out.csv"
    assert said in run(capsys, "export", "pets", "--out", out, *policy)
    assert out.read_text() == f"id,label\na,{label}\nb,kitty\nc,kitty\n"
    summary = json.loads((root.parent / "out.summary.json").read_text())
    assert summary["policy"]["disagreed"] == 1
    assert summary["classes"] == {"kitty": "kitty", "dog": "dog"}


def test_export__unknown_policy(root: Path, capsys) -> None:
    assert main(["export", "pets", "--out", str(root / "o.csv"), "--policy", "best"]) == 1
    assert "no export policy called 'best'" in capsys.readouterr().err
    assert main(["export", "pets", "--out", str(root / "o.csv"), "--policy", "crowdlab"]) == 1
    assert "CROWDLAB needs a model's predictions" in capsys.readouterr().err


def test_decisions__in_force_and_all(root: Path, capsys) -> None:
    out = root.parent / "d.jsonl"
    said = run(capsys, "decisions", "pets", "--out", out)
    assert said == "d.jsonl: 2 events in force; 1 row on which annotators differ left out\n"
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["row_id"] for line in lines if "content" in line] == ["b"]
    assert [line["action"] for line in lines if "action" in line] == ["relabel", "class"]
    assert run(capsys, "decisions", "pets", "--out", out, "--all") == "d.jsonl: 5 events\n"


@pytest.mark.parametrize("kept", ["backup", "decisions"])
def test_restore__another_workspace_exports_the_same(root: Path, capsys, kept: str) -> None:
    """A lost database: the data set is loaded, and the decisions come from the file."""
    file, out = root.parent / "kept.jsonl", root.parent / "out.csv"
    if kept == "backup":
        run(capsys, "backup", file)
    else:
        run(capsys, "decisions", "pets", "--out", file, "--all")
    run(capsys, "export", "pets", "--out", out, "--policy", "majority")
    other = root.parent / "other"
    shutil.copytree(root / "datasets", other / "datasets")
    assert run(capsys, "restore", file, "--workspace", other) == "5 events restored from kept.jsonl\n"
    again = root.parent / "again.csv"
    run(capsys, "export", "pets", "--out", again, "--policy", "majority", "--workspace", other)
    assert again.read_bytes() == out.read_bytes()
    logs = [(root.parent / name).read_text() for name in ("out.changes.json", "again.changes.json")]
    assert logs[0] == logs[1]
