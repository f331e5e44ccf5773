"""Arrow IPC: kind, schema, metadata, compression and batches of the source are kept; types do not change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from core.exporters._arrow import corrected_batches, plain_correct, write_batches
from core.exporters._base import ExportFormat
from core.exporters._table import check_count, corrected_blocks
from core.importers._arrow_messages import read_messages
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the corrected source, a batch at a time; a copy of it where nothing changes."""
    if corrections.source.format != "arrow":
        _write_table(corrections, out, progress)
    elif corrections.untouched:
        shutil.copyfile(corrections.source.path, out)
    else:
        _rewrite(corrections, out, progress)
    return 0


def _rewrite(corrections: Corrections, out: Path, progress: Progress) -> None:
    source = corrections.source.path
    with pa.memory_map(str(source)) as mapped:
        arrow = read_messages(mapped.read_buffer(), source.name)
    check_count(corrections, arrow.table.num_rows)
    correct = plain_correct(corrections, arrow, source.name)
    schema = correct(arrow.schema.empty_table(), 0).schema
    with out.open("wb") as handle:
        write_batches(arrow, schema, corrected_batches(arrow, correct, 0, progress), handle)


def _write_table(corrections: Corrections, out: Path, progress: Progress) -> None:
    writer: pa.RecordBatchFileWriter | None = None
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    try:
        for block in corrected_blocks(corrections, progress):
            writer = writer or pa.ipc.new_file(str(out), block.schema, options=options)
            writer.write_table(block)
    finally:
        if writer is not None:
            writer.close()


ARROW = ExportFormat("arrow", "Arrow IPC (Feather)", ".arrow", write, frozenset({"arrow"}))
