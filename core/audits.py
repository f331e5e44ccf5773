"""The audit that the pages and the routes show: what the cache holds, read from disk once a process, after
what people say of pairs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from core.audit import Audit, cached_audit, checks, run_audit
from core.cache import cache_key
from core.judged import JUDGED_CHECKS, judged_audit
from core.progress import Progress
from core.review.judgements import NO_JUDGEMENTS, Judgements, pair_log
from core.review.tail import Tail
from core.workspace import Project, Workspace

_KEPT = 4
_lock = threading.Lock()
_audits: OrderedDict[tuple[Any, ...], Audit] = OrderedDict()
_judged: OrderedDict[int, tuple[Audit, Judgements, Audit]] = OrderedDict()
"""id of an audit -> itself, the last judgements, and what it is after them."""


def chosen_settings(workspace: Workspace, name: str) -> dict[str, dict[str, Any]]:
    """The check settings in use for a data set, by check; what is left out has its default, and what an older
    version has kept that no check takes any more is left out."""
    kept = workspace.recall(name, "audit", {})
    taken = {check: {setting.name for setting in spec.settings} for check, spec in checks().items()}
    return {
        check: {key: value for key, value in values.items() if key in taken[check]}
        for check, values in kept.items()
        if check in taken
    }


def choose_settings(workspace: Workspace, name: str, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Use these settings for a data set from now on."""
    workspace.remember(name, "audit", {check: dict(values) for check, values in settings.items()})


def current_audit(workspace: Workspace, project: Project) -> Audit:
    """The cached results under the settings in use, after the judgements of pairs; runs no check. The same
    object until either changes.

    Costs some file look-ups and one query a call, however many rows there are; after a new judgement the
    conclusions from all pairs. Raises StoreUnavailable where the decisions cannot be read.
    """
    audit = found_audit(workspace, project)
    said = judgements_of(workspace, project.name) if audit.results.keys() & JUDGED_CHECKS else NO_JUDGEMENTS
    with _lock:
        kept = _judged.get(id(audit))
        if kept is None or kept[0] is not audit or kept[1] is not said:
            kept = (audit, said, judged_audit(audit, project.dataset, said))
            _judged[id(audit)] = kept
        _judged.move_to_end(id(audit))
        while len(_judged) > _KEPT:
            _judged.popitem(last=False)
        return kept[2]


def judgements_of(workspace: Workspace, name: str) -> Judgements:
    """What is said of pairs of a data set. Their database is not opened before there is one."""
    if not workspace.settings.database_url and not (workspace.root / "labelmend.db").exists():
        return NO_JUDGEMENTS
    return _pair_log(workspace.database_url).of(name)


@cache
def _pair_log(url: str) -> Tail[Judgements]:
    from core.review.store import shared_store

    return pair_log(shared_store(url))


def found_audit(workspace: Workspace, project: Project) -> Audit:
    """As current_audit, as the checks found it, whatever people say of pairs."""
    settings = chosen_settings(workspace, project.name)
    key = (str(workspace.cache_dir), id(project.dataset), *_entries(workspace.cache_dir, project, settings))
    with _lock:
        if key in _audits:
            _audits.move_to_end(key)
            return _audits[key]
        audit = cached_audit(project.dataset, project.predictions, workspace.cache_dir, settings=settings)
        _audits[key] = audit
        while len(_audits) > _KEPT:
            _audits.popitem(last=False)
        return audit


def audit_now(workspace: Workspace, project: Project, progress: Progress) -> Audit:
    """Run what the cache lacks, under the settings in use."""
    settings = chosen_settings(workspace, project.name)
    return run_audit(
        project.dataset, project.predictions, workspace.cache_dir, settings=settings, progress=progress
    )


def not_run(audit: Audit) -> list[str]:
    """Names of the checks that could run on the data set and have not."""
    return [name for name in checks() if name not in audit.results and name not in audit.skipped]


def _entries(cache_dir: Path, project: Project, settings: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Each check's cache key, and whether there is an entry for it."""
    found = []
    for check in checks().values():
        if check.missing(project.dataset, project.predictions):
            continue
        given = settings.get(check.name, {})
        params = {s.name: given.get(s.name, s.default) for s in check.settings}
        key = cache_key(check, params, project.dataset, project.predictions)
        found.append((key, (cache_dir / check.name / key).is_dir()))
    return found
