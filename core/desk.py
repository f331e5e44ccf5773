"""One data set on a reviewer's desk: its rows, what the audit found, what was decided, and the queue.

The routes and the review page share one Desk a process, so that opening a page computes nothing twice.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np

from core.clustering import stored_clusters
from core.data_map import stored_map
from core.dataset import Dataset
from core.errors import refuse
from core.evidence.gains import Gains, learned_at
from core.issues import Result
from core.likeness import near_about, near_row
from core.media import shown_digest
from core.review import items
from core.review.about import About
from core.review.areas import Area
from core.review.changes import Change
from core.review.classes import ClassList, ClassLog
from core.review.decisions import VERDICTS, Action, Decision, Standing
from core.review.fold import actions
from core.review.judgements import fault
from core.review.queue import Filters, Space, check_in_use, default_find, given_mask, select, tag_of
from core.review.spot_checks import Gate, Rule, gates_of, rules_of
from core.review.tail import Tail
from core.review.votes import Round, RoundLog
from core.review.votes import misfit as misfit_vote
from core.session_token import UNNAMED, lifetime, mint_media
from core.workspace import Project, Workspace

if TYPE_CHECKING:
    from core.benchmark_review import Bench
    from core.review.store import Receipt, Store

ResultsOf = Callable[[Project], Mapping[str, Result]]

NEIGHBOURS = 10
SHOWN_NEIGHBOURS = 5
_QUEUES_KEPT = 16


class QueueChanged(Exception):
    """The audit changed since the queue was made, so that positions in it mean other rows now."""


class Desk:
    """Safe to share between threads. results_of: the audit results of a project, cached ones only."""

    def __init__(self, workspace: Workspace, results_of: ResultsOf) -> None:
        self.workspace = workspace
        self._results_of = results_of
        self._lock = threading.Lock()
        self._queues: OrderedDict[tuple[Any, ...], tuple[np.ndarray, str]] = OrderedDict()
        self._gains = Gains()

    @cached_property
    def store(self) -> Store:
        """The decisions. Their database library is not loaded before somebody asks for them."""
        from core.review.store import shared_store

        return shared_store(self.workspace.database_url)

    @cached_property
    def _class_log(self) -> ClassLog:
        return ClassLog(self.store)

    @cached_property
    def _gates(self) -> Tail[dict[str, Gate]]:
        return Tail(self.store, Action.GATE, gates_of)

    @cached_property
    def _rules(self) -> Tail[tuple[Rule, ...]]:
        return Tail(self.store, Action.RULE, rules_of)

    def rules(self, name: str) -> tuple[Rule, ...]:
        """The rules by which labels of a data set can be fixed, in the order of saving."""
        return self._rules.of(name)

    def gates(self, name: str) -> Mapping[str, Gate]:
        """The spot checks of a data set by id, in the order of opening."""
        return self._gates.of(name)

    @cached_property
    def _rounds(self) -> RoundLog:
        return RoundLog(self.store)

    def rounds(self, name: str) -> Mapping[str, Round]:
        """The validation rounds of a data set by id, in the order of opening."""
        return self._rounds.of(name)

    def classes(self, name: str, last: int | None = None) -> ClassList:
        """The classes of a data set as they are called now. last: seq of its latest event, where known."""
        return self._class_log.of(self.project(name).dataset, last)

    def project(self, name: str) -> Project:
        """The data set of that name. Raises InputError where there is none."""
        return self.workspace.open(name)

    def results(self, project: Project) -> Mapping[str, Result]:
        """What the audit found, by check; empty where the data set has not been analysed."""
        return self._results_of(project)

    def queue(
        self,
        name: str,
        filters: Filters,
        as_of: int | None = None,
        standings: Mapping[str, Standing] | None = None,
        viewer: str = "",
    ) -> tuple[np.ndarray, str]:
        """(positions in order, a tag that changes when they do) with decision states as of an event.

        Holding as_of still keeps the queue still: a decided row does not leave it under one's hands.
        standings: what `viewer` may know then; None: everything that was decided.
        """
        project = self.project(name)
        results = self.results(project)
        seq = self.store.last_seq(name) if as_of is None else as_of
        bench = self._bench(project) if filters.sort == "benchmark" else None
        # Without a state or a change, and in an order that learns from none, it is good for every as_of.
        reads: tuple[Any, ...] = (seq, viewer) if filters.state or filters.change else ()
        if filters.change:
            reads += tuple(self.project(other).dataset for other in Change.parse(filters.change).others)
        if filters.sort == "yield":
            reads += (learned_at(seq),)
        key = (project.dataset, tuple(results.values()), filters, bench, *reads)
        with self._lock:
            if key in self._queues:
                self._queues.move_to_end(key)
                return self._queues[key]
        if standings is None:
            standings = self.store.standings(name, seq) if filters.state else {}
        if filters.gate:
            positions = self._drawn(project, filters.gate)
        else:
            turn = None if bench is None else bench.turn
            space = replace(
                self._space(project, filters, seq), gain=self._gain(project, filters, seq), turn=turn
            )
            positions = select(project.dataset, results, actions(standings), filters, space)
        tag = tag_of(positions)
        with self._lock:
            self._queues[key] = positions, tag
            while len(self._queues) > _QUEUES_KEPT:
                self._queues.popitem(last=False)
        return positions, tag

    def _drawn(self, project: Project, gate: str) -> np.ndarray:
        """(M,) positions of the rows of a spot check, in the order of the draw."""
        found = self.gates(project.name).get(gate)
        if found is None:
            raise refuse("there is no such spot check", mend="open the Batches tab of Evidence")
        positions = project.dataset.positions(found.order)
        return positions[positions >= 0]

    def _space(self, project: Project, filters: Filters, seq: int) -> Space:
        """Where rows lie, as far as the filters ask; computes no clusters and no map."""
        clusters = layout = near = changed = None
        if filters.clusters_by:
            clusters = stored_clusters(self.workspace, project, filters.clusters_by)
        if filters.area:
            layout = stored_map(self.workspace, project, Area.parse(filters.area).method)
        among = given_mask(project.dataset, filters.given) if filters.given else None
        if filters.like:
            near = near_row(project, filters.like, among)
        elif filters.about:
            near = near_about(self.workspace, project, About.parse(filters.about), among)
        if filters.change:
            from core.versions import changed_rows

            change = Change.parse(filters.change)
            changed = changed_rows(self.workspace, self.store, project.name, change, seq)
        return Space(clusters, layout, near, changed=changed)

    def _gain(self, project: Project, filters: Filters, seq: int) -> np.ndarray | None:
        """Wrong labels a second, where the order asks for it and labels were checked."""
        labels = self.results(project).get(default_find(project.dataset))
        if filters.sort != "yield" or labels is None:
            return None
        return self._gains.of(self.store, project.dataset, labels, seq)

    def _bench(self, project: Project) -> Bench:
        """The models of a data set side by side, by which its benchmark is read."""
        from core.benchmark_review import bench

        return bench(self.workspace, project)

    def board(self, name: str, filters: Filters, person: str = UNNAMED) -> items.Board:
        """What the items of a queue are made from. person: who may open the pictures' addresses."""
        project = self.project(name)
        results = self.results(project)
        token = mint_media(self.workspace.secret(), name, person, lifetime(self.workspace.settings))
        dataset = project.dataset

        def link(position: int, size: str) -> str:
            shown = shown_digest(dataset, position)[:24]
            query = {"row": dataset.row_ids[position], "size": size, "v": shown, "token": token}
            return f"labelmend/media/{name}?{urlencode(query)}"

        return items.Board(dataset, project.predictions, results, check_in_use(results, filters), link)

    def neighbours(self, name: str, filters: Filters, row: str, person: str = UNNAMED) -> dict[str, Any]:
        """A row's nearest rows: some labelled as given, some as suggested, and how many of each are near."""
        board = self.board(name, filters, person)
        position = self._position(board, row)
        embeddings = board.predictions.embeddings
        given, suggested = items.given_label(board.dataset, position), items.suggestion_of(board, position)
        if embeddings is None:
            return {"given": [], "suggested": [], "why": items.why(board, position)}
        near = _near(embeddings, position, NEIGHBOURS, None)
        if (
            board.dataset.targets is not None
        ):  # each number is one of few rows: the nearest are shown, whatever theirs
            tiles = [{**items.preview(board, p), "distance": round(d, 3)} for p, d in near[:SHOWN_NEIGHBOURS]]
            return {"given": tiles, "suggested": [], "why": items.why(board, position)}
        same = [board.dataset.labels[p] for p, _ in near]
        counted = None
        if suggested in board.dataset.classes:
            counted = (same.count(board.dataset.classes.index(suggested)), len(near))
        return {
            "given": self._labelled(board, embeddings, position, given),
            "suggested": self._labelled(board, embeddings, position, suggested),
            "why": items.why(board, position, counted),
        }

    def _labelled(
        self, board: items.Board, embeddings: np.ndarray, position: int, label: str | None
    ) -> list[dict[str, Any]]:
        if label not in board.dataset.classes:
            return []  # no label, or a set of labels that no row has
        among = np.flatnonzero(board.dataset.labels == board.dataset.classes.index(label))
        near = _near(embeddings, position, SHOWN_NEIGHBOURS, among)
        return [{**items.preview(board, p), "distance": round(d, 3)} for p, d in near]

    def text(self, name: str, row: str) -> str:
        """The whole text of a row whose item holds its beginning only."""
        board = self.board(name, Filters())
        return items.row_text(board.dataset, self._position(board, row))

    def record(self, events: Sequence[Decision]) -> list[Receipt]:
        """Store what fits its data set; a receipt for each event, in their order."""
        from core.review.store import Receipt

        # A class and the first row that gets it may come together.
        added = {str(e.details.get("add")) for e in events if e.action is Action.CLASS}
        reasons = [self._misfit(event, added) for event in events]
        good = [e for e, reason in zip(events, reasons, strict=True) if not reason]
        stored = iter(self.store.record(good))
        pairs = zip(events, reasons, strict=True)
        return [Receipt(e.op_id, refused=reason) if reason else next(stored) for e, reason in pairs]

    def _misfit(self, event: Decision, added: Collection[str]) -> str:
        """Why an event does not fit the data set as it is now; "" where it does."""
        if event.dataset not in self.workspace.names():
            return f"There is no data set called {event.dataset!r}."
        if (event.action is Action.UNDO) != (event.undoes is not None):
            return "Only an undo names the decision that it undoes."
        if event.action is Action.CLASS and self.project(event.dataset).dataset.sets is not None:
            return "Where a row can have several labels, their classes cannot be changed here."
        if event.action is Action.CLASS:
            known = self.store.is_stored(event.op_id)  # sent again: its own name is taken by now
            return "" if known else self.classes(event.dataset).why_not(event.details)
        if event.action is Action.PAIR:
            return _misfit_pairs(self.project(event.dataset).dataset, event)
        if event.action is Action.VOTE:
            return misfit_vote(self.rounds(event.dataset), event)
        if not event.row_id and event.action not in VERDICTS:
            return ""  # about the data set, or the undo of such an event: the store knows what it undoes
        dataset = self.project(event.dataset).dataset
        position = int(dataset.positions([event.row_id])[0])
        label = event.label if event.action is Action.RELABEL else None
        if label is None or dataset.knows(label):
            return _misfit(dataset, position, event)
        if label in added or label in self.classes(event.dataset).names:
            event = replace(event, action=Action.KEEP, label=None)  # the rest of it must fit too
        return _misfit(dataset, position, event)

    def _position(self, board: items.Board, row: str) -> int:
        position = int(board.dataset.positions([row])[0])
        if position < 0:
            raise refuse(f"row {row!r} is not in this project")
        return position


