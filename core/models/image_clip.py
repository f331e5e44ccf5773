"""Images: the image tower of a CLIP model of the open_clip library, from a local folder of safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.models import _weights
from core.models._base import Embedder, Features, Pretrained
from core.models._pictures import LARGEST_SIDE, ImageModel, image_features
from core.progress import Progress

_CONFIG, _FILE = "open_clip_config.json", "open_clip_model.safetensors"
"""The library takes this file before any other one in the folder."""
_OPENAI_MEAN, _OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def _open(weights: str, download: bool, progress: Progress) -> Embedder:
    folder = _weights.located(weights, download, progress)
    _weights.files_of(folder, ())
    config = _weights.read_json(folder / _CONFIG)
    if not isinstance(config, dict) or not (folder / _FILE).is_file():
        raise refuse(f"{folder.name} is no open_clip folder", expected=f"{_CONFIG} and {_FILE} in it")
    title = f"CLIP ({Path(weights).name})"
    sha = _weights.digest([folder / _FILE, folder / _CONFIG], progress)
    features = partial(_features, folder, config, title)
    return Embedder("image_clip", title, "image", 1, features, sha, _weights.spelled(weights, folder))


def _features(
    folder: Path, config: Mapping[str, Any], title: str, dataset: Dataset, seed: int, progress: Progress
) -> Features:
    return image_features(dataset, partial(_load, folder, config), title, progress)


def _load(folder: Path, config: Mapping[str, Any]) -> ImageModel:
    _weights.stay_offline()
    import open_clip
    import torch

    where = _weights.device()
    model = open_clip.create_model(
        f"local-dir:{folder}", device=where, require_pretrained=True, weights_only=True, pretrained_text=False
    ).eval()

    def run(pictures: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            values = torch.from_numpy(pictures).to(where)
            return model.encode_image(values, normalize=True).float().cpu().numpy()

    side = model.visual.image_size
    height, width = side if isinstance(side, tuple | list) else (side, side)
    seen = config.get("preprocess_cfg", {})
    return ImageModel(
        min(int(height), LARGEST_SIDE),
        min(int(width), LARGEST_SIDE),
        tuple(seen.get("mean", _OPENAI_MEAN)),
        tuple(seen.get("std", _OPENAI_STD)),
        1.0,
        run,
    )


IMAGE_CLIP = Pretrained(
    "image_clip",
    "CLIP",
    "image",
    ("open_clip", "torch"),
    "image",
    "an open_clip folder",
    "slow: minutes for each thousand pictures",
    _open,
)
