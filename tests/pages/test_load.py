"""Load data: the predictions' order, and what else is asked before anything is stored."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.model_store import models
from core.review.decisions import Action, Decision
from core.uploads import store_upload
from core.workspace import Workspace, shared_workspace
from pages.parts import load_steps, session
from tests.core.importers.samples import annotation, choice, task
from tests.core.models.fake_model import planted
from tests.pages.conftest import Open, words

N = 40
SAID = "Row 1 of probs"


@pytest.fixture
def files(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with fruit.csv, probs.npy, shuffled.npy and probs.csv, which has ids."""
    monkeypatch.setenv("LABELMEND_DATA_ROOTS", str(tmp_path))
    shared_workspace.cache_clear()
    folder = tmp_path
    labels = np.arange(N) % 2
    with (folder / "fruit.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["id", "text", "label"])
        rows.writerows(
            [f"f{i}", f"{folder.name} text number {i}", ["apple", "pear"][labels[i]]] for i in range(N)
        )
    p = np.where(labels == 1, 0.9, 0.1)
    p[[3, 8]] = 1 - p[[3, 8]]
    values = np.column_stack([1 - p, p])
    np.save(folder / "probs.npy", values)
    np.save(folder / "shuffled.npy", values[np.arange(N) ^ (np.arange(N) // 2 % 2)])
    with (folder / "probs.csv").open("w", newline="") as out:
        csv.writer(out).writerows(
            [["id", "apple", "pear"], *([f"f{i}", *values[i]] for i in reversed(range(N)))]
        )
    return folder


def load(open_page: Open, folder: Path, predictions: str) -> AppTest:
    app = open_page("load")
    app.button_group(key="l_way").set_value("Path on this machine").run()
    app.text_input(key="l_path").set_value(str(folder / "fruit.csv")).run()
    app.button_group(key="l_pway").set_value("Path on this machine").run()
    app.text_input(key="l_probs_Path on this machine").set_value(predictions).run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def analyse(app: AppTest):  # type: ignore[no-untyped-def]
    return next(b for b in app.button if b.label == f"Analyse {N} rows")


def order_box(app: AppTest):  # type: ignore[no-untyped-def]
    return next((b for b in app.checkbox if str(b.key).startswith("l_order_")), None)


def test_load__asks_whether_the_rows_are_in_order_once(
    open_page: Open, files: Path, workspace: Workspace
) -> None:
    app = load(open_page, files, str(files / "probs.npy"))
    box = order_box(app)
    assert box is not None and "is row 1 of fruit" in box.label and box.value is False
    assert analyse(app).disabled
    box.check().run()
    assert not analyse(app).disabled
    before = set(workspace.names())
    analyse(app).click().run()
    (name,) = set(workspace.names()) - before
    assert workspace.open(name).predictions.pred_probs is not None
    app = load(open_page, files, str(files / "probs.npy"))
    assert order_box(app) is None and not analyse(app).disabled


def test_load__says_where_the_labels_speak_against_the_order(open_page: Open, files: Path) -> None:
    app = load(open_page, files, str(files / "shuffled.npy"))
    assert "The labels speak against this order" in words(app)
    assert order_box(app) is not None and analyse(app).disabled


def test_load__ids_leave_nothing_to_ask(open_page: Open, files: Path) -> None:
    app = load(open_page, files, str(files / "probs.csv"))
    assert order_box(app) is None and not analyse(app).disabled


def test_load__another_number_of_rows_is_refused(open_page: Open, files: Path) -> None:
    np.save(files / "short.npy", np.load(files / "probs.npy")[1:])
    app = load(open_page, files, str(files / "short.npy"))
    assert "39 rows, but the data has 40" in words(app).replace("\\", "")
    assert order_box(app) is None and analyse(app).disabled


def test_load__several_models_one_in_use(open_page: Open, files: Path, workspace: Workspace) -> None:
    np.save(files / "weak.npy", 0.6 * np.load(files / "probs.npy") + 0.2)
    app = load(open_page, files, f"{files / 'probs.npy'}; {files / 'weak.npy'}")
    box = order_box(app)
    assert box is not None and "probs\\.npy and weak\\.npy" in box.label and analyse(app).disabled
    choice = next(r for r in app.radio if r.label == "Model in use")
    assert choice.options == ["probs", "weak"]
    choice.set_value(1).run()
    order_box(app).check().run()
    before = set(workspace.names())
    analyse(app).click().run()
    (name,) = set(workspace.names()) - before
    assert [(m.name, m.in_use) for m in models(workspace, name)] == [("weak", True), ("probs", False)]
    assert workspace.open(name).predictions.model == "weak"


def test_load__a_bad_second_model_is_named_and_stores_nothing(
    open_page: Open, files: Path, workspace: Workspace
) -> None:
    np.save(files / "short.npy", np.load(files / "probs.npy")[1:])
    before = workspace.names()
    app = load(open_page, files, f"{files / 'probs.npy'}; {files / 'short.npy'}")
    assert "short.npy: 39 rows, but the data has 40" in words(app).replace("\\", "")
    assert analyse(app).disabled and workspace.names() == before


def test_load__a_new_version_takes_the_name_and_the_decisions(
    workspace: Workspace, open_page: Open, files: Path
) -> None:
    folder = files / "other"
    folder.mkdir()
    (folder / "clean.csv").write_text("id,text,label\nr0,a,cat\nnew,b,dog\n")
    session.store().record([Decision("clean", r, Action.KEEP, "ann", "cat", f"v{r}") for r in ("r0", "r1")])
    app = open_page("load")
    app.button_group(key="l_way").set_value("Path on this machine").run()
    app.text_input(key="l_path").set_value(str(folder / "clean.csv")).run()
    assert "carry over" not in words(app)
    app.toggle(key="l_version").set_value(True).run()
    assert not app.exception
    assert "A new version of clean: decisions on 1 of 2 decided rows carry over." in words(app)
    assert "that this version does not have" in words(app)
    assert len(workspace.open("clean").dataset) != 2  # nothing is stored before somebody says so


def test_load__models_within_a_tools_file_are_offered(open_page: Open, files: Path) -> None:
    records = []
    for i in range(12):
        said = [
            {"model_version": name, "score": 0.75, "result": [choice([("apple", "pear")[(i + wrong) % 2]])]}
            for name, wrong in (("good", 0), ("bad", i % 3 == 0))
        ]
        records.append({**task(i, [annotation([("apple", "pear")[i % 2]])]), "predictions": said})
    (files / "tasks.json").write_text(json.dumps(records))
    app = open_page("load")
    app.button_group(key="l_way").set_value("Path on this machine").run()
    app.text_input(key="l_path").set_value(str(files / "tasks.json")).run()
    assert not app.exception, [e.message for e in app.exception]
    radio = next(r for r in app.radio if r.label == "Model in use")
    assert radio.options == ["good", "bad"]


def test_load__flags_of_cleanlab_are_checked_with_the_data(open_page: Open, files: Path) -> None:
    lines = "".join(f"{i == 3},0.5\n" for i in range(N - 1))
    (files / "issues.csv").write_text(f"is_label_issue,label_score\n{lines}")
    app = load(open_page, files, "")
    app.text_input(key="l_flags_Path on this machine").set_value(str(files / "issues.csv")).run()
    assert not app.exception, [e.message for e in app.exception]
    assert "39 rows, but the data has 40" in words(app).replace("\\", "")
    assert analyse(app).disabled


def test_load__offers_installed_pretrained_models(
    files: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = planted(monkeypatch)
    apart = [" ".join(f"{(i * 7919 + k * 104729) % 99991:x}" for k in range(6)) for i in range(N)]
    lines = [f"f{i},{'cat' if i % 2 else 'dog'} {apart[i]},{'pear' if i % 2 else 'apple'}" for i in range(N)]
    (files / "fruit.csv").write_text("\n".join(["id,text,label", *lines]))
    before = set(shared_workspace().names())
    app = load(open_page, files, "")
    app.selectbox(key="l_features_text").set_value(2).run()
    next(b for b in app.button if b.label.startswith("Train a baseline")).click().run()
    (name,) = set(shared_workspace().names()) - before
    job = session.jobs().get(name)
    assert job is not None and job.wait(60)
    assert (job.state, job.error) == ("done", "")
    assert fake.opened == [("pytest", False)]


def button_kinds(app: AppTest) -> dict[str, str]:
    return {b.label: b.proto.type for b in app.button if "nalyse" in b.label}


def test_load__the_likeliest_next_step_is_the_primary_button(open_page: Open, files: Path) -> None:
    without = button_kinds(load(open_page, files, ""))
    assert without == {f"Train a baseline and analyse {N} rows": "primary", f"Analyse {N} rows": "secondary"}
    assert button_kinds(load(open_page, files, str(files / "probs.csv"))) == {f"Analyse {N} rows": "primary"}


def test_load__of_a_wide_table_columns_are_left_out_and_the_first_shown(
    open_page: Open, files: Path, workspace: Workspace
) -> None:
    names = [f"m{i}" for i in range(300)]
    with (files / "fruit.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["id", *names, "label"])
        rows.writerows([f"f{i}", *(f"{i}.{k}" for k in range(300)), ["a", "b"][i % 2]] for i in range(N))
    app = load(open_page, files, "")
    (out_of,) = app.multiselect
    assert (out_of.label, out_of.value) == ("Leave out of the features", [])
    assert out_of.proto.placeholder == "Nothing: all 300 other columns are features"
    assert list(app.dataframe[0].value.columns) == ["id", *names[:199]]
    assert "The first 200 of 302 columns." in words(app)
    out_of.set_value(["m7"]).run()
    before = set(workspace.names())
    analyse(app).click().run()
    (name,) = set(workspace.names()) - before
    assert workspace.open(name).dataset.columns.content == tuple(n for n in names if n != "m7")


def test_load__pictures_are_shown_where_their_path_is_the_id(
    open_page: Open, files: Path, workspace: Workspace
) -> None:
    for number in range(24):
        folder = files / "shapes" / ["bar", "dot"][number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 9, 40, 90)).save(folder / f"{number}.png")
    app = open_page("load")
    app.button_group(key="l_way").set_value("Path on this machine").run()
    app.text_input(key="l_path").set_value(str(files / "shapes")).run()
    assert button_kinds(app) == {
        "Train a baseline and analyse 24 rows": "primary",
        "Analyse 24 rows": "secondary",
    }
    next(b for b in app.button if b.label == "Analyse 24 rows").click().run()
    columns = workspace.open("shapes").dataset.columns
    assert (columns.id, columns.content, columns.kind) == ("path", ("path",), "image")


def test_load__an_upload_is_written_once(
    open_page: Open, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def store(uploads: Path, name: str, content: BinaryIO) -> Path:
        written.append(name)
        return store_upload(uploads, name, content)

    monkeypatch.setattr(load_steps, "store_upload", store)
    app = open_page("load")
    app.file_uploader(key="l_file").set_value(
        ("fruit.csv", (files / "fruit.csv").read_bytes(), "text/csv")
    ).run()
    app.toggle(key="l_merge").set_value(True).run()
    assert "fruit.csv: 40 rows" in words(app) and written == ["fruit.csv"]
