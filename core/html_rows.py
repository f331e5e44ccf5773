"""Rows of the data set as the report shows them: a thumbnail that we encoded ourselves, or an excerpt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.dataset import Dataset
from core.decoding import MediaError
from core.exporting import counted
from core.html_parts import quiet, text
from core.media import takes_seconds, thumbnail
from core.review import fields
from core.review.items import row_text
from core.review_record import Record

EXCERPT = 280
THUMBNAIL_BYTES = 60_000
ALL_THUMBNAILS_BYTES = 1_500_000


@dataclass
class Rows:
    """Keeps count of the bytes of thumbnails, which are bounded. cache_dir: where they are kept."""

    record: Record
    cache_dir: Path
    used: int = 0
    missing: int = 0
    _told: int = field(default=0, repr=False)

    def row(self, position: int, row_id: str, labels: str, note: str) -> str:
        """A row as a list item: thumbnail or excerpt, and what is said of it. labels: HTML."""
        dataset = self.record.dataset
        shown = ""
        if dataset.columns.kind == "image":
            shown = self._thumbnail(position)
        excerpt = _content(dataset, position)
        content = f"<p>{text(excerpt, EXCERPT)}</p>" if excerpt else ""
        about = quiet(f"row {position + 1:,}, {row_id}: {note}")
        return f"<li>{shown}<div>{labels}{content}{about}</div></li>"

    def _thumbnail(self, position: int) -> str:
        dataset = self.record.dataset
        try:
            slow = takes_seconds(dataset, position, "thumb", self.cache_dir)
            picture = None if slow else thumbnail(dataset, position, self.cache_dir)
        except MediaError:
            picture = None
        size = 0 if picture is None else len(picture.data)
        if picture is None or size > THUMBNAIL_BYTES or self.used + size > ALL_THUMBNAILS_BYTES:
            self.missing += 1
            return ""
        self.used += size
        return f'<img src="{picture.address}" alt="">'

    def words(self) -> str:
        """How many of the pictures asked for since the last call are not shown, and why."""
        missing, self._told = self.missing - self._told, self.missing
        if not missing:
            return ""
        limits = f"{THUMBNAIL_BYTES // 1000} kB each and {ALL_THUMBNAILS_BYTES / 1e6:.1f} MB together"
        return f" {counted(missing, 'picture')} not shown: not readable, or larger than {limits} allow."


def _content(dataset: Dataset, position: int) -> str:
    """The beginning of what a row holds; for a picture its path."""
    if dataset.columns.kind != "tabular":
        return row_text(dataset, position)[: 20 * EXCERPT]
    cells = ((column, dataset.table[column].array[position]) for column in dataset.columns.content)
    return ", ".join(f"{column} {fields.cell_text(value)}" for column, value in cells)[: 20 * EXCERPT]
