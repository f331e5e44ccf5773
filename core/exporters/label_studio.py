"""Label Studio's JSON with corrected choices: of a corrected task only its choices change."""

from __future__ import annotations

from core.exporters._answers import answers_format
from core.importers.label_studio import TOOL

LABEL_STUDIO = answers_format(TOOL, ".json")
