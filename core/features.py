"""The features that a baseline learns from: built in, or of a pretrained model, and kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pandas as pd

from core import models as models_package
from core.cache import load_array, load_table, store_array, store_table
from core.dataset import Dataset
from core.errors import Problem, refuse
from core.models._base import Embedder, Features
from core.pretrained import Offer, is_pretrained, offered, open_features
from core.progress import Progress
from core.registry import collect

SEED = 0
DEFAULTS = {"text": "text_tfidf", "image": "image_pixels", "tabular": "tabular_columns"}
"""The features of each kind of content where nobody chose."""
_NAME = "features"


@cache
def embedders() -> dict[str, Embedder]:
    """Every built-in embedder, by its name."""
    return collect(models_package, Embedder)


def chosen_embedder(
    dataset: Dataset,
    spec: str | None,
    progress: Progress | None = None,
    download: bool = False,
    run_code: bool = False,
) -> Embedder:
    """The embedder of this name for a data set; None: the default of its kind.

    Arguments and what is raised as of core.pretrained.open_features.
    """
    kind = dataset.columns.kind
    known = {n: e for n, e in embedders().items() if e.kind == kind}
    spec = spec or DEFAULTS[kind]
    if spec in known:
        return known[spec]
    if is_pretrained(spec):
        return open_features(spec, kind, download, run_code, progress)
    mend = "labelmend features lists pretrained models too"
    raise refuse(f"no features called {spec!r} for {kind}", expected=", ".join(known), mend=mend)


def choices(dataset: Dataset) -> list[Offer]:
    """The features that a baseline can learn from, the default first, pretrained models of packages last."""
    kind = dataset.columns.kind
    own = sorted((e for e in embedders().values() if e.kind == kind), key=lambda e: e.name != DEFAULTS[kind])
    return [*(Offer(e.name, e.title) for e in own), *offered(kind)]


def features_of(dataset: Dataset, chosen: Embedder, cache_dir: Path, progress: Progress) -> Features:
    """Features of a data set. Those of a pretrained model are kept by content and weights: they are slow,
    and labels change more often. Raises as core.models._base.FitTransform."""
    if not chosen.weights:
        return chosen.fit_transform(dataset, SEED, progress)
    key = hashlib.sha256(json.dumps(depends_on(dataset, chosen)).encode()).hexdigest()
    values, said = load_array(cache_dir, _NAME, key), load_table(cache_dir, f"{_NAME}-said", key)
    if values is None or said is None:
        made = chosen.fit_transform(dataset, SEED, progress)
        store_array(cache_dir, _NAME, key, made.values)
        body = json.dumps([asdict(remark) for remark in made.remarks])
        store_table(cache_dir, f"{_NAME}-said", key, pd.DataFrame({"json": [body]}))
        return made
    return Features(values, tuple(Problem(**p) for p in json.loads(said["json"].iloc[0])))


def depends_on(dataset: Dataset, chosen: Embedder) -> list[object]:
    """What features depend on, for the key of a cache; a model's files by content, not by place."""
    parts = [dataset.part("content"), dataset.columns.kind, repr(dataset.columns.content), chosen.name]
    return [*parts, chosen.version, *([chosen.weights] if chosen.weights else [])]
