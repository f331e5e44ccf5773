from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.audit import run_audit
from core.audits import current_audit
from core.dataset import Dataset
from core.errors import InputError, Problem
from core.loading import Prepared
from core.model_store import add_mean, add_model, forget_model, models, use_model
from core.predictions import Predictions
from core.settings import Settings
from core.source import Source
from core.workspace import Workspace
from tests.conftest import make_dataset

A = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9], [0.6, 0.4], [0.5, 0.5]], dtype=np.float32)
B = A[:, ::-1].copy()
SAID = (Problem("notice", "about the data", file="pets.csv"), Problem("notice", "about a", file="a.npy"))


@pytest.fixture
def workspace(tmp_path: Path, pets: Dataset) -> Workspace:
    """pets with embeddings and model a in use, and model b beside."""
    made = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    save(made, pets, Predictions("a", A, np.eye(6, dtype=np.float32)))
    add_model(made, "pets", Predictions("b", B), [Problem("warning", "about b", file="b.npy")])
    return made


def save(workspace: Workspace, dataset: Dataset, predictions: Predictions, file: str = "a.npy") -> None:
    source = Source(workspace.root / "pets.csv", "csv", "0" * 64, 1)
    workspace.save(Prepared(dataset, predictions, source, SAID, file))


def listed(workspace: Workspace) -> list[tuple[str, bool, bool]]:
    return [(m.name, m.in_use, m.fits) for m in models(workspace, "pets")]


def test_models__the_one_in_use_first(workspace: Workspace) -> None:
    assert listed(workspace) == [("a", True, True), ("b", False, True)]
    found = models(workspace, "pets")[1].predictions
    assert found.pred_probs is not None and found.pred_probs.tolist() == B.tolist()
    assert isinstance(found.pred_probs, np.memmap)
    assert found.part("pred_probs") == Predictions("", B).part("pred_probs")


def test_use_model__changes_the_model_and_what_was_said_of_it_alone(workspace: Workspace) -> None:
    before = workspace.open("pets")
    workspace.remember("pets", "audit", {"label_issues": {"filter_by": "both"}})
    use_model(workspace, "pets", "b")
    after = workspace.open("pets")
    assert after.predictions.model == "b" and after.predictions.pred_probs is not None
    assert after.predictions.pred_probs.tolist() == B.tolist()
    assert after.predictions.part("pred_probs") == Predictions("", B).part("pred_probs")
    assert after.predictions.embeddings is not None
    assert after.predictions.part("embeddings") == before.predictions.part("embeddings")
    assert after.dataset.fingerprint == before.dataset.fingerprint
    assert [p.found for p in after.problems] == ["about the data", "about b"]
    assert workspace.recall("pets", "audit") == {"label_issues": {"filter_by": "both"}}
    assert listed(workspace) == [("b", True, True), ("a", False, True)]
    use_model(workspace, "pets", "a")
    again = workspace.open("pets")
    assert again.predictions.pred_probs is not None and again.predictions.pred_probs.tolist() == A.tolist()
    assert [p.found for p in again.problems] == ["about the data", "about a"]
    assert listed(workspace) == [("a", True, True), ("b", False, True)]


