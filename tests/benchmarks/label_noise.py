"""Data of known truth for the benchmarks: real noisy labels, and noise of known kinds on clean ones."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.methods.neighbours import nearest
from core.methods.out_of_sample import deal_folds, out_of_sample
from core.neighbour_graph import NEIGHBOURS
from tests.benchmarks.bench_ranking import Known, sets
from tests.conftest import SHARED

ROWS = 2000
"""Of each clean set at most, drawn with seed 0."""
KINDS = {
    "none": 0.0,
    "symmetric": 0.1,
    "pair": 0.2,
    "instance": 0.2,
    "boundary": 0.15,
    "one class, any row": 0.1,
    "one class, near rows": 0.15,
}
"""Kinds of noise and their rates. symmetric: any other class. pair: each class to one other class. instance:
rates and classes by random directions of the features (Xia et al., 2020, Part-dependent label noise).
boundary: the runner-up, the likelier the nearer. one class: all errors go to one class, from any row or from
those nearest to it, as where people misread a guideline."""


@dataclass(frozen=True, eq=False)
class Noisy(Known):
    """A set of known truth with its nearest rows. near, distances: (N, 30); None without embeddings."""

    near: np.ndarray | None = None
    distances: np.ndarray | None = None

    @property
    def folds(self) -> np.ndarray:
        """(N,) the folds that a model of this set is trained in."""
        return deal_folds(self.given, np.arange(len(self.given)))


def with_neighbours(data: Known) -> Noisy:
    """The nearest rows are searched."""
    near, distances = nearest(data.embeddings, np.arange(len(data.given)), NEIGHBOURS)
    return Noisy(
        data.name, data.given, data.wrong, data.probs, data.embeddings, near.astype(np.int32), distances
    )


def trained(name: str, given: np.ndarray, true: np.ndarray, embeddings: np.ndarray) -> Noisy:
    """With the probabilities of a logistic regression of these labels, in five folds."""
    folds = deal_folds(given, np.arange(len(given)))
    probs = out_of_sample(embeddings, given, int(true.max()) + 1, folds).pred_probs
    return with_neighbours(Known(name, given, given != true, probs, embeddings))


def real() -> Iterator[Noisy]:
    """Real noisy labels: those of bench_ranking; CIFAR-10N by one person, and a wrong one where anybody was
    wrong. And the texts of crowd AG News with the right labels."""
    yield from map(with_neighbours, sets())
    embeddings = _embeddings("cifar10n")
    for name, given, clean in people_of_cifar():
        yield trained(name, given, clean, embeddings)
    right = _truth("text_agnews_human", "clean")[0]
    yield trained("AG News, right labels", right, right, _embeddings("text_agnews_human"))


def people_of_cifar() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name, given, true) of CIFAR-10N by one person, and of a wrong label where anybody gave one."""
    clean, names = _truth("cifar10n", "clean")
    people = pd.read_csv(SHARED / "cifar10n" / "annotators.csv")
    by = np.stack([_codes(people[f"annotator_{i}"], names) for i in (1, 2, 3)], axis=1)
    yield "CIFAR-10N, one person", by[:, 0], clean
    wrong = by != clean[:, None]
    pick = np.argmax(wrong * np.random.default_rng(0).random(wrong.shape), axis=1)
    worst = np.where(wrong.any(axis=1), by[np.arange(len(by)), pick], clean)
    yield "CIFAR-10N, worst", worst, clean


def published() -> Iterator[tuple[Noisy, np.ndarray]]:
    """(set, checked) of the test sets of Northcutt et al. (2021) with their own probabilities. Only the rows
    of checked, (N,) bool, were looked at; `wrong` are those that five people confirmed."""
    for name in ("mnist", "20news"):
        folder = SHARED / "label_errors" / name
        given = pd.read_csv(folder / "labels.csv")["label"].to_numpy(np.int64)
        verdicts = pd.read_csv(folder / "verdicts.csv")
        checked, wrong = np.zeros(len(given), bool), np.zeros(len(given), bool)
        checked[verdicts["id"]] = True
        wrong[verdicts["id"][verdicts["validated"]]] = True
        probs = np.load(folder / "pred_probs.npy")
        some = name == "20news"
        vectors = _embeddings(f"label_errors/{name}") if some else np.zeros((len(given), 0), np.float32)
        data = Known(f"{name}, published", given, wrong, probs, vectors)
        yield with_neighbours(data) if some else Noisy(**vars(data)), checked


