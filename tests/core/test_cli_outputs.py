"""`labelmend audit` with what other tools' files say: several models in one file, and cleanlab's flags."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.core.importers.samples import annotation, choice, task
from tests.core.test_cli import labelmend


def test_audit__every_model_of_a_label_studio_file_is_there_to_choose(tmp_path: Path) -> None:
    records = []
    for i in range(24):
        given, other = ("pos", "neg")[i % 2], ("neg", "pos")[i % 2]
        m1 = {"model_version": "m1", "score": 0.75, "result": [choice([other if i == 5 else given])]}
        m2 = {"model_version": "m2", "result": [choice([given])]}
        records.append({**task(i, [annotation([given])]), "predictions": [m1, m2] if i else [m1]})
    records[0]["predictions"].append({"model_version": "m3", "result": [choice(["pos"])]})
    (tmp_path / "tasks.json").write_text(json.dumps(records))
    out = labelmend("audit", tmp_path / "tasks.json", "--out", tmp_path / "o", workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    assert "the predictions of m1 in this file are used; they have to be out-of-sample" in out.stderr
    assert "tasks.json, model m2, row 1: left out, since: no row for the id '0' of the data" in out.stderr
    with (tmp_path / "o" / "issues.csv").open(newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r["check"] == "label_issues"]
    flagged = [(r["row_id"], r["given_label"], r["suggested_label"]) for r in rows if r["flagged"] == "true"]
    assert flagged == [("5", "neg", "pos")]
    records[0]["predictions"][1]["model_version"] = "m2"
    (tmp_path / "tasks.json").write_text(json.dumps(records))
    out = labelmend("audit", tmp_path / "tasks.json", workspace=tmp_path / "w")
    assert "2 models (m1, m2): m1 is in use at first, the others are kept beside it" in out.stderr
    assert "labelmend models NAME --use MODEL" in out.stderr
    out = labelmend("models", "tasks", "--use", "m2", workspace=tmp_path / "w")
    assert [line.split(":")[0] for line in out.stdout.splitlines()] == ["* m2", "  m1"]


def test_audit__flags_of_cleanlab_beside_the_data(tmp_path: Path) -> None:
    rows = "".join(f"r{i},text {i},{('cat', 'dog')[i % 2]}\n" for i in range(6))
    (tmp_path / "in.csv").write_text(f"id,text,label\n{rows}")
    flags = "".join(f"{i == 3},0.{9 - i},{('cat', 'dog')[i % 2]},cat\n" for i in range(6))
    (tmp_path / "issues.csv").write_text(f"is_label_issue,label_score,given_label,predicted_label\n{flags}")
    args = ("--flags", tmp_path / "issues.csv", "--no-model", "--checks", "tool_flags")
    out = labelmend("audit", tmp_path / "in.csv", *args, workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    assert "tool_flags: 1 flagged (flagged by cleanlab's Datalab, counted)" in out.stdout
    assert "notice: issues.csv: it names no rows: row 1 is taken as row 1 of the data" in out.stderr
