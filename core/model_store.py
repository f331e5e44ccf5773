"""The models of a data set side by side: one is in use, the others are kept beside it.

<root>/models/<data set>/<key>/pred_probs.npy   rows and columns as the data set had them; predicted.npy where
                                                its labels are numbers
                               log_sums.npy    where it gave logits: what softmax takes away
                               detections.parquet   where rows are boxes: what it found in the pictures
                               model.json       name, digests, what it was made for, what was said of it

The model in use lies in the folder of its data set, as ever. A model outlives a re-import; it can be used
while rows and classes are those it was made for. Files are linked, not copied, where the disk can.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import Problem, refuse
from core.files import link, write_json
from core.predictions import Predictions

if TYPE_CHECKING:
    from core.workspace import Workspace

_FORMAT = 1
_META, _DATASET = "model.json", "dataset.json"
_ARRAYS = ("pred_probs", "predicted", "log_sums")
_FILES = {**{part: f"{part}.npy" for part in _ARRAYS}, "detections": "detections.parquet"}
"""The parts of Predictions that a model brings, and where they lie."""
_NOT_LINKED = (*_FILES.values(), _DATASET, "choices.json")
MEAN = "mean of "
_CHUNK = 16 << 20


@dataclass(frozen=True, eq=False)
class Model:
    """One model's predictions for a data set: probabilities or, where its labels are numbers, numbers.

    predictions: memory-mapped, without embeddings. fits: whether rows and classes are still those that it was
    made for; one that does not fit is kept and cannot be used. problems: what the check said of it.
    """

    predictions: Predictions
    in_use: bool
    fits: bool
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        return self.predictions.model


def models(workspace: Workspace, name: str) -> list[Model]:
    """The models of a data set: the one in use first, the others by name."""
    folder, meta = _dataset(workspace, name)
    found = []
    if _is_model(folder):
        said = tuple(Problem(**p) for p in meta.get("model_problems", []))
        found.append(Model(_mapped(meta["model"], folder, meta["parts"]["predictions"]), True, True, said))
    made_for = _made_for(meta)
    for path in sorted(_folder(workspace, name).glob(f"[!.]*/{_META}")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        if found and kept["name"] == found[0].name:
            continue  # the copy from before it was in use
        said = tuple(Problem(**p) for p in kept["problems"])
        predictions = _mapped(kept["name"], path.parent, kept)
        found.append(Model(predictions, False, kept["made_for"] == made_for, said))
    return [m for m in found if m.in_use] + sorted(
        (m for m in found if not m.in_use), key=lambda m: m.name.casefold()
    )


def add_model(
    workspace: Workspace, name: str, predictions: Predictions, problems: Sequence[Problem] = ()
) -> str:
    """Keep a model beside the one in use; its name, with a number where another one has that name.

    The same values under the same name are kept once. Where no model is in use, this one is from now on.
    predictions: aligned with the data set, as `core.another_model.read_model` gives them.
    """
    _, meta = _dataset(workspace, name)
    there = {m.name: _digests(m.predictions) for m in models(workspace, name)}
    wanted, number = predictions.model, 1
    while there.get(wanted, _digests(predictions)) != _digests(predictions):
        number += 1
        wanted = f"{predictions.model} ({number})"
    if wanted not in there:
        _put(workspace, name, replace(predictions, model=wanted), problems, meta)
    if not any(m.in_use for m in models(workspace, name)):
        use_model(workspace, name, wanted)
    return wanted


def replace_model(
    workspace: Workspace, name: str, predictions: Predictions, problems: Sequence[Problem] = ()
) -> None:
    """Keep a model beside the one in use, in place of another of its name there."""
    _, meta = _dataset(workspace, name)
    _put(workspace, name, predictions, problems, meta)


def use_model(workspace: Workspace, name: str, model: str) -> None:
    """Use a model from now on; the one in use until then is kept beside it. All or nothing.

    Raises InputError for a model that is not there, or was made for other rows or classes.
    """
    folder, meta = _dataset(workspace, name)
    if _is_model(folder) and meta["model"] == model:
        return
    kept = _folder(workspace, name) / _key(model)
    if not (kept / _META).exists():
        known = ", ".join(m.name for m in models(workspace, name)) or "none yet"
        raise refuse(f"no model called {model!r} for {name!r}", expected=known)
    chosen = json.loads((kept / _META).read_text(encoding="utf-8"))
    if chosen["made_for"] != _made_for(meta):
        mend = "load its file again with the data as they are now"
        raise refuse(f"{model!r} was made for other rows or classes of {name!r}", mend=mend)
    keep_model(workspace, name)
    said = meta["parts"]["predictions"]
    made = {part: chosen.get(part, "") for part in _FILES}
    parts = {**meta["parts"], "predictions": {**said, **made}}
    after = {**meta, "model": model, "parts": parts, "model_problems": chosen["problems"]}
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        for file in folder.iterdir():
            if file.name not in _NOT_LINKED:
                link(file, new / file.name)
        _link_model(kept, new)
        write_json(new / _DATASET, after)
        workspace.replace(name, new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def keep_model(workspace: Workspace, name: str) -> None:
    """Keep a copy of the model in use beside it, for the time when another one is; nothing without one."""
    folder, meta = _dataset(workspace, name)
    if not _is_model(folder):
        return
    body = {
        "format": _FORMAT,
        "name": meta["model"],
        **{part: meta["parts"]["predictions"].get(part, "") for part in _FILES},
        "made_for": _made_for(meta),
        "problems": meta.get("model_problems", []),
    }
    _place(workspace, name, body, lambda new: _link_model(folder, new))


def forget_model(workspace: Workspace, name: str, model: str) -> None:
    """Delete a model that is not in use. Raises InputError for the one in use, or one that is not there."""
    found = next((m for m in models(workspace, name) if m.name == model), None)
    if found is None or found.in_use:
        why = "no such model" if found is None else "this model is in use"
        raise refuse(f"{model!r}: {why}", mend="" if found is None else "use another one first")
    shutil.rmtree(_folder(workspace, name) / _key(model))


def add_mean(workspace: Workspace, name: str, chosen: Sequence[str]) -> str:
    """Add the mean of what several models say, probabilities or numbers, as a model of its own; its name.

    The mean of distributions is one. Raises InputError for fewer than two models, and for one that is not
    there or does not fit.
    """
    there = {m.name: m for m in models(workspace, name) if m.fits}
    unknown = [c for c in chosen if c not in there]
    if unknown or len(set(chosen)) < 2:
        found = f"no model called {unknown[0]!r}" if unknown else "a mean of fewer than two models"
        raise refuse(found, expected="two or more of " + ", ".join(there))
    arrays = [_values(there[c].predictions) for c in dict.fromkeys(chosen)]
    out = np.empty(arrays[0].shape, np.result_type(*arrays))
    step = max(1, _CHUNK // max(1, out[:1].nbytes))
    for start in range(0, len(out), step):
        stop = start + step
        out[start:stop] = np.mean([a[start:stop] for a in arrays], axis=0, dtype=np.float64)
    model = MEAN + ", ".join(dict.fromkeys(chosen))
    numbers = out.ndim == 1
    said = Problem("notice", f"{model}: each {'number' if numbers else 'probability'} is the mean of theirs")
    mean = Predictions(model, predicted=out) if numbers else Predictions(model, out)
    return add_model(workspace, name, mean, [said])


def _values(predictions: Predictions) -> np.ndarray:
    if predictions.output is None:
        raise TypeError("a model has probabilities or numbers")
    return predictions.output


def _is_model(folder: Path) -> bool:
    """Whether a folder holds what a model says of the labels."""
    return any((folder / _FILES[part]).exists() for part in ("pred_probs", "predicted"))


def _dataset(workspace: Workspace, name: str) -> tuple[Path, dict[str, Any]]:
    folder = workspace.folder(name)
    return folder, json.loads((folder / _DATASET).read_text(encoding="utf-8"))


def _folder(workspace: Workspace, name: str) -> Path:
    return workspace.root / "models" / name


def _key(model: str) -> str:
    return hashlib.sha256(model.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _made_for(meta: dict[str, Any]) -> str:
    """Digest of the row ids in their order and of the class names: what a model's array is aligned with."""
    names = meta["sets"]["names"] if meta.get("sets") else meta["classes"]
    names = ["number"] if meta.get("targets") else names  # whichever numbers the rows have
    body = [meta["parts"]["dataset"]["ids"], list(names)]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def _mapped(model: str, folder: Path, digests: dict[str, str]) -> Predictions:
    """digests: of the parts, as they were stored; a part that a model was stored without is not there."""
    from core.storage import load_array, load_detections

    arrays = {part: load_array(folder / _FILES[part]) for part in _ARRAYS}
    found = Predictions(model, **arrays, detections=load_detections(folder / _FILES["detections"]))
    found.trust({part: digests.get(part, "") for part in _FILES})
    return found


