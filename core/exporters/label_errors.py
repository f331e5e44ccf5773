"""labelerrors.com votes with corrected given labels: the name, and the code that goes with it."""

from __future__ import annotations

import json
from typing import Any

from core.errors import refuse
from core.exporters._answers import AnswerWriter, answers_format, put
from core.importers._answers import Addition
from core.importers.label_errors import CODE, NAME, TOOL


class _VoteWriter(AnswerWriter):
    def rewrite(self, position: int, raw: bytes, token: str | None, added: dict[str, Any]) -> bytes:
        """The record with the new label; a code beside a name is changed with it."""
        made = super().rewrite(position, raw, token, added)
        if token is None or self.question != NAME or CODE not in json.loads(raw):
            return made
        codes = self.corrections.source.layout["codes"]
        if codes.get(token) is None:
            raise refuse(
                f"the file knows no code of the class {token!r}",
                file=self.corrections.source.path.name,
                row=position + 1,
                column=NAME,
                mend="export as CSV or JSON",
            )
        return put(made, Addition((), CODE, codes[token]))


LABEL_ERRORS = answers_format(TOOL, ".json", _VoteWriter)
