"""Label Studio's JSON_MIN with corrected choices."""

from __future__ import annotations

from core.exporters._answers import answers_format
from core.importers.label_studio_min import TOOL

LABEL_STUDIO_MIN = answers_format(TOOL, ".json")
