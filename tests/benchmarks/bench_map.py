"""`python -m tests.benchmarks.bench_map [ROWS ...]`: how long a map takes, and how far near rows stay near.

On scikit-learn's digits, and above their number on blends of two of them with noise. Trustworthiness
(Venna, Kaski, 2001) with 10 neighbours, 0 to 1, on up to 5,000 rows. Beside it scikit-learn's t-SNE at up to
5,000 rows, and umap-learn and openTSNE where they are installed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from core.methods.projection import neighbourly, principal
from tests.benchmarks.machine import describe

ROWS = (1797, 5000, 20_000, 100_000)
_JUDGED, _SLOW = 5000, 5000


def rows_of(n: int) -> tuple[str, np.ndarray]:
    """(what they are, (n, D) float32 rows): digits, above their number blends of two of them and noise."""
    from sklearn.datasets import load_digits

    digits = load_digits().data.astype(np.float32)
    if n <= len(digits):
        return "digits", digits[:n]
    rng = np.random.default_rng(0)
    first = rng.integers(0, len(digits), n)
    second = rng.integers(0, len(digits), n)
    part = rng.uniform(0, 0.3, (n, 1)).astype(np.float32)
    blend = (1 - part) * digits[first] + part * digits[second]
    return "digits, blended", blend + rng.normal(0, 0.5, blend.shape).astype(np.float32)


def peers(n: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What else can draw a map here, at this size in a few minutes."""
    found: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    if n <= _SLOW:
        from sklearn.manifold import TSNE

        found["scikit-learn t-SNE"] = lambda x: TSNE(init="pca", random_state=0).fit_transform(x)
    if find_spec("umap"):
        found["umap-learn"] = lambda x: import_module("umap").UMAP(random_state=0).fit_transform(x)
    if find_spec("openTSNE") and n <= 4 * _SLOW:
        found["openTSNE"] = lambda x: np.asarray(import_module("openTSNE").TSNE(random_state=0).fit(x))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    from sklearn.manifold import trustworthiness

    print(describe())
    for n in [int(text) for text in argv or ()] or ROWS:
        what, rows = rows_of(n)
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        judged = np.sort(np.random.default_rng(0).choice(n, min(n, _JUDGED), replace=False))
        print(f"\n{n:,} rows x {rows.shape[1]} ({what})")
        ours = {"principal components": principal, "neighbours": neighbourly}
        for name, draw in {**ours, **peers(n)}.items():
            started = time.perf_counter()
            places = draw(unit)
            took = time.perf_counter() - started
            trust = trustworthiness(unit[judged], places[judged], n_neighbors=10)
            print(f"  {name:22} {took:7.1f} s   trustworthiness {trust:.3f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
