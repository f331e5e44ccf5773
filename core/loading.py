"""From a file to a data set: what is wanted, what came of it, and the pre-flight check between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from core.another_model import Checked, check_models
from core.dataset import UNLABELLED, Columns, Dataset
from core.errors import InputError, Problem, refuse
from core.flags import Flags
from core.kept_ids import kept_ids
from core.known_hashes import HASHES, known_hashes
from core.masks import Masks
from core.multilabel import cell_tokens
from core.predictions import BASELINE, Predictions
from core.preflight.agreement import IS_IT_IN_ORDER
from core.preflight.checked_probs import checked_probs
from core.preflight.columns import guess_columns
from core.preflight.detections import with_class_names
from core.preflight.image_files import hash_images
from core.preflight.label_sets import read_sets
from core.preflight.labels import ClassList, as_text, read_class_list, read_given
from core.preflight.masks import is_for_masks, read_masks
from core.preflight.model_outputs import Asked
from core.preflight.prediction_files import IN_ORDER, ArrayFile, align, read_array
from core.preflight.probabilities import (
    as_float_matrix,
    check_embeddings,
    check_label_probs,
    check_pred_probs,
)
from core.preflight.reconcile import Classes, Where, merge_spellings, reconcile
from core.preflight.table_checks import check_table, label_remarks, unused_remark
from core.preflight.targets import checked_numbers, read_targets
from core.preflight.tool_flags import flags_of_file, own_flags
from core.preflight.tool_predictions import Model, own_models, read_models
from core.progress import Progress
from core.reading import formats, read_table
from core.source import RawTable, Source

__all__ = ["Plan", "Prepared", "formats", "guess_columns", "prepare", "read_table"]

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What a person wants made of a table.

    classes: a file with a class name a line, a JSON list or {label: name}, or CSV label,name.
    softmax: turn logits into probabilities (by the sigmoid, where a row can have several labels).
    merge_variants: read labels that differ only in case or white space as one class. media_root: the folder
    of the images; default: the source's folder. flags: a file in which cleanlab says which labels look wrong.
    Where the columns name masks and no label, classes and pred_probs are those of the masks; predictions of
    masks are a folder or an array of four dimensions.
    """

    name: str
    columns: Columns
    classes: Path | None = None
    pred_probs: Path | None = None
    embeddings: Path | None = None
    softmax: bool = False
    merge_variants: bool = False
    media_root: Path | None = None
    flags: Path | None = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """What the pre-flight check made of a table and a plan. Nothing is stored yet.

    dataset: None where an error leaves no labels or ids to build it from. pred_file: what problems call the
    file of probabilities. others: further models of these files, each with what was said of it.
    """

    dataset: Dataset | None
    predictions: Predictions
    source: Source
    problems: tuple[Problem, ...]
    pred_file: str = ""
    others: tuple[Checked, ...] = ()

    @property
    def model_problems(self) -> tuple[Problem, ...]:
        """What was said of the model's probabilities; it goes where another model is used."""
        return tuple(
            p for p in self.problems if p.file == self.pred_file != "" or p.found.startswith(BASELINE)
        )

    @property
    def ok(self) -> bool:
        """Whether there is a data set and no error."""
        return self.dataset is not None and all(p.severity != "error" for p in self.problems)

    @property
    def by_order(self) -> tuple[str, ...]:
        """The files whose rows name no row of the data and were matched by their order alone."""
        return matched_by_order(self.problems)

    @property
    def order_doubted(self) -> bool:
        """Whether predictions matched by order agree with the labels no better than another order would."""
        return order_doubted(self.problems)


def matched_by_order(problems: Sequence[Problem]) -> tuple[str, ...]:
    """The files of which problems say that their rows were matched by order alone."""
    return tuple(dict.fromkeys(p.file for p in problems if p.found == IN_ORDER))