def _near(embeddings: np.ndarray, position: int, k: int, among: np.ndarray | None) -> list[tuple[int, float]]:
    from core.methods.neighbours import nearest

    found, distance = nearest(embeddings, np.array([position]), k, among=among)
    return [(int(p), float(d)) for p, d in zip(found[0], distance[0], strict=True) if p >= 0]


def _misfit(dataset: Dataset, position: int, event: Decision) -> str:
    """Why an event on a row does not fit it as it is now; "" where it does."""
    if position < 0:
        return f"Row {event.row_id} is not in this project."
    given = items.given_label(dataset, position) or ""
    if event.given_label != given:
        return f"Row {event.row_id} is labelled {given!r} now, not {event.given_label!r}. Reload the page."
    if event.action is Action.RELABEL:
        if not dataset.knows(event.label):
            if dataset.targets is not None:
                return dataset.targets.why_not(event.label or "")
            what = "a class" if dataset.sets is None else "a set of classes"
            return f"{event.label!r} is not {what} of this project."
    elif event.label is not None:
        return f"A decision to {event.action} names no class."
    return ""


def _misfit_pairs(dataset: Dataset, event: Decision) -> str:
    """Why a judgement of pairs does not fit the data set; "" where it does."""
    if reason := fault(event.details):
        return reason
    rows = [row_id for *pair, _ in event.details.get("rows", ()) for row_id in pair]
    for row_id, position in zip(rows, dataset.positions(rows).tolist(), strict=True):
        if position < 0:
            return f"Row {row_id} is not in this project."
    known = set(dataset.names)
    unknown = [name for *pair, _ in event.details.get("classes", ()) for name in pair if name not in known]
    return f"There is no class {unknown[0]!r} in this project." if unknown else ""


@cache
def shared_desk(workspace: Workspace) -> Desk:
    """The desk of a workspace; the pages and the routes of a process use one object."""
    return Desk(workspace, _audited(workspace))


def _audited(workspace: Workspace) -> ResultsOf:
    def results_of(project: Project) -> Mapping[str, Result]:
        from core.audits import current_audit

        return current_audit(workspace, project).results

    return results_of
