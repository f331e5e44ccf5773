"""Where an uploaded picture lies among the rows of a data set: by the model of its embeddings, or by pixels.

Embeddings come from a file that does not say which model made them. So the models that are here are tried on
a few rows: one that puts these as the file has them, but for one shift and one factor, made the file, and can
place another picture. Where none is, the built-in features of all pictures are worked out once and kept.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from core.asked_pictures import Placed, asked_file, place_picture, placed_picture
from core.cache import load_array, store_array
from core.dataset import Columns, Dataset
from core.decoding import MediaError
from core.errors import InputError, refuse
from core.features import SEED, chosen_embedder, depends_on
from core.media import media_path
from core.models._base import Embedder
from core.models.image_pixels import IMAGE_PIXELS, Place, placed_features
from core.pretrained import is_pretrained, offered
from core.progress import Progress
from core.workspace import Project, Workspace

_VERSION = 1  # raise it when another place comes from the same pictures
_ANCHORS = 8
_MISFIT = 0.03
"""How far the embeddings of the rows that a model is tried on may lie from its own, as a share of their
spread: half-precision files stay below 0.001."""
_ROWS, _MEAN, _BASIS = "picture_rows", "picture_mean", "picture_basis"


def why_not(dataset: Dataset) -> str:
    """Why rows like a picture cannot be found, in words; "" where they can."""
    if dataset.columns.kind != "image" or not dataset.columns.content:
        return "rows like a picture are found by their pictures, and these rows have none"
    return "" if dataset.media_root is not None else "no folder of pictures is known for this data set"


def space_of(project: Project) -> str:
    """A name of all that the place of a picture depends on beside itself."""
    parts = [str(_VERSION), *map(repr, depends_on(project.dataset, IMAGE_PIXELS))]
    parts.append(project.predictions.part("embeddings"))
    return hashlib.sha256(":".join(parts).encode()).hexdigest()[:32]


def placed(workspace: Workspace, project: Project, name: str) -> Placed | None:
    """Where a kept picture lies; None where `place` has to work it out first. Raises InputError where the
    picture is not kept any more, and where rows cannot be like one."""
    if reason := why_not(project.dataset):
        raise refuse(reason)
    asked_file(workspace.cache_dir, name)
    found = placed_picture(workspace.cache_dir, name, space_of(project))
    if found is not None and found.space == "pixels" and _stored(workspace, project) is None:
        return None
    return found


def features(workspace: Workspace, project: Project, at: Placed) -> np.ndarray:
    """(N, D) features of the rows in the space that a picture was placed in."""
    rows = project.predictions.embeddings if at.space == "embeddings" else _stored(workspace, project)
    if rows is None:
        raise refuse("the pictures of this data set have not been compared", mend="open it on Issues first")
    return rows


def place(workspace: Workspace, project: Project, name: str, progress: Progress) -> Placed:
    """Work out where a kept picture lies, and keep that. Raises InputError, Cancelled."""
    if reason := why_not(project.dataset):
        raise refuse(reason)
    file = asked_file(workspace.cache_dir, name)
    found = _by_embeddings(workspace, project, file, progress.part(0, 0.3, "looking for the model"))
    if found is None:
        at = _pixels(workspace, project, progress.part(0.3, 1))
        try:
            found = Placed("pixels", IMAGE_PIXELS.title, at.of(file))
        except MediaError as error:
            raise refuse(str(error).rstrip(".")) from None
    progress.report(1)
    place_picture(workspace.cache_dir, name, space_of(project), found)
    return found


def _by_embeddings(workspace: Workspace, project: Project, file: Path, progress: Progress) -> Placed | None:
    embeddings, dataset = project.predictions.embeddings, project.dataset
    if embeddings is None:
        return None
    specs = [offer.spec for offer in offered("image")]
    own = workspace.recall(project.name, "baseline", {}).get("embedder")
    if own and is_pretrained(own) and own not in specs:
        specs.insert(0, own)
    for number, spec in enumerate(specs):
        part = progress.part(number / len(specs), (number + 1) / len(specs))
        try:
            chosen = chosen_embedder(dataset, spec, part)
            vector = placed_by(chosen, dataset, embeddings, file, part)
        except InputError:
            continue  # its weights or its library are not here any more: it cannot be asked
        if vector is not None:
            return Placed("embeddings", chosen.title, vector)
    return None


def placed_by(
    chosen: Embedder, dataset: Dataset, embeddings: np.ndarray, file: Path, progress: Progress
) -> np.ndarray | None:
    """(D,) where a model that looks at each picture alone puts one among embeddings; None where it did not
    make these. Raises InputError where the model cannot run."""
    anchors, files = _anchors(dataset)
    if len(anchors) < 3:
        return None
    with tempfile.TemporaryDirectory(prefix="labelmend-") as folder:
        names = [f"{i}{one.suffix}" for i, one in enumerate((file, *files))]
        for name, one in zip(names, (file, *files), strict=True):
            shutil.copyfile(one, Path(folder) / name)
        made = chosen.fit_transform(_small(dataset, names, Path(folder)), SEED, progress).values
    theirs = np.asarray(embeddings[anchors], dtype=np.float64)
    if made.shape[1] != theirs.shape[1]:
        return None
    ours, middle = made[1:] - made[1:].mean(axis=0, dtype=np.float64), theirs.mean(axis=0)
    spread, apart = float((ours**2).sum()), theirs - middle
    if not spread or not apart.any():
        return None
    factor = float((ours * apart).sum()) / spread
    if factor <= 0 or np.linalg.norm(apart - factor * ours) > _MISFIT * np.linalg.norm(apart):
        return None
    asked = made[0] - made[1:].mean(axis=0, dtype=np.float64)
    return (middle + factor * asked).astype(np.float32)


def _anchors(dataset: Dataset) -> tuple[list[int], list[Path]]:
    """(positions, files) of a few rows over the whole data set, no file twice."""
    count = len(dataset)
    found: dict[Path, int] = {}
    for position in np.unique(
        np.linspace(0, count - 1, min(count, 4 * _ANCHORS)).round().astype(int)
    ).tolist():
        try:
            found.setdefault(media_path(dataset, position), position)
        except MediaError:
            continue  # this row has no picture: others are asked
    files = list(found)[:: max(1, len(found) // _ANCHORS)][:_ANCHORS]
    return [found[file] for file in files], files


def _small(dataset: Dataset, names: list[str], folder: Path) -> Dataset:
    """These files as a data set of their own."""
    table = pd.DataFrame({"path": pd.array(names, dtype="str")}, index=pd.Index(names, dtype="str"))
    labels = np.full(len(names), -1, dtype=np.int32)
    columns = Columns(content=("path",), kind="image")
    return Dataset(dataset.name, table, columns, (), (), labels, media_root=folder)


def _key(project: Project) -> str:
    body = ":".join([str(_VERSION), str(SEED), *map(repr, depends_on(project.dataset, IMAGE_PIXELS))])
    return hashlib.sha256(body.encode()).hexdigest()


def _stored(workspace: Workspace, project: Project) -> np.ndarray | None:
    return load_array(workspace.cache_dir, _ROWS, _key(project))


def _pixels(workspace: Workspace, project: Project, progress: Progress) -> Place:
    """Where pictures lie among the built-in features of a data set's, worked out where the cache lacks it."""
    cache_dir, key = workspace.cache_dir, _key(project)
    mean, basis = load_array(cache_dir, _MEAN, key), load_array(cache_dir, _BASIS, key)
    if mean is None or basis is None or _stored(workspace, project) is None:
        made, at = placed_features(project.dataset, SEED, progress)
        store_array(cache_dir, _MEAN, key, np.concatenate([at.scales, at.mean]))
        store_array(cache_dir, _BASIS, key, at.basis)
        store_array(cache_dir, _ROWS, key, made.values)
        return at
    return Place(np.asarray(mean[:3]), np.asarray(mean[3:]), np.asarray(basis))