def order_doubted(problems: Sequence[Problem]) -> bool:
    """Whether one of these files agrees with the labels no better than rows in another order would."""
    files = matched_by_order(problems)
    return any(p.mend == IS_IT_IN_ORDER and p.file in files for p in problems)


def prepare(
    raw: RawTable, plan: Plan, progress: Progress | None = None, keep_in: Path | None = None
) -> Prepared:
    """The pre-flight check: every problem of table, ids, labels, predictions and images, in one go.

    A step that fails adds its errors; the other steps go on with what there is. keep_in: as in `read_table`.
    """
    progress = progress or Progress()
    of_masks, plan = _of_masks(plan)
    problems = [*raw.problems, *check_table(raw, plan.columns)]
    dataset, predictions, array = None, Predictions(), None
    others: list[Checked] = []
    if all(p.severity != "error" for p in problems):
        progress.report(0.0, "Checking ids and labels")
        ids = _attempt(problems, kept_ids, raw, plan.columns, keep_in)
        models = _attempt(problems, _models, raw, plan, ids) or []
        array = None if not models else _attempt(problems, _as_matrix, models[0])
        classes = _attempt(problems, _classes, raw, plan, array)
        if ids is not None and classes is not None:
            progress.report(0.2, "Checking predictions")
            model = models[0].name if models else ""
            predictions = _predictions(problems, plan, model, array, classes, ids, progress.part(0.2, 0.5))
            media = _attempt(problems, _media, raw, plan, keep_in, progress.part(0.5, 0.6))
            root, hashes = media or (None, None)
            masks = None
            if root is not None and plan.columns.mask is not None:
                masks = _attempt(
                    problems, _masks, raw, plan, root, *of_masks, keep_in, progress.part(0.6, 1.0)
                )
            table = raw.frame.set_axis(ids, axis=0)
            names, tokens, labels = classes.names, classes.tokens, classes.labels
            flags = _attempt(problems, _flags, raw, plan, classes, ids)
            people = raw.source.annotators(plan.columns.label, table.columns)
            sets, roles = classes.sets, plan.columns
            dataset = Dataset(
                plan.name,
                table,
                roles,
                names,
                tokens,
                labels,
                root,
                hashes,
                sets,
                flags,
                people,
                classes.targets,
                masks,
            )
            others, failed = check_models(dataset, models[1:], "", plan.softmax)
            problems += [p for model in failed for p in model.left_out]
        elif array is not None and not plan.columns.target:
            # Nobody should mend the labels only to hear of the probabilities afterwards.
            progress.report(0.2, "Checking predictions")
            checked = check_label_probs if plan.columns.delimiter else check_pred_probs
            _attempt(problems, checked, array.values, array.file, plan.softmax, progress)
    if plan.pred_probs is None and array is not None:
        spoiled = tuple(p for p in problems if p.severity == "error" and p.file == array.file)
        if spoiled:  # what a file says besides its rows keeps nobody from loading them
            left = replace(models[0], errors=spoiled).left_out
            kept = tuple(m for m in raw.models if m.name != models[0].name)
            return prepare(replace(raw, models=kept, problems=(*raw.problems, *left)), plan, progress)
    order = ("error", "warning", "notice")
    problems.sort(key=lambda p: order.index(p.severity))
    file = array.file if array is not None else plan.pred_probs.name if plan.pred_probs is not None else ""
    return Prepared(dataset, predictions, raw.source, tuple(problems), file, tuple(others))


def _attempt(problems: list[Problem], step: Callable[..., tuple[T, list[Problem]]], *args: Any) -> T | None:
    """What the step gives, its problems noted; None where it raises InputError."""
    try:
        result, said = step(*args)
    except InputError as error:
        problems += error.problems
        return None
    problems += said
    return result