def test_use_model__finds_the_results_of_before_in_the_cache(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = workspace.open("pets")
    run_audit(project.dataset, project.predictions, workspace.cache_dir)
    first = current_audit(workspace, project).results["label_issues"].table
    use_model(workspace, "pets", "b")
    assert "label_issues" not in current_audit(workspace, workspace.open("pets")).results
    use_model(workspace, "pets", "a")
    assert current_audit(workspace, workspace.open("pets")).results["label_issues"].table.equals(first)


def test_use_model__takes_along_what_logits_say_beyond_probabilities(workspace: Workspace) -> None:
    sums = np.arange(6, dtype=np.float32)
    add_model(workspace, "pets", Predictions("c", B, log_sums=sums))
    use_model(workspace, "pets", "c")
    assert np.array_equal(workspace.open("pets").predictions.log_sums, sums)
    use_model(workspace, "pets", "a")
    assert workspace.open("pets").predictions.log_sums is None
    [kept] = [m.predictions for m in models(workspace, "pets") if m.name == "c"]
    assert np.array_equal(kept.log_sums, sums)


def test_use_model__what_is_not_there(workspace: Workspace) -> None:
    with pytest.raises(InputError, match=r"no model called 'c' for 'pets'\. Expected: a, b"):
        use_model(workspace, "pets", "c")
    with pytest.raises(InputError, match="no data set called 'dogs'"):
        use_model(workspace, "dogs", "a")


def test_use_model__that_fails_changes_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("core.model_store.write_json", full)
    with pytest.raises(OSError, match="full"):
        use_model(workspace, "pets", "b")
    assert listed(workspace) == [("a", True, True), ("b", False, True)]
    assert workspace.open("pets").predictions.model == "a"
    leftovers = [p for p in workspace.root.rglob(".*") if p.name.startswith((".new-", ".old-"))]
    assert leftovers == []


def test_use_model__works_without_links(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", none)
    use_model(workspace, "pets", "b")
    assert workspace.open("pets").predictions.model == "b"
    assert listed(workspace) == [("b", True, True), ("a", False, True)]


def test_add_model__another_of_the_same_name_gets_a_number(workspace: Workspace) -> None:
    assert add_model(workspace, "pets", Predictions("b", B)) == "b"
    assert add_model(workspace, "pets", Predictions("a", A)) == "a"
    assert add_model(workspace, "pets", Predictions("a", B)) == "a (2)"
    assert add_model(workspace, "pets", Predictions("a", B)) == "a (2)"
    assert [name for name, _, _ in listed(workspace)] == ["a", "a (2)", "b"]


def test_add_model__the_first_is_in_use(tmp_path: Path, pets: Dataset) -> None:
    workspace = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    save(workspace, pets, Predictions(), "")
    assert models(workspace, "pets") == []
    add_model(workspace, "pets", Predictions("b", B))
    assert listed(workspace) == [("b", True, True)]
    assert workspace.open("pets").predictions.model == "b"


def test_save__keeps_the_model_before_and_says_where_it_fits_no_more(
    workspace: Workspace, pets: Dataset
) -> None:
    save(workspace, pets, Predictions("c", A[::-1].copy()))
    assert listed(workspace) == [("c", True, True), ("a", False, True), ("b", False, True)]
    other = make_dataset([0, 1, 0])
    save(workspace, other, Predictions("d", A[:3]))
    assert listed(workspace) == [
        ("d", True, True),
        ("a", False, False),
        ("b", False, False),
        ("c", False, False),
    ]
    with pytest.raises(InputError, match="'a' was made for other rows or classes of 'pets'"):
        use_model(workspace, "pets", "a")
    assert workspace.open("pets").predictions.model == "d"
    save(workspace, pets, Predictions("a", A))
    assert ("c", False, True) in listed(workspace) and ("d", False, False) in listed(workspace)


def test_save__other_classes_or_another_order_of_rows_do_not_fit(workspace: Workspace, pets: Dataset) -> None:
    save(workspace, replace(pets, classes=("dog", "cat"), tokens=("dog", "cat")), Predictions("x", A))
    assert ("a", False, False) in listed(workspace)
    order = [1, 0, 2, 3, 4, 5]
    moved = replace(pets, table=pets.table.iloc[order], labels=pets.labels[order])
    save(workspace, moved, Predictions("x", A))
    assert ("a", False, False) in listed(workspace)


def test_save__corrected_labels_still_fit(workspace: Workspace, pets: Dataset) -> None:
    save(workspace, replace(pets, labels=1 - abs(pets.labels)), Predictions("a", A))
    assert ("b", False, True) in listed(workspace)


def test_add_mean__is_the_mean_of_each_probability(workspace: Workspace) -> None:
    third = np.full((6, 2), 0.5)
    add_model(workspace, "pets", Predictions("c", third))
    name = add_mean(workspace, "pets", ["a", "c"])
    assert name == "mean of a, c"
    found = next(m for m in models(workspace, "pets") if m.name == name).predictions.pred_probs
    assert found is not None and found.dtype == np.float64
    assert np.allclose(found, [[0.7, 0.3], [0.35, 0.65], [0.4, 0.6], [0.3, 0.7], [0.55, 0.45], [0.5, 0.5]])
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-7


def test_add_mean__in_pieces(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.model_store._CHUNK", 16)
    add_mean(workspace, "pets", ["a", "b"])
    found = models(workspace, "pets")[-1].predictions.pred_probs
    assert found is not None and np.allclose(found, 0.5)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [(["a"], "fewer than two"), (["a", "a"], "fewer than two"), (["a", "z"], "no model called 'z'")],
)
def test_add_mean__refused(workspace: Workspace, chosen: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        add_mean(workspace, "pets", chosen)


def test_forget_model__not_the_one_in_use(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="'a': this model is in use"):
        forget_model(workspace, "pets", "a")
    forget_model(workspace, "pets", "b")
    assert listed(workspace) == [("a", True, True)]
    with pytest.raises(InputError, match="'b': no such model"):
        forget_model(workspace, "pets", "b")


def test_models__names_from_a_file_name_no_folder(workspace: Workspace) -> None:
    add_model(workspace, "pets", Predictions("../../../x", A * 0 + 0.5))
    use_model(workspace, "pets", "../../../x")
    assert workspace.open("pets").predictions.model == "../../../x"
    assert {p.name for p in workspace.root.iterdir()} == {"cache", "datasets", "models", "uploads"}
