"""Writes the samples: `python -m sample_data.make [--out DIR] [--report]`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from sample_data import ROOT, SAMPLES, Sample
from sample_data.planting import fold_of, out_of_sample
from sample_data.sets import BUILDERS, SEED, Built


def write(sample: Sample, built: Built, folder: Path) -> None:
    """Write every file of one sample into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_table(built.table, folder / sample.file)
    built.truth.to_csv(folder / "truth.csv", index=False, lineterminator="\n")
    classes = pd.DataFrame({"label": built.tokens, "name": built.names})
    classes.to_csv(folder / "classes.csv", index=False, lineterminator="\n")
    folds = fold_of(built.given, SEED)
    np.save(folder / "pred_probs.npy", out_of_sample(built.estimator, built.features, built.given, folds))
    np.save(folder / "embeddings.npy", built.embeddings)
    if built.images is not None:
        _write_images(built.images, folder, built.table["path"])


def _write_table(table: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        table.to_csv(path, index=False, lineterminator="\n")
    elif path.suffix == ".jsonl":
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_dict("records"))
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
    else:
        table.to_parquet(path, index=False)


def _write_images(images: np.ndarray, folder: Path, paths: pd.Series) -> None:
    from PIL import Image

    (folder / "images").mkdir(exist_ok=True)
    for image, path in zip(images, paths, strict=True):
        Image.fromarray(image).save(folder / path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sample_data.make", description="Write the samples.")
    parser.add_argument("--out", type=Path, default=ROOT, help="parent folder of the samples' folders")
    parser.add_argument("--report", action="store_true", help="print what cleanlab finds; write nothing")
    arguments = parser.parse_args()
    if arguments.report:
        from sample_data.report import report

        print(report())
        return
    for sample in SAMPLES:
        write(sample, BUILDERS[sample.name](), arguments.out / sample.name)
        print(f"{sample.name}: {arguments.out / sample.name}")


if __name__ == "__main__":
    main()
