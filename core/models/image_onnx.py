"""Images: any ONNX file whose one input is a batch of pictures, (N, 3, height, width) float32."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.models import _weights
from core.models._base import Embedder, Features, Pretrained
from core.models._onnx import Running, first_output, found
from core.models._pictures import IMAGENET_MEAN, IMAGENET_STD, LARGEST_SIDE, ImageModel, image_features
from core.progress import Progress

_SIDE, _CROP = 224, 0.875
"""Where the file leaves the size open; and the share of a picture that is looked at, as at ImageNet."""


def _open(weights: str, download: bool, progress: Progress) -> Embedder:
    file, files = found(weights, download, progress)
    sha = _weights.digest(files, progress)
    title = f"ONNX ({file.name})"
    at = _weights.spelled(weights, file)
    return Embedder("image_onnx", title, "image", 1, partial(_features, file, title), sha, at)


def _features(file: Path, title: str, dataset: Dataset, seed: int, progress: Progress) -> Features:
    with Running(file) as running:
        return image_features(dataset, partial(_load, file, running), title, progress)


def _load(file: Path, running: Running) -> ImageModel:
    running.describe()
    name, rows, height, width = _input(file, running.inputs)
    output = first_output(running.outputs)

    def run(pictures: np.ndarray) -> np.ndarray:
        step = rows or len(pictures)
        made = []
        for start in range(0, len(pictures), step):
            batch = pictures[start : start + step]
            padded = np.zeros((step, *batch.shape[1:]), np.float32)
            padded[: len(batch)] = batch
            made.append(_one_a_picture(running.run(output, {name: padded}))[: len(batch)])
        return np.concatenate(made)

    return ImageModel(height, width, IMAGENET_MEAN, IMAGENET_STD, _CROP, run)


def _input(file: Path, inputs: list[dict[str, Any]]) -> tuple[str, int | None, int, int]:
    """(name, rows a batch where they are fixed, height, width). Raises InputError."""
    shapes = [f"{i['type']} {i['shape']}" for i in inputs]
    expected = f"one input tensor(float) [N, 3, height, width], sides at most {LARGEST_SIDE:,}"
    if len(inputs) == 1 and inputs[0]["type"] == "tensor(float)" and len(inputs[0]["shape"]) == 4:
        rows, channels, height, width = inputs[0]["shape"]
        high, wide = height or _SIDE, width or _SIDE
        if channels in (3, None) and max(high, wide) <= LARGEST_SIDE:
            return str(inputs[0]["name"]), rows, high, wide
    raise refuse(f"inputs {', '.join(shapes) or 'none'}", file=file.name, expected=expected)


def _one_a_picture(values: np.ndarray) -> np.ndarray:
    """(n, D): maps of features (n, D, h, w) and runs of them (n, t, D) are averaged."""
    if values.ndim == 4:
        return values.mean(axis=(2, 3))
    return values.mean(axis=1) if values.ndim == 3 else values


IMAGE_ONNX = Pretrained(
    "image_onnx",
    "an ONNX file",
    "image",
    ("onnxruntime", "onnx"),
    "onnx",
    "a file .onnx that takes (N, 3, height, width) float32, normalised by ImageNet's mean and deviation",
    "as slow as the network is large",
    _open,
)
