"""`labelmend audit` and `labelmend models` with one and with several models' predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.core.test_cli import labelmend, pets

__all__ = ["pets"]


def shuffled(folder: Path) -> Path:
    """Every second pair of a cat and a dog swapped: half of the rows agree."""
    rows = np.arange(60).reshape(-1, 2)
    rows[::2] = rows[::2, ::-1]
    np.save(folder / "shuffled.npy", np.load(folder / "probs.npy")[rows.ravel()])
    return folder / "shuffled.npy"


def test_audit__an_order_that_the_labels_speak_against_wants_the_word(pets: Path, tmp_path: Path) -> None:
    out = labelmend("audit", pets, "--pred-probs", shuffled(tmp_path), workspace=tmp_path / "w")
    assert out.returncode == 1
    assert (
        "shuffled.npy: rows are matched by their order, and they agree with the labels no better"
        in out.stderr
    )
    assert "say --in-order" in out.stderr and "Traceback" not in out.stderr
    assert not list((tmp_path / "w" / "datasets").iterdir())
    args = ("--pred-probs", shuffled(tmp_path), "--in-order")
    out = labelmend("audit", pets, *args, workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    assert "warning: shuffled.npy: the predictions disagree with most labels" in out.stderr


def test_audit__an_order_that_the_labels_bear_out_is_said(pets: Path, tmp_path: Path) -> None:
    out = labelmend("audit", pets, "--pred-probs", tmp_path / "probs.npy", workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    assert "notice: probs.npy: it names no rows: row 1 is taken as row 1 of the data" in out.stderr


def test_audit__several_models_and_models_changes_which_one_is_in_use(pets: Path, tmp_path: Path) -> None:
    values = np.load(tmp_path / "probs.npy")
    np.save(tmp_path / "weak.npy", 0.6 * values + 0.2)
    args = ("--pred-probs", tmp_path / "probs.npy", "--pred-probs", tmp_path / "weak.npy")
    out = labelmend("audit", pets, *args, workspace=tmp_path / "w")
    assert out.returncode == 0, out.stderr
    assert "notice: weak.npy: it names no rows" in out.stderr
    said = "agrees with 96.7% of 60 labels (95% interval 88.6%-99.1%)"
    out = labelmend("models", "pets", workspace=tmp_path / "w")
    assert out.stdout.splitlines() == [f"* probs: {said}", f"  weak: {said}"]
    out = labelmend("models", "pets", "--mean", "probs", "weak", "--use", "weak", workspace=tmp_path / "w")
    assert out.stdout.splitlines() == [
        f"* weak: {said}",
        f"  mean of probs, weak: {said}",
        f"  probs: {said}",
    ]
    assert np.allclose(np.load(tmp_path / "w/datasets/pets/pred_probs.npy"), 0.6 * values + 0.2)
    out = labelmend("models", "pets", "--forget", "probs", workspace=tmp_path / "w")
    assert [line.split(":")[0] for line in out.stdout.splitlines()] == ["* weak", "  mean of probs, weak"]
    out = labelmend("models", "pets", "--use", "probs", workspace=tmp_path / "w")
    assert out.returncode == 1 and "no model called 'probs' for 'pets'" in out.stderr


def test_audit__a_bad_second_model_stores_nothing(pets: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "short.npy", np.load(tmp_path / "probs.npy")[1:])
    args = ("--pred-probs", tmp_path / "probs.npy", "--pred-probs", tmp_path / "short.npy")
    out = labelmend("audit", pets, *args, workspace=tmp_path / "w")
    assert out.returncode == 1 and "short.npy: 59 rows, but the data has 60" in out.stderr
    assert not list((tmp_path / "w" / "datasets").iterdir())
