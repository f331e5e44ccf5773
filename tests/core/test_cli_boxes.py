"""`labelmend boxes`, from a COCO file and detections to the exported file with the accepted boxes more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.review.decisions import Action, Decision
from core.review.store import Store
from core.settings import Settings
from core.workspace import Workspace
from tests.core.planted_boxes import SIDES, blood_cells


def run(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    code = main([str(a) for a in args])
    said = capsys.readouterr()
    assert code == 0, said.err
    return said.out


def results(folder: Path, value: dict[str, Any]) -> list[dict[str, Any]]:
    """Simulated detections as COCO results."""
    images = {entry["file_name"]: entry["id"] for entry in value["images"]}
    names = {entry["name"]: entry["id"] for entry in value["categories"]}
    detections = blood_cells(folder, 0).predictions.detections
    assert detections is not None
    return [
        {
            "image_id": images[line["image"]],
            "category_id": names[line["label"]],
            "score": round(line["score"], 4),
            "bbox": [round(line[side], 2) for side in SIDES],
        }
        for line in detections.to_dict("records")
    ]


def test_boxes__blood_cells_proposed_decided_and_exported(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is exported has exactly the accepted boxes more; of the rest every byte is there, in its order."""
    folder, source = shared_data / "detection_bccd", tmp_path / "cells.json"
    source.write_bytes((folder / "instances_with_injected_errors.json").read_bytes())
    (tmp_path / "images").symlink_to(folder / "images")
    before = json.loads(source.read_bytes())
    (tmp_path / "found.json").write_text(json.dumps(results(folder, before)))
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path / "w"))
    run(capsys, "audit", source, "--pred-probs", tmp_path / "found.json", "--checks", "box_errors")
    workspace = Workspace(Settings(tmp_path / "w", (tmp_path,), "", "ann"))
    rows = len(workspace.open("cells").dataset)

    counted = run(capsys, "boxes", "cells")
    first, *classes = counted.splitlines()
    missing = int(first.removeprefix("cells: ").split(" ")[0])
    assert 150 < missing < 200 and len(classes) == 3
    assert sum(int(line.split(": ")[1].split(" ")[0]) for line in classes) == missing
    assert len(workspace.open("cells").dataset) == rows  # counting changes nothing

    said = run(capsys, "boxes", "cells", "--propose")
    assert said.endswith(f"{missing} boxes are proposed, without a label yet.\n")
    dataset = workspace.open("cells").dataset
    assert len(dataset) == rows + missing
    proposed = dataset.row_ids[rows:].tolist()
    boxes = dataset.table[["image_id", *SIDES]].iloc[rows:].astype(float).to_numpy().tolist()

    accepted = {proposed[0]: "RBC", proposed[7]: "WBC", proposed[20]: "RBC"}
    verdicts = [
        Decision("cells", row, Action.RELABEL, "ann", "", f"op-{row}", name) for row, name in accepted.items()
    ]
    verdicts += [
        Decision("cells", proposed[1], Action.EXCLUDE, "ann", "", "op-x"),
        Decision("cells", proposed[2], Action.NEEDS_REVIEW, "ann", "", "op-r"),
    ]
    store = Store(workspace.database_url)
    assert not [r.refused for r in store.record(verdicts) if r.refused]
    store.close()

    said = run(capsys, "export", "cells", "--out", tmp_path / "out.json")
    assert f"{missing - 3} proposed boxes without an accepted class left out" in said
    written = json.loads((tmp_path / "out.json").read_bytes())
    more = written["annotations"][rows:]
    assert written["annotations"][:rows] == before["annotations"]
    assert {k: v for k, v in written.items() if k != "annotations"} == {
        k: v for k, v in before.items() if k != "annotations"
    }
    last = max(a["id"] for a in before["annotations"])
    ids = {entry["name"]: entry["id"] for entry in before["categories"]}
    assert [a["id"] for a in more] == [last + 1, last + 2, last + 3]
    assert [a["category_id"] for a in more] == [ids["RBC"], ids["WBC"], ids["RBC"]]
    assert [[a["image_id"], *a["bbox"]] for a in more] == [boxes[0], boxes[7], boxes[20]]
    assert _without((tmp_path / "out.json").read_bytes(), more) == source.read_bytes()


def _without(out: bytes, more: list[dict[str, Any]]) -> bytes:
    """The bytes without the annotations `more`, which stand at the end of their list."""
    start = out.index(b'"id": %d' % more[0]["id"])
    stop = out.index(b"}", out.index(b'"id": %d' % more[-1]["id"])) + 1
    return out[: out.rindex(b"}", 0, start) + 1] + out[stop:]


def test_boxes__says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path / "w"))
    (tmp_path / "pets.csv").write_text("id,label\na,cat\nb,dog\nc,cat\n")
    run(capsys, "audit", tmp_path / "pets.csv", "--no-model", "--checks", "label_issues")
    assert main(["boxes", "pets", "--propose"]) == 1
    assert "the check of boxes has not run" in capsys.readouterr().err