def _models(raw: RawTable, plan: Plan, ids: pd.Index | None) -> tuple[list[Model], list[Problem]]:
    """The models of the file of predictions, then those of the data's own file, as far as they can be used;
    the first is to be in use."""
    rows = pd.RangeIndex(len(raw.frame)).astype("str") if ids is None else ids
    asked = Asked(
        plan.columns,
        raw.frame,
        rows,
        lambda: (_given_labels(raw, plan), _class_list(raw, plan)),
        raw.source.format,
        raw.source.layout,
    )
    found = [] if plan.pred_probs is None else read_models(plan.pred_probs, asked)
    found = [replace(m, name=m.name or Path(plan.pred_probs or "").stem) for m in found]
    if raw.models and not plan.columns.target:
        found += own_models(raw, asked)
    usable = [m for m in found if m.output is not None]
    problems = [p for m in found for p in m.left_out]
    if usable and plan.pred_probs is None and (first := usable[0].output) is not None:
        said = f"the predictions of {usable[0].name} in this file are used; they have to be out-of-sample"
        problems.append(Problem("notice", said, file=first.file))
    return usable, problems


def _as_matrix(model: Model) -> tuple[ArrayFile, list[Problem]]:
    if model.output is None:
        raise TypeError("a model that can be used has an output")
    values, said = as_float_matrix(model.output.values, model.output.file, "pred_probs")
    return replace(model.output, values=values), said


def _given_labels(raw: RawTable, plan: Plan) -> tuple[str, ...]:
    """The labels of the data as they are written, each once; where a row has several, those within."""
    column = str(plan.columns.label)
    given, _ = read_given(raw.frame[column], raw.source.path.name)
    if mark := plan.columns.delimiter:
        return tuple(dict.fromkeys(t for text in given.values for t in cell_tokens(text, mark) or ()))
    given, _ = merge_spellings(given, Where(raw.source.path.name, column), plan.merge_variants)
    return given.values


def _classes(raw: RawTable, plan: Plan, array: ArrayFile | None) -> tuple[Classes, list[Problem]]:
    """Labels encoded and matched with the class list and the columns of the probabilities."""
    if plan.columns.label is None:
        return Classes((), (), np.full(len(raw.frame), UNLABELLED, np.int32)), []
    column = plan.columns.label
    file = raw.source.path.name
    where = Where(file, column, array.file if array is not None else "")
    listed = _class_list(raw, plan)
    known = frozenset((*listed.tokens, *listed.names)) if listed is not None else frozenset()
    given, problems = read_given(raw.frame[column], file, known)
    if plan.columns.target:
        targets = read_targets(given, where, raw.frame[column])
        return targets, [*problems, *targets.problems]
    names = array.names if array is not None else None
    width = None if array is None else array.values.shape[1]
    if delimiter := plan.columns.delimiter:
        try:
            sets = read_sets(given, where, delimiter, listed, names, width, plan.merge_variants)
        except InputError as error:
            raise InputError(*problems, *error.problems) from error
        return sets, [*problems, *sets.problems]
    given, said = merge_spellings(given, where, plan.merge_variants)
    problems += said + label_remarks(given, file, column)
    errors = [p for p in problems if p.severity == "error"]
    if errors:
        raise InputError(*problems)
    try:
        classes = reconcile(given, where, listed, names, width)
    except InputError as error:
        raise InputError(*problems, *error.problems) from error
    problems += [*classes.problems, *unused_remark(classes.names, classes.labels, file)]
    return classes, problems


def _class_list(raw: RawTable, plan: Plan) -> ClassList | None:
    """The person's list, else the folders of an image folder or the categories of a typed column."""
    if plan.classes is not None:
        return read_class_list(plan.classes)
    column = raw.frame[plan.columns.label]
    layout = raw.source.layout
    if "classes" in layout and plan.columns.label == layout.get("label_column", "label"):
        tokens = tuple(layout["classes"])
    elif names := layout.get("class_names", {}).get(plan.columns.label):
        codes = tuple(str(code) for code in range(len(names)))
        return ClassList(codes, tuple(names), raw.source.path.name, firm=False)
    elif isinstance(column.dtype, pd.CategoricalDtype):
        tokens = tuple(str(c) for c in column.cat.categories)
    else:
        return None
    return ClassList(tokens, tokens, raw.source.path.name, firm=False) if tokens else None


