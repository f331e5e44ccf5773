"""open_clip with a small model of random weights: no package carries real ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.pretrained import open_features
from core.progress import Progress
from tests.core.models.test_contract import ROWS, dataset_of

open_clip = pytest.importorskip("open_clip")
safetensors = pytest.importorskip("safetensors.torch")
MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 64, "heads": 1, "layers": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import torch

    torch.manual_seed(0)
    made = tmp_path / "small-clip"
    made.mkdir()
    state = open_clip.CLIP(**MODEL).state_dict()
    safetensors.save_file({k: v.contiguous() for k, v in state.items()}, made / "open_clip_model.safetensors")
    config = {"model_cfg": MODEL, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (made / "open_clip_config.json").write_text(json.dumps(config))
    return made


def test_image_clip__gives_its_features(folder: Path, tmp_path: Path) -> None:
    embedder = open_features(f"image_clip:{folder}", "image")
    assert embedder.title == "CLIP (small-clip)"
    dataset = dataset_of("image", tmp_path)
    found = embedder.fit_transform(dataset, 0, Progress()).values
    assert found.shape == (ROWS, 16) and found.std() > 0
    assert np.array_equal(found, embedder.fit_transform(dataset, 0, Progress()).values)


def test_image_clip__other_weights_in_the_folder_are_not_taken(folder: Path, tmp_path: Path) -> None:
    (folder / "open_clip_pytorch_model.bin").write_bytes(b"no weights")
    embedder = open_features(f"image_clip:{folder}", "image")
    assert embedder.fit_transform(dataset_of("image", tmp_path), 0, Progress()).values.shape == (ROWS, 16)


def test_image_clip__a_folder_without_its_parts_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "open_clip_model.safetensors").rename(folder / "other.safetensors")
    with pytest.raises(InputError, match="is no open_clip folder"):
        open_features(f"image_clip:{folder}", "image")
    (folder / "open_clip_config.json").unlink()
    with pytest.raises(InputError, match=r"no open_clip_config.json in small-clip"):
        open_features(f"image_clip:{folder}", "image")


@pytest.mark.parametrize(
    "model", [{}, {**MODEL, "embed_dim": 8}, {**MODEL, "text_cfg": {"hf_model_name": "o/n"}}]
)
def test_image_clip__a_description_that_does_not_fit_is_told_in_words(
    model: dict, folder: Path, tmp_path: Path
) -> None:
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    embedder = open_features(f"image_clip:{folder}", "image")
    with pytest.raises(InputError, match="the model cannot be used"):
        embedder.fit_transform(dataset_of("image", tmp_path), 0, Progress())
