"""Properties that should say nothing of a class and yet foretell it: what a model can learn by mistake.

Source: the spurious correlations of cleanlab's Datalab; the texture probe is our own reading of Sadasivan,
Soltanolkotabi, Feizi: CUDA: Convolution-based Unlearnable Datasets, 2023.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.methods.significance import adjusted, hypergeometric_tail
from core.progress import Progress

SEED, FOLDS, DEPTH, DRAWS = 0, 5, 3, 1000
PERMUTATIONS, ENOUGH = 99, 10
MOST_ROWS = 3000
"""Rows that a property is tried on; of more, a seeded sample."""
LEAST_OF_CLASS = 2 * FOLDS
GAIN = 0.05
"""How far above chance the interval of the balanced accuracy has to lie."""
LAGS = 3
TEXTURE_GAP = 0.04
SEEN_FROM = "textures laid over less than 30% of the rows are mostly not seen, under 20% not at all"
_MARKUP = re.compile(r"<[^<>\s][^<>]*>|&[a-z]+;|https?://|[*_#]{2,}|\[[^\]]*\]\(")
COLUMNS = (
    "property", "accuracy", "low", "high", "chance", "p", "q", "rows", "classes", "shortcut", "sentence",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Property:
    """values: (N,) float, NaN = not known. name: as a part of a sentence: "the brightness"."""

    name: str
    values: np.ndarray


def foretelling(
    properties: Sequence[Property],
    labels: np.ndarray,
    classes: Sequence[str],
    progress: Progress | None = None,
) -> pd.DataFrame:
    """How well each property alone foretells the label, most first; columns COLUMNS.

    labels: (N,) codes, -1 = none. accuracy: balanced accuracy of a decision tree of depth DEPTH on this one
    property, in FOLDS folds; low to high: its 95% bootstrap interval (DRAWS draws of each class's rows, seed
    0, the trees held fixed). chance: 1 / classes. p: by PERMUTATIONS permutations of the labels, smallest
    0.01; q after Benjamini and Hochberg. shortcut: q up to 0.05, low over chance + GAIN. Classes with fewer
    than LEAST_OF_CLASS rows are left out, and so is a property with one value, or with one such class.
    """
    progress = progress or Progress()
    found = []
    for i, prop in enumerate(properties):
        part = progress.part(i / len(properties), (i + 1) / len(properties), "looking for shortcuts")
        part.report(0, prop.name)
        line = _one(prop, labels, part)
        if line is not None:
            found.append(line)
    frame = pd.DataFrame(found, columns=[c for c in COLUMNS if c not in ("q", "shortcut", "sentence")])
    q = adjusted(frame["p"].to_numpy(np.float64))
    frame.insert(COLUMNS.index("q"), "q", q)
    frame["shortcut"] = (q <= 0.05) & (frame["low"] > frame["chance"] + GAIN).to_numpy(bool)
    frame["sentence"] = [
        f"From {name} alone the label is foretold with a balanced accuracy of {accuracy:.0%}; by chance it "
        f"would be {chance:.0%}."
        for name, accuracy, chance in zip(frame["property"], frame["accuracy"], frame["chance"], strict=True)
    ]
    gain = frame["accuracy"].to_numpy(np.float64) - frame["chance"].to_numpy(np.float64)
    return frame.iloc[np.argsort(-gain, kind="stable")].reset_index(drop=True)


def _one(prop: Property, labels: np.ndarray, progress: Progress) -> dict[str, object] | None:
    rng = np.random.default_rng(SEED)
    rows = np.flatnonzero((labels >= 0) & ~np.isnan(prop.values))
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
    counts = np.bincount(labels[rows]) if len(rows) else np.zeros(0, dtype=int)
    rows = rows[counts[labels[rows]] >= LEAST_OF_CLASS]
    x, (kept, y) = prop.values[rows], np.unique(labels[rows], return_inverse=True)
    if len(kept) < 2 or len(np.unique(x)) < 2:
        return None
    fold = _folds(y, rng)
    right = _tree_is_right(x, y, fold)
    accuracy = _balanced(right, y)
    p = _permuted_p(x, y, fold, accuracy, rng, progress)
    size = np.bincount(y)
    drawn = rng.binomial(size, np.bincount(y, right) / size, (DRAWS, len(size))) / size
    low, high = np.quantile(drawn.mean(axis=1), [0.025, 0.975])
    return {
        "property": prop.name,
        "accuracy": accuracy,
        "low": float(low),
        "high": float(high),
        "chance": 1 / len(kept),
        "p": p,
        "rows": len(y),
        "classes": len(kept),
    }


def _permuted_p(
    x: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    accuracy: float,
    rng: np.random.Generator,
    progress: Progress,
) -> float:
    """Share of permutations that are as accurate; ended early once ENOUGH are, since then p is large anyway.

    Source: Besag, Clifford: Sequential Monte Carlo p-values, 1991.
    """
    as_good = 0
    for i in range(PERMUTATIONS):
        progress.report(i / PERMUTATIONS)
        order = rng.permutation(len(y))
        as_good += _balanced(_tree_is_right(x, y[order], fold[order]), y[order]) >= accuracy
        if as_good == ENOUGH:
            return ENOUGH / (i + 1)
    return (1 + as_good) / (1 + PERMUTATIONS)


def _folds(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) fold of each row, each class spread evenly."""
    fold = np.empty(len(y), dtype=np.int64)
    for rows in np.split(np.argsort(y, kind="stable"), np.cumsum(np.bincount(y))[:-1]):
        fold[rows] = rng.permutation(len(rows)) % FOLDS
    return fold


