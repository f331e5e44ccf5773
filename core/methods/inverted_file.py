"""Nearest rows by cosine distance where there are too many to compare each with all: an inverted file.

k-means puts the rows into cells. Each row is compared with the rows of the cells whose centres are nearest to
it, all rows that ask for one cell in one matrix product; at last each row is offered to the rows that it has
found. How many cells are asked for is decided on a sample whose nearest rows are known, and what that reached
is measured on another. Nothing is copied out of the embeddings, which may be a memory map.

Source: Jégou, Douze, Schmid: Product Quantization for Nearest Neighbor Search, PAMI 33 (2011), for the cells.
Own, since libraries search for one row at a time, copy all rows, cannot be cancelled while they build, or
bring a second OpenMP beside scikit-learn's; tests/benchmarks/bench_neighbours.py measures them beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.methods.clusters import fitted
from core.methods.neighbours import nearest, top, unit_rows
from core.methods.recall import AT, Recall, measured, sampled
from core.progress import Progress

AIM, LEAST = 0.99, 0.95
"""Recall@10 that the number of cells is chosen for, and below which more cells are searched."""
_CHOSEN_SEED = 1
_ROWS_A_CELL = 64  # that the centres are fitted to
_FEWEST_CELLS = 8  # that each row asks for
_LARGEST = 4  # times the usual size: a larger cell is cut, so that many copies of a row cost no more
_WORK = 25e12  # multiplications and additions in all: some five minutes on two cores
_SELECTING = 64  # dimensions whose products take as long as looking for the largest
_QUERIES, _ASKED = 32_768, 4 << 20  # rows that ask together, and cells that they ask for in all
_PENDING = 1 << 20
_SAME = 1e-6  # cosine distances below this are rounding


@dataclass(frozen=True, eq=False)
class Cells:
    """order: (N,) rows, cell by cell. starts: (C + 1,) where each begins in it. centres: (C, D) of length 1,
    a cell that was cut has its centre more than once. cell: (N,) int32 cell of each row."""

    order: np.ndarray
    starts: np.ndarray
    centres: np.ndarray
    cell: np.ndarray

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def sizes(self) -> np.ndarray:
        return np.diff(self.starts)

    def rows(self, cell: int) -> np.ndarray:
        """The rows of a cell, sorted."""
        return self.order[self.starts[cell] : self.starts[cell + 1]]


def nearest_in_cells(
    embeddings: np.ndarray, k: int, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray, Recall | None]:
    """The k rows nearest to each row, itself left out, as far as they were found, and how far that is.

    embeddings: (N, D) float16 to float64, N > k, may be a memory map. Returns positions (N, k) int32 and
    distances (N, k) float32 in [0, 2], nearest first, and the recall@10; None where all rows were compared,
    which is done where cells would save less than half. The same for the same embeddings: seeds are fixed.
    Aims at a recall of 0.99 and searches again with twice the cells where less than 0.95 was reached, both
    within a bound on the work, above which Recall says what came of it.
    Raises InputError for an embedding that is not finite.
    """
    progress = progress or Progress()
    cells = _made(embeddings, progress.part(0, 0.15))
    probes, most = _probes(embeddings, cells, progress.part(0.15, 0.2))
    start = 0.2
    while probes:
        stop = start + 0.9 * (1 - start)
        rows, distances = _search(embeddings, cells, probes, k, progress.part(start, stop))
        reached = measured(embeddings, rows, distances, progress.part(stop, stop))
        if reached.value >= LEAST or probes == most:
            progress.report(1)
            return rows, distances, reached
        start, probes = stop, min(2 * probes, most)
    everyone = np.arange(len(embeddings))
    found, distances = nearest(embeddings, everyone, k, None, progress.part(start, 1))
    return found.astype(np.int32), distances, None


def _made(embeddings: np.ndarray, progress: Progress) -> Cells:
    """Some 2.8 √N cells of all rows."""
    n = len(embeddings)
    usual = math.sqrt(n / 8)
    model = fitted(embeddings, round(n / usual), progress.part(0, 0.7), _ROWS_A_CELL, spread=False)
    length = np.linalg.norm(model.cluster_centers_, axis=1, keepdims=True)
    centres = (model.cluster_centers_ / np.where(length > 0, length, 1)).astype(np.float32)
    own = np.empty(n, np.int32)
    for start in range(0, n, 4096):
        progress.report(0.7 + 0.3 * start / n, "putting rows into cells")
        block = np.arange(start, min(start + 4096, n))
        own[block] = (unit_rows(embeddings, block) @ centres.T).argmax(axis=1)
    order = np.argsort(own, kind="stable")
    sizes = np.bincount(own, minlength=len(centres))
    pieces = np.ceil(sizes / (_LARGEST * usual)).astype(np.int64)  # none of an empty cell
    source = np.repeat(np.arange(len(centres)), pieces)
    piece = np.arange(len(source)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begins = (np.cumsum(sizes) - sizes)[source] + piece * sizes[source] // pieces[source]
    starts = np.append(begins, n)
    cell = np.empty(n, np.int32)
    cell[order] = np.repeat(np.arange(len(source), dtype=np.int32), np.diff(starts))
    return Cells(order, starts, centres[source], cell)


def _probes(embeddings: np.ndarray, cells: Cells, progress: Progress) -> tuple[int, int]:
    """How many cells each row has to ask for, and the most it may; 0 cells where all rows are to be compared.

    Of a row and one of its nearest rows, it is enough that one finds the other.
    """
    n, width = embeddings.shape
    asked = sampled(n, _CHOSEN_SEED)
    near, apart = nearest(embeddings, asked, min(AT, n - 1), None, progress.part(0, 0.6))
    known = (apart > _SAME) & (apart != 1)  # a copy shares the cell; a row of zeros is 1 from all
    who, other = np.repeat(asked, known.sum(axis=1)), near[known]
    needed = np.empty(len(who), np.int64)
    for start in range(0, len(who), 2048):
        progress.report(0.6 + 0.4 * start / len(who), "choosing cells")
        part = slice(start, start + 2048)
        needed[part] = np.minimum(
            _place(embeddings, cells, who[part], cells.cell[other[part]]),
            _place(embeddings, cells, other[part], cells.cell[who[part]]),
        )
    likeness = unit_rows(embeddings, asked) @ cells.centres.T
    compared = np.cumsum(cells.sizes[np.argsort(-likeness, axis=1)], axis=1).mean(axis=0)
    affordable = _WORK / (2 * n * (width + _SELECTING))
    most = min(len(cells), max(_FEWEST_CELLS, int(np.searchsorted(compared, affordable))))
    wanted = int(np.quantile(needed, AIM, method="higher")) if len(needed) else 0
    probes = min(max(wanted, _FEWEST_CELLS), most)
    return (0 if n <= affordable and compared[probes - 1] > n / 2 else probes), most


def _place(embeddings: np.ndarray, cells: Cells, rows: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """(len(rows),) how many cells a row has to ask for until it comes to that one; 0 for its own."""
    likeness = unit_rows(embeddings, rows) @ cells.centres.T
    place = (likeness >= likeness[np.arange(len(rows)), cell][:, None]).sum(axis=1)
    return np.where(cells.cell[rows] == cell, 0, place)


def _search(
    embeddings: np.ndarray, cells: Cells, probes: int, k: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """(N, k) rows and distances, each row having asked for its own cell and `probes` nearest."""
    n = len(embeddings)
    rows, likeness = np.full((n, k), -1, np.int32), np.full((n, k), -np.inf, np.float32)
    for first, last in _stretches(cells, probes):
        low, high = cells.starts[first] / n, cells.starts[last] / n
        _ask(embeddings, cells, (first, last), probes, rows, likeness, progress.part(0.95 * low, 0.95 * high))
    _offer(rows, likeness, progress.part(0.95, 1))
    distances = _in_order(rows, likeness, progress.part(1, 1))
    short = np.flatnonzero(rows[:, -1] < 0)  # cells of very few rows
    if len(short):
        rows[short], distances[short] = nearest(embeddings, short, k, None, progress.part(1, 1))
    return rows, distances


def _stretches(cells: Cells, probes: int) -> Iterator[tuple[int, int]]:
    """First and last of the cells whose rows ask together: the more, the larger the matrix products."""
    together = min(_QUERIES, max(1, _ASKED // probes))
    first = 0
    while first < len(cells):
        full = int(np.searchsorted(cells.starts, cells.starts[first] + together, side="right")) - 1
        last = max(first + 1, full)
        yield first, last
        first = last


def _ask(
    embeddings: np.ndarray,
    cells: Cells,
    stretch: tuple[int, int],
    probes: int,
    rows: np.ndarray,
    likeness: np.ndarray,
    progress: Progress,
) -> None:
    """Find the nearest rows for those of a stretch of cells, and write them to rows and likeness."""
    first, last = stretch
    asked = cells.order[cells.starts[first] : cells.starts[last]]
    unit = unit_rows(embeddings, asked)
    best = _Best(rows[asked], likeness[asked])
    for cell in range(first, last):
        progress.report(0, "comparing rows")
        own = slice(cells.starts[cell] - cells.starts[first], cells.starts[cell + 1] - cells.starts[first])
        _start_with(best, own, unit[own], cells.rows(cell))
    asking, ends = _asking(unit, cells, cells.cell[asked], probes, progress)
    for cell in range(len(cells)):
        if cell % 8 == 0:
            progress.report(cell / len(cells), "comparing rows")
        who = asking[ends[cell] : ends[cell + 1]]
        if len(who):
            members = cells.rows(cell)
            similarity = unit[who] @ unit_rows(embeddings, members).T
            lines, columns = _above(similarity, best.last[who])
            best.add(who[lines], members[columns], similarity[lines, columns])
    best.settle()
    rows[asked], likeness[asked] = best.rows, best.likeness


def _start_with(best: _Best, own: slice, unit: np.ndarray, members: np.ndarray) -> None:
    """The nearest rows in a row's own cell: what follows has to be nearer than the last of them."""
    k = min(best.rows.shape[1], len(members) - 1)
    if k < 1:
        return
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    found = top(similarity, k)
    best.rows[own, :k] = members[found]
    best.likeness[own, :k] = np.take_along_axis(similarity, found, 1)
    best.last[own] = best.likeness[own].min(axis=1)


