from __future__ import annotations

from pathlib import Path

import pytest

from core.cli import main as labelmend
from core.new_version import CarriedOver, carried_over
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from core.review.store import Store
from tests.conftest import make_dataset

CATS = make_dataset([0, 1, 0, -1])
"""Rows r0 to r3: cat, dog, cat, no label."""


def decide(row: str, given: str, label: str | None = None, seq: int = 1) -> Decision:
    action = Action.KEEP if label is None else Action.RELABEL
    return Decision("pets", row, action, "ann", given, f"op{seq}", label, seq=seq)


def found(*decisions: Decision, about: tuple[Decision, ...] = ()) -> CarriedOver:
    return carried_over(CATS, Fold(decisions).standings(), about)


def test_carried_over__rows_that_fit_are_gone_or_have_another_label() -> None:
    said = found(
        decide("r0", "cat", seq=1),
        decide("r1", "cat", seq=2),
        decide("r2", "dog", "cat", seq=3),
        decide("r3", "", "dog", seq=4),
        decide("r9", "cat", seq=5),
    )
    assert said == CarriedOver(5, gone=("r9",), changed=("r1",))
    assert said.fitting == 3
    assert [str(p) for p in said.problems("b.csv")] == [
        "b.csv: decided rows that this version does not have: r9. Mend: their decisions are kept and change "
        "nothing; check the id column if these are too many.",
        "b.csv: decided rows with another given label than before: r1. Mend: their decisions are kept, and "
        "an export asks about them.",
    ]


def test_carried_over__a_renamed_class_is_no_other_label() -> None:
    renamed = Decision(
        "pets", "", Action.CLASS, "ann", "", "c", detail='{"rename": "dog", "to": "hound"}', seq=1
    )
    assert found(decide("r1", "hound", seq=2), about=(renamed,)) == CarriedOver(1)


def test_problems__names_five_rows_and_counts_the_rest() -> None:
    gone = CarriedOver(1000, gone=tuple(f"r{i}" for i in range(1000)))
    assert "r0, r1, r2, r3, r4 and 995 more" in str(gone.problems("b.csv")[0])
    assert CarriedOver(3).problems("b.csv") == []


def test_audit__tells_which_decisions_the_new_version_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, root = tmp_path / "pets.csv", tmp_path / "w"
    args = ["audit", str(path), "--no-model", "--workspace", str(root)]
    path.write_text("id,text,label\na,purr,cat\nb,bark,dog\nc,meow,cat\n")
    assert labelmend(args) == 0
    assert "carry over" not in capsys.readouterr().err
    store = Store(f"sqlite:///{root / 'labelmend.db'}")
    store.record([decide("a", "cat"), decide("b", "dog", seq=2), decide("c", "cat", seq=3)])
    store.close()
    path.write_text("id,text,label\nb,bark,cat\na,purr,cat\nd,hiss,cat\ne,woof,dog\n")
    assert labelmend(args) == 0
    said = capsys.readouterr().err
    assert "pets: decisions on 1 of 3 decided rows carry over" in said
    assert "warning: pets.csv: decided rows that this version does not have: c" in said
    assert "warning: pets.csv: decided rows with another given label than before: b" in said