def _predictions(
    problems: list[Problem],
    plan: Plan,
    model: str,
    array: ArrayFile | None,
    classes: Classes,
    ids: pd.Index,
    progress: Progress,
) -> Predictions:
    pred_probs = embeddings = predicted = log_sums = None
    if array is not None and classes.targets is not None:
        predicted = _attempt(problems, checked_numbers, array, classes, ids)
    elif array is not None:
        made = _attempt(problems, checked_probs, array, classes, ids, plan.softmax, progress)
        pred_probs, log_sums = made or (None, None)
    if plan.embeddings is not None:
        embeddings = _attempt(problems, _embeddings, plan.embeddings, plan.columns.id, ids, progress)
    source = plan.pred_probs or plan.embeddings
    found = None if array is None or pred_probs is None else array.detections
    detections = with_class_names(found, classes.names, classes.tokens)
    name = model or (source.stem if source is not None else "")
    return Predictions(name, pred_probs, embeddings, predicted, detections, log_sums)


def _embeddings(
    path: Path, id_column: str | None, ids: pd.Index, progress: Progress
) -> tuple[np.ndarray, list[Problem]]:
    array = read_array(path, "embeddings", id_column)
    values, problems = as_float_matrix(array.values, array.file, "embeddings")
    values, said = align(replace(array, values=values), ids)
    check_embeddings(values, array.file, progress)
    return values, problems + said


def _flags(raw: RawTable, plan: Plan, classes: Classes, ids: pd.Index) -> tuple[Flags | None, list[Problem]]:
    if classes.targets is not None:
        if plan.flags is not None:
            said = "the labels are numbers, and flags are read for classes only"
            raise refuse(said, file=plan.flags.name, mend="load the data without the flags")
        return None, []
    if plan.flags is not None:
        return flags_of_file(plan.flags, plan.columns.id, classes, ids)
    return own_flags(raw.frame, raw.source.path.name, classes)


def _of_masks(plan: Plan) -> tuple[tuple[Path | None, Path | None], Plan]:
    """((class list, predictions) of the masks, the plan without them)."""
    columns = plan.columns
    if columns.mask is None:
        return (None, None), plan
    alone, probs = columns.label is None, plan.pred_probs
    theirs = probs is not None and (alone or is_for_masks(probs))
    rest = replace(plan, classes=None if alone else plan.classes, pred_probs=None if theirs else probs)
    return (plan.classes if alone else None, probs if theirs else None), rest


def _masks(
    raw: RawTable,
    plan: Plan,
    root: Path,
    classes: Path | None,
    predictions: Path | None,
    keep_in: Path | None,
    progress: Progress,
) -> tuple[Masks, list[Problem]]:
    pictures = (root, as_text(raw.frame[plan.columns.content[0]]))
    with known_hashes(None if keep_in is None else keep_in / HASHES) as known:
        return read_masks(raw, str(plan.columns.mask), pictures, classes, predictions, known, progress)


def _media(
    raw: RawTable, plan: Plan, keep_in: Path | None, progress: Progress
) -> tuple[tuple[Path | None, np.ndarray | None], list[Problem]]:
    """((folder of the images, hashes of their bytes), warnings); (None, None) where there are no images."""
    if plan.columns.kind != "image" or not plan.columns.content:
        return (None, None), []
    path = raw.source.path
    root = plan.media_root or raw.media_root or (path if path.is_dir() else path.parent)
    if not root.is_dir():
        raise refuse("no such folder of images", file=str(root), mend="check the path")
    paths = as_text(raw.frame[plan.columns.content[0]])
    with known_hashes(None if keep_in is None else keep_in / HASHES) as known:
        hashes, problems = hash_images(root, paths, path.name, known, progress)
    return (root, hashes), problems
