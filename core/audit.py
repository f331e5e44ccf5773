"""Runs the checks on a data set, through the cache, and writes what they found."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

import core
from core import checks as checks_package
from core.cache import cache_key, load, store
from core.costs import estimate, free_megabytes, refuse_what_would_not_fit
from core.dataset import Dataset
from core.errors import refuse
from core.issues import Check, Result
from core.neighbour_graph import forget, keep_in
from core.predictions import Predictions
from core.progress import Progress
from core.registry import collect

IN_WORDS = {
    "labels": "labels",
    "pred_probs": "predicted probabilities",
    "embeddings": "embeddings",
    "log_sums": "logits",
    "content": "a content column (image, text or features)",
    "split": "a split column",
    "predicted": "predicted numbers",
    "flags": "flags of another tool",
    "votes": "several annotators' labels of a row",
    "tokens": "rows that are tokens of sentences",
    "whole": "rows that are whole records, not tokens of sentences or boxes in pictures",
    "boxes": "boxes in pictures",
    "detections": "a model's detections",
    "masks": "masks of its pictures",
    "text": "texts",
    "image": "images",
    "tabular": "columns of features",
    "class": "labels that are classes",
    "number": "labels that are numbers",
}
_LIBRARIES = ("numpy", "pandas", "pyarrow")
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True, eq=False)
class Audit:
    """results: by check name. skipped: for each check that could not run, what it misses, in words."""

    results: dict[str, Result]
    skipped: dict[str, list[str]]

    @property
    def missed(self) -> dict[str, list[str]]:
        """What is told of the checks that could not run; optional ones are not missed, nor those of numbers
        where labels are classes."""
        return {
            name: needs
            for name, needs in self.skipped.items()
            if not checks()[name].optional and needs != [IN_WORDS["number"]]
        }


@cache
def checks() -> dict[str, Check]:
    """Every check, by its name."""
    return collect(checks_package, Check)


def run_audit(
    dataset: Dataset,
    predictions: Predictions,
    cache_dir: Path,
    names: Sequence[str] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Run the named checks, or all; take from the cache what has been computed before.

    settings: by check name, then setting name; what is left out has its default.
    Each summary also holds check, version, settings, seconds, versions and computed_at (UTC).
    Raises InputError for an unknown check or setting, and where there is far too little memory; Cancelled
    when progress was cancelled: checks that were finished by then stay in the cache.
    """
    progress = progress or Progress()
    chosen = _chosen(names, settings)
    results: dict[str, Result] = {}
    skipped = _skipped(chosen, dataset, predictions)
    able = [(check, params) for check, params in chosen if check.name not in skipped]
    _refuse_what_would_not_fit(able, dataset, predictions, cache_dir)
    keep_in(predictions, cache_dir)
    try:
        for i, (check, params) in enumerate(able):
            part = progress.part(i / len(able), (i + 1) / len(able), check.title)
            part.report(0)
            key = cache_key(check, params, dataset, predictions)
            found = load(cache_dir, check, key, dataset)
            if found is None:
                found = _run(check, params, dataset, predictions, part)
                store(cache_dir, check, key, found)
            results[check.name] = found
    finally:
        forget(predictions)
    progress.report(1)
    return Audit(results, skipped)


