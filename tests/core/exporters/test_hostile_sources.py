"""Real and damaged tables, through the pre-flight check and back out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.loading import Plan, guess_columns, prepare, read_table
from core.review.decisions import Action

from .conftest import plan

SHARED = Path(__file__).parents[4] / "shared" / "data"
TABLES = sorted(SHARED.glob("hostile/tables/*")) + sorted(SHARED.glob("*/data.csv"))


@pytest.mark.skipif(not TABLES, reason="no shared data beside this checkout")
@pytest.mark.parametrize("path", TABLES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_export__changes_what_was_decided_and_nothing_else(path: Path, tmp_path: Path) -> None:
    try:
        raw = read_table(path)
        prepared = prepare(raw, Plan("set", guess_columns(raw)))
    except InputError:
        pytest.skip("refused by the importer")
    if prepared.dataset is None or not prepared.ok:
        pytest.skip("refused by the pre-flight check")
    dataset = prepared.dataset
    loaded = (dataset, prepared.source)
    same = write_export(plan(loaded), tmp_path / f"same{path.suffix}")
    assert same.path.read_bytes() == path.read_bytes()
    chosen = np.random.default_rng(0).choice(len(dataset), min(10, len(dataset)), replace=False).tolist()
    choices: dict[int, str | Action] = {
        p: dataset.classes[(int(dataset.labels[p]) + 1) % len(dataset.classes)] for p in chosen[2:]
    }
    corrections = plan(loaded, {**choices, **dict.fromkeys(chosen[:2], Action.EXCLUDE)})
    summary = write_export(corrections, tmp_path / f"out{path.suffix}")
    checked = verify_export(corrections, summary)
    assert checked.examples == ()
    assert (
        checked.changed == summary.cells_changed == sum(c.before != c.after for c in corrections.changes) - 2
    )
    assert checked.identical == (len(dataset) - 2) * dataset.table.shape[1] - checked.changed
