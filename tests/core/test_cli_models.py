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
