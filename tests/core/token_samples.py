"""Sentences from templates with errors planted in their tags, and a model trained out of sample on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.dataset import Columns, Dataset
from core.importers._token_rows import TOKENS, token_frame

TYPES = ("LOC", "ORG", "PER")
CLASSES = ("O", *(f"{part}-{kind}" for kind in TYPES for part in "BI"))
_FIRST = ("Ann", "Ben", "Chloe", "Dana", "Ed", "Fay", "Gus", "Hal", "Ida", "Jo", "Kim", "Lee", "May", "Paris")
_LAST = (
    "Abbot",
    "Baker",
    "Cole",
    "Diaz",
    "Ford",
    "Gray",
    "Hughes",
    "Ito",
    "Jordan",
    "Khan",
    "Lane",
    "Washington",
)
_PLACE = (
    "Berlin", "Paris", "New York", "San Marino", "Leeds", "Jordan", "Washington", "Cape Town", "Lagos",
    "Rome", "Hong Kong", "Lima", "Oslo", "Quito", "Sierra Leone", "Ulan Bator",
)  # fmt: skip
_GROUP = (
    "Ford", "University of Leeds", "Bank of Oslo", "Lane & Gray", "Acme Corp", "Reuters", "New York Times",
    "Washington Post", "Red Cross", "May Group", "Rome Water Board", "Delta",
)  # fmt: skip
_TEMPLATES = (
    "{PER} works for {ORG} in {LOC} .",
    "{ORG} said on Tuesday that {PER} would leave {LOC} .",
    "Shares of {ORG} fell in {LOC} , traders said .",
    "{PER} , {PER} and {PER} flew from {LOC} to {LOC} in May .",
    "The police in {LOC} met {PER} of {ORG} on Tuesday .",
    "It rained in the north of {LOC} on Tuesday .",
    "{TEAM} 3 {TEAM} 1",
    "The bank may lend the water board of {LOC} some money , {ORG} said .",
    "In May the delta was flooded , said {PER} .",
    "{PER} ( {LOC} ) beat {PER} ( {LOC} )",
    "Nobody at {ORG} could say more .",
)
ERRORS = ("type", "missed", "spurious", "short", "long", "begin", "slip")
"""A span of another type; a span without tags; an O that got a tag; a span without its last token; one with
the token behind it; B- written as I-; one token within a span with another type."""


@dataclass(frozen=True, eq=False)
class Sample:
    """truth: (N,) right classes. error: (N,) the place in ERRORS of what was planted, -1 for nothing."""

    dataset: Dataset
    truth: np.ndarray
    error: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        return self.dataset.labels != self.truth


def sample(sentences: int = 600, share: float = 0.05, seed: int = 0, names: int = 0) -> Sample:
    """IOB2. share: of the spans with an error, of all kinds alike. names: of that many more people, whose
    names stand only once or twice each."""
    rng = np.random.default_rng(seed)
    words: list[str] = []
    tags: list[int] = []
    lengths = []
    for _ in range(sentences):
        before = len(words)
        for piece in _TEMPLATES[rng.integers(len(_TEMPLATES))].split():
            kind = piece.strip("{}")
            form = _form(kind, rng, names).split() if piece.startswith("{") else [piece]
            kind = "ORG" if kind == "TEAM" else kind  # named after its city, as in sports pages
            words += form
            code = 1 + 2 * TYPES.index(kind) if piece.startswith("{") else 0
            tags += [code + (code > 0 and at > 0) for at in range(len(form))]
        lengths.append(len(words) - before)
    truth = np.array(tags, dtype=np.int32)
    first = np.zeros(len(truth), dtype=bool)
    first[np.append(0, np.cumsum(lengths))[:-1]] = True
    given, error = _planted(truth, first, share, rng)
    label = pd.Series([CLASSES[k] for k in given], dtype="str")
    frame = token_frame(words, np.array(lengths), label, {}, "sample")
    frame.index = pd.Index(frame["id"], dtype="str", name=None)
    columns = Columns("id", "label", None, ("token", "text"), "text", tokens=TOKENS)
    return Sample(Dataset("tokens", frame, columns, CLASSES, CLASSES, given), truth, error)


def _form(kind: str, rng: np.random.Generator, names: int) -> str:
    if kind == "PER":
        if names and rng.random() < 0.5:
            return f"N{rng.integers(names)} {_LAST[rng.integers(len(_LAST))]}sen{rng.integers(names)}"
        last = _LAST[rng.integers(len(_LAST))]
        return last if rng.random() < 0.2 else f"{_FIRST[rng.integers(len(_FIRST))]} {last}"
    forms = _GROUP if kind == "ORG" else _PLACE
    return forms[rng.integers(len(forms))]


def _planted(
    truth: np.ndarray, first: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    given, error = truth.copy(), np.full(len(truth), -1)
    starts = np.flatnonzero(truth % 2 == 1)
    for start in starts[rng.random(len(starts)) < share].tolist():
        stop = start + 1
        while stop < len(truth) and truth[stop] == truth[start] + 1:
            stop += 1
        which = ERRORS[rng.integers(len(ERRORS))]
        other = 1 + 2 * int(rng.choice([k for k in range(3) if 1 + 2 * k != truth[start]]))
        after = stop if stop < len(truth) and not first[stop] and truth[stop] == 0 else -1
        if which == "type":
            given[start], given[start + 1 : stop] = other, other + 1
        elif which == "missed":
            given[start:stop] = 0
        elif which == "spurious" and after >= 0:
            given[after] = other
        elif which == "short" and stop - start > 1:
            given[stop - 1] = 0
        elif which == "long" and after >= 0:
            given[after] = truth[start] + 1
        elif which == "begin":
            given[start] += 1
        elif which == "slip" and stop - start > 1:
            given[rng.integers(start + 1, stop)] = other + 1
        changed = np.flatnonzero(given[start : stop + 1] != truth[start : stop + 1]) + start
        error[changed] = ERRORS.index(which)
    return given.astype(np.int32), error


def trained(dataset: Dataset, seed: int = 0, folds: int = 5) -> np.ndarray:
    """(N, K) float32: logistic regression on the words around a token, no sentence in training and scored."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import LogisticRegression

    words = dataset.table["token"].tolist()
    sentence = dataset.table["sentence"].to_numpy()
    before, after = ["", *words[:-1]], [*words[1:], ""]
    rows = [
        [f"w={w}", f"b={b}", f"a={a}", f"bb={b} {w}", f"s={w[-2:]}", f"cap={w[:1].isupper()}"]
        for w, b, a in zip(words, before, after, strict=True)
    ]
    features = FeatureHasher(2**14, input_type="string").transform(rows)
    fold = np.random.default_rng(seed).integers(folds, size=sentence.max() + 1)[sentence]
    probs = np.zeros((len(words), len(dataset.classes)), dtype=np.float32)
    for number in range(folds):
        model = LogisticRegression(C=3, max_iter=200).fit(
            features[fold != number], dataset.labels[fold != number]
        )
        found = model.predict_proba(features[fold == number]).astype(np.float32)
        probs[np.ix_(fold == number, model.classes_)] = found
    return probs / probs.sum(axis=1, keepdims=True)


def write_conll(dataset: Dataset, path: Path) -> Path:
    """The tokens and their given tags as a CoNLL file."""
    lines = []
    for _, rows in dataset.table.groupby("sentence"):
        lines += [f"{token}\t{tag}" for token, tag in zip(rows["token"], rows["label"], strict=True)]
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