def _digests(predictions: Predictions) -> list[str]:
    return [predictions.part(part) for part in _FILES]


def _link_model(folder: Path, new: Path) -> None:
    """What a model made, linked into another folder."""
    for file in _FILES.values():
        if (folder / file).exists():
            link(folder / file, new / file)


def _put(
    workspace: Workspace,
    name: str,
    predictions: Predictions,
    problems: Sequence[Problem],
    meta: dict[str, Any],
) -> None:
    from core.storage import save_array, save_detections

    def write(new: Path) -> None:
        for part in _ARRAYS:
            if (array := getattr(predictions, part)) is not None:
                save_array(new / _FILES[part], array)
        if predictions.detections is not None:
            save_detections(new / _FILES["detections"], predictions.detections)

    body = {
        "format": _FORMAT,
        "name": predictions.model,
        **{part: predictions.part(part) for part in _FILES},
        "made_for": _made_for(meta),
        "problems": [asdict(p) for p in problems],
    }
    _place(workspace, name, body, write)


def _place(workspace: Workspace, name: str, body: dict[str, Any], write: Callable[[Path], None]) -> None:
    """A model's folder, there whole or not at all; one of its name is replaced."""
    folder = _folder(workspace, name)
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        write(new)
        for file in new.iterdir():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        write_json(new / _META, body)
        place = folder / _key(body["name"])
        if place.exists():
            old = Path(tempfile.mkdtemp(prefix=".old-", dir=folder))
            os.rename(place, old)
            os.rename(new, place)
            shutil.rmtree(old)
        else:
            os.rename(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
