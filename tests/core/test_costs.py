from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.audit import checks, run_audit
from core.costs import Estimate, estimate, free_megabytes, refuse_what_would_not_fit
from core.errors import InputError
from core.predictions import Predictions
from tests.conftest import make_dataset

LABELS = [0, 1] * 500
PROBS = np.full((1000, 2), 0.5, dtype=np.float32)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Estimate(0.01, 150), "about 1 s on two cores and 0.1 GB of memory"),
        (Estimate(47, 900), "about 50 s on two cores and 0.9 GB of memory"),
        (Estimate(470, 3600), "about 8 min on two cores and 3.6 GB of memory"),
    ],
)
def test_estimate__in_words(found: Estimate, words: str) -> None:
    assert str(found) == words


def test_estimate__grows_with_rows_and_what_is_there() -> None:
    small, large = make_dataset(LABELS), make_dataset(LABELS * 4)
    bare = Predictions("test", PROBS)
    full = replace(bare, embeddings=np.zeros((1000, 8), dtype=np.float32))
    every = list(checks().values())
    assert estimate(every, small, bare).seconds < estimate(every, small, full).seconds
    assert estimate(every, small, bare).megabytes < estimate(every, large, bare).megabytes
    assert estimate([checks()["split_leakage"]], small, bare).seconds == 0  # it cannot run


@pytest.mark.parametrize("check", checks().values(), ids=lambda check: check.name)
def test_cost__every_check_says_its_own(check) -> None:  # type: ignore[no-untyped-def]
    assert check.cost.seconds > 0 and check.cost.megabytes > 0


def test_refuse_what_would_not_fit__says_how_much_is_needed_and_free() -> None:
    refuse_what_would_not_fit(Estimate(1, 1400), 1000)
    refuse_what_would_not_fit(Estimate(1, 9000), None)
    with pytest.raises(InputError, match=r"9\.0 GB of memory, and 1\.0 GB are free"):
        refuse_what_would_not_fit(Estimate(1, 9000), 1000)


def test_run_audit__starts_nothing_that_would_not_fit(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.audit.free_megabytes", lambda: 50.0)
    dataset, predictions = make_dataset(LABELS), Predictions("test", PROBS)
    with pytest.raises(InputError, match="GB are free"):
        run_audit(dataset, predictions, tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    run_audit(dataset, predictions, tmp_path, ["label_issues"])
    monkeypatch.setattr("core.audit.free_megabytes", lambda: 50.0)
    assert run_audit(dataset, predictions, tmp_path, ["label_issues"]).results  # from the cache


def test_free_megabytes__is_what_the_system_says() -> None:
    free = free_megabytes()
    assert free is None or 10 < free < 1e8
