"""Boxes that a model proposes for objects that no box marks: a new version of a COCO data set with them.

They are appended to a copy of the file as annotations without a category, "proposed-1" and so on. A person
gives one a class, or leaves it; an export writes those with a class under ids of their own and leaves the
others out (core.corrections, core.exporters.coco). The file that was loaded stays as it is.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.boxes import SIDES
from core.dataset import UNLABELLED, Dataset
from core.errors import Problem, refuse
from core.exporters._json import append_members, value_spans
from core.importers.coco import PROPOSED
from core.predictions import Predictions
from core.preflight.image_files import hash_images
from core.progress import Progress
from core.reading import read_table
from core.source import RawTable, Source, file_sha256
from core.uploads import store_upload

if TYPE_CHECKING:
    from core.workspace import Project, Workspace

CHECK = "box_errors"


@dataclass(frozen=True)
class Proposed:
    """boxes: how many were proposed. left_out: what the new version does not have any more, in words."""

    boxes: int
    left_out: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What the new version has, in words."""
        boxes = "1 box is" if self.boxes == 1 else f"{self.boxes:,} boxes are"
        gone = f" Left out of the new version: {', '.join(self.left_out)}." if self.left_out else ""
        return f"{boxes} proposed, without a label yet.{gone}"


def why_not(project: Project) -> str:
    """Why no boxes can be proposed for a data set, in one sentence; "" where they can."""
    dataset = project.dataset
    if project.source.format != "coco" or dataset.boxes is None:
        return "Boxes are proposed for COCO files only."
    if dataset.sets is not None or dataset.columns.id != "id":
        return "Boxes are proposed where annotations have an id and one category."
    return "" if project.predictions.detections is not None else "There are no detections of a model."


def missing_boxes(workspace: Workspace, name: str) -> pd.DataFrame:
    """The detections of objects that no box marks, as the check found them under the settings in use.

    Columns image, label, score, x, y, w, h; highest score first. Raises InputError where it has not run.
    """
    from core.audits import current_audit

    result = current_audit(workspace, workspace.open(name)).results.get(CHECK)
    if result is None:
        raise refuse("the check of boxes has not run", mend="analyse the data set first")
    return result.figures.get("missing", pd.DataFrame())


def propose_boxes(
    workspace: Workspace, name: str, missing: pd.DataFrame, progress: Progress | None = None
) -> Proposed:
    """Put a new version in the place of a data set, with these boxes as rows without a label. All or nothing.

    missing: as `missing_boxes` gives them, all or some. Rows that are there keep their ids, so that decisions
    stay. Embeddings, which the new rows have none of, are left out. Raises InputError for another format than
    COCO, for a file that has changed, and where there is nothing to propose.
    """
    from core.loading import Prepared

    progress = progress or Progress()
    project = workspace.open(name)
    if reason := why_not(project):
        raise refuse(reason.rstrip("."), mend="load a COCO file with a model's results")
    if missing.empty:
        raise refuse("no object looks as if it had no box", mend="nothing is to be done")
    progress.report(0.0, "Writing the boxes")
    path = _written(workspace, project, missing)
    progress.report(0.3, "Reading the new version")
    raw = read_table(path)
    dataset = _dataset(project.dataset, raw, missing, progress.part(0.4, 0.9))
    held = project.predictions
    predictions = Predictions(held.model, _probs(project.dataset, held, missing), detections=held.detections)
    gone = ["the embeddings"] if held.embeddings is not None else []
    said = Problem("notice", f"{len(missing):,} boxes are proposals of {held.model}, without a label yet")
    kept = tuple(p for p in project.problems if "boxes are proposals of" not in p.found)
    source = Source(path, raw.source.format, raw.source.sha256, raw.source.size, raw.source.layout)
    progress.report(0.9, "Storing the new version")
    workspace.save(Prepared(dataset, predictions, source, (*kept, said)))
    progress.report(1.0, "done")
    return Proposed(len(missing), tuple(gone))


def propose_and_audit(workspace: Workspace, name: str, missing: pd.DataFrame, progress: Progress) -> Proposed:
    """Propose these boxes and run the checks on the new version. Raises as propose_boxes does."""
    from core.audits import audit_now

    made = propose_boxes(workspace, name, missing, progress.part(0, 0.3))
    audit_now(workspace, workspace.open(name), progress.part(0.3, 1))
    return made


def by_class(missing: pd.DataFrame) -> pd.DataFrame:
    """Columns label, boxes, lowest and highest score in [0, 1]; the class with the most boxes first."""
    if missing.empty:
        return pd.DataFrame(columns=["label", "boxes", "lowest", "highest"])
    scores = missing.groupby("label", sort=True)["score"]
    counts = scores.agg(boxes="size", lowest="min", highest="max").reset_index()
    return counts.sort_values("boxes", ascending=False, kind="stable", ignore_index=True)


