"""The script writes the committed files again, and the README quotes what they give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sample_data import ROOT, SAMPLES, Sample
from sample_data.make import write
from sample_data.report import report
from sample_data.sets import BUILDERS

# float16 embeddings step by 1e-3 near 1.
TOLERANCE = {"pred_probs.npy": 1e-5, "embeddings.npy": 1e-3}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_write__gives_the_committed_files(sample: Sample, tmp_path: Path) -> None:
    write(sample, BUILDERS[sample.name](), tmp_path)
    committed = sorted(path.relative_to(sample.folder) for path in sample.folder.rglob("*"))
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == committed
    for name in committed:
        if (tmp_path / name).is_file():
            assert_same_content(tmp_path / name, sample.folder / name)


def assert_same_content(made: Path, kept: Path) -> None:
    """Text byte for byte; pictures and Parquet by what they hold, as their packers differ by platform."""
    if made.suffix == ".npy":
        new, old = np.load(made, allow_pickle=False), np.load(kept, allow_pickle=False)
        assert new.dtype == old.dtype
        np.testing.assert_allclose(new.astype(float), old.astype(float), rtol=0, atol=TOLERANCE[made.name])
    elif made.suffix == ".png":
        from PIL import Image

        with Image.open(made) as new_picture, Image.open(kept) as old_picture:
            assert np.array_equal(np.asarray(new_picture), np.asarray(old_picture)), made.name
    elif made.suffix == ".parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(made), pd.read_parquet(kept), check_exact=True)
    else:
        assert made.read_bytes() == kept.read_bytes(), made.name


def test_report__stands_in_the_readme() -> None:
    # The last line names the versions; it may differ where the numbers do not.
    numbers = report().splitlines()[:-1]
    readme = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert [line for line in numbers if line not in readme] == []


def test_import__is_light() -> None:
    code = "import sys, sample_data; sys.exit(bool({'numpy', 'pandas', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, check=False).returncode == 0


def test_main__names_its_options() -> None:
    command = [sys.executable, "-m", "sample_data.make", "--help"]
    printed = subprocess.run(command, cwd=ROOT.parent, check=True, capture_output=True, text=True).stdout
    assert "--report" in printed
    assert "--out" in printed
