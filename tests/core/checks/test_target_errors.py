from __future__ import annotations

from pathlib import Path

import numpy as np

from core.checks.target_errors import CHECK
from core.issues import Result
from core.predictions import Predictions
from core.progress import Progress
from tests.core.numbers import dataset_of

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}


def said() -> np.ndarray:
    """What the model says."""
    return np.random.default_rng(0).uniform(100, 900, 200)


def run(folder: Path, changed: dict[int, str], **params: object) -> Result:
    """200 prices near what a model says of them, some of them changed; the last has none."""
    predicted = said()
    noise = np.random.default_rng(1).normal(size=200) * 0.03
    prices = [f"{price:.2f}" for price in predicted * np.exp(noise)]
    prices = [changed.get(i, price) for i, price in enumerate(prices[:199])] + [""]
    lines = "".join(f"r{i},thing {i},{price}\r\n" for i, price in enumerate(prices))
    dataset = dataset_of(folder / "prices.csv", ("id,text,label\r\n" + lines).encode())
    model = Predictions("m", predicted=predicted)
    return CHECK.run(dataset, model, DEFAULTS | params, Progress())


def test_run__flags_what_is_far_off_and_names_the_slip(tmp_path: Path) -> None:
    predicted = said()
    changed = {5: f"{predicted[5] * 10:.2f}", 9: f"{-predicted[9]:.2f}", 20: f"{predicted[20] / 10:.2f}"}
    result = run(tmp_path, changed)
    table = result.table
    assert np.flatnonzero(table["flagged"]).tolist() == [5, 9, 20]
    assert (table["score"][table["flagged"]] <= 0.1).all()
    assert "; it looks as if it is 10 times too large: " in table["reason"].iloc[5]
    assert "; it looks as if the sign is wrong: " in table["reason"].iloc[9]
    assert "; it looks as if it is 10 times too small: " in table["reason"].iloc[20]
    assert table["suggestion"].iloc[9] == f"{predicted[9]:.2f}"
    assert table["score"].iloc[199] == 1 and not table["flagged"].iloc[199]
    summary = result.summary
    assert (summary["flagged"], summary["scored"], summary["unlabelled"]) == (3, 199, 1)
    assert "at least 9 times their median at that level of prediction" in summary["estimator"]


def test_run__one_in_twelve_too_large_is_found(tmp_path: Path) -> None:
    predicted = said()
    changed = {i: f"{predicted[i] * 10:.2f}" for i in range(0, 192, 12)}
    found = np.flatnonzero(run(tmp_path, changed).table["flagged"]).tolist()
    assert found == sorted(changed)


def test_run__how_far_can_be_chosen(tmp_path: Path) -> None:
    more, usual = (int(run(tmp_path, {}, far=far).summary["flagged"]) for far in (3.0, 9.0))
    assert usual == 0 and 0 < more < 30