def clean_sets() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name, embeddings, labels) of sets whose labels are right, or nearly all of them."""
    for name, folder, column in (
        ("AG News", "text_agnews_human", "clean"),
        ("CIFAR-10", "cifar10n", "clean"),
        ("banking77", "text_banking77_injected", "original"),
    ):
        yield _some(name, _embeddings(folder), _truth(folder, column)[0])
    folder = SHARED / "label_errors"
    labels = pd.read_csv(folder / "20news" / "labels.csv")["label"].to_numpy(np.int64)
    yield _some("20 Newsgroups", _embeddings("label_errors/20news"), labels)
    yield _some("MNIST", *_mnist())
    rng = np.random.default_rng(5)
    for name, apart in (("clusters apart", 1.5), ("clusters that overlap", 0.6)):
        labels = rng.integers(0, 6, ROWS)
        yield name, (rng.normal(size=(6, 12)) * apart)[labels] + rng.normal(size=(ROWS, 12)), labels
    labels = rng.choice(5, ROWS, p=[0.5, 0.25, 0.15, 0.07, 0.03])
    yield "unequal clusters", (rng.normal(size=(5, 12)) * 0.9)[labels] + rng.normal(size=(ROWS, 12)), labels


def simulated(seed: int) -> Iterator[tuple[str, Noisy]]:
    """(kind, set): every kind of noise on every clean set."""
    for name, features, true in clean_sets():
        embeddings, k = features.astype(np.float32), int(true.max()) + 1
        folds = deal_folds(true, np.arange(len(true)))
        likely = out_of_sample(embeddings, true, k, folds).pred_probs.astype(np.float64)
        for i, (kind, rate) in enumerate(KINDS.items()):
            given = noisy(kind, rate, true, embeddings, likely, np.random.default_rng([seed, i]))
            yield kind, trained(name, given, true, embeddings)


def noisy(
    kind: str,
    rate: float,
    true: np.ndarray,
    embeddings: np.ndarray,
    likely: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """(N,) labels of which about `rate` are wrong. likely: (N, K) what a model of the true labels says."""
    n, k = likely.shape
    line = np.arange(n)
    if kind == "none":
        return true.copy()
    wrong, other = rng.random(n) < rate, (true + rng.integers(1, k, n)) % k
    if kind == "pair":
        order = rng.permutation(k)
        following = np.empty(k, np.int64)
        following[order] = np.roll(order, -1)
        other = following[true]
    elif kind == "instance":
        wrong = rng.random(n) < np.clip(rng.normal(rate, 0.1, n), 0, 1)
        directions = rng.normal(size=(k, embeddings.shape[1], k))
        scaled = (embeddings - embeddings.mean(axis=0)) / embeddings.std()
        for code in range(k):
            rows = np.flatnonzero(true == code)
            pull = scaled[rows] @ directions[code]
            pull[:, code] = -np.inf
            share = np.exp(pull - pull.max(axis=1, keepdims=True))
            drawn = share.cumsum(axis=1) > rng.random(len(rows))[:, None] * share.sum(axis=1, keepdims=True)
            other[rows] = drawn.argmax(axis=1)
    elif kind == "boundary":
        rest = likely.copy()
        rest[line, true] = -1
        other, close = rest.argmax(axis=1), rest.max(axis=1)
        close = close / np.maximum(close + likely[line, true], 1e-9)
        wrong = rng.random(n) < np.clip(close / close.mean() * rate, 0, 0.9)
    elif kind == "one class, any row":
        other = np.full(n, rng.integers(k))
        wrong = rng.random(n) < rate
    elif kind == "one class, near rows":
        code = int(rng.integers(k))
        pull = np.where(true == code, 0, likely[:, code])
        wrong, other = rng.random(n) < np.clip(pull / pull.mean() * rate, 0, 0.9), np.full(n, code)
    elif kind != "symmetric":
        raise ValueError(f"no noise called {kind!r}")
    return np.where(wrong, other, true)


def _some(name: str, embeddings: np.ndarray, labels: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    rows = np.sort(np.random.default_rng(0).permutation(len(labels))[:ROWS])
    return name, embeddings[rows], labels[rows]


def _truth(folder: str, column: str) -> tuple[np.ndarray, pd.Series]:
    names = pd.read_csv(SHARED / folder / "classes.csv", dtype="str")["name"]
    return _codes(pd.read_csv(SHARED / folder / "truth.csv")[column], names), names


def _codes(labels: pd.Series, names: pd.Series) -> np.ndarray:
    return pd.Categorical(labels, categories=names).codes.astype(np.int64)


def _embeddings(folder: str) -> np.ndarray:
    return np.load(SHARED / folder / "embeddings.npy").astype(np.float32)


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    """64 principal components of the pixels, and the labels."""
    from PIL import Image

    table = pd.read_parquet(SHARED / "label_errors" / "mnist" / "images.parquet")
    table = table.iloc[np.sort(np.random.default_rng(0).permutation(len(table))[:ROWS])]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(data))).ravel() for data in table["image"]]) / 255.0
    centred = pixels - pixels.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return centred @ axes[:, -64:], table["label"].to_numpy(np.int64)
