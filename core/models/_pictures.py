"""What the image embedders share: pictures as they enter a model, and what is said of those that cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from core.dataset import Dataset
from core.decoding import MediaError
from core.errors import Problem, refuse
from core.media import media_path
from core.methods.pictures import on_white
from core.models._base import Features
from core.models._beside import Beside, Rows
from core.progress import Progress

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LARGEST_SIDE = 1024
_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class ImageModel:
    """A model of pictures, loaded.

    height, width: pixels that it looks at. mean, std: what channels in [0, 1] are normalised by. crop: share
    of the picture's sides that it looks at, in the middle. run: (n, 3, height, width) float32 to (n, D).
    """

    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: float
    run: Callable[[np.ndarray], np.ndarray]


def image_features(
    dataset: Dataset, load: Callable[[], ImageModel], title: str, progress: Progress
) -> Features:
    """(N, D) float32 of a model's features, their mean taken off; 0 for a picture that cannot be read.

    Sixteen pictures are in memory at once. Cancel is answered while the model works.
    """
    count = pictures_of(dataset)
    rows, unread, why = Rows(count, title), list[int](), ""
    with Beside() as beside:
        model = beside.run(load, progress.part(0, 0.1, "loading the model"))
        for start in range(0, count, _AT_ONCE):
            part = progress.part(0.1 + 0.9 * start / count, 1, "reading pictures")
            seen, pictures = [], []
            for row in range(start, min(start + _AT_ONCE, count)):
                part.report(0)
                try:
                    pictures.append(_as_seen(media_path(dataset, row), model))
                    seen.append(row)
                except MediaError as error:
                    why = why or str(error)
                    unread.append(row)
            if seen:
                rows.put(seen, beside.run(partial(model.run, np.stack(pictures)), part))
    remarks = unread_remark(dataset, unread, why)
    return Features(centred(rows.values(), unread), remarks)


def centred(values: np.ndarray, unread: list[int]) -> np.ndarray:
    """The same array, the mean of the rows that were read taken off, 0 in the others."""
    read = np.ones(len(values), bool)
    read[unread] = False
    values -= values[read].mean(axis=0)
    values[unread] = 0
    return values


def pictures_of(dataset: Dataset) -> int:
    """How many pictures there are. Raises InputError where no folder of them is known."""
    if dataset.media_root is None:
        raise refuse("no folder of images to learn from", mend="load the data set with its images")
    return len(dataset)


def unread_remark(dataset: Dataset, unread: list[int], why: str) -> tuple[Problem, ...]:
    """What to tell of pictures that cannot be read. Raises InputError where that is all of them."""
    column = dataset.columns.content[0]
    if not unread:
        return ()
    if len(unread) == len(dataset):
        raise refuse(f"no picture can be read: {why}", column=column, row=1)
    found = f"pictures that cannot be read look to the model like the mean of all; the first: {why}"
    return (Problem("warning", found, row=unread[0] + 1, column=column, count=len(unread)),)


def _as_seen(file: Path, model: ImageModel) -> np.ndarray:
    """(3, height, width) float32: the middle of the picture, scaled and normalised. Raises MediaError."""
    from PIL import Image

    image = on_white(file, round(max(model.height, model.width) / model.crop))
    # The part is cut out before it is scaled: scaled first, a picture of 1 x 60,000 would need gigabytes.
    scale = min(image.width / model.width, image.height / model.height) * model.crop
    wide, high = model.width * scale, model.height * scale
    left, top = (image.width - wide) / 2, (image.height - high) / 2
    box = (left, top, left + wide, top + high)
    small = image.resize((model.width, model.height), Image.Resampling.BICUBIC, box)
    mean, std = np.array(model.mean, np.float32), np.array(model.std, np.float32)
    values = (np.asarray(small, np.float32) / 255 - mean) / std
    return np.ascontiguousarray(values.transpose(2, 0, 1))
