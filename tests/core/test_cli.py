"""The command line's contract, tested from outside: arguments, files, exit codes, messages."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.review.store import Store

N = 60


def labelmend(*args: object, workspace: Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LABELMEND_WORKSPACE": str(workspace), "LABELMEND_ANNOTATOR": "ada"}
    return subprocess.run(
        [sys.executable, "-c", "import sys; from core.cli import main; sys.exit(main())", *map(str, args)],
        capture_output=True,
        text=True,
        env={**env, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        cwd=cwd,
        timeout=120,
    )


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """60 rows of two classes, rows 3 and 40 labelled wrongly, and probabilities in the order cat, dog."""
    true = np.array([0, 1] * (N // 2))
    given = true.copy()
    given[[3, 40]] = 1 - given[[3, 40]]
    with (tmp_path / "pets.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "text", "label"])
        for i in range(N):
            writer.writerow([f"p{i:03}", f"text number {i}, with a comma", ["cat", "dog"][given[i]]])
    p_cat = np.where(true == 0, 0.95, 0.05) + np.linspace(0, 0.03, N)
    np.save(tmp_path / "probs.npy", np.column_stack([p_cat, 1 - p_cat]).astype(np.float32))
    return tmp_path / "pets.csv"


@pytest.fixture
def audited(pets: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    out = labelmend(
        "audit",
        pets,
        "--pred-probs",
        tmp_path / "probs.npy",
        "--out",
        tmp_path / "out",
        workspace=tmp_path / "w",
    )
    assert out.returncode == 0, out.stderr
    return out


def test_audit__writes_every_row_and_check(audited: subprocess.CompletedProcess[str], tmp_path: Path) -> None:
    with (tmp_path / "out" / "issues.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "row_id", "check", "score", "flagged", "given_label", "suggested_label", "reason",
    ]  # fmt: skip
    labels = [r for r in rows if r["check"] == "label_issues"]
    assert sorted(r["row_id"] for r in labels) == [f"p{i:03}" for i in range(N)]
    flagged = {r["row_id"]: r for r in labels if r["flagged"].lower() == "true"}
    assert set(flagged) == {"p003", "p040"}
    assert flagged["p003"]["given_label"] == "cat"
    assert flagged["p003"]["suggested_label"] == "dog"
    assert flagged["p003"]["reason"]
    assert [r["check"] for r in rows] == sorted(r["check"] for r in rows)
    scores = [float(r["score"]) for r in labels]
    assert scores == sorted(scores)


def test_audit__summary_names_estimator_versions_and_cost(
    audited: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["N"] == N
    assert summary["K"] == 2
    assert summary["classes"] == ["cat", "dog"]
    assert summary["checks"]["label_issues"]["flagged"] == 2
    assert summary["checks"]["label_issues"]["estimator"]
    assert summary["versions"]["labelmend"]
    assert summary["seconds"] > 0
    assert summary["peak_memory_mb"] > 0
    assert "2 flagged" in audited.stdout


def test_audit__again_is_served_from_the_cache(
    audited: subprocess.CompletedProcess[str], pets: Path, tmp_path: Path
) -> None:
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "w" / "cache").rglob("*") if p.is_file()}
    again = labelmend("audit", pets, "--pred-probs", tmp_path / "probs.npy", workspace=tmp_path / "w")
    assert again.returncode == 0
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "w" / "cache").rglob("*") if p.is_file()} == files


def test_audit__labels_as_npy_have_positions_as_ids(tmp_path: Path) -> None:
    labels = np.array([0, 1] * 30)
    labels[5] = 0
    np.save(tmp_path / "labels.npy", labels)
    p = np.where(np.array([0, 1] * 30) == 0, 0.9, 0.1)
    np.save(tmp_path / "probs.npy", np.column_stack([p, 1 - p]))
    done = labelmend(
        "audit", tmp_path / "labels.npy", "--pred-probs", tmp_path / "probs.npy",
        "--checks", "label_issues", "--out", tmp_path / "o", workspace=tmp_path / "w",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (tmp_path / "o" / "issues.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    assert rows[0]["row_id"] == "5"


def test_audit__other_filter_by_setting(pets: Path, tmp_path: Path) -> None:
    done = labelmend(
        "audit", pets, "--pred-probs", tmp_path / "probs.npy", "--set",
        "label_issues.filter_by=predicted_neq_given", workspace=tmp_path / "w",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "label_issues: 2 flagged" in done.stdout


def decisions_file(path: Path, **changes: object) -> Path:
    base = {
        "dataset": "pets", "row_id": "p003", "action": "relabel", "label": "dog", "given_label": "cat",
        "annotator": "ada", "op_id": "op-1", "decided_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    path.write_text(json.dumps({**base, **changes}) + "\n")
    return path


def test_export__without_decisions_is_the_identical_file(
    audited: subprocess.CompletedProcess[str], pets: Path, tmp_path: Path
) -> None:
    done = labelmend("export", "pets", "--out", tmp_path / "fixed.csv", workspace=tmp_path / "w")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fixed.csv").read_bytes() == pets.read_bytes()


def test_export__changes_one_cell(
    audited: subprocess.CompletedProcess[str], pets: Path, tmp_path: Path
) -> None:
    decisions = decisions_file(tmp_path / "d.jsonl")
    done = labelmend(
        "export", "pets", "--out", tmp_path / "fixed.csv", "--decisions", decisions, workspace=tmp_path / "w"
    )
    assert done.returncode == 0, done.stderr
    before, after = pets.read_bytes().splitlines(True), (tmp_path / "fixed.csv").read_bytes().splitlines(True)
    assert [(b, a) for b, a in zip(before, after, strict=True) if a != b] == [
        (b'p003,"text number 3, with a comma",cat\r\n', b'p003,"text number 3, with a comma",dog\r\n')
    ]


def test_apply__fits_a_reordered_file_and_check_writes_nothing(pets: Path, tmp_path: Path) -> None:
    lines = pets.read_bytes().splitlines(True)
    other = tmp_path / "reordered.csv"
    other.write_bytes(b"".join([lines[0], *reversed(lines[1:])]))
    decisions = decisions_file(tmp_path / "d.jsonl")
    out = tmp_path / "applied.csv"
    checked = labelmend("apply", decisions, other, "--out", out, "--check", workspace=tmp_path / "w")
    assert checked.returncode == 0, checked.stderr
    assert not out.exists()
    done = labelmend("apply", decisions, other, "--out", out, workspace=tmp_path / "w")
    assert done.returncode == 0, done.stderr
    assert b'p003,"text number 3, with a comma",dog\r\n' in out.read_bytes()


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"row_id": "nope"}, "nope"), ({"row_id": "p000", "given_label": "bird"}, "bird")],
)
def test_apply__conflict_fails_and_is_named(
    changes: dict[str, str], named: str, pets: Path, tmp_path: Path
) -> None:
    decisions = decisions_file(tmp_path / "d.jsonl", **changes)
    done = labelmend(
        "apply", decisions, pets, "--out", tmp_path / "o.csv", "--check", workspace=tmp_path / "w"
    )
    assert done.returncode == 1
    assert named in done.stderr
    assert not (tmp_path / "o.csv").exists()


def test_apply__skips_conflicts_only_when_told(pets: Path, tmp_path: Path) -> None:
    decisions = decisions_file(tmp_path / "d.jsonl", row_id="nope")
    out = tmp_path / "o.csv"
    assert labelmend("apply", decisions, pets, "--out", out, workspace=tmp_path / "w").returncode == 1
    assert not out.exists()
    done = labelmend("apply", decisions, pets, "--out", out, "--skip-conflicts", workspace=tmp_path / "w")
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == pets.read_bytes()
    assert "nope" in (tmp_path / "o.summary.json").read_text()


def test_apply__columns_can_be_named(pets: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed.csv"
    renamed.write_bytes(pets.read_bytes().replace(b"id,text,label", b"nr,label,art", 1))
    decisions = decisions_file(tmp_path / "d.jsonl")
    out = tmp_path / "o.csv"
    roles = ("--id-column", "nr", "--label-column", "art")
    done = labelmend("apply", decisions, renamed, "--out", out, *roles, workspace=tmp_path / "w")
    assert done.returncode == 0, done.stderr
    assert b'p003,"text number 3, with a comma",dog\r\n' in out.read_bytes()


def test_checks_and_formats__list_the_registries(tmp_path: Path) -> None:
    checks = labelmend("checks", workspace=tmp_path)
    assert checks.returncode == 0
    for name in ("label_issues", "near_duplicates", "out_of_distribution"):
        assert f"{name}:" in checks.stdout
    formats = labelmend("formats", workspace=tmp_path)
    assert formats.returncode == 0
    for word in ("CSV", "JSON", "Parquet"):
        assert word in formats.stdout


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("frobnicate",),
        ("audit",),
        ("export", "x"),
        ("audit", "x.csv", "--no-such-option"),
    ],
)
def test_usage__exits_2(args: tuple[str, ...], tmp_path: Path) -> None:
    done = labelmend(*args, workspace=tmp_path)
    assert done.returncode == 2
    assert "usage:" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "missing.csv"),
        ("empty.csv", b"", "empty"),
        ("one.csv", b"id,text,label\n", "row"),
        ("page.csv", b"<!DOCTYPE html><html><body>404</body></html>", "HTML"),
        ("same.csv", b"id,text,label\n1,a,x\n1,b,y\n2,c,x\n", "1"),
    ],
)
def test_expected_failures__exit_1_with_one_message(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = labelmend("audit", tmp_path / name, workspace=tmp_path / "w")
    assert done.returncode == 1, done.stdout
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("labelmend:") == 1


def test_unknown_names__are_answered_with_the_known_ones(pets: Path, tmp_path: Path) -> None:
    checks = labelmend("audit", pets, "--checks", "label_isues", workspace=tmp_path / "w")
    assert checks.returncode == 1
    assert "label_issues" in checks.stderr
    setting = labelmend("audit", pets, "--set", "label_issues.fliter_by=x", workspace=tmp_path / "w")
    assert setting.returncode == 1
    assert "label_issues.filter_by" in setting.stderr
    export = labelmend("export", "nope", "--out", tmp_path / "x.csv", workspace=tmp_path / "w")
    assert export.returncode == 1
    assert "nope" in export.stderr


def test_pickled_npy__is_refused_and_not_run(pets: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "bad.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    done = labelmend("audit", pets, "--pred-probs", tmp_path / "bad.npy", workspace=tmp_path / "w")
    assert done.returncode == 1
    assert "bad.npy" in done.stderr
    assert "pickle" in done.stderr


def test_role__makes_the_first_owner(tmp_path: Path) -> None:
    done = labelmend("role", "Ana@Example.org", "owner", workspace=tmp_path / "w")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"ana@example.org is owner in {tmp_path / 'w'}",
        "Roles are in force where people sign in: set LABELMEND_SIGN_IN=oidc.",
    ]
    wrong = labelmend("role", "ana@example.org", "king", workspace=tmp_path / "w")
    assert wrong.returncode == 1
    assert "Expected: nobody or viewer or annotator or adjudicator or owner" in wrong.stderr
    store = Store(f"sqlite:///{tmp_path / 'w' / 'labelmend.db'}")
    assert [(e.row_id, e.details["role"]) for e in store.events("")] == [("ana@example.org", "owner")]
