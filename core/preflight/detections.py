"""A model's detections, as they are kept with its other outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from core.boxes import SIDES


def detections(
    images: Sequence[str],
    labels: Sequence[str],
    scores: Sequence[float],
    boxes: np.ndarray,
    paths: Mapping[str, str],
) -> pd.DataFrame:
    """Predictions.detections of what a file says; those of pictures that the data do not have are left out.

    images: what the file calls the picture of each detection; paths: their paths, by that.
    boxes: (M, 4) x, y, width, height.
    """
    image = pd.Series(images, dtype="str").map(dict(paths))
    kept = image.notna().to_numpy()
    columns = {"image": image.astype("category"), "label": pd.Categorical(list(labels)), "score": scores}
    frame = pd.DataFrame(columns | dict(zip(SIDES, np.asarray(boxes, dtype=np.float32).T, strict=True)))
    frame["score"] = frame["score"].astype("float32")
    return frame[kept].reset_index(drop=True)


def with_class_names(
    found: pd.DataFrame | None, names: Sequence[str], tokens: Sequence[str]
) -> pd.DataFrame | None:
    """With the data set's names of the classes, in its order, instead of the way in which they are written.

    A class that the data set does not know keeps its name and comes after those that it knows.
    """
    if found is None:
        return None
    by_token = dict(zip(tokens, names, strict=True))
    said = found["label"].astype(object).map(lambda name: by_token.get(name, name))
    more = sorted(set(said) - set(names))
    return found.assign(label=pd.Categorical(said, [*dict.fromkeys(names), *more]))
