"""Predictions on the Load page: the models beside the first, the order of rows, and which model is in use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from core.another_model import read_further
from core.dataset import Dataset
from core.errors import InputError, Problem
from core.loading import Prepared
from core.model_agreement import agreement_of
from core.model_store import add_model, use_model
from core.predictions import Predictions
from core.reading import stamp
from core.source import Source
from core.workspace import Workspace
from pages.parts import session
from pages.parts.models import UNNAMED, sentence


@dataclass(frozen=True, eq=False)
class Other:
    """A further model's file as checked. predictions: None where an error leaves nothing."""

    predictions: Predictions | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, eq=False)
class Checked:
    """A data set with the first model as checked, and the others. in_use: which one; 0 is the first."""

    prepared: Prepared
    others: tuple[Other, ...] = ()
    in_use: int = 0

    @property
    def whole(self) -> Prepared:
        """What was said of all files, as one; to be shown, not stored."""
        said = (p for other in self.others for p in other.problems)
        return replace(self.prepared, problems=(*self.prepared.problems, *said))

    @property
    def models(self) -> list[Predictions]:
        """The models that can be used, the first file's first."""
        found = (self.prepared.predictions, *(o.predictions for o in self.others))
        return [p for p in found if p is not None and p.output is not None]

    @property
    def key(self) -> str:
        """Digest of the content that was put side by side, shortened."""
        dataset = self.prepared.dataset
        rows = [] if dataset is None else [dataset.part("ids"), dataset.part("flags")]
        arrays = [p.part("pred_probs") or p.part("predicted") for p in self.models]
        body = "".join([*rows, *arrays, self.prepared.predictions.part("embeddings")])
        return hashlib.sha256(body.encode()).hexdigest()[:16]


def check(prepared: Prepared, others: Sequence[Path], softmax: bool) -> Checked:
    """The further models, aligned with the data set as it was checked; run again where that changed."""
    dataset = prepared.dataset
    if dataset is None:
        return Checked(prepared)
    key = (dataset.part("ids"), dataset.part("labels"), prepared.source.sha256)
    found = [Other(predictions, tuple(said)) for predictions, said in prepared.others]
    for file in others:
        found += _read(dataset, prepared.source, key, file, stamp(file), softmax)
    return Checked(prepared, tuple(found))


@st.cache_resource(max_entries=8, show_spinner="Checking the other models")
def _read(
    _dataset: Dataset,
    _source: Source,
    key: tuple[str, ...],
    path: Path,
    stamped: tuple[float, int],
    softmax: bool,
) -> list[Other]:
    try:
        found = read_further(_dataset, path, _source, softmax)
    except InputError as error:
        return [Other(None, error.problems)]
    return [Other(predictions, tuple(said)) for predictions, said in found]


def confirm_order(workspace: Workspace, checked: Checked) -> bool:
    """Asks whether rows that name no row of the data are in its order; asked once for the same content."""
    whole = checked.whole
    if not whole.ok or not whole.by_order or whole.dataset is None:
        return True
    if workspace.recall(whole.dataset.name, "in_order") == checked.key:
        return True
    files, data = " and ".join(whole.by_order), whole.source.path.name
    if whole.order_doubted:
        st.warning("The labels speak against this order. See above.", icon=":material/warning:")
    return st.checkbox(
        session.escape(f"Row 1 of {files} is row 1 of {data}, and so on to the last"),
        help="These files name no rows, so that only their order says which row is which.",
        key=f"l_order_{checked.key}",
    )


def choose_in_use(checked: Checked) -> Checked:
    """Asks which model is in use at first, where there are several."""
    dataset, there = checked.prepared.dataset, checked.models
    if dataset is None or len(there) < 2 or not checked.whole.ok:
        return checked
    in_use = st.radio(
        "Model in use",
        range(len(there)),
        format_func=lambda i: session.escape(there[i].model or UNNAMED),
        captions=[sentence(agreement_of(dataset, p)) for p in there],
        key=f"l_use_{checked.key}",
        help="The others are kept beside it, and you can change over on Overview at any time.",
    )
    return replace(checked, in_use=in_use)


def store(workspace: Workspace, checked: Checked) -> str:
    """Store the data set and every model; its name."""
    name = workspace.save(checked.prepared)
    names = [checked.prepared.predictions.model]
    for other in checked.others:
        if other.predictions is not None:
            names.append(add_model(workspace, name, other.predictions, other.problems))
    if checked.in_use:
        use_model(workspace, name, names[checked.in_use])
    if checked.whole.by_order:
        workspace.remember(name, "in_order", checked.key)
    return name
