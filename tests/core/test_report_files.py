"""The papers of a review written by the command line: what is in the folder, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.cli import main
from core.errors import InputError
from core.exported import read_exported, written_as
from core.exporting import write_export
from core.review.decisions import Action, Decision
from core.review.store import shared_store
from core.settings import Settings
from core.workspace import Workspace
from tests.core.exporters.conftest import load, plan


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Twenty rows, audited by the command line; two people decided on three of them, and differ on one."""
    rows = "".join(f"p{i:02},a text {i},{'cat' if i % 2 else 'dog'}\n" for i in range(20))
    (tmp_path / "pets.csv").write_text("id,text,label\n" + rows)
    probs = np.array([[0.9, 0.1] if i % 2 else [0.1, 0.9] for i in range(20)])
    probs[3] = [0.1, 0.9]
    np.save(tmp_path / "probs.npy", probs)
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path / "w"))
    assert main(["audit", str(tmp_path / "pets.csv"), "--pred-probs", str(tmp_path / "probs.npy")]) == 0
    found = Workspace(Settings(tmp_path / "w", (tmp_path,), "", "ann"))
    shared_store(found.database_url).record(
        [
            Decision("pets", "p03", Action.RELABEL, "ann@x.org", "cat", "a", "dog"),
            Decision("pets", "p05", Action.RELABEL, "ann@x.org", "cat", "b", "dog"),
            Decision("pets", "p05", Action.KEEP, "bob@x.org", "cat", "c"),
            Decision("pets", "p06", Action.EXCLUDE, "bob@x.org", "dog", "d"),
        ]
    )
    return found


def test_report__writes_card_and_report(workspace: Workspace, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "new" / "folder"
    assert main(["report", "pets", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "report.html"]
    assert "No Croissant metadata: --export names" in capsys.readouterr().out
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "2 rows of 20 decided by 2 annotators; 1 label changed; 1 row left out as excluded." in card
    assert "x.org" not in card + (out / "report.html").read_text(encoding="utf-8")


def test_report__beside_an_export_takes_its_policy_and_has_croissant(
    workspace: Workspace, tmp_path: Path
) -> None:
    data = tmp_path / "release" / "pets.csv"
    data.parent.mkdir()
    assert main(["export", "pets", "--out", str(data), "--policy", "latest"]) == 0
    args = ["report", "pets", "--out", str(data.parent), "--export", str(data), "--names"]
    assert main(args) == 0
    card = (data.parent / "README.md").read_text(encoding="utf-8")
    assert "- Policy where annotators differ: Latest: The answer given last." in card
    assert "| `ann@x.org` | 2 |" in card
    metadata = json.loads((data.parent / "metadata.json").read_text(encoding="utf-8"))
    summary = json.loads((data.parent / "pets.summary.json").read_text())
    assert metadata["distribution"][0]["sha256"] == summary["sha256"]
    assert f"sha256 `{summary['sha256']}`" in card


def refused(args: list[str], capsys) -> str:  # type: ignore[no-untyped-def]
    assert main(args) == 1
    return capsys.readouterr().err


def test_report__overwrites_nothing_unasked(workspace: Workspace, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "README.md").write_text("mine")
    args = ["report", "pets", "--out", str(tmp_path)]
    assert "README.md is there already" in refused(args, capsys)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert not (tmp_path / "report.html").exists()
    assert main([*args, "--replace"]) == 0
    assert (tmp_path / "README.md").read_text() != "mine"


def test_report__refuses_a_file_that_is_not_this_export(workspace: Workspace, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    data = tmp_path / "out.csv"
    args = ["report", "pets", "--out", str(tmp_path), "--export", str(data)]
    assert "no such file" in refused(args, capsys)
    data.write_text("id,text,label\n")
    assert "out.summary.json: this file, which every export writes" in refused(args, capsys)
    assert main(["export", "pets", "--out", str(data)]) == 0
    assert "does not lie in the folder" in refused([*args[:3], str(tmp_path / "else"), *args[4:]], capsys)
    assert "the policy 'agreed', not 'latest'" in refused([*args, "--policy", "latest"], capsys)
    store = shared_store(workspace.database_url)
    store.record([Decision("pets", "p07", Action.RELABEL, "ann", "cat", "e", "dog")])
    assert "decisions have changed since it was exported" in refused(args, capsys)
    store.record([Decision("pets", "p07", Action.UNDO, "ann", "cat", "f", undoes="e")])
    before = data.read_bytes()
    data.write_bytes(before + b"x,y,z\n")
    assert "it has changed since it was exported" in refused(args, capsys)
    data.write_bytes(before)
    assert main(args) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"data_set": "set"', '"data_set": "other"'),
        ('"format": "csv"', '"format": "nonsense"'),
        ('"excluded": "drop"', '"excluded": "sink"'),
        ('"add": []', '"add": 7'),
        ('"splits": null', '"splits": [1]'),
        ('"policy"', '"polly"'),
        ("{", "["),
        ('"rows_written": 2', '"rows_written": null'),
    ],
)
def test_read_exported__refuses_a_summary_that_was_changed(old: str, new: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label\ncat\ndog\n")
    corrections = plan(load(tmp_path / "a.csv"), {0: "dog"})
    write_export(corrections, tmp_path / "out.csv")
    assert read_exported(tmp_path / "out.csv", "set").is_of(corrections)
    assert written_as(tmp_path / "out.csv", corrections) is not None
    summary = tmp_path / "out.summary.json"
    text = summary.read_text()
    assert old in text
    summary.write_text(text.replace(old, new))
    with pytest.raises(InputError):
        read_exported(tmp_path / "out.csv", "set")
    assert written_as(tmp_path / "out.csv", corrections) is None


def test_is_of__other_corrections_or_columns_are_not_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label\ncat\ndog\n")
    loaded = load(tmp_path / "a.csv")
    write_export(plan(loaded, {0: "dog"}), tmp_path / "out.csv")
    found = read_exported(tmp_path / "out.csv", "set")
    assert not found.is_of(plan(loaded))
    assert not found.is_of(plan(loaded, {0: "dog"}, add=("decision",)))
