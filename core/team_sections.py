"""What else the meeting reads: votes, spot checks, causes, models, retraining, people.

As core.evidence.sections, for evidence that needs more than one data set's decisions: the workspace's models
and what was measured there. Each function gives a Section, or None where there is nothing to say yet.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from core import benchmark_review, benchmark_words, impact_words, retraining_impact
from core.clustering import stored_clusters
from core.correction_causes import correction_causes, corrections, guideline
from core.evidence import gate, method, people_words, validated
from core.evidence.reading import Reading
from core.evidence.sections import Said, Section, Table
from core.evidence.suggestions import by_lot
from core.gates import accepted_unread, checks_of, state_in_words
from core.methods.systematic import LEAST
from core.review.classes import classes_of
from core.review.decisions import VERDICTS, Action
from core.review.policy import ABOUT, outcomes
from core.slices import slice_columns
from core.splits import splits_of
from core.team import shared_team
from core.votes import labelled
from core.workspace import Workspace

CAUSES = 5
"""Findings that are told; how many more there are is said."""
_BENCHMARK = "accuracy weighted by inclusion probability, 95% intervals"


def validation(workspace: Workspace, reading: Reading) -> Section | None:
    """What the last round of votes shows."""
    rounds = [*shared_team(workspace).desk.rounds(reading.project.name).values()]
    if not rounds:
        return None
    found = validated.validated(rounds[-1], labelled(reading.dataset))
    said = (
        Said(validated.checked_in_words(found)),
        Said(validated.hits_in_words(found), "share of checked rows, Wilson interval"),
        Said(validated.rate_in_words(found), "flagged share times hit rate, Wilson interval"),
        Said(validated.agreement_in_words(found), "Krippendorff's alpha, nominal, bootstrap over rows"),
    )
    lines = tuple((str(outcome), count) for outcome, count in found.counts.items())
    table = Table("Outcomes", ("outcome", "rows"), lines)
    return Section(
        "validation", "Were the suggestions right?", _told(said), (table,), methods=(validated.METHOD,)
    )


def spot_checks(workspace: Workspace, reading: Reading) -> Section | None:
    """Each batch that was checked before it was applied."""
    found = checks_of(shared_team(workspace), reading.project.name)
    if not found:
        return None
    by = "betting test without replacement, valid at every stop"
    said = [Said(f"{check.gate.name}: {state_in_words(check)}", by) for check in found]
    said.append(Said(accepted_unread(found)))
    return Section("batches", "Which fixes were applied unread?", _told(said), methods=(gate.METHOD,))


def causes(workspace: Workspace, reading: Reading) -> Section | None:
    """What the corrections have in common. Who reviewed is left out: a report may name nobody."""
    store, name, dataset = reading.store, reading.project.name, reading.dataset
    classes = classes_of(dataset, store.events(name, actions=(Action.CLASS, Action.UNDO)))
    made = corrections(store.events(name, actions=VERDICTS), store.standings(name), dataset, classes)
    if made.wrong.sum() < LEAST:
        return None
    has_clusters = reading.project.predictions.embeddings is not None and len(dataset)
    clusters = stored_clusters(workspace, reading.project) if has_clusters else None
    found = correction_causes(dataset, made, slice_columns(dataset, clusters)[0])
    frame = found.findings[found.findings["column"] != "reviewer"]
    if frame.empty:
        return None
    said = []
    for line in frame.head(CAUSES).to_dict("records"):
        told = {str(key): value for key, value in line.items()}
        said.append(Said(str(told["sentence"]), f"{found.estimator}; q = {told['q']:.2g}"))
        said.append(Said(guideline(told)))
    if len(frame) > CAUSES:
        said.append(Said(f"{len(frame) - CAUSES:,} more findings are on Explore, Causes."))
    title = "What do the corrections have in common?"
    return Section("causes", title, _told(said), methods=(method.CAUSES,))


def models(workspace: Workspace, reading: Reading) -> Section | None:
    """Which model is best on corrected labels; None for fewer than two models."""
    if len(benchmark_review.comparable(workspace, reading.project)) < 2:
        return None
    store, name, dataset = reading.store, reading.project.name, reading.dataset
    rows = benchmark_review.rows_of(dataset, benchmark_review.usual_split(splits_of(dataset)))
    if not rows.any():
        return None
    said_of = outcomes(store.standings(name), store.events(name, actions=ABOUT), dataset)
    made = benchmark_review.bench(workspace, reading.project)
    found = benchmark_review.stability(dataset, made, said_of, rows)
    said = [Said(words(found), by) for words, by in _ABOUT_MODELS]
    tables = [_table("Models", benchmark_words.models_table(found))]
    methods: tuple[method.Method, ...] = (benchmark_words.ACCURACY,)
    if found.found is not None:
        tables.append(_table("Pairs of models", benchmark_words.pairs_table(found)))
        methods = (*methods, benchmark_words.SWEEP, benchmark_words.PAIRS)
    title = "Which model is best on corrected labels?"
    return Section("models", title, _told(said), tuple(tables), methods=methods, for_card=False)


_ABOUT_MODELS: tuple[tuple[Callable[[benchmark_review.Stability], str], str], ...] = (
    (benchmark_words.headline, _BENCHMARK),
    (benchmark_words.order_in_words, "Kendall's tau b"),
    (benchmark_words.few_in_words, ""),
    (benchmark_words.read_in_words, ""),
    (benchmark_words.strict_in_words, _BENCHMARK),
    (benchmark_words.sweep_in_words, "crossing of two lines, bootstrap over rows"),
    (benchmark_words.pair_in_words, "McNemar's exact test"),
)


def retraining(workspace: Workspace, reading: Reading) -> Section | None:
    """What retraining on the corrections did, as last measured; None before that."""
    made = retraining_impact.kept(workspace, reading.project.name)
    if made is None:
        return None
    found = retraining_impact.facts(reading.store, reading.dataset)
    by = "mean over test rows, 95% interval over test rows, paired seeds"
    said = [
        Said(impact_words.measured_in_words(made), by),
        Said(impact_words.effect_in_words(made), by),
        Said(impact_words.arms_in_words(made)),
        Said(impact_words.frozen_in_words(found)),
    ]
    now = found.arms and retraining_impact.fingerprint(
        workspace, reading.dataset, found.arms, made.impact.seeds
    )
    if now != made.fingerprint:
        said.append(Said(f"Decisions or rows have changed since it was measured on {made.at[:10]}."))
    title = "Do the corrections make a model better?"
    return Section("retraining", title, _told(said), methods=(impact_words.RETRAINING,), for_card=False)


def people(workspace: Workspace, reading: Reading) -> Section | None:
    """Whether suggestions sway annotators, and how often they err on rows whose label is known."""
    name, store = reading.project.name, reading.store
    classes = classes_of(reading.dataset, store.events(name, actions=(Action.CLASS, Action.UNDO)))
    lots = by_lot(store.events(name, actions=(*VERDICTS, Action.UNDO)), classes)
    said, methods = [], []
    if len(lots):
        said.append(Said(people_words.anchoring_in_words(lots, hides=True), method.ANCHORING.by))
        methods.append(method.ANCHORING)
    if reading.gold:
        answers = reading.on_gold.everybody
        said.append(Said(people_words.gold_in_words(answers), "exact binomial intervals, 95%"))
        methods.append(method.GOLD)
    if not said:
        return None
    return Section("people", "How far are annotators to be trusted?", _told(said), methods=tuple(methods))


TEAM_SECTIONS: tuple[Callable[[Workspace, Reading], Section | None], ...] = (
    validation,
    spot_checks,
    causes,
    models,
    retraining,
    people,
)
"""In the order in which the meeting reads them, after core.evidence.sections.SECTIONS."""


def team_sections(workspace: Workspace, reading: Reading) -> tuple[Section, ...]:
    """Every section that has something to say."""
    return tuple(found for found in (make(workspace, reading) for make in TEAM_SECTIONS) if found is not None)


def _told(said: list[Said] | tuple[Said, ...]) -> tuple[Said, ...]:
    return tuple(one for one in said if one.text)


def _table(title: str, frame: pd.DataFrame) -> Table:
    rows = tuple(
        tuple(int(cell) if isinstance(cell, int | np.integer) else str(cell) for cell in row)
        for row in frame.itertuples(index=False)
    )
    return Table(title, tuple(str(name) for name in frame.columns), rows)
