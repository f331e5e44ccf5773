"""A sharded data set: part-*.parquet with pred_probs-*.npy and embeddings-*.npy beside them, aligned by
name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.errors import InputError, refuse, some
from core.sharded.store import Array, Store

if TYPE_CHECKING:
    import pyarrow as pa

_PART = re.compile(r"part-(.+)\.parquet")
_ARRAY = re.compile(r"(pred_probs|embeddings)-(.+)\.npy")
_OF = re.compile(r"(\d+)-of-(\d+)")
_FLOATS = {"pred_probs": ("float32", "float64"), "embeddings": ("float16", "float32", "float64")}

Kind = Literal["pred_probs", "embeddings"]


@dataclass(frozen=True)
class Columns:
    """Which column of part-*.parquet plays which role. classes: how each class is written in the label
    column; empty: labels are the whole numbers 0 to K - 1. What is not there is found out shard by shard."""

    id: str = "id"
    label: str = "label"
    content: str = "content"
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shard:
    """name: what stands between "part-" and ".parquet". start: the position of its first row in the whole
    data set, whose rows stand in the order of the shards."""

    name: str
    start: int
    rows: int
    pred_probs: Array | None = None
    embeddings: Array | None = None

    @property
    def part(self) -> str:
        return f"part-{self.name}.parquet"


@dataclass(frozen=True)
class Plan:
    """All shards, in order. has_labels, has_content: every part has such a column."""

    shards: tuple[Shard, ...]
    has_labels: bool
    has_content: bool

    @cached_property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @cached_property
    def starts(self) -> np.ndarray:
        """(shards,) int64 position of each shard's first row."""
        return np.array([shard.start for shard in self.shards], dtype=np.int64)

    def width(self, kind: Kind) -> int:
        """K of pred_probs or D of embeddings; 0 where the shards have none."""
        first = getattr(self.shards[0], kind)
        return 0 if first is None else first.width

    def dtype(self, kind: Kind) -> np.dtype:
        return np.dtype(getattr(self.shards[0], kind).dtype)

    def at(self, position: int) -> tuple[Shard, int]:
        """The shard that holds a row, and the row's position in it."""
        shard = self.shards[int(np.searchsorted(self.starts, position, side="right")) - 1]
        return shard, position - shard.start


