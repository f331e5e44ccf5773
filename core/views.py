"""Saved views: filters under a name, shared by all who work on a data set. One file each, so that two people
who save at once, in one process or two, lose nothing."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import refuse
from core.files import write_json
from core.review.queue import Filters
from core.workspace import Workspace

log = logging.getLogger(__name__)

LONGEST = 60
MOST = 200


@dataclass(frozen=True)
class View:
    """name: as somebody typed it. query: the filters as query parameters. by: who saved it."""

    name: str
    query: dict[str, str]
    by: str


def saved_views(workspace: Workspace, dataset: str) -> list[View]:
    """The views of a data set by name. One that cannot be read, or means nothing now, is only logged."""
    found = []
    for path in sorted(_folder(workspace, dataset).glob("*.json")):
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            query = {str(k): str(v) for k, v in kept["query"].items()}
            view = View(str(kept["name"]), query, str(kept["by"]))
            Filters.from_query(query)
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            log.warning("a saved view is not shown: %s: %s", path.name, error)
            continue
        found.append(view)
    return sorted(found, key=lambda view: view.name.casefold())


def save_view(workspace: Workspace, dataset: str, name: str, filters: Filters, by: str) -> None:
    """Keep the filters under a name; one of that name is replaced.

    Raises InputError for a name that is none, and where there are MOST views.
    """
    name = " ".join(name.split()).encode("utf-8", "replace").decode()
    if not name or len(name) > LONGEST:
        raise refuse("a view needs a name", expected=f"1 to {LONGEST} characters")
    path = _path(workspace, dataset, name)
    if not path.exists() and len(saved_views(workspace, dataset)) >= MOST:
        raise refuse(f"there are {MOST} views already", mend="remove one first")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, asdict(View(name, filters.to_query(), by)))


def remove_view(workspace: Workspace, dataset: str, name: str) -> None:
    """Remove a view; nothing where there is none of that name."""
    _path(workspace, dataset, name).unlink(missing_ok=True)


def _folder(workspace: Workspace, dataset: str) -> Path:
    return workspace.root / "views" / hashlib.sha256(dataset.encode()).hexdigest()[:24]


def _path(workspace: Workspace, dataset: str, name: str) -> Path:
    # A name is data: its digest cannot leave the folder.
    digest = hashlib.sha256(" ".join(name.split()).casefold().encode("utf-8", "replace")).hexdigest()[:24]
    return _folder(workspace, dataset) / f"{digest}.json"
