"""Text: any ONNX file that takes token ids, with its tokenizer.json beside it."""

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
from core.models._sentences import Encode, sentence_features
from core.progress import Progress

_TOKENIZER = "tokenizer.json"
_LARGEST_TOKENIZER = 64 << 20
_TOKENS = 256
"""Read of each text, where neither the file nor its tokenizer says."""
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


def _open(weights: str, download: bool, progress: Progress) -> Embedder:
    file, files = found(weights, download, progress)
    tokenizer = file.parent / _TOKENIZER
    if not tokenizer.is_file() or tokenizer.stat().st_size > _LARGEST_TOKENIZER:
        raise refuse(
            f"no {_TOKENIZER} beside it, or a huge one", file=file.name, mend="put the model's there"
        )
    sha = _weights.digest([*files, tokenizer], progress)
    title = f"ONNX ({file.name})"
    at = _weights.spelled(weights, file)
    return Embedder("text_onnx", title, "text", 1, partial(_features, file, title), sha, at)


def _features(file: Path, title: str, dataset: Dataset, seed: int, progress: Progress) -> Features:
    with Running(file) as running:
        return sentence_features(dataset, partial(_load, file, running), title, progress)


def _load(file: Path, running: Running) -> Encode:
    running.describe()
    inputs = running.inputs
    names = [i["name"] for i in inputs]
    fits = all(n in _INPUTS for n in names) and all(i["type"] in _TYPES for i in inputs)
    if "input_ids" not in names or not fits:
        expected = f"{' , '.join(_INPUTS)}; the first of them at least, whole numbers".replace(" ,", ",")
        raise refuse(f"inputs {', '.join(map(str, names)) or 'none'}", file=file.name, expected=expected)
    tokens = _tokenizer(file.parent / _TOKENIZER, _fixed_length(inputs))
    output = first_output(running.outputs)

    def encode(texts: list[str]) -> tuple[np.ndarray, list[bool]]:
        found = tokens.encode_batch(texts)
        said = {
            "input_ids": [e.ids for e in found],
            "attention_mask": [e.attention_mask for e in found],
            "token_type_ids": [e.type_ids for e in found],
        }
        given = {str(i["name"]): np.array(said[i["name"]], _TYPES[i["type"]]) for i in inputs}
        values = _one_a_text(running.run(output, given), np.array(said["attention_mask"]))
        return values, [bool(e.overflowing) for e in found]

    return encode


def _fixed_length(inputs: list[dict[str, Any]]) -> int | None:
    shape = next(i["shape"] for i in inputs if i["name"] == "input_ids")
    return shape[1] if len(shape) == 2 else None


def _tokenizer(file: Path, length: int | None) -> Any:
    """The tokenizer that cuts at `length`, else where it says itself; padded to `length` or the longest."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(file))
    own = (made.truncation or {}).get("max_length", _TOKENS)
    made.enable_truncation(max_length=length or own)
    pad = made.padding or {}
    made.enable_padding(
        length=length, pad_id=pad.get("pad_id", 0), pad_token=pad.get("pad_token", "[PAD]"), direction="right"
    )
    return made


def _one_a_text(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(n, D) of unit length: the mean over a text's tokens where the model gives one vector a token."""
    if values.ndim == 3:
        weight = mask[:, :, None].astype(np.float32)
        values = (values * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)
    if values.ndim != 2:
        return values  # refused with its shape
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(length > 0, length, 1)


TEXT_ONNX = Pretrained(
    "text_onnx",
    "an ONNX file",
    "text",
    ("onnxruntime", "onnx", "tokenizers"),
    "onnx",
    "a file .onnx that takes token ids, tokenizer.json beside it",
    "as slow as the network is large",
    _open,
)