@dataclass(frozen=True)
class Run:
    """All that a step on one shard needs to know; small, so that it is sent with every step.

    source: the shards. work: a folder for what steps leave to each other, and for what they make. made: this
    run has made the embeddings, which then lie in work.
    """

    source: Store
    work: Store
    columns: Columns
    made: bool = False

    @property
    def plan(self) -> Plan:
        """The shards as they were found. Read from `work` once in each process."""
        return _plan(self.work, self.made)

    def keep(self, plan: Plan) -> None:
        """Put the plan where every step reads it."""
        said = {**asdict(plan), "shards": [asdict(shard) for shard in plan.shards]}
        self.work.write(_plan_file(self.made), lambda file: file.write(json.dumps(said).encode()))

    def shard(self, number: int) -> Shard:
        return self.plan.shards[number]

    def array(self, shard: Shard, kind: Kind, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows of a shard's pred_probs or embeddings."""
        array = getattr(shard, kind)
        store = self.work if self.made and kind == "embeddings" else self.source
        return store.rows(array, start, stop)

    def table(self, shard: Shard, *columns: str) -> pa.Table:
        """Columns of a shard's part."""
        return read_part(self.source, shard.part, columns)

    def ids(self, shard: Shard) -> list[str]:
        """Row ids as text."""
        import pyarrow as pa

        return self.table(shard, self.columns.id).column(0).cast(pa.string()).to_pylist()

    def labels(self, shard: Shard) -> np.ndarray:
        """(rows,) int32 codes, -1 for a row without a label."""
        column = self.table(shard, self.columns.label).column(0)
        where = {"file": self.source.path(shard.part), "column": self.columns.label}
        return codes_of(column, self.columns.classes, self.plan.width("pred_probs"), where)


@lru_cache(maxsize=8)
def _plan(work: Store, made: bool) -> Plan:
    said = json.loads(work.read(_plan_file(made)))
    shards = tuple(
        Shard(
            s["name"], s["start"], s["rows"], *(s[k] and Array(**s[k]) for k in ("pred_probs", "embeddings"))
        )
        for s in said["shards"]
    )
    return Plan(shards, said["has_labels"], said["has_content"])


def _plan_file(made: bool) -> str:
    return "plan-made.json" if made else "plan.json"


def found(source: Store) -> list[tuple[str, tuple[Kind, ...]]]:
    """The name of each shard in order, and which arrays lie beside it.

    Numbered shards stand in the order of their numbers, others in that of their names. Raises InputError
    where there is none, where one lacks what others have, and where a number is missing.
    """
    listed = source.names()
    names = [match[1] for name in listed if (match := _PART.fullmatch(name))]
    beside: dict[str, set[str]] = {"pred_probs": set(), "embeddings": set()}
    for name in listed:
        if match := _ARRAY.fullmatch(name):
            beside[match[1]].add(match[2])
    if not names:
        expected = "part-00000.parquet, with pred_probs-00000.npy or embeddings-00000.npy beside it"
        raise refuse("no shard here", file=source.url, expected=expected)
    _no_number_missing(source, names)
    for kind, having in beside.items():
        for name in sorted(having - set(names)):
            found = f"there is no part-{name}.parquet beside it"
            raise refuse(
                found, file=source.path(f"{kind}-{name}.npy"), mend="bring the part, or take this away"
            )
        missing = sorted(set(names) - having)
        if having and missing:
            found = f"{len(having):,} shards have {kind}, {len(missing):,} do not: {some(missing)}"
            raise refuse(found, file=source.url, mend=f"bring {kind}-{missing[0]}.npy")
    kinds: tuple[Kind, ...] = tuple(k for k in _FLOATS if beside[k])  # type: ignore[misc]
    order = (lambda n: (int(n), n)) if all(_is_number(n) for n in names) else None
    return [(name, kinds) for name in sorted(names, key=order)]


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 19


def _no_number_missing(source: Store, names: Sequence[str]) -> None:
    parsed = [_OF.fullmatch(name) for name in names]
    if all(parsed):
        totals = {match[2] for match in parsed if match}
        if len(totals) > 1:
            found = f"shards of several sets: of {some(sorted(totals))}"
            raise refuse(found, file=source.url, mend="give each set a folder of its own")
        numbers = [int(match[1]) for match in parsed if match]
        whole = range(int(next(iter(totals))))
    elif all(_is_number(name) for name in names):
        numbers = [int(name) for name in names]
        if len(set(numbers)) < len(numbers):
            raise refuse(
                "two shards have the same number", file=source.url, mend="number them 00000, 00001 ..."
            )
        whole = range(min(numbers), max(numbers) + 1)
    else:
        return
    if len(whole) != len(numbers):
        there = set(numbers)
        gap = next(number for number in whole if number not in there)
        found = f"shard {gap} is missing: {len(numbers):,} of {len(whole):,} numbers are there"
        raise refuse(found, file=source.url, mend="bring its files, or number the shards without a gap")


@dataclass(frozen=True)
class Look:
    """What one shard says of itself."""

    shard: Shard
    has_labels: bool
    has_content: bool


def look(run: Run, asked: tuple[str, tuple[Kind, ...]]) -> Look:
    """Check one shard on its own: columns, row numbers, types, ids. Its `start` is not known yet.

    Raises InputError that names the file.
    """
    name, kinds = asked
    source, columns, shard = run.source, run.columns, Shard(name, 0, 0)
    file = source.path(shard.part)
    schema, rows = part_schema(source, shard.part)
    if columns.id not in schema.names:
        raise refuse("no column of row ids", file=file, expected=columns.id, mend="name it: --id-column")
    arrays: dict[str, Any] = {}
    for kind in kinds:
        array = source.header(f"{kind}-{name}.npy")
        where = {"file": source.path(array.name)}
        if str(np.dtype(array.dtype)) not in _FLOATS[kind]:
            raise refuse(
                f"values of type {np.dtype(array.dtype)}", **where, expected=" or ".join(_FLOATS[kind])
            )
        if array.rows != rows:
            found = f"{array.rows:,} rows, and {rows:,} in {shard.part}"
            raise refuse(
                found, **where, expected="one line for each row of the part", mend="write both again"
            )
        if array.width < (2 if kind == "pred_probs" else 1):
            expected = "at least two classes" if kind == "pred_probs" else "at least one dimension"
            raise refuse(f"{array.width:,} columns", **where, expected=expected)
        arrays[kind] = array
    shard = replace(shard, rows=rows, **arrays)
    _own_ids(run, shard)
    has_labels = columns.label in schema.names
    if has_labels and shard.pred_probs is not None:
        labels = read_part(source, shard.part, (columns.label,)).column(0)
        codes_of(labels, columns.classes, shard.pred_probs.width, {"file": file, "column": columns.label})
    return Look(shard, has_labels, columns.content in schema.names)


def _own_ids(run: Run, shard: Shard) -> None:
    where = {"file": run.source.path(shard.part), "column": run.columns.id}
    column = run.table(shard, run.columns.id).column(0)
    ids = run.ids(shard)
    if column.null_count:
        raise refuse("no row id", **where, row=ids.index(None) + 1, count=column.null_count)  # type: ignore[arg-type]
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        row = next(i for i, value in enumerate(ids) if value in seen or seen.add(value))  # type: ignore[func-returns-value]
        raise refuse(
            f"the row id {ids[row]!r} is there twice", **where, row=row + 1, mend="give each row its own"
        )


def planned(looks: Sequence[Look], source: Store) -> Plan:
    """All shards together. Raises InputError where they do not fit each other."""
    shards, start = [], 0
    first = looks[0].shard
    for one in looks:
        for kind in _FLOATS:
            own, other = getattr(one.shard, kind), getattr(first, kind)
            if own is not None and (own.width, own.dtype) != (other.width, other.dtype):
                found = f"{own.width:,} columns of {np.dtype(own.dtype)}"
                expected = f"{other.width:,} of {np.dtype(other.dtype)}, as {other.name} has"
                raise refuse(found, file=source.path(own.name), expected=expected)
        shards.append(replace(one.shard, start=start))
        start += one.shard.rows
    for kind in ("has_labels", "has_content"):
        having = [getattr(one, kind) for one in looks]
        if any(having) and not all(having):
            lacking = looks[having.index(False)].shard.part
            column = "labels" if kind == "has_labels" else "content"
            raise refuse(f"no column of {column}, which other parts have", file=source.path(lacking))
    return Plan(tuple(shards), looks[0].has_labels, looks[0].has_content)


def part_schema(source: Store, name: str) -> tuple[pa.Schema, int]:
    """The columns of a part and its number of rows. Raises InputError where it cannot be read."""
    import pyarrow.parquet as pq

    with _readable(source, name), source.file(name) as file:
        parquet = pq.ParquetFile(file)
        return parquet.schema_arrow, parquet.metadata.num_rows


def read_part(source: Store, name: str, columns: Sequence[str]) -> pa.Table:
    """Columns of a part. Raises InputError where it cannot be read or lacks one."""
    import pyarrow.parquet as pq

    with _readable(source, name), source.file(name) as file:
        table = pq.ParquetFile(file).read(columns=list(columns))
    for column in columns:
        if column not in table.column_names:
            raise refuse("the column is not there", file=source.path(name), column=column)
    return table.select(list(columns))


@contextmanager
def _readable(source: Store, name: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except pa.ArrowException as error:
        why = " ".join(str(error).split())[:200]
        raise refuse(f"the file cannot be read: {why}", file=source.path(name), expected="Parquet") from error
    except FileNotFoundError as error:
        raise refuse(
            "the file is not there", file=source.path(name), mend="bring all files of a shard"
        ) from error


def codes_of(
    column: pa.ChunkedArray, classes: Sequence[str], count: int, where: dict[str, str]
) -> np.ndarray:
    """(N,) int32 codes of labels, -1 for a missing or empty one.

    classes: how each is written, in the order of the columns of pred_probs; empty: whole numbers are
    expected. count: K. where: file and column. Raises InputError that names the row for any other value.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if classes and len(classes) != count:
        raise refuse(f"{len(classes):,} classes, and {count:,} columns of pred_probs", **where)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if classes:
        texts = column.cast(pa.string()) if not pa.types.is_string(column.type) else column
        codes = pc.index_in(texts, value_set=pa.array(classes, pa.string()))
        missing = pc.or_(pc.is_null(texts), pc.equal(pc.fill_null(texts, ""), ""))
        bad = pc.and_(pc.is_null(codes), pc.invert(missing))
        expected = f"one of the {count:,} classes"
    elif pa.types.is_null(kind):
        return np.full(len(column), -1, dtype=np.int32)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = pc.fill_null(column.cast(kind), -1).to_numpy().astype(np.float64)
        values = np.where(np.isnan(values), -1, values)
        wrong = np.flatnonzero((values < -1) | (values >= count) | (values != np.floor(values)))
        if len(wrong):
            found = f"the label {values[wrong[0]]:g}"
            expected = f"a whole number from 0 to {count - 1:,}, or nothing"
            raise refuse(found, **where, row=int(wrong[0]) + 1, count=len(wrong), expected=expected)
        return values.astype(np.int32)
    else:
        mend = "name the classes in the order of the columns of pred_probs: --classes FILE"
        raise refuse(f"labels of type {kind}", **where, expected="whole numbers", mend=mend)
    wrong = np.flatnonzero(bad.to_numpy())
    if len(wrong):
        found = f"the label {texts[int(wrong[0])].as_py()!r}"
        raise refuse(found, **where, row=int(wrong[0]) + 1, count=len(wrong), expected=expected)
    return pc.fill_null(codes, -1).to_numpy().astype(np.int32)


@contextmanager
def named(run: Run, kind: Kind, start: int = 0) -> Iterator[None]:
    """Errors that speak of a row of the whole data set speak of a shard's file and its row.

    start: the position that the error counts from.
    """
    try:
        yield
    except InputError as error:
        problems = []
        for problem in error.problems:
            if problem.row is not None and not problem.file:
                shard, row = run.plan.at(start + problem.row - 1)
                file = run.source.path(f"{kind}-{shard.name}.npy")
                problem = replace(problem, file=file, row=row + 1)
            problems.append(problem)
        raise InputError(*problems) from error
