"""The manifest of an image folder: a CSV of path, label, split and whatever columns are added.

The images stay where they are; the manifest says what each of them shows.
"""

from __future__ import annotations

from core.exporters._base import ExportFormat
from core.exporters.csv_file import write_table

MANIFEST = ExportFormat(
    "manifest",
    "Manifest of an image folder (CSV)",
    ".csv",
    write_table,
    frozenset({"image_folder", "mask_folder"}),
)
