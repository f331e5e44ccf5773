"""Parquet: the source's schema, metadata, compression and row groups are kept; cells change, types do not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from core.exporters._base import ExportFormat
from core.exporters._table import check_count, check_labels, correct_block, rewriting
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Corrections


def _rewrite(corrections: Corrections, out: Path, progress: Progress) -> None:
    """A row group at a time."""
    label = corrections.dataset.columns.label
    with pq.ParquetFile(corrections.source.path) as source:
        check_count(corrections, source.metadata.num_rows)
        empty = correct_block(corrections, source.schema_arrow.empty_table(), 0, label)
        start = 0
        with pq.ParquetWriter(out, empty.schema, **_settings(source)) as writer:
            for group in range(source.num_row_groups):
                progress.report(group / source.num_row_groups, "writing row groups")
                block = source.read_row_group(group)
                check_labels(corrections, block, start)
                size = len(block)
                block = correct_block(corrections, block, start, label)
                start += size
                if len(block):
                    writer.write_table(block.cast(empty.schema), row_group_size=len(block))


def _settings(source: pq.ParquetFile) -> dict[str, Any]:
    """How the source was written, as far as a Parquet file tells."""
    metadata = source.metadata
    settings: dict[str, Any] = {
        "version": metadata.format_version if metadata.format_version in ("1.0", "2.4", "2.6") else "2.6",
        "store_schema": b"ARROW:schema" in (metadata.metadata or {}),
    }
    if metadata.num_row_groups == 0:
        return settings
    group = metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    settings["compression"] = {c.path_in_schema: _codec(c.compression) for c in columns}
    settings["use_dictionary"] = [c.path_in_schema for c in columns if c.has_dictionary_page] or False
    settings["write_statistics"] = [c.path_in_schema for c in columns if c.is_stats_set] or False
    settings["write_page_index"] = any(c.has_column_index for c in columns)
    settings["use_deprecated_int96_timestamps"] = any(c.physical_type == "INT96" for c in columns)
    return settings


def _codec(name: str) -> str:
    return {"UNCOMPRESSED": "NONE"}.get(name, name)


PARQUET = ExportFormat(
    "parquet", "Parquet", ".parquet", rewriting("parquet", _rewrite, pq.ParquetWriter), frozenset({"parquet"})
)
