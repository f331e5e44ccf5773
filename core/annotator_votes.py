"""What each annotator has said of each row, where the data came with several answers a row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.dataset import UNLABELLED, Dataset
from core.label_forms.answers import encode
from core.preflight.labels import integer


def vote_codes(dataset: Dataset) -> tuple[np.ndarray, int]:
    """((N, A) int32 codes into Dataset.classes, -1 = no answer; how many answers name no class).

    A: the columns of Dataset.annotators, in their order. An answer is read as the label column is: as it is
    written there, else as the class is called, else by its number or apart from case and white space.
    """
    if not dataset.annotators:
        return np.full((len(dataset), 0), UNLABELLED, dtype=np.int32), 0
    labels, codes, _ = encode([dataset.table[name] for name in dataset.annotators], dataset.name)
    known = _known(dataset)
    found = [known.get(label, known.get(_alike(label), UNLABELLED)) for label in labels]
    votes = np.array([*found, UNLABELLED], dtype=np.int32)[codes]
    return votes, int(((votes < 0) & (codes >= 0)).sum())


def _known(dataset: Dataset) -> Mapping[str, int]:
    """{how a class can be written: its code}; a spelling that two classes share is none."""
    alike: dict[str, set[int]] = {}
    exact: dict[str, int] = {}
    for names in (dataset.tokens, dataset.classes):
        for code, name in enumerate(names):
            exact.setdefault(name, code)
            alike.setdefault(_alike(name), set()).add(code)
    return {name: next(iter(codes)) for name, codes in alike.items() if len(codes) == 1} | exact


def _alike(label: str) -> str:
    number = integer(label)
    return " ".join(label.casefold().split()) if number is None else str(number)