def _tree_is_right(x: np.ndarray, y: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(n,) bool: whether a tree that has not seen the row says its class."""
    from sklearn.tree import DecisionTreeClassifier

    right = np.empty(len(y), dtype=bool)
    column = np.ascontiguousarray(x[:, None], dtype=np.float32)
    weight = 1 / np.bincount(y)[y]  # every class counts alike; of the classes' own weights only slower
    for f in range(FOLDS):
        out = fold == f
        leaves = max(5, len(y) // 200)
        tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=leaves, random_state=SEED)
        tree.fit(column[~out], y[~out], weight[~out], check_input=False)
        right[out] = tree.predict(column[out], check_input=False) == y[out]
    return right


def _balanced(right: np.ndarray, y: np.ndarray) -> float:
    return float((np.bincount(y, right) / np.bincount(y)).mean())


def text_properties(texts: Sequence[str]) -> list[Property]:
    """What a text looks like, whatever it says."""
    size = np.array([len(t) for t in texts], dtype=np.float64)
    by = np.maximum(size, 1)

    def share(counts: list[int]) -> np.ndarray:
        return np.array(counts, dtype=np.float64) / by

    return [
        Property("the length of the text", size),
        Property("the share of capital letters", share([sum(map(str.isupper, t)) for t in texts])),
        Property("the share of digits", share([sum(map(str.isdigit, t)) for t in texts])),
        Property("the share of punctuation", share([sum(_is_punctuation(c) for c in t) for t in texts])),
        Property("the amount of markup", share([len(_MARKUP.findall(t)) for t in texts])),
    ]


def _is_punctuation(character: str) -> bool:
    return not character.isalnum() and not character.isspace()


def picture_numbers(pixels: np.ndarray, size: tuple[int, int]) -> Mapping[str, float]:
    """What a picture looks like, whatever it shows. pixels: (h, w, 3) uint8, small; size: width, height."""
    values = pixels.astype(np.float64)
    grey = values @ (0.299, 0.587, 0.114)
    red_green, yellow_blue = values[..., 0] - values[..., 1], values[..., :2].mean(axis=2) - values[..., 2]
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return {
        "the brightness": float(grey.mean()),
        "the contrast": float(grey.std()),
        # Source: Hasler, Süsstrunk: Measuring Colourfulness in Natural Images, 2003.
        "the colourfulness": float(
            np.hypot(red_green.std(), yellow_blue.std())
            + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean())
        ),
        "the number of pixels": float(size[0] * size[1]),
        "the shape of the picture": size[0] / max(size[1], 1),
        "the evenness of the border": float(-edge.std()),
    }


def texture(pictures: np.ndarray) -> np.ndarray:
    """(N, 48) float32 in [-1, 1]: autocorrelation of horizontal and vertical grey gradients at lags up to 3.

    pictures: (N, H, W) grey, H and W at least 5. Of the lags (dy, dx) up to 3 either way one of each opposite
    pair is taken, 24 for each gradient, divided by the gradient's power; 0 for a picture of one colour.
    """
    values = np.asarray(pictures, dtype=np.float32)
    out = []
    for gradient in (np.diff(values, axis=2), np.diff(values, axis=1)):
        centred = gradient - gradient.mean(axis=(1, 2), keepdims=True)
        power = np.maximum((centred**2).mean(axis=(1, 2)), 1e-6)
        for dy in range(LAGS + 1):
            for dx in range(-LAGS, LAGS + 1):
                if dy == 0 and dx <= 0:
                    continue
                h, w = centred.shape[1:]
                one = centred[:, dy:, max(dx, 0) : w + min(dx, 0)]
                other = centred[:, : h - dy, max(-dx, 0) : w - max(dx, 0)]
                out.append((one * other).mean(axis=(1, 2)) / power)
    return np.clip(np.stack(out, axis=1), -1, 1).astype(np.float32)


@dataclass(frozen=True)
class TextureGap:
    """inside: accuracy of a texture probe on rows it has not seen, from the same source; trusted: on the
    trusted rows; gap: inside - trusted, low to high its 95% interval (normal); p: Fisher's exact test."""

    inside: float
    trusted: float
    gap: float
    low: float
    high: float
    p: float

    @property
    def found(self) -> bool:
        """Whether the probe learned what the trusted rows do not have."""
        return self.gap > TEXTURE_GAP and self.p <= 0.05

    @property
    def sentence(self) -> str:
        """What it says, and what it cannot see."""
        both = (
            f"{self.inside:.0%} on rows like those it learned from and {self.trusted:.0%} on the trusted ones"
        )
        if self.found:
            return (
                f"From texture alone the class is told with an accuracy of {both}: the texture was laid on."
            )
        return f"Texture alone tells the class with an accuracy of {both}: nothing was seen; {SEEN_FROM}."


def texture_gap(
    features: np.ndarray, labels: np.ndarray, trusted: np.ndarray, progress: Progress | None = None
) -> TextureGap:
    """Whether textures foretell the label among the rows at hand better than on trusted rows.

    features: (N, 48) as of `texture`. labels: (N,) codes, all >= 0. trusted: (N,) bool; rows of a split that
    is known to be clean. A logistic regression learns from the others: in 5 folds, and from all of them for
    the trusted rows. Without a trusted row, or with one class, raises ValueError.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    progress = progress or Progress()
    mine, clean = np.flatnonzero(~trusted), np.flatnonzero(trusted)
    if not len(clean) or len(np.unique(labels[mine])) < 2:
        raise ValueError("a texture gap needs trusted rows, and others of two classes")

    def told(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1, max_iter=300))
        return model.fit(features[train], labels[train]).predict(features[test]) == labels[test]

    fold = _folds(np.unique(labels[mine], return_inverse=True)[1], np.random.default_rng(SEED))
    right = np.empty(len(mine), dtype=bool)
    for f in range(FOLDS):
        progress.report(f / (FOLDS + 1), "looking at textures")
        right[fold == f] = told(mine[fold != f], mine[fold == f])
    progress.report(FOLDS / (FOLDS + 1), "looking at textures")
    there = told(mine, clean)
    a, b = float(right.mean()), float(there.mean())
    half = 1.96 * np.sqrt(a * (1 - a) / len(right) + b * (1 - b) / len(there))
    hits, total = int(right.sum() + there.sum()), len(right) + len(there)
    p = hypergeometric_tail(int(right.sum()), len(right), hits, total)  # type: ignore[arg-type]
    return TextureGap(a, b, a - b, a - b - half, a - b + half, float(p))
