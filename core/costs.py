"""How long an audit takes and how much memory, before it runs; what would not fit is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.dataset import Dataset
from core.errors import refuse
from core.issues import Check
from core.methods.neighbours import EXACT_ROWS
from core.predictions import Predictions

_MILLION = 1e6
_BASE_MB = 150.0
_SEARCH_S, _SEARCH_S_A_DIMENSION = 42.0, 0.05  # a million rows, in cells
_EXACT_S = 5e-9  # a pair of rows
_READ_S, _READ_MB = 600.0, 1000.0  # a million pictures
_TOLERANCE = 1.5
"""An estimate this many times the free memory is refused; below that it may be wrong."""


@dataclass(frozen=True)
class Estimate:
    """seconds: on the two cores that the costs were measured on. megabytes: at the peak."""

    seconds: float
    megabytes: float

    def __str__(self) -> str:
        seconds = max(1, round(self.seconds, -1 if self.seconds >= 10 else 0))
        time = f"{seconds:.0f} s" if seconds < 60 else f"{round(seconds / 60):,} min"
        return f"about {time} on two cores and {self.megabytes / 1000:.1f} GB of memory"


def estimate(checks: Iterable[Check], dataset: Dataset, predictions: Predictions) -> Estimate:
    """What these checks take together; those that lack what they need take nothing."""
    able = [check for check in checks if not check.missing(dataset, predictions)]
    million = len(dataset) / _MILLION
    seconds = sum(check.cost.seconds for check in able) * million
    peak = max((check.cost.megabytes for check in able), default=0.0) * million
    if predictions.embeddings is not None and any(check.cost.searches for check in able):
        width = predictions.embeddings.shape[1]
        exact = _EXACT_S * len(dataset) ** 2
        cells = (_SEARCH_S + _SEARCH_S_A_DIMENSION * width) * million
        seconds += exact if len(dataset) <= EXACT_ROWS else cells
    if dataset.columns.kind == "image" and any(check.cost.reads for check in able):
        seconds += _READ_S * million
        peak += _READ_MB * million
    return Estimate(seconds, _BASE_MB + peak)


def refuse_what_would_not_fit(found: Estimate, free: float | None) -> None:
    """Raise InputError where an audit would need much more memory than is free. free: MB; None: not known."""
    if free is not None and found.megabytes > _TOLERANCE * free:
        raise refuse(
            f"this needs about {found.megabytes / 1000:.1f} GB of memory, and {free / 1000:.1f} GB are free",
            mend="close other programs, or run fewer checks at once (labelmend audit --checks)",
        )


def free_megabytes() -> float | None:
    """Memory that can be had without swapping; None where the system does not say."""
    told = Path("/proc/meminfo")
    if not told.exists():
        return None
    lines = [line for line in told.read_text().splitlines() if line.startswith("MemAvailable:")]
    return int(lines[0].split()[1]) / 1024 if lines else None
