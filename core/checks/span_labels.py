"""Tags that break their scheme, differ from the same words elsewhere, or end a span in another place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from core.checks.label_issues import percent
from core.dataset import Dataset
from core.issues import Check, Cost, Result, Setting, issue_table
from core.methods.intervals import wilson
from core.methods.spans import BEGIN, SINGLE, Spans, Tags, breaks, mends, read_tags, spans_of
from core.methods.surface_forms import LONGEST, Bounds, Odd, odd_forms
from core.plain_text import one_line
from core.predictions import Predictions
from core.progress import Progress
from core.sentences import Sentences

KINDS = ("broken", "otherwise elsewhere", "ends elsewhere")
BROKEN, ELSEWHERE, BOUNDARY = range(3)
_QUOTED = 60
_EVERY = 2_000
_UNSEEN = 0.5
"""What each tag counts for a word that is never seen with it."""
_OTHER_TYPE, _TO_OUTSIDE, _SIDE_BY_SIDE = -1.0, -1.5, -1.5
"""Log-odds that a slip changed the type of a tag, or made one of O, against one that left the type as it is;
and that a span begins where another one ends. They decide where neither the model nor the word speaks."""


@dataclass
class _Found:
    """What was found, by place in reading order: (how bad, 0 is worst; new class or -1; clause)."""

    worst: dict[int, tuple[float, int, int]] = field(default_factory=dict)
    clauses: dict[int, list[str]] = field(default_factory=dict)
    counts: list[int] = field(default_factory=lambda: [0] * len(KINDS))

    def add(self, kind: int, place: int, score: float, new: int, clause: str) -> None:
        self.counts[kind] += 1
        self.clauses.setdefault(place, []).append(clause)
        score = min(max(score, 0.0), 0.999)
        if place not in self.worst or self.worst[place][0] > score:
            self.worst[place] = (score, new, kind)


@dataclass(frozen=True, eq=False)
class _Text:
    """Tokens in reading order. words: codes of their texts. tags: given classes, -1 for none."""

    sentences: Sentences
    tokens: pd.Series
    words: np.ndarray
    tags: np.ndarray
    first: np.ndarray
    classes: tuple[str, ...]
    scheme: Tags

    def quoted(self, start: int, stop: int) -> str:
        words = (str(word) for word in self.tokens.iloc[start : min(stop, start + 20)])
        return f"“{one_line(' '.join(words), _QUOTED)}”"

    def tag(self, code: int) -> str:
        return one_line(self.classes[code], _QUOTED) if code >= 0 else "nothing"


def run(dataset: Dataset, predictions: Predictions, params: Mapping[str, Any], progress: Progress) -> Result:
    """Flag tokens whose tag breaks the scheme (score below 0.1), tokens of words that are tagged otherwise
    nearly everywhere else (the upper end of the share of the tagging here), and, with predictions, tokens at
    the ends of spans that the model ends elsewhere (what it gives the given tag, of that and of its own).
    The lowest counts.

    The suggestion is the tag that mends it; missing where no change of one tag mends a break. Extra column:
    kind, a number of KINDS, -1 for a token that is not flagged.
    Figure "kinds" (kind, tokens). Figure "sentences" (sentence, row_id of its worst token, token, score,
    tokens, flagged), worst first: with predictions score is the lowest self-confidence of a tag in it, as
    cleanlab.token_classification.rank.get_label_quality_scores gives it, else the lowest score of this check.
    """
    sentences = dataset.sentences
    if sentences is None:
        raise ValueError("span_labels needs tokens")
    progress.report(0, "reading tags")
    text = _text(dataset, sentences)
    found, notes = _Found(), list[str]()
    probs = predictions.pred_probs
    if len(text.tags):
        if text.scheme.scheme is not None:
            notes += _broken(text, probs, params, found, progress.part(0.05, 0.3))
        _elsewhere(text, params, found, progress.part(0.3, 0.6))
        if text.scheme.scheme is not None and probs is not None:
            _boundaries(text, probs, params, found, progress.part(0.6, 0.8))
    progress.report(0.8, "writing reasons")
    return _result(dataset, text, probs, found, notes, progress.part(0.8, 1))


def _text(dataset: Dataset, sentences: Sentences) -> _Text:
    order = sentences.order
    tokens = dataset.table[dataset.columns.tokens[-1]].iloc[order]
    tags = np.asarray(dataset.labels)[order].astype(np.int64)
    first = np.zeros(len(order), dtype=bool)
    first[sentences.starts[:-1]] = True
    words = pd.factorize(tokens, use_na_sentinel=False)[0].astype(np.int64)
    scheme = read_tags(dataset.classes, tags, first)
    return _Text(sentences, tokens, words, tags, first, dataset.classes, scheme)


def _broken(
    text: _Text, probs: np.ndarray | None, params: Mapping[str, Any], found: _Found, progress: Progress
) -> list[str]:
    """(a) tags that break the scheme. Returns what is told once, where so many do that it is a custom."""
    pairs = breaks(text.tags, text.first, text.scheme)
    spans = len(spans_of(text.tags, text.first, text.scheme).start)
    if spans and wilson(np.array(len(pairs)), np.array(max(spans, len(pairs))))[0] > params["usual"]:
        said = f"{len(pairs):,} tags break the scheme {text.scheme.scheme}, beside {spans:,} spans"
        return [f"{said}: so many that it may be a custom of these data, and they are not flagged."]
    support = _Support(text, probs)
    for number, (left, right) in enumerate(pairs.tolist()):
        if number % _EVERY == 0:
            progress.report(number / len(pairs), "mending tags")
        best, gain = support.best(mends((left, right), text.tags, text.first, text.scheme))
        at, new = best if best is not None else (max(left, right), -1)
        clause = _why_broken(text, left, right, at, new)
        found.add(BROKEN, at, 0.1 / (1 + np.exp(np.clip(gain, -30, 30))), new, clause)
    return []


def _why_broken(text: _Text, left: int, right: int, at: int, new: int) -> str:
    if right < 0:
        said = f"the span of {text.tag(int(text.tags[left]))} is not ended, though the sentence is"
    elif left < 0:
        said = f"the tag {text.tag(int(text.tags[right]))} cannot begin a sentence"
    else:
        before, here = (text.tag(int(text.tags[k])) for k in (left, right))
        said = f"the tag {here} cannot stand behind {before} ({text.quoted(left, left + 1)})"
        if at == left:
            said = f"the tag {before} cannot stand before {here} ({text.quoted(right, right + 1)})"
    mend = f"; {text.tag(new)} would mend it" if new >= 0 else ""
    return f"{said}, by the scheme {text.scheme.scheme}{mend}"


class _Support:
    """What speaks for another tag: the model, else the same word elsewhere, and what slips are usual."""

    def __init__(self, text: _Text, probs: np.ndarray | None) -> None:
        self.text = text
        self.probs = probs
        self.classes = len(text.classes)
        labelled = text.tags >= 0
        seen = text.words[labelled] * self.classes + text.tags[labelled]
        keys, counts = np.unique(seen, return_counts=True)
        self.counts = dict(zip(keys.tolist(), counts.tolist(), strict=True))

    def best(self, tried: list[tuple[int, int]]) -> tuple[tuple[int, int] | None, float]:
        """(the change that most speaks for, how much: log-odds)."""
        gains = [self.gain(at, new) for at, new in tried]
        if not gains:
            return None, 0.0
        best = int(np.argmax(gains))
        return tried[best], gains[best]

    def gain(self, at: int, new: int) -> float:
        old = int(self.text.tags[at])
        scheme = self.text.scheme
        before = -1 if self.text.first[at] else int(self.text.tags[at - 1])
        beside = before >= 0 and scheme.type[before] >= 0 and scheme.part[new] in (BEGIN, SINGLE)
        usual = _SIDE_BY_SIDE if beside else 0.0
        if scheme.type[new] != scheme.type[old]:
            usual += _TO_OUTSIDE if -1 in (scheme.type[new], scheme.type[old]) else _OTHER_TYPE
        if self.probs is not None:
            row = self.probs[self.text.sentences.order[at]]
            return float(np.log(max(row[new], 1e-6)) - np.log(max(row[old], 1e-6))) + usual
        word = int(self.text.words[at]) * self.classes
        here = self.counts.get(word + new, 0) + _UNSEEN
        return float(np.log(here) - np.log(self.counts.get(word + old, 0) - 1 + _UNSEEN)) + usual


def _elsewhere(text: _Text, params: Mapping[str, Any], found: _Found, progress: Progress) -> None:
    """(b) the same words tagged otherwise elsewhere."""
    scheme = text.scheme
    if scheme.scheme is None:  # no spans: each word by itself
        outside = (text.tags == scheme.outside) & (scheme.outside >= 0)
        single = np.flatnonzero(~outside & (text.tags >= 0))
        of = np.full(len(text.tags), -1)
        of[single] = np.arange(len(single))
        spans = Spans(of, single, single + 1, text.tags[single])
    else:
        spans = spans_of(text.tags, text.first, scheme)
    bounds = Bounds(params["times"], params["share"], params["rare"])
    for group in odd_forms(text.words, text.tags, text.first, spans, bounds, progress):
        _add_odd(text, group, found, progress)


def _add_odd(text: _Text, odd: Odd, found: _Found, progress: Progress) -> None:
    for i, (place, usual) in enumerate(zip(odd.place.tolist(), odd.usual.tolist(), strict=True)):
        if i % _EVERY == 0:
            progress.report(1.0, "comparing words")
        tags = " ".join(text.tag(int(k)) for k in text.tags[usual : usual + odd.length])
        clause = (
            f"the words {text.quoted(place, place + odd.length)} are {tags} in {odd.times[i]:,} of "
            f"{odd.among[i]:,} places (95% interval {percent(float(odd.low[i]))} "
            f"to {percent(float(odd.high[i]))}), but not here"
        )
        for step in range(odd.length):
            new = int(text.tags[usual + step])
            if new != text.tags[place + step]:
                found.add(ELSEWHERE, place + step, float(odd.like_this[i]), new, clause)


def _boundaries(
    text: _Text, probs: np.ndarray, params: Mapping[str, Any], found: _Found, progress: Progress
) -> None:
    """(c) spans of the model that overlap a given one and end elsewhere."""
    likely = np.empty(len(text.tags), dtype=np.int64)
    for start in range(0, len(likely), 100_000):
        progress.report(0.5 * start / len(likely), "reading the model's spans")
        rows = text.sentences.order[start : start + 100_000]
        likely[start : start + 100_000] = np.asarray(probs[rows]).argmax(axis=1)
    given, model = (spans_of(tags, text.first, text.scheme) for tags in (text.tags, likely))
    both = np.flatnonzero((given.of >= 0) & (model.of >= 0))
    mine, theirs = given.of[both], model.of[both]
    other = (given.start[mine] != model.start[theirs]) | (given.stop[mine] != model.stop[theirs])
    pairs = np.unique(np.stack([mine[other], theirs[other]], axis=1), axis=0)
    for number, (one, two) in enumerate(pairs.tolist()):
        if number % _EVERY == 0:
            progress.report(0.5 + 0.5 * number / len(pairs), "comparing spans")
        start, stop = min(given.start[one], model.start[two]), max(given.stop[one], model.stop[two])
        for at in range(int(start), int(stop)):
            tag, new = int(text.tags[at]), int(likely[at])
            row = probs[text.sentences.order[at]]
            if tag < 0 or tag == new or row[new] < params["confident"]:
                continue
            its = text.quoted(int(model.start[two]), int(model.stop[two]))
            own = text.quoted(int(given.start[one]), int(given.stop[one]))
            clause = (
                f"the model's span is {its} where the given one is {own}; "
                f"it gives this token {text.tag(new)} {percent(float(row[new]))} "
                f"and {text.tag(tag)} {percent(float(row[tag]))}"
            )
            found.add(BOUNDARY, at, float(row[tag] / max(row[tag] + row[new], 1e-12)), new, clause)


def _result(
    dataset: Dataset,
    text: _Text,
    probs: np.ndarray | None,
    found: _Found,
    notes: list[str],
    progress: Progress,
) -> Result:
    n, order = len(dataset), text.sentences.order
    score = np.ones(n, dtype=np.float32)
    suggestion = np.full(n, -1, dtype=np.int32)
    kind = np.full(n, -1, dtype=np.int8)
    reasons: dict[int, str] = {}
    for number, (place, (bad, new, which)) in enumerate(found.worst.items()):
        if number % _EVERY == 0:
            progress.report(0.5 * number / len(found.worst), "writing reasons")
        row = int(order[place])
        score[row], suggestion[row], kind[row] = bad, new, which
        said = "; ".join(dict.fromkeys(found.clauses[place]))
        reasons[row] = f"{said[0].upper()}{said[1:]}."
    flagged = kind >= 0
    table = issue_table(dataset, score, flagged, suggestion, reasons, kind=kind)
    progress.report(0.6, "scoring sentences")
    figures = {
        "kinds": pd.DataFrame({"kind": pd.array(KINDS, "str"), "tokens": np.array(found.counts, np.int64)}),
        "sentences": _sentences(dataset, text, probs, score, flagged, progress),
    }
    ranked = "self-confidence of the model" if probs is not None else "scores of this check"
    scheme = text.scheme.scheme
    summary = {
        "flagged": len(reasons),
        "estimator": "; ".join(_said_of(scheme, probs is not None)),
        "scheme": scheme or "",
        "found": dict(zip(KINDS, found.counts, strict=True)),
        "sentences": len(text.sentences),
        "sentences_flagged": int((figures["sentences"]["flagged"] > 0).sum()),
        "sentence_score": f"lowest of the {ranked}",
        "note": " ".join(notes),
    }
    return Result(table, summary, figures)


def _said_of(scheme: str | None, model: bool) -> list[str]:
    said = [f"tags that break the scheme {scheme}"] if scheme else []
    said.append("words tagged otherwise in nearly all other places (lower end of a 95% Wilson interval)")
    return [*said, "ends of spans that the model puts elsewhere"] if scheme and model else said


def _sentences(
    dataset: Dataset,
    text: _Text,
    probs: np.ndarray | None,
    score: np.ndarray,
    flagged: np.ndarray,
    progress: Progress,
) -> pd.DataFrame:
    """One line for each sentence with a tag, worst first."""
    order, starts = text.sentences.order, text.sentences.starts
    quality = score[order].astype(np.float64)
    if probs is not None:
        for start in range(0, len(order), 100_000):
            progress.report(0.6 + 0.4 * start / len(order), "scoring sentences")
            part = slice(start, start + 100_000)
            quality[part] = np.asarray(probs[order[part]])[np.arange(len(order[part])), text.tags[part]]
    quality[text.tags < 0] = np.inf  # nothing was given, and nothing is wrong with that
    if not len(order):
        return _sentence_frame([], [], [], [], [], [])
    lowest = np.minimum.reduceat(quality, starts[:-1])
    codes = text.sentences.codes
    at = np.flatnonzero(quality == lowest[codes])
    worst = at[np.unique(codes[at], return_index=True)[1]]
    counts = np.add.reduceat(flagged[order].astype(np.int64), starts[:-1])
    kept = np.flatnonzero(np.isfinite(lowest))
    kept = kept[np.argsort(lowest[kept], kind="stable")]
    rows = order[worst[kept]]
    return _sentence_frame(
        [str(name) for name in text.sentences.names[kept]],
        dataset.row_ids[rows],
        text.tokens.iloc[worst[kept]].astype("str").fillna("").to_numpy(),
        lowest[kept],
        np.diff(starts)[kept],
        counts[kept],
    )


def _sentence_frame(names: Any, rows: Any, tokens: Any, score: Any, size: Any, flagged: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sentence": pd.array(names, "str"),
            "row_id": pd.array(rows, "str"),
            "token": pd.array(tokens, "str"),
            "score": np.asarray(score, dtype=np.float64),
            "tokens": np.asarray(size, dtype=np.int64),
            "flagged": np.asarray(flagged, dtype=np.int64),
        }
    )


CHECK = Check(
    name="span_labels",
    title="Span labels",
    help="Tags of tokens that break their scheme, differ from the same words elsewhere, or end a span "
    "where the model does not.",
    needs=frozenset({"labels", "tokens"}),
    uses=frozenset({"pred_probs"}),
    run=run,
    cost=Cost(15, 1500),
    optional=True,
    settings=(
        Setting("times", 5, "How often words have to stand in the data before one other tagging is odd."),
        Setting("share", 0.8, "Share of their usual tagging, lower end of its 95% interval, 0 to 1."),
        Setting("rare", 0.05, "Share up to which another tagging is no second meaning; once never is."),
        Setting("confident", 0.8, "Probability of the model's tag from which an end of a span is flagged."),
        Setting("usual", 0.1, "Share of spans from which broken tags are told once and not row by row."),
    ),
    limits=(
        f"Words are compared as they are written, up to {LONGEST} in a row, and a word that means two "
        "things is tagged in two ways rightly: read the sentence. A tag that is wrong everywhere is not "
        "found. Where a tag breaks the scheme, it may be its neighbour that is wrong. Ends of spans are "
        "compared only with out-of-sample predictions."
    ),
)
