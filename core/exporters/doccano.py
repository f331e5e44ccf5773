"""doccano's records with corrected labels; a list stays a list."""

from __future__ import annotations

from core.exporters._answers import answers_format
from core.importers.doccano import TOOL

DOCCANO = answers_format(TOOL, ".jsonl")
