"""How each number on the Overview was made: estimator, inputs, settings, code, when, and what it misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.audit import IN_WORDS, Audit, checks
from core.issues import Check, Result
from core.predictions import MADE
from core.workspace import Project

_DIGEST = 12


@dataclass(frozen=True)
class Number:
    """One number: what it counts, its value, and how it was estimated (a seed is named there)."""

    name: str
    value: str
    estimator: str


@dataclass(frozen=True)
class Origin:
    """The numbers of one check and what they were made from. made_from: (fact, text) pairs."""

    title: str
    numbers: tuple[Number, ...]
    made_from: tuple[tuple[str, str], ...]
    not_covered: str


def origins(project: Project, audit: Audit) -> list[Origin]:
    """One entry for each check that has run, in name order."""
    return [_origin(project, checks()[name], result) for name, result in audit.results.items()]


def as_text(project: Project, decided: int, found: Sequence[Origin]) -> str:
    """All of it as plain text, for a report or a ticket."""
    lines = [f"{project.name}: {len(project.dataset):,} rows, {decided:,} decided"]
    lines.append(f"Fingerprint: {project.dataset.fingerprint}")
    for origin in found:
        lines += ["", origin.title]
        lines += [f"  {n.name}: {n.value} ({n.estimator})" for n in origin.numbers]
        lines += [f"  {fact}: {text}" for fact, text in origin.made_from if text]
        if origin.not_covered:
            lines.append(f"  Not covered: {origin.not_covered}")
    return "\n".join(lines) + "\n"


def _origin(project: Project, check: Check, result: Result) -> Origin:
    summary = result.summary
    numbers = [Number("Flagged rows", f"{summary['flagged']:,}", str(summary["estimator"]))]
    if "estimate" in summary:
        value = f"{summary['estimate']:,}, 95% interval {summary['low']:,}-{summary['high']:,}"
        numbers.append(Number("Estimated wrong labels", value, str(summary["estimate_method"])))
    if "ranking" in summary:
        numbers.append(Number("Label quality score", "0 = worst, 1 = clean", str(summary["ranking"])))
    if "per_class" in result.figures:
        rates = result.figures["per_class"]["error_rate"]
        value = f"{rates.min():.1%} to {rates.max():.1%} in {rates.notna().sum():,} classes"
        numbers.append(Number("Share of wrong labels of each class", value, _PER_CLASS))
    if "confused_pairs" in result.figures:
        pairs = int((result.figures["confused_pairs"]["flagged"] > 0).sum())
        numbers.append(Number("Mixed-up pairs of classes", f"{pairs:,} pairs", _PAIRS))
    return Origin(check.title, tuple(numbers), _made_from(project, check, summary), check.limits)


_PER_CLASS = "off-diagonal share of the class's row in the confident joint, 95% Wilson interval"
_PAIRS = "flagged rows by given and suggested label, counted"


def _made_from(project: Project, check: Check, summary: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    inputs = [_input(project, part) for part in sorted(check.needs | check.uses)]
    return (
        ("Inputs", "; ".join(i for i in inputs if i)),
        ("Settings", ", ".join(f"{k} = {v}" for k, v in summary["settings"].items()) or "none"),
        ("Code", f"{check.name} version {summary['version']}; {_versions(summary)}"),
        ("Computed", f"{summary.get('computed_at', 'before times were kept')}, in {summary['seconds']} s"),
    )


def _versions(summary: dict[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in summary["versions"].items())


def _input(project: Project, part: str) -> str:
    source = project.predictions if part in MADE else project.dataset
    digest = source.part(part)
    if not digest:
        return ""
    model = f" of {project.predictions.model}" if part == "pred_probs" and project.predictions.model else ""
    return f"{IN_WORDS[part]}{model} (sha256 {digest[:_DIGEST]}…)"
