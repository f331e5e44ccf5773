"""Pretrained models put into the registry that need no library and no weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from core.dataset import Dataset
from core.errors import Problem
from core.models._base import Embedder, Features, Pretrained
from core.progress import Progress


class Counting:
    """A pretrained model that tells cats from dogs by their words, and counts how often it had to."""

    def __init__(self) -> None:
        self.calls, self.opened = 0, list[tuple[str, bool]]()
        self.sha = "1" * 64

    def open(self, weights: str, download: bool, progress: Progress) -> Embedder:
        self.opened.append((weights, download))
        return Embedder("text_fake", f"fake ({weights})", "text", 1, self.features, self.sha, weights)

    def features(self, dataset: Dataset, seed: int, progress: Progress) -> Features:
        self.calls += 1
        said = dataset.table["text"]
        cats = said.str.contains("cat|kitten").to_numpy(np.float32)
        return Features(np.column_stack([cats, 1 - cats]), (Problem("notice", "a remark of the model"),))


def planted(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """The registry with a model that an installed package carries, one whose library is absent, and code."""
    counting = Counting()
    kind = partial(Pretrained, kind="text", extra="text", cost="slow", open=counting.open)
    kinds = (
        kind("text_fake", "fake", modules=("json",), weights="a folder", packages=("absent", "pytest")),
        kind("text_absent", "absent", modules=("no_such_library",), weights="a folder", packages=("pytest",)),
        kind("text_code", "code", modules=(), weights="module:function", runs_code=True),
    )
    monkeypatch.setattr("core.pretrained.pretrained", lambda: {k.name: k for k in kinds})
    monkeypatch.setattr("core.pretrained.in_package", lambda name: Path("/w") if name == "pytest" else None)
    return counting
