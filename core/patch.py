"""Which row of a copy each decided row is: by its id and by a digest of its content, never by a guess.

A decisions file names the content of every row that it decides, so that the decisions reach a copy that
was re-ordered, enlarged, given other ids or written in another format.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from core.cells import cell_text
from core.dataset import Columns, Dataset
from core.errors import refuse

VERSION = 1
HEADER = "labelmend_decisions"
Miss = Literal["not found", "content changed", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a decided row. A line of a decisions file, with `content` first.

    content: sha256 hex of its content, "" where there is none to be known by.
    given_label: the class name that the data gave it when the file was written.
    copies: how many rows had this content. alike: how many of them this given label, too.
    occurrence: which of those alike it was, from 0, in the order of the data.
    """

    content: str
    row_id: str
    given_label: str = ""
    copies: int = 1
    alike: int = 1
    occurrence: int = 0


@dataclass(frozen=True)
class Layout:
    """The columns that the decided data had. digested: those that content digests are made of."""

    columns: Columns
    digested: tuple[str, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset) -> Layout:
        """A data set's columns. Without content and id columns, all but label and split are digested."""
        columns = dataset.columns
        if columns.content or columns.id is not None:
            return cls(columns, columns.content)
        others = (str(c) for c in dataset.table.columns if c not in (columns.label, columns.split))
        return cls(columns, tuple(others))

    def header(self) -> dict[str, Any]:
        """The first line of a decisions file."""
        columns = asdict(self.columns)
        if columns["target"] is None:
            del columns["target"]  # so that what has no numbers for labels can be read as ever
        if not self.columns.tokens:
            del columns["tokens"]  # so that versions without tokens can read the file
        if self.columns.mask is None:
            del columns["mask"]  # so that those who know no masks can read it
        return {HEADER: VERSION, "columns": columns, "digested": list(self.digested)}

    @classmethod
    def read(cls, entry: Mapping[str, Any], file: str) -> Layout:
        """The inverse of `header`. Raises InputError for another version and for what is no header."""
        if entry.get(HEADER) != VERSION:
            raise refuse(
                f"the decisions file has version {entry.get(HEADER)!r}",
                file=file, row=1, expected=f"version {VERSION}", mend="write it again with this Labelmend",
            )  # fmt: skip
        columns, digested = entry.get("columns"), entry.get("digested")
        names = ("id", "label", "split", "delimiter", "mask")
        if isinstance(columns, dict):
            columns = {"mask": None, **columns}  # left out where there are none
        if (
            not isinstance(columns, dict)
            or set(columns) | {"target", "tokens"}
            != {f.name for f in fields(Columns)}  # older files lack these
            or columns.get("target") not in (None, True, False)
            or not all(columns[n] is None or isinstance(columns[n], str) for n in names)
            or columns["kind"] not in ("image", "text", "tabular", "none")
            or not _texts(columns["content"])
            or not _texts(columns.get("tokens", []))
            or not _texts(digested)
        ):
            raise refuse("the header names no columns", file=file, row=1, mend="write the file again")
        lists = {name: tuple(columns.get(name, ())) for name in ("content", "tokens")}
        made = Columns(**{**columns, **lists})
        return cls(made, tuple(digested or ()))

    def within(self, said: Columns, there: Collection[str], file: str) -> Columns:
        """The columns of a copy: those said, else those of the decided data that it has, else None.

        Raises InputError where it lacks a column that the digests are made of.
        """
        missing = [name for name in self.digested if name not in there]
        if missing:
            raise refuse(
                f"there is no column {missing[0]!r}, by which the decided rows are known",
                file=file, mend="name the column as in the data that was reviewed",
            )  # fmt: skip
        own = self.columns
        roles = {"id": own.id, "label": own.label, "split": own.split}
        has = {role: name if name in there else None for role, name in roles.items()}
        return Columns(
            id=said.id or has["id"],
            label=said.label or has["label"],
            split=said.split or has["split"],
            content=said.content or own.content,
            kind=said.kind if said.content else own.kind,
            delimiter=said.delimiter if said.delimiter is not None else own.delimiter or "",
            target=said.target if said.target is not None else own.target,
            tokens=own.tokens if all(name in there for name in own.tokens) else (),
            mask=said.mask or (own.mask if own.mask in there else None),
        )


def read_key(entry: Mapping[str, Any]) -> Key | str:
    """A decided row from its line, or what is wrong with it."""
    wrong = set(entry) ^ {f.name for f in fields(Key)}
    if wrong:
        return f"a row's line has the fields {', '.join(f.name for f in fields(Key))}; not {min(wrong)!r}"
    if not _texts([entry[name] for name in ("content", "row_id", "given_label")]):
        return "content, row_id and given_label of a row's line are text"
    numbers = [entry[name] for name in ("occurrence", "alike", "copies")]
    if any(type(n) is not int for n in numbers) or not 0 <= numbers[0] < numbers[1] <= numbers[2]:
        return "occurrence, alike and copies of a row's line are whole numbers, each below the next"
    return Key(**entry)


