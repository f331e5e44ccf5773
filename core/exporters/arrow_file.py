"""Arrow IPC: kind, schema, metadata, compression and batches of the source are kept; types do not change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from core.exporters._arrow import corrected_batches, plain_correct, write_batches
from core.exporters._base import ExportFormat
from core.exporters._table import check_count, rewriting
from core.importers._arrow_messages import read_messages
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def _rewrite(corrections: Corrections, out: Path, progress: Progress) -> None:
    """A batch at a time."""
    source = corrections.source.path
    with pa.memory_map(str(source)) as mapped:
        arrow = read_messages(mapped.read_buffer(), source.name)
    check_count(corrections, arrow.table.num_rows)
    correct = plain_correct(corrections, arrow, source.name)
    schema = correct(arrow.schema.empty_table(), 0).schema
    with out.open("wb") as handle:
        write_batches(arrow, schema, corrected_batches(arrow, correct, 0, progress), handle)


def _opened(out: Path, schema: pa.Schema) -> pa.RecordBatchFileWriter:
    return pa.ipc.new_file(str(out), schema, options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True))


ARROW = ExportFormat(
    "arrow", "Arrow IPC (Feather)", ".arrow", rewriting("arrow", _rewrite, _opened), frozenset({"arrow"})
)
