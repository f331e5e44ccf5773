"""Predictions of tokens as models give them: an array for each sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.loading import Plan, prepare
from core.preflight import array_files
from core.preflight.columns import guess_columns
from core.preflight.prediction_files import read_array
from core.reading import read_table

PARTS = [np.array([[0.5, 0.25, 0.25], [0, 1, 0]]), np.array([[0.25, 0.25, 0.5]])]
WHOLE = np.concatenate(PARTS)


def ragged(folder: Path, name: str) -> Path:
    path = folder / name
    lists = [part.tolist() for part in PARTS]
    if name == "p.npz":
        np.savez(path, *PARTS)
    elif name == "p.jsonl":
        path.write_text("\n".join(json.dumps(part) for part in [*lists, []]) + "\n")
    elif name == "empty.json":
        path.write_text(json.dumps([[], *lists]))
    else:
        path.write_text(json.dumps({"pred_probs": lists} if name == "object.json" else lists))
    return path


@pytest.mark.parametrize("name", ["p.json", "object.json", "empty.json", "p.jsonl", "p.npz"])
def test_read_array__sentences_one_after_the_other(tmp_path: Path, name: str) -> None:
    np.testing.assert_array_equal(read_array(ragged(tmp_path, name), "pred_probs").values, WHOLE)


def test_prepare__predictions_by_sentence_for_tokens(tmp_path: Path) -> None:
    (tmp_path / "in.conll").write_text("Ann B-PER\nleft O\n\nOslo B-LOC\n")
    raw = read_table(tmp_path / "in.conll")
    plan = Plan("x", guess_columns(raw), pred_probs=ragged(tmp_path, "p.json"))
    found = prepare(raw, plan)
    assert found.ok and found.predictions.pred_probs is not None
    np.testing.assert_array_equal(found.predictions.pred_probs, WHOLE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([[[0.5, 0.5]], [0.5, 0.5]], "entry 2 is no list of rows"),
        ([[[0.5, 0.5]], [[0.5]]], "1 numbers, but the rows before have 2"),
        ([[[[0.5, 0.5]]]], "found"),
        ([[], []], "found"),
        ([[0.5, 0.5], []], "found"),
    ],
)
def test_read_array__refuses_what_is_neither(tmp_path: Path, content: list, said: str) -> None:
    (tmp_path / "p.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=said):
        read_array(tmp_path / "p.json", "pred_probs")


def test_read_array__numbered_arrays_that_do_not_belong_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "p.npz", PARTS[0], PARTS[1][:, :2])
    with pytest.raises(InputError, match=r"arr_0 has the shape \(2, 3\), arr_1 \(1, 2\)"):
        read_array(tmp_path / "p.npz", "pred_probs")
    monkeypatch.setattr(array_files, "MOST_JOINED", 10)
    with pytest.raises(InputError, match=r"2 arrays of .* bytes in all"):
        read_array(tmp_path / "p.npz", "pred_probs")
