"""Labels that are numbers, and lie farther from the model's number than rows like them do."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table
from core.methods.regression import AS_THEY_ARE, BY_RATIO, COVERED, FAR, LEAST_ROWS, Judged, judge
from core.predictions import Predictions
from core.progress import Progress
from core.targets import Targets, spoken

_POWERS = (1, -1, 2, -2, 3, -3, 6, -6)
_ONLY_ONE = 1.0
"""How wide an interval may be beside the model's number before a slip could be any number."""
_AT_ONCE = 20_000


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Score every labelled row and flag those whose number is `far` times farther off than is usual.

    score: see `core.methods.regression.Judged.score`; 1 for a row without a label. suggestion: the model's
    number in the column's precision, or the given one times a power of ten or with the other sign where that
    would do; for rows outside their interval.
    Extra columns: predicted, low, high (float64; NaN without a label).
    """
    if dataset.targets is None or predictions.predicted is None:
        raise ValueError("target_errors needs numbers for labels and predicted ones")
    n, targets = len(dataset), dataset.targets
    rows = np.flatnonzero(np.isfinite(dataset.numbers))
    given = dataset.numbers[rows]
    predicted = np.asarray(predictions.predicted, dtype=np.float64)[rows]
    found = judge(given, predicted, 10.0**-targets.decimals, _SCALES[params["scale"]], progress.part(0, 0.6))
    flagged = found.flagged(params["far"])
    outside = np.flatnonzero(flagged | (given < found.low) | (given > found.high))
    suggested, reasons = _written(
        dataset, targets, rows, predicted, found, flagged, outside, progress.part(0.6, 1)
    )
    known = {text: code for code, text in enumerate(dataset.classes)} if suggested else {}
    extra = tuple(dict.fromkeys(text for text in suggested.values() if text not in known))
    known.update({text: len(dataset.classes) + code for code, text in enumerate(extra)})
    codes = np.full(n, -1, dtype=np.int32)
    codes[list(suggested)] = [known[text] for text in suggested.values()]
    table = issue_table(
        dataset,
        _spread(n, rows, found.score, 1.0),
        _spread(n, rows, flagged, 0.0) > 0,
        codes,
        reasons,
        suggested_sets=extra,
        predicted=_spread(n, rows, predicted, np.nan),
        low=_spread(n, rows, found.low, np.nan),
        high=_spread(n, rows, found.high, np.nan),
    )
    progress.report(1)
    figures = {
        "suggested_sets": pd.DataFrame({"set": pd.array(extra, dtype="str")}),
        "levels": pd.DataFrame(found.levels, columns=["predicted", "usual_miss", "low", "high"]),
    }
    return Result(table, _summary(dataset, found, given, predicted, flagged, params), figures)


_SCALES = {"auto": "", "plain": AS_THEY_ARE, "ratio": BY_RATIO}


def _written(
    dataset: Dataset,
    targets: Targets,
    rows: np.ndarray,
    predicted: np.ndarray,
    found: Judged,
    flagged: np.ndarray,
    outside: np.ndarray,
    progress: Progress,
) -> tuple[dict[int, str], dict[int, str]]:
    """(suggested number, reason of a flagged one) by row position."""
    suggested: dict[int, str] = {}
    reasons: dict[int, str] = {}
    for count, i in enumerate(outside.tolist()):
        if count % _AT_ONCE == 0:
            progress.report(count / len(outside), "writing reasons")
        row = int(rows[i])
        given = dataset.classes[dataset.labels[row]]
        low, high, said = float(found.low[i]), float(found.high[i]), float(predicted[i])
        slip, words = _slip(given, low, high, said, targets) if flagged[i] else ("", "")
        text = slip or targets.text(said)
        if targets.holds(text) and float(text) != float(given):
            suggested[row] = text
        if flagged[i]:
            model, least, most = (spoken(targets.text(v)) for v in (said, low, high))
            reasons[row] = (
                f"Given {spoken(given)}; the model says {model} "
                f"(rows like this one lie between {least} and {most}){words}."
            )
    return suggested, reasons


def _slip(given: str, low: float, high: float, predicted: float, targets: Targets) -> tuple[str, str]:
    """(the number that was meant, words for it) where a power of ten or the sign explains a number."""
    value = Decimal(given)
    if not value or high - low > _ONLY_ONE * abs(predicted):
        return "", ""
    tries = [(-value, "the sign is wrong")]
    tries += [(value.scaleb(k), f"it is {_times(k)}") for k in _POWERS]
    for meant, words in tries:
        text = format(meant, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        if low <= float(meant) <= high and targets.holds(text):
            return text, f"; it looks as if {words}: {spoken(text)} would fit"
    return "", ""


def _times(power: int) -> str:
    """By what a number is off that times 10**power would be right."""
    factor = f"{10 ** abs(power):,} times too"
    return f"{factor} {'small' if power > 0 else 'large'}"


def _spread(n: int, rows: np.ndarray, values: np.ndarray, otherwise: float) -> np.ndarray:
    out = np.full(n, otherwise, dtype=np.float64)
    out[rows] = values
    return out


def _summary(
    dataset: Dataset,
    found: Judged,
    given: np.ndarray,
    predicted: np.ndarray,
    flagged: np.ndarray,
    params: Mapping[str, Any],
) -> dict[str, Any]:
    n = len(given)
    note = (
        "" if n >= LEAST_ROWS else f"{n:,} labelled rows are too few to say what is usual; none is flagged."
    )
    inside = float(((given >= found.low) & (given <= found.high)).mean()) if n else 0.0
    return {
        "flagged": int(flagged.sum()),
        "estimator": (
            f"residuals {found.scale}, at least {params['far']:g} times their median at that level of "
            "prediction"
        ),
        "scored": n,
        "unlabelled": len(dataset) - n,
        "scale": found.scale,
        "usual_miss": float(np.median(np.abs(given - predicted))) if n else None,
        "inside": inside,
        "note": note,
    }


CHECK = Check(
    name="target_errors",
    title="Wrong numbers",
    help="Numbers that lie farther from the model's than those of rows like them.",
    needs=frozenset({"labels", "predicted"}),
    run=run,
    labels="number",
    cost=Cost(20, 1500),
    version=2,
    settings=(
        Setting(
            "far",
            FAR,
            "How many times farther off than half of the rows like it a number is flagged. 9 is six standard "
            "deviations of a normal distribution; 6, four.",
        ),
        Setting(
            "scale",
            "auto",
            "Whether a miss counts by its size (plain) or by its ratio to the number; auto takes the one "
            "that varies less between small and large numbers.",
            ("auto", "plain", "ratio"),
        ),
    ),
    limits=(
        "Spread and tail come from the middle of the data: where far more than one number in ten is wrong, "
        f"they hide each other. The interval covers {COVERED:.0%} of the rows at that level of prediction. A "
        "rare right number is flagged too, and a wrong one that looks usual is not. Predictions must be "
        "out-of-sample."
    ),
)
