"""What went wrong with an input, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "notice"]


@dataclass(frozen=True)
class Problem:
    """One finding of the pre-flight check, worded for the person who owns the file.

    severity: "error" stops the import, "warning" wants a look, "notice" says what was inferred.
    row: the record's number as a person counts it (1 is the first record after the header).
    count: how many rows share the problem; `row` is then the first of them.
    """

    severity: Severity
    found: str
    mend: str = ""
    expected: str = ""
    file: str = ""
    row: int | None = None
    column: str = ""
    count: int = 1

    def __str__(self) -> str:
        where = [self.file] if self.file else []
        if self.row is not None:
            where.append(f"row {self.row:,}")
        if self.column:
            where.append(f"column {self.column}")
        text = ", ".join(where) + ": " if where else ""
        text += self.found
        if self.count > 1:
            text += f" ({self.count:,} rows)"
        if self.expected:
            text += f". Expected: {self.expected}"
        if self.mend:
            text += f". Mend: {self.mend}"
        return text if text.endswith((".", "?", "!")) else text + "."


class InputError(ValueError):
    """Something about an input that its owner can mend. Shown as it is, never as a traceback."""

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise TypeError("InputError needs at least one Problem")
        self.problems = problems
        super().__init__("\n".join(str(p) for p in problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[Problem, ...]]:
        """The same problems, where the error comes from another process."""
        return InputError, self.problems


def refuse(found: str, **where: object) -> InputError:
    """An InputError of one error, to be raised: `raise refuse("empty file", file=..., mend=...)`."""
    return InputError(Problem("error", found, **where))  # type: ignore[arg-type]


def some(values: Sequence[str], limit: int = 5) -> str:
    """The first of some values, and how many more there are: "a, b and 3 more"."""
    more = f" and {len(values) - limit:,} more" if len(values) > limit else ""
    return ", ".join(values[:limit]) + more


class StoreUnavailable(Exception):
    """The database cannot be reached or written now. What was acknowledged is safe; trying again may help."""
