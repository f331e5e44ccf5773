"""FiftyOne's samples.json with corrected classifications; pictures stay where they are."""

from __future__ import annotations

from core.exporters._answers import answers_format
from core.importers.fiftyone_samples import TOOL

FIFTYONE_SAMPLES = answers_format(TOOL, ".json")
