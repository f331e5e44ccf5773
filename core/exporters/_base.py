"""The contract of an export format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from core.corrections import Corrections


@dataclass(frozen=True)
class ExportFormat:
    """An extension that writes one format. One module in core/exporters exports one of these.

    write: (corrections, out, progress) writes the corrected data to `out`, a temporary path that
        the caller renames when the write is complete. Returns how many cells were changed to be
        spreadsheet safe (0 where the format has no such option).
        Raises core.errors.InputError for what cannot be written in this format.
    rewrites: names of the import formats whose unchanged bytes (or cells) this format preserves;
        from any other source it writes the data set's table anew.
    only_own: whether it writes such sources only.
    read_back: (corrections, path, progress) -> the table of a written file, where the importer must know
        more than the file says; None: as the importer reads it.
    is_script: whether what it writes changes the source when it is run, rows that are left out deleted.
    """

    name: str
    title: str
    suffix: str
    write: Callable[[Corrections, Path, Progress], int]
    rewrites: frozenset[str] = frozenset()
    only_own: bool = False
    read_back: Callable[[Corrections, Path, Progress], pd.DataFrame] | None = None
    is_script: bool = False

    def writes(self, format: str) -> bool:
        """Whether it can write a source that came in this import format."""
        return not self.only_own or format in self.rewrites
