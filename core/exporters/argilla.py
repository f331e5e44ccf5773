"""Argilla's records with corrected responses."""

from __future__ import annotations

from core.exporters._answers import answers_format
from core.importers.argilla import TOOL

ARGILLA = answers_format(TOOL, ".json")