def _asking(
    unit: np.ndarray, cells: Cells, own: np.ndarray, probes: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Which lines of `unit` ask for each cell but their own, cell by cell, and (C + 1,) where each begins."""
    near = np.empty(
        (len(unit), probes), np.uint16 if len(cells) <= 1 << 16 else np.uint32
    )  # sorted in no time
    for start in range(0, len(unit), 2048):
        progress.report(0, "comparing rows")
        near[start : start + 2048] = top(unit[start : start + 2048] @ cells.centres.T, probes)
    lines, columns = np.nonzero(near != own[:, None])
    wanted = near[lines, columns]
    ends = np.concatenate([[0], np.cumsum(np.bincount(wanted, minlength=len(cells)))])
    return lines[np.argsort(wanted, kind="stable")], ends


def _above(similarity: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines and columns of the entries above the least of their line. Few are: eight are seen at once."""
    columns = similarity.shape[1]
    width = -(-columns // 8) * 8
    above = np.zeros((len(similarity), width), bool)
    np.greater(similarity, least[:, None], out=above[:, :columns])
    some = np.flatnonzero(above.view(np.uint64).ravel())
    word, place = np.nonzero(above.reshape(-1, 8)[some])
    at = some[word] * 8 + place
    return at // width, at % width


def _offer(rows: np.ndarray, likeness: np.ndarray, progress: Progress) -> None:
    """Offer each row to the rows that it has found, which may not have found it. Writes to both arrays."""
    n = len(rows)
    for start in range(0, n, _QUERIES):
        progress.report(start / n, "comparing rows")
        stop = min(start + _QUERIES, n)
        best = _Best(rows[start:stop], likeness[start:stop])
        at = np.flatnonzero((rows.ravel() >= start) & (rows.ravel() < stop))
        for some in np.array_split(at, len(at) // _PENDING + 1):
            progress.report(start / n, "comparing rows")
            lines, who = rows.ravel()[some] - start, (some // rows.shape[1]).astype(np.int32)
            near = likeness.ravel()[some]
            nearer = near > best.last[lines]
            lines, who, near = lines[nearer], who[nearer], near[nearer]
            new = ~(best.rows[lines] == who[:, None]).any(axis=1)
            best.add(lines[new], who[new], near[new])
        best.settle()
        rows[start:stop], likeness[start:stop] = best.rows, best.likeness


def _in_order(rows: np.ndarray, likeness: np.ndarray, progress: Progress) -> np.ndarray:
    """Put the nearest first, equals in row order, in place; likeness becomes the distance and is returned."""
    for start in range(0, len(rows), _QUERIES):
        progress.report(start / len(rows), "comparing rows")
        part = slice(start, start + _QUERIES)
        distance = np.where(rows[part] >= 0, np.clip(1 - likeness[part], 0, 2), np.inf)
        order = np.lexsort((rows[part], distance), axis=1)
        rows[part] = np.take_along_axis(rows[part], order, 1)
        likeness[part] = np.take_along_axis(distance, order, 1)
    return likeness


class _Best:
    """The nearest rows found so far for each of Q rows: (Q, k) rows and likeness, in no order, and the least
    likeness of each line, beyond which nothing is looked at."""

    def __init__(self, rows: np.ndarray, likeness: np.ndarray) -> None:
        self.rows, self.likeness = rows.copy(), likeness.copy()
        self.last = likeness.min(axis=1)
        self._pending: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._count = 0

    def add(self, lines: np.ndarray, rows: np.ndarray, likeness: np.ndarray) -> None:
        """Put these rows with the lines' nearest rows; none of them may be there already."""
        self._pending.append((lines, rows, likeness))
        self._count += len(lines)
        if self._count > _PENDING:
            self.settle()

    def settle(self) -> None:
        """Keep the k nearest of each line."""
        if not self._pending:
            return
        lines, rows, likeness = (np.concatenate(column) for column in zip(*self._pending, strict=True))
        self._pending, self._count = [], 0
        nearer = likeness > self.last[lines]
        changed = np.flatnonzero(np.bincount(lines[nearer], minlength=len(self.last)))
        k = self.rows.shape[1]
        lines = np.concatenate([np.repeat(changed, k), lines[nearer]])
        rows = np.concatenate([self.rows[changed].ravel(), rows[nearer]])
        likeness = np.concatenate([self.likeness[changed].ravel(), likeness[nearer]])
        # One number to sort by: the bits of distances, which are not negative, are in the order of values.
        distance = np.maximum(np.float32(1) - likeness, np.float32(0)).view(np.int32)
        order = np.argsort(lines.astype(np.int64) << 32 | distance, kind="stable")
        counts = np.bincount(lines)[changed]
        place = np.arange(len(lines)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = order[place < k].reshape(-1, k)
        self.rows[changed], self.likeness[changed] = rows[kept], likeness[kept]
        self.last[changed] = likeness[kept[:, -1]]
