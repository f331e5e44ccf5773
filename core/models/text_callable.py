"""Text: a function of the user's own, from texts to numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from core.dataset import Dataset
from core.models._base import Embedder, Features, Pretrained
from core.models._callable import named_function
from core.models._sentences import sentence_features
from core.progress import Progress


def _open(weights: str, download: bool, progress: Progress) -> Embedder:
    function, sha = named_function(weights)
    return Embedder("text_callable", weights, "text", 1, partial(_features, function, weights), sha, weights)


def _features(
    function: Callable[[list[str]], Any], title: str, dataset: Dataset, seed: int, progress: Progress
) -> Features:
    def encode(texts: list[str]) -> tuple[object, list[bool]]:
        return function(texts), [False] * len(texts)

    return sentence_features(dataset, lambda: encode, title, progress)


TEXT_CALLABLE = Pretrained(
    "text_callable",
    "a function of your own",
    "text",
    (),
    "",
    "module:function, from a list of texts to numbers of shape (n, D); called for 16 texts at a time",
    "as fast as it is",
    _open,
    runs_code=True,
)
