"""The numbers that the Load page says, against ones that the test counts from the files it wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import Open, words
from tests.pages.test_load import N, files, load  # noqa: F401


def boxes(app: AppTest) -> list[str]:
    return [str(e.value).replace("\\", "") for kind in ("error", "info", "success") for e in app.get(kind)]


def shown_problems(app: AppTest) -> tuple[int, int]:
    """(to mend, to know) as they stand in the list of the page, one by one."""
    lines = [str(m.value) for m in app.markdown]
    mend = sum("**Mend**" in line for line in lines)
    return mend, sum("**Look**" in line or "**Know**" in line for line in lines)


def test_load__rows_columns_and_what_the_check_counts(open_page: Open, files: Path) -> None:  # noqa: F811
    text = (files / "fruit.csv").read_text().replace(",apple\n", ",\n", 3)
    (files / "fruit.csv").write_text(text)
    app = load(open_page, files, "")
    lines = text.splitlines()
    said = f"fruit.csv: {len(lines) - 1} rows, {lines[0].count(',') + 1} columns"
    assert said in words(app) and len(lines) - 1 == N
    mend, know = shown_problems(app)
    assert (mend, know) == (0, 1)  # the rows without a label
    assert f"Nothing to mend, {know} to know." in boxes(app)
    assert {b.label for b in app.button if "nalyse" in b.label} == {
        f"Train a baseline and analyse {N} rows",
        f"Analyse {N} rows",
    }
    np.save(files / "short.npy", np.load(files / "probs.npy")[1:])
    app = load(open_page, files, str(files / "short.npy"))
    mend, know = shown_problems(app)
    assert (mend, know) == (1, 2)  # too few rows; their order is to be confirmed
    assert f"{mend} to mend, {know} to know. Nothing is stored yet." in boxes(app)


def test_load__one_of_each_is_said_as_one(open_page: Open, files: Path) -> None:  # noqa: F811
    (files / "fruit.csv").write_text("label\ncat\n")
    app = load(open_page, files, "")
    assert "fruit.csv: 1 row, 1 column" in words(app).split("\n")
    assert "Analyse 1 row" in [b.label for b in app.button]


@pytest.mark.parametrize(("flips", "weak"), [((2, 7, 11), 0.6)])
def test_load__how_far_each_model_agrees(
    open_page: Open,
    files: Path,  # noqa: F811
    flips: tuple[int, ...],
    weak: float,
) -> None:
    values = np.load(files / "probs.npy")
    other = weak * values + (1 - weak) / 2
    other[list(flips)] = other[list(flips)][:, ::-1]
    np.save(files / "weak.npy", other)
    app = load(open_page, files, f"{files / 'probs.npy'}; {files / 'weak.npy'}")
    captions = [
        c.replace("\\", "") for c in next(r for r in app.radio if r.label == "Model in use").proto.captions
    ]
    labels = np.arange(N) % 2
    for caption, probs in zip(captions, (values, other), strict=True):
        agrees = (probs.argmax(axis=1) == labels).sum() / N
        assert caption.startswith(f"Agrees with {agrees:.1%} of {N} labels (95% interval ")
    assert captions[0][:18] != captions[1][:18]
