"""Functions of the user's own as features, on the command line only."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.models._callable import named_function
from core.pretrained import open_features
from core.progress import Progress
from tests.core.models.test_contract import ROWS, dataset_of

CODE = """
import numpy as np
limit = 3
def lengths(texts):
    assert isinstance(texts, list) and len(texts) <= 16
    return [[len(text), text.count("cat")] for text in texts]
def sizes(paths):
    return np.array([[len(open(path, "rb").read())] for path in paths])
def one(texts):
    return np.zeros(len(texts))
def no_numbers(texts):
    return [["a"] for _ in texts]
def undefined(texts):
    return np.full((len(texts), 2), np.nan)
def fails(texts):
    raise KeyError("token")
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the working folder."""
    (tmp_path / "my_own_features.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_own_features", raising=False)
    return "my_own_features"


def test_text_callable__gives_a_row_for_each_text(code: str, tmp_path: Path) -> None:
    embedder = open_features(f"text_callable:{code}:lengths", "text", run_code=True)
    assert embedder.spec == f"text_callable:{code}:lengths"
    dataset = dataset_of("text", tmp_path)
    values = embedder.fit_transform(dataset, 0, Progress()).values
    assert values.dtype == np.float32
    assert values.tolist() == [[len(text), text.count("cat")] for text in dataset.table["words"]]


def test_image_callable__gets_paths_of_pictures_that_are_there(code: str, tmp_path: Path) -> None:
    dataset = dataset_of("image", tmp_path)
    (tmp_path / "02.png").unlink()
    found = open_features(f"image_callable:{code}:sizes", "image", run_code=True).fit_transform(
        dataset, 0, Progress()
    )
    sizes = np.array(
        [(tmp_path / name).stat().st_size for i, name in enumerate(dataset.table["path"]) if i != 2]
    )
    assert found.values.shape == (ROWS, 1)
    assert found.values[2] == 0
    assert np.allclose(np.delete(found.values[:, 0], 2), sizes - sizes.mean(), atol=0.01)
    assert [(p.row, p.count) for p in found.remarks] == [(3, 1)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("one", r"features of shape \(16,\)"),
        ("no_numbers", r"type <U1"),
        ("undefined", "my_own_features:undefined"),
        ("fails", "the model cannot be used: KeyError: 'token'"),
    ],
)
def test_text_callable__what_is_no_features_is_refused(
    name: str, found: str, code: str, tmp_path: Path
) -> None:
    embedder = open_features(f"text_callable:{code}:{name}", "text", run_code=True)
    with pytest.raises(InputError, match=found):
        embedder.fit_transform(dataset_of("text", tmp_path), 0, Progress())


@pytest.mark.parametrize("named", ["my_own_features", ":lengths", "my_own_features:", "my_own_features:gone"])
def test_named_function__a_name_that_is_none_is_refused(named: str, code: str) -> None:
    with pytest.raises(InputError, match=r"names no function|no function"):
        named_function(named)


def test_named_function__what_cannot_be_called_is_refused(code: str) -> None:
    with pytest.raises(InputError, match="my_own_features:limit is no function"):
        named_function("my_own_features:limit")


def test_named_function__another_module_is_another_digest(code: str, tmp_path: Path) -> None:
    first = named_function(f"{code}:lengths")[1]
    assert first == named_function(f"{code}:lengths")[1] != named_function(f"{code}:sizes")[1]
    (tmp_path / "my_own_features.py").write_text(CODE + "# changed\n")
    assert first != named_function(f"{code}:lengths")[1]


def test_named_function__a_file_in_the_working_folder_replaces_no_library(code: str, tmp_path: Path) -> None:
    (tmp_path / "colorsys.py").write_text("raise AssertionError('ran')")
    sys.modules.pop("colorsys", None)
    assert named_function("colorsys:rgb_to_hsv")[0](1, 0, 0) == (0.0, 1.0, 1)