def digests(dataset: Dataset, layout: Layout) -> list[str]:
    """(N,) sha256 hex of each row's content: of its picture's bytes, else of the cells that are digested.

    "" where there is nothing to digest, or a picture cannot be read. Cells that say the same in another
    format (core.cells.same_cell: 3, 3.0 and "3") digest the same.
    """
    if layout.columns.kind == "image" and dataset.media_hash is not None:
        return dataset.media_hash.tolist()
    if layout.columns.kind == "image" or not layout.digested:
        return [""] * len(dataset)
    cells = [[_plain(cell) for cell in dataset.table[c].tolist()] for c in layout.digested]
    made = []
    for row in zip(*cells, strict=True):
        sha = hashlib.sha256()
        for raw in row:
            sha.update(len(raw).to_bytes(8, "little") + raw)
        made.append(sha.hexdigest())
    return made


def keys(dataset: Dataset, row_ids: Iterable[str]) -> list[Key]:
    """What the given rows are known by, in the order of the data. Rows that are gone have no key."""
    wanted = set(row_ids)
    given = dataset.given_labels().tolist()
    content = digests(dataset, Layout.of(dataset))
    copies, alike = Counter(content), Counter(zip(content, given, strict=True))
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for row_id, digest, label in zip(dataset.row_ids.tolist(), content, given, strict=True):
        if row_id in wanted:
            pair = digest, label
            counts = (copies[digest], alike[pair], seen[pair]) if digest else (1, 1, 0)
            found.append(Key(digest, row_id, label, *counts))
        seen[digest, label] += 1
    return found


@dataclass(frozen=True)
class Found:
    """Where the decided rows are in a copy.

    ids: the row's id in the copy for each row id of the file. by_content: those found under another id.
    missed: why a row was not found, by its row id of the file.
    """

    ids: Mapping[str, str]
    by_content: frozenset[str] = frozenset()
    missed: Mapping[str, Miss] = field(default_factory=dict)


def locate(layout: Layout, wanted: Iterable[Key], dataset: Dataset) -> Found:
    """Find decided rows in a copy of the data.

    The row with the id and the content is the row. A row under another id is taken where its content
    occurs once, in the reviewed data and in the copy. Where neither has a column of ids, rows with equal
    content and given label are told apart by their order, as long as there are as many as there were.
    All else is missed: "not found", "content changed" under the same id, or "ambiguous".
    """
    content, ids, given = digests(dataset, layout), dataset.row_ids.tolist(), dataset.given_labels().tolist()
    places: defaultdict[str, list[int]] = defaultdict(list)
    for position, digest in enumerate(content):
        places[digest].append(position)
    has_ids = layout.columns.id is not None and dataset.columns.id is not None
    wanted = list(wanted)
    by_id = dict(zip((k.row_id for k in wanted), dataset.positions(k.row_id for k in wanted), strict=True))
    at: dict[str, int] = {}
    missed: dict[str, Miss] = {}
    for key in wanted:
        same = int(by_id[key.row_id]) if has_ids or not key.content else -1
        if same >= 0 and (content[same] == key.content or not key.content):
            at[key.row_id] = same
            continue
        there = places.get(key.content, []) if key.content else []
        chosen = _chosen(key, there, given, has_ids)
        if chosen is not None:
            at[key.row_id] = chosen
        elif same >= 0:
            missed[key.row_id] = "content changed"
        else:
            missed[key.row_id] = "ambiguous" if there else "not found"
    claims = Counter(at.values())
    for row_id in [r for r, position in at.items() if claims[position] > 1]:
        missed[row_id] = "ambiguous"
        del at[row_id]
    moved = frozenset(row_id for row_id, position in at.items() if ids[position] != row_id)
    return Found({row_id: ids[position] for row_id, position in at.items()}, moved, missed)


def _chosen(key: Key, there: Sequence[int], given: Sequence[str], has_ids: bool) -> int | None:
    """The position among rows with the content of a key that is its row beyond doubt."""
    if len(there) == 1 and key.copies == 1:
        return there[0]
    if has_ids or len(there) != key.copies:
        return None
    alike = [position for position in there if given[position] == key.given_label]
    return alike[key.occurrence] if len(alike) == key.alike else None


def _plain(cell: Any) -> bytes:
    text = cell_text(cell.hex() if isinstance(cell, bytes) else cell)
    if text in ("true", "false"):
        text = text.title()
    elif text and text[-1] in "0123456789.":
        try:
            number = float(text)
            text = repr(number + 0.0) if abs(number) <= 2**53 else text
        except ValueError:
            pass
    return text.encode("utf-8", "surrogatepass")


def _texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
