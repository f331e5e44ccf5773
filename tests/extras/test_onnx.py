"""ONNX files: any that takes pictures or token ids, and those that would do harm."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.models import _onnx
from core.pretrained import open_features
from core.progress import Cancelled, Progress
from tests.core.models.test_contract import ROWS, dataset_of
from tests.extras.conftest import texts_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def saved(path: Path, nodes, inputs, outputs, initializers=(), domains=()) -> Path:
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    imports = [helper.make_opsetid("", 17), *(helper.make_opsetid(d, 1) for d in domains)]
    path.write_bytes(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())
    return path


def value(name: str, *shape, kind: int = TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def averages(path: Path, rows="n", side=8, out_rank: int = 2) -> Path:
    """The mean colour of a picture, or the picture itself."""
    if out_rank == 4:
        node = helper.make_node("Identity", ["x"], ["y"])
        return saved(path, [node], [value("x", rows, 3, side, side)], [value("y", rows, 3, side, side)])
    node = helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)
    return saved(path, [node], [value("x", rows, 3, side, side)], [value("y", rows, 3)])


@pytest.mark.parametrize(("rows", "rank"), [("n", 2), ("n", 4), (1, 2), (7, 2)])
def test_image_onnx__rows_are_features_of_pictures(rows, rank: int, tmp_path: Path) -> None:
    dataset = dataset_of("image", tmp_path)
    embedder = open_features(f"image_onnx:{averages(tmp_path / 'mean.onnx', rows, 8, rank)}", "image")
    assert embedder.title == "ONNX (mean.onnx)"
    found = embedder.fit_transform(dataset, 0, Progress()).values
    whole = open_features(f"image_onnx:{averages(tmp_path / 'whole.onnx')}", "image")
    assert found.shape == (ROWS, 3)
    assert np.allclose(found, whole.fit_transform(dataset, 0, Progress()).values, atol=1e-5)
    assert found.std() > 0.01


def words(folder: Path) -> Path:
    """A vector a word: cat, dog, anything else; and its tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    table = np.array([[0, 0], [0, 0], [3, 0], [0, 4]], np.float32)
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "cat": 2, "dog": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["hidden"])]
    inputs = [value(name, "n", "t", kind=TensorProto.INT64) for name in ("input_ids", "attention_mask")]
    nodes.append(helper.make_node("Cast", ["attention_mask"], ["unused"], to=TensorProto.FLOAT))
    outputs = [value("hidden", "n", "t", 2), value("unused", "n", "t")]
    return saved(folder / "words.onnx", nodes, inputs, outputs, [numpy_helper.from_array(table, "table")])


def test_text_onnx__is_the_mean_over_a_texts_own_tokens(tmp_path: Path) -> None:
    said = ["cat", "dog dog", "cat cat dog dog", "", "cat " * 300 + "dog " * 300]
    found = open_features(f"text_onnx:{words(tmp_path)}", "text").fit_transform(texts_of(said), 0, Progress())
    assert np.allclose(found.values, [[1, 0], [0, 1], [0.6, 0.8], [0, 0], [1, 0]], atol=1e-6)
    assert [(p.severity, p.row, p.count) for p in found.remarks] == [("notice", 5, 1)]  # 256 tokens are read


def test_text_onnx__needs_its_tokenizer(tmp_path: Path) -> None:
    file = words(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="the model cannot be used"):
        open_features(f"text_onnx:{file}", "text").fit_transform(texts_of(["a"]), 0, Progress())
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"words.onnx: no tokenizer.json beside it"):
        open_features(f"text_onnx:{file}", "text")


def test_onnx__another_tokenizer_is_another_digest(tmp_path: Path) -> None:
    file = words(tmp_path)
    first = open_features(f"text_onnx:{file}", "text").weights
    (tmp_path / "tokenizer.json").write_text((tmp_path / "tokenizer.json").read_text() + "\n")
    assert open_features(f"text_onnx:{file}", "text").weights != first


