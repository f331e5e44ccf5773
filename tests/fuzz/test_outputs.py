"""Damaged files of what models and other tools say: each is read or refused in words."""

from __future__ import annotations

import random
from pathlib import Path

from core.errors import InputError
from core.loading import Plan, guess_columns, prepare
from core.reading import read_table
from tests.core.importers.samples import OUTPUTS
from tests.fuzz.mutate import mutated

CASES = 120
DATA = ("ls.json", "fo.json", "flags.csv", "coco.json")


def test_outputs__damaged_files_are_read_or_refused_in_words(tmp_path: Path) -> None:
    for name, content in OUTPUTS.items():
        (tmp_path / name).write_bytes(content)
    raws = [read_table(tmp_path / name) for name in DATA]
    damaged = tmp_path / "damaged.json"
    kinds = ("pred_probs", "pred_probs", "flags")
    read = refused = 0
    for number in range(CASES):
        rng = random.Random(number)
        damaged.write_bytes(mutated(list(OUTPUTS.values()), rng))
        raw, kind = rng.choice(raws), rng.choice(kinds)
        found = prepare(raw, Plan("x", guess_columns(raw), **{kind: damaged}))  # type: ignore[arg-type]
        read, refused = read + found.ok, refused + (not found.ok)
        assert all(str(problem).strip() for problem in found.problems), number
        try:
            itself = read_table(damaged)
            prepare(itself, Plan("x", guess_columns(itself)))
        except InputError as error:
            assert all(str(problem).strip() for problem in error.problems), number
    assert read and refused
