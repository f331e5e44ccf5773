"""The fixture of METHODS.md A2: people of whom some photos are wrong, and some are two folders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DIMENSIONS = 128


@dataclass(frozen=True)
class Planted:
    """embeddings: (N, D). labels: (N,) codes of folders. wrong: (N,) bool. truth: (N,) the person, -1 for a
    stranger. split: (S, 2) folders that are one person."""

    embeddings: np.ndarray
    labels: np.ndarray
    wrong: np.ndarray
    truth: np.ndarray
    split: np.ndarray


def planted(
    cosine: float = 0.61,
    people: int = 200,
    each: int = 20,
    splits: int = 15,
    wrong: float = 0.25,
    seed: int = 0,
) -> Planted:
    """`cosine`: of two rows of one person, usually. Half of the wrong rows are of nobody else here."""
    rng = np.random.default_rng(seed)
    centres = _unit(rng.normal(size=(people, DIMENSIONS)))
    truth = np.repeat(np.arange(people), each)
    noise = _unit(rng.normal(size=(len(truth), DIMENSIONS)))
    rows = np.sqrt(cosine) * centres[truth] + np.sqrt(1 - cosine) * noise
    labels = truth.copy()
    bad = rng.permutation(len(truth))[: int(wrong * len(truth))]
    strangers, moved = bad[: len(bad) // 2], bad[len(bad) // 2 :]
    rows[strangers] = rng.normal(size=(len(strangers), DIMENSIONS))
    truth = truth.copy()
    truth[strangers] = -1
    labels[moved] = (labels[moved] + rng.integers(1, people, len(moved))) % people
    pairs = []
    for number, person in enumerate(rng.permutation(people)[:splits].tolist()):
        here = np.flatnonzero(labels == person)
        labels[here[len(here) // 2 :]] = people + number
        pairs.append((person, people + number))
    is_wrong = np.zeros(len(labels), dtype=bool)
    is_wrong[bad] = True
    return Planted(
        rows.astype(np.float32), labels.astype(np.int32), is_wrong, truth, np.array(pairs).reshape(-1, 2)
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
