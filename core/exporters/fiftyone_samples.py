"""FiftyOne's samples.json with corrected classifications; pictures stay where they are."""

from __future__ import annotations

import json
from typing import Any

from core.exporters._answers import AnswerWriter, answers_format
from core.exporters._json import item_spans, span_at
from core.importers._answers import Answer
from core.importers.fiftyone_samples import SEVERAL, TOOL, as_classification


class _SampleWriter(AnswerWriter):
    def _replaced(self, raw: bytes, answers: list[Answer], values: list[Any]) -> bytes:
        """In a list of classifications those that stay are copied."""
        (answer,) = answers
        if answer.place[-1] != SEVERAL:
            return super()._replaced(raw, answers, values)
        text = raw.decode("latin-1")
        start, stop = span_at(text, answer.place)
        there: dict[str, bytes] = {}
        for label, (first, last) in zip(answer.value, item_spans(text, start), strict=True):
            there.setdefault(label, raw[first:last])
        items = [there[v] if v in there else _made(v) for v in values]
        return raw[:start] + b"[" + b", ".join(items) + b"]" + raw[stop:]


def _made(label: str) -> bytes:
    return json.dumps(as_classification(label), ensure_ascii=False).encode()


FIFTYONE_SAMPLES = answers_format(TOOL, ".json", _SampleWriter)