def _written(workspace: Workspace, project: Project, missing: pd.DataFrame) -> Path:
    """The file of the new version: the bytes of the old one, with more annotations at the end of the list."""
    source = project.source
    if not source.path.is_file() or file_sha256(source.path) != source.sha256:
        mend = "load it again (decisions are kept), or put the old file back"
        raise refuse("the source has changed since it was loaded", file=source.path.name, mend=mend)
    data = source.path.read_bytes()
    entries = _entries(json.loads(data.decode("utf-8-sig")), project, missing)
    brace = data.find(b"{")
    start, stop = (brace + at for at in value_spans(data[brace:].decode("latin-1"), 0)["annotations"])
    members = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    more = data[:start] + append_members(data[start:stop], members) + data[stop:]
    return store_upload(workspace.uploads, source.path.name, io.BytesIO(more))


def _entries(value: Mapping[str, Any], project: Project, missing: pd.DataFrame) -> list[dict[str, Any]]:
    """The annotations to append, in the order of the boxes. They have no keys but those that are there."""
    images = {entry["file_name"]: entry["id"] for entry in reversed(value["images"])}
    keys = {key for annotation in value["annotations"] for key in annotation}
    # A column of whole numbers stays one, so that the cells of the other rows read as before.
    whole = all(type(a["area"]) is int for a in value["annotations"] if "area" in a)
    first = 1 + max((_number(i) for i in project.dataset.row_ids), default=0)
    entries = []
    for number, line in enumerate(missing.itertuples(index=False), first):
        x, y, w, h = (round(float(getattr(line, side)), 2) for side in SIDES)
        entry = {"id": f"{PROPOSED}{number}", "image_id": images[line.image], "bbox": [x, y, w, h]}
        entry |= {"area": round(w * h, None if whole else 2)} if "area" in keys else {}
        entries.append(entry | ({"iscrowd": 0} if "iscrowd" in keys else {}))
    return entries


def _number(row_id: str) -> int:
    """Of a proposal; 0 for another row."""
    number = row_id.removeprefix(PROPOSED)
    return int(number) if number != row_id and number.isascii() and number.isdigit() else 0


def _dataset(old: Dataset, raw: RawTable, missing: pd.DataFrame, progress: Progress) -> Dataset:
    """The old rows as they are, and the new ones after them."""
    ids = pd.Index(raw.frame["id"].astype("str"), dtype="str", name=None)
    if not ids[: len(old)].equals(old.row_ids) or len(ids) != len(old) + len(missing):
        raise refuse("the rows of the new version are not those of the old one", file=raw.source.path.name)
    labels = np.concatenate([old.labels, np.full(len(missing), UNLABELLED, dtype=np.int32)])
    flags = old.flags
    if flags is not None:
        none = np.array([(1.0, False, -1, False)] * len(missing), dtype=flags.rows.dtype)
        flags = replace(flags, rows=np.concatenate([flags.rows, none]))
    hashes = old.media_hash
    if hashes is not None and old.media_root is not None:
        hashes = np.concatenate([hashes, _hashes(old, hashes, old.media_root, missing["image"], progress)])
    table = raw.frame.set_axis(ids, axis=0)
    return replace(old, table=table, labels=labels, media_hash=hashes, flags=flags)


def _hashes(
    old: Dataset, hashes: np.ndarray, root: Path, images: pd.Series, progress: Progress
) -> np.ndarray:
    """(n,) digests of the pictures of the new rows; those that a row has already are not read again."""
    from core.known_hashes import known_hashes

    known = dict(zip(old.table[old.columns.content[0]].tolist(), hashes.tolist(), strict=True))
    bare = images[~images.isin(list(known))].drop_duplicates()
    with known_hashes(None) as cache:
        found, _ = hash_images(root, bare, "", cache, progress)
    known |= dict(zip(bare.tolist(), found.tolist(), strict=True))
    return np.array([known[path] for path in images], dtype=object)


def _probs(old: Dataset, held: Predictions, missing: pd.DataFrame) -> np.ndarray | None:
    """The probabilities with a row for each new box: its detection's score, the rest spread evenly."""
    if held.pred_probs is None:
        return None
    k = len(old.names)
    made = np.full((len(missing), k), 1 / k, dtype=held.pred_probs.dtype)
    codes = pd.Index(old.names).get_indexer(pd.Index(missing["label"]))
    rows = np.flatnonzero(codes >= 0)
    score = np.maximum(missing["score"].to_numpy(dtype=np.float64)[rows], 1 / k)
    made[rows] = ((1 - score) / max(k - 1, 1))[:, None]
    made[rows, codes[rows]] = score
    return np.concatenate([held.pred_probs, made])