def cached_audit(
    dataset: Dataset,
    predictions: Predictions,
    cache_dir: Path,
    names: Sequence[str] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Audit:
    """The results that are in the cache; computes nothing. A check that has not run is in neither dict."""
    chosen = _chosen(names, settings)
    skipped = _skipped(chosen, dataset, predictions)
    results = {}
    for check, params in chosen:
        if check.name in skipped:
            continue
        found = load(cache_dir, check, cache_key(check, params, dataset, predictions), dataset)
        if found is not None:
            results[check.name] = found
    return Audit(results, skipped)


def chosen_settings(pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """CHECK.SETTING=VALUE pairs as {check: {setting: value}}, values in the type of the default.

    Raises InputError for a setting or a value that there is not.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        check, _, setting = name.partition(".")
        rows = {s.name: s for s in checks()[check].settings} if check in checks() else {}
        if setting not in rows:
            known = [f"{c}.{s.name}" for c, spec in checks().items() for s in spec.settings]
            raise refuse(f"no setting called {name!r}", expected="one of " + ", ".join(known))
        row = rows[setting]
        try:
            typed = type(row.default)(value)
        except ValueError:
            raise refuse(f"{value!r} is not a value of {name}", expected=type(row.default).__name__) from None
        if row.choices and typed not in row.choices:
            raise refuse(f"{value!r} is not a value of {name}", expected=", ".join(map(str, row.choices)))
        chosen.setdefault(check, {})[setting] = typed
    return chosen


def write_issues_csv(audit: Audit, dataset: Dataset, out: Path) -> None:
    """One line for every row and check, flagged or not, sorted by check, then score, worst first.

    Columns: row_id,check,score,flagged,given_label,suggested_label,reason; ties keep the data set's order;
    a missing label or suggestion is an empty cell. Cells are written as they are, also those that a
    spreadsheet would take for a formula: row ids must match the source.
    """
    _replace(out, lambda raw: _write_issues(audit, dataset, raw))


def summary_json(audit: Audit, dataset: Dataset, out: Path, seconds: float | None = None) -> None:
    """Write audit_summary as a JSON file."""
    text = json.dumps(audit_summary(audit, dataset, seconds), indent=2, ensure_ascii=False, allow_nan=False)
    _replace(out, lambda raw: raw.write(text.encode() + b"\n"))


def audit_summary(audit: Audit, dataset: Dataset, seconds: float | None = None) -> dict[str, Any]:
    """All counts of an audit, JSON-able: by check with the estimator's name, N, K, class names, per-class
    numbers, versions, peak memory of this process in MB, and seconds.

    seconds: of the whole run; None: the sum of the checks' own, as measured when they were computed.
    """
    found = {}
    for name, result in audit.results.items():
        found[name] = dict(result.summary)
        for figure in ("per_class", "per_label"):
            if figure in result.figures:
                found[name][figure] = _records(result.figures[figure])
    if seconds is None:
        seconds = sum(result.summary["seconds"] for result in audit.results.values())
    return {
        "name": dataset.name,
        "N": len(dataset),
        "K": len(dataset.names),
        "classes": list(dataset.names),
        "fingerprint": dataset.fingerprint,
        "checks": found,
        "skipped": audit.missed,
        "seconds": round(seconds, 3),
        "peak_memory_mb": _peak_memory_mb(),
        "versions": _versions(),
    }


def _chosen(
    names: Sequence[str] | None, settings: Mapping[str, Mapping[str, Any]] | None
) -> list[tuple[Check, dict[str, Any]]]:
    """The checks to run with their settings filled in, in name order."""
    known = checks()
    for name in [*(names or ()), *(settings or {})]:
        if name not in known:
            raise refuse(f"no check called {name!r}", expected="one of " + ", ".join(known))
    return [
        (check, _filled(check, (settings or {}).get(name, {})))
        for name, check in known.items()
        if names is None or name in names
    ]


def _filled(check: Check, given: Mapping[str, Any]) -> dict[str, Any]:
    """A check's settings: the given ones over its defaults. Raises InputError for one it does not take."""
    rows = {setting.name: setting for setting in check.settings}
    for name, value in given.items():
        if name not in rows:
            raise refuse(f"{check.name} has no setting {name!r}", expected=", ".join(rows) or "none")
        allowed = rows[name].choices
        if allowed and value not in allowed:
            raise refuse(
                f"{check.name}: {name} is {value!r}", expected="one of " + ", ".join(map(str, allowed))
            )
        if type(value) is not type(rows[name].default):
            kind = type(rows[name].default).__name__
            raise refuse(f"{check.name}: {name} is {value!r}", expected=f"a value of type {kind}")
    return {name: given.get(name, setting.default) for name, setting in rows.items()}


def _skipped(
    chosen: list[tuple[Check, dict[str, Any]]], dataset: Dataset, predictions: Predictions
) -> dict[str, list[str]]:
    missing = {check.name: check.missing(dataset, predictions) for check, _ in chosen}
    return {name: [IN_WORDS[need] for need in needs] for name, needs in missing.items() if needs}


def _refuse_what_would_not_fit(
    able: Sequence[tuple[Check, dict[str, Any]]],
    dataset: Dataset,
    predictions: Predictions,
    cache_dir: Path,
) -> None:
    left = [
        check
        for check, params in able
        if not (cache_dir / check.name / cache_key(check, params, dataset, predictions)).is_dir()
    ]
    if left:
        refuse_what_would_not_fit(estimate(left, dataset, predictions), free_megabytes())


def _run(
    check: Check, params: dict[str, Any], dataset: Dataset, predictions: Predictions, progress: Progress
) -> Result:
    started = time.perf_counter()
    result = check.run(dataset, predictions, params, progress)
    result.summary.update(
        check=check.name,
        version=check.version,
        settings={**params, **result.summary.get("settings", {})},  # a check may have used another
        seconds=round(time.perf_counter() - started, 3),
        versions=_versions(),
        computed_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return result


def _write_issues(audit: Audit, dataset: Dataset, raw: BinaryIO) -> None:
    ids = pa.array(dataset.row_ids)
    classes = pa.array(dataset.classes, pa.string())
    given = classes.take(_codes(dataset.labels))
    raw.write(b"row_id,check,score,flagged,given_label,suggested_label,reason\n")
    for name, result in sorted(audit.results.items()):
        table = result.table
        order = np.argsort(table["score"].to_numpy(), kind="stable")
        columns = {
            "row_id": ids,
            "check": pa.repeat(name, len(ids)),
            "score": pa.array(table["score"].to_numpy()),
            "flagged": pa.array(table["flagged"].to_numpy()),
            "given_label": given,
            "suggested_label": _suggested(table["suggestion"]),
            "reason": pa.array(table["reason"]),
        }
        whole = pa.table(columns)
        for start in range(0, len(order), _ROWS_AT_ONCE):
            lines = whole.take(pa.array(order[start : start + _ROWS_AT_ONCE]))
            pa_csv.write_csv(lines, raw, pa_csv.WriteOptions(include_header=False))


def _suggested(suggestion: pd.Series) -> pa.Array:
    names = pa.array(suggestion.cat.categories, pa.string())
    return names.take(_codes(suggestion.cat.codes.to_numpy()))


def _codes(codes: np.ndarray) -> pa.Array:
    """Class codes for `take`: -1 becomes null."""
    return pa.array(codes.astype(np.int32), mask=codes < 0)


def _replace(out: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside `out`, then rename it, so that `out` is never half-written."""
    temporary = out.with_name(f".{out.name}-{os.getpid()}")
    try:
        with temporary.open("wb") as raw:
            write(raw)
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts; what is not a number becomes None, since JSON has no NaN."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _versions() -> dict[str, str]:
    return {
        "labelmend": core.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