def external(path: Path, location: str) -> Path:
    """A model whose weights are said to lie in another file."""
    tensor = numpy_helper.from_array(np.ones((3,), np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    node = helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0)
    return saved(
        path,
        [node, helper.make_node("Mul", ["m", "w"], ["y"])],
        [value("x", "n", 3, 8, 8)],
        [value("y", "n", 3)],
        [tensor],
    )


def test_onnx__weights_beside_it_are_read_and_digested(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(np.array([1, 2, 0], np.float32).tobytes())
    file = external(tmp_path / "m.onnx", "w.bin")
    embedder = open_features(f"image_onnx:{file}", "image")
    found = embedder.fit_transform(dataset_of("image", tmp_path), 0, Progress()).values
    assert np.abs(found[:, 2]).max() == 0 and np.abs(found[:, 1]).max() > 0
    (tmp_path / "w.bin").write_bytes(np.array([1, 2, 3], np.float32).tobytes())
    assert open_features(f"image_onnx:{file}", "image").weights != embedder.weights


@pytest.mark.parametrize(
    "location", ["../secret.bin", "/etc/passwd", "gone.bin", "link.bin", "", "sub/../../secret.bin"]
)
def test_onnx__weights_outside_its_folder_are_refused(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(np.ones(3, np.float32).tobytes())
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(InputError, match=r"m.onnx: weights outside its folder, or not there"):
        open_features(f"image_onnx:{external(folder / 'm.onnx', location)}", "image")


def test_onnx__weights_outside_are_seen_inside_nodes_too(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.ones((3,), np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret.bin")
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], [value("c", 3)]
    )
    always = numpy_helper.from_array(np.array(True), "t")
    nodes = [
        helper.make_node("If", ["t"], ["w"], then_branch=inner, else_branch=inner),
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["m", "w"], ["y"]),
    ]
    file = saved(tmp_path / "m.onnx", nodes, [value("x", "n", 3, 8, 8)], [value("y", "n", 3)], [always])
    with pytest.raises(InputError, match="weights outside its folder"):
        open_features(f"image_onnx:{file}", "image")


def test_onnx__operators_of_no_standard_set_are_refused(tmp_path: Path) -> None:
    node = helper.make_node("RunThis", ["x"], ["y"], domain="evil.ops")
    file = saved(
        tmp_path / "m.onnx", [node], [value("x", "n", 3, 8, 8)], [value("y", "n", 3)], (), ("evil.ops",)
    )
    with pytest.raises(
        InputError, match=r"it needs the operator RunThis of 'evil.ops', which no standard set has"
    ):
        open_features(f"image_onnx:{file}", "image")


@pytest.mark.parametrize("body", [b"", b"no model", b"\x08\x08" + b"\x3a\xff\xff\xff\xff\x7f"])
def test_onnx__what_is_no_model_is_refused(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(body)
    with pytest.raises(InputError, match=r"m.onnx: it (is no ONNX model|cannot be run)"):
        open_features(f"image_onnx:{tmp_path / 'm.onnx'}", "image")


def test_onnx__a_file_of_more_than_two_gigabytes_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "m.onnx").open("wb") as out:
        out.truncate(2 << 30)
    with pytest.raises(InputError, match="larger than 2 GB"):
        open_features(f"image_onnx:{tmp_path / 'm.onnx'}", "image")


@pytest.mark.parametrize(
    "inputs",
    [
        [("x", TensorProto.FLOAT, ("n", 1, 8, 8))],
        [("x", TensorProto.FLOAT, ("n", 3, 4_096, 4_096))],
        [("x", TensorProto.DOUBLE, ("n", 3, 8, 8))],
        [("x", TensorProto.FLOAT, ("n", 3))],
        [("x", TensorProto.FLOAT, ("n", 3, 8, 8)), ("z", TensorProto.FLOAT, ("n", 3, 8, 8))],
    ],
)
def test_onnx__inputs_that_are_no_pictures_are_refused(inputs: list, tmp_path: Path) -> None:
    given = [value(name, *shape, kind=kind) for name, kind, shape in inputs]
    outputs = [value(f"y{i}", *shape, kind=kind) for i, (_, kind, shape) in enumerate(inputs)]
    nodes = [helper.make_node("Identity", [name], [f"y{i}"]) for i, (name, _, _) in enumerate(inputs)]
    embedder = open_features(f"image_onnx:{saved(tmp_path / 'm.onnx', nodes, given, outputs)}", "image")
    with pytest.raises(InputError, match=r"m.onnx: inputs tensor.* Expected: one input tensor\(float\)"):
        embedder.fit_transform(dataset_of("image", tmp_path), 0, Progress())


def test_onnx__a_model_that_wants_all_memory_ends_its_process_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_onnx, "MEMORY", 3 << 30)
    shape = numpy_helper.from_array(np.array([40_000, 40_000], np.int64), "shape")
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Expand", ["m", "shape"], ["y"]),
    ]
    file = saved(tmp_path / "m.onnx", nodes, [value("x", "n", 3, 8, 8)], [value("y", "a", "b")], [shape])
    with pytest.raises(InputError, match=r"m.onnx: running it failed|running Expand node"):
        open_features(f"image_onnx:{file}", "image").fit_transform(
            dataset_of("image", tmp_path), 0, Progress()
        )


def test_onnx__a_model_without_end_is_ended_by_cancel(tmp_path: Path) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Sin", ["v"], ["w"])],
        "body",
        [value("i", kind=TensorProto.INT64), value("go", kind=TensorProto.BOOL), value("v", "n", 3)],
        [value("on", kind=TensorProto.BOOL), value("w", "n", 3)],
    )
    often = numpy_helper.from_array(np.array(1 << 60, np.int64), "often")
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("Loop", ["often", "", "m"], ["y"], body=body),
    ]
    file = saved(tmp_path / "m.onnx", nodes, [value("x", "n", 3, 8, 8)], [value("y", "n", 3)], [often])
    embedder, progress = open_features(f"image_onnx:{file}", "image"), Progress()
    moment: list[float] = []

    def stop() -> None:
        moment.append(time.monotonic())
        progress.cancel()

    threading.Timer(6, stop).start()
    with pytest.raises(Cancelled):
        embedder.fit_transform(dataset_of("image", tmp_path), 0, progress)
    assert time.monotonic() - moment[0] < 2
