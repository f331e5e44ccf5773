"""The objects that no box marks, on Issues: counted, confirmed, proposed as rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from core.audits import audit_now
from core.loading import Plan, guess_columns, prepare, read_table
from core.progress import Progress
from core.review.people import Role
from core.workspace import Workspace
from pages.parts import session
from tests.pages.conftest import Open, words

BOX = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}
FOUND = [
    {**BOX, "score": 0.9},
    {"image_id": 1, "category_id": 2, "score": 0.8, "bbox": [60, 60, 20, 20]},
    {"image_id": 2, "category_id": 1, "score": 0.7, "bbox": [5, 6, 30, 30]},
    {"image_id": 2, "category_id": 1, "score": 0.75, "bbox": [60, 6, 30, 30]},
]


@pytest.fixture
def boxes(workspace: Workspace, tmp_path: Path) -> str:
    """A data set of one box in two pictures, and a model that finds three objects more."""
    for name in "ab":
        Image.new("RGB", (100, 100), "grey").save(tmp_path / f"{name}.png")
    images = [{"id": i, "file_name": f"{name}.png"} for i, name in enumerate("ab", 1)]
    value = {"images": images, "annotations": [{"id": 7, **BOX}], "categories": [
        {"id": 1, "name": "ant"}, {"id": 2, "name": "bee"},
    ]}  # fmt: skip
    (tmp_path / "boxes.json").write_text(json.dumps(value))
    (tmp_path / "found.json").write_text(json.dumps(FOUND))
    raw = read_table(tmp_path / "boxes.json")
    prepared = prepare(raw, Plan("boxes", guess_columns(raw), pred_probs=tmp_path / "found.json"))
    assert prepared.ok, prepared.problems
    workspace.save(prepared)
    audit_now(workspace, workspace.open("boxes"), Progress())
    return "boxes"


def test_proposals__nothing_is_changed_before_it_is_confirmed(
    open_page: Open, boxes: str, workspace: Workspace
) -> None:
    app = open_page("issues", ds=boxes)
    app.button(key="propose_boxes").click()
    app.run()
    assert not app.exception, [e.message for e in app.exception]
    assert "**A new version gets 3 boxes more, in 2 pictures.**" in words(app)
    counts = app.dataframe[-1].value
    assert counts[["label", "boxes"]].to_numpy().tolist() == [["ant", 2], ["bee", 1]]
    assert session.jobs().get(boxes) is None
    assert len(workspace.open(boxes).dataset) == 1


def test_proposals__confirmed_they_are_rows_without_a_label(
    open_page: Open, boxes: str, workspace: Workspace
) -> None:
    app = open_page("issues", ds=boxes)
    app.button(key="propose_boxes").click()
    app.run()
    app.button(key="propose_boxes").set_value(True)  # a run of the test framework is of the whole page
    app.button(key="propose_boxes_go").click()
    app.run()
    job = session.jobs().get(boxes)
    assert job is not None and job.wait(60)
    assert (job.state, job.error) == ("done", "")
    dataset = workspace.open(boxes).dataset
    assert dataset.row_ids.tolist() == ["7", "proposed-1", "proposed-2", "proposed-3"]
    assert dataset.labels.tolist() == [0, -1, -1, -1]
    app = open_page("issues", ds=boxes)
    assert not [b for b in app.button if b.key == "propose_boxes"]


def test_proposals__only_an_owner_is_offered_them(
    open_page: Open, boxes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "can", lambda role: role != Role.OWNER)
    app = open_page("issues", ds=boxes)
    assert "3 objects look as if no box marks them" in [e.label for e in app.expander]
    assert not [b for b in app.button if b.key == "propose_boxes"]
