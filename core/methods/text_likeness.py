"""Which texts hold the words of another text: BM25.

Source: Robertson, Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond, 2009, with the usual
k1 = 1.2 and b = 0.75. No model: words count as they are written, apart from upper and lower case.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.progress import Progress

MOST_WORDS = 16
"""Different words of the text that are looked for, the first ones."""
_K1, _B = 1.2, 0.75
_AT_ONCE = 50_000
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The different words that are looked for: runs of letters and digits in lower case."""
    return list(dict.fromkeys(_WORD.findall(text.lower())))[:MOST_WORDS]


def bm25(texts: pa.Array, text: str, progress: Progress | None = None) -> np.ndarray:
    """(N,) float64 of how well each text answers to another, 0 = none of its words, higher = better.

    texts: large strings; a missing one counts as empty. A word twice in a row counts once.
    """
    progress = progress or Progress()
    words, n = words_of(text), len(texts)
    length, often = np.zeros(n), np.zeros((len(words), n), dtype=np.float32)
    for start in range(0, n, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, n))
        block = pc.utf8_lower(pc.fill_null(texts.slice(start, _AT_ONCE), ""))
        length[part] = pc.utf8_length(block).to_numpy(zero_copy_only=False)
        for place, word in enumerate(words):
            progress.report((start + (part.stop - start) * place / len(words)) / n, "looking for words")
            # RE2: linear in the length of the text, whatever it holds.
            found = pc.count_substring_regex(block, rf"(^|[^\pL\pN]){word}($|[^\pL\pN])")
            often[place, part] = found.to_numpy(zero_copy_only=False)
    usual = max(length.mean(), 1.0) if n else 1.0
    holds = (often > 0).sum(axis=1)
    rare = np.log(1 + (n - holds + 0.5) / (holds + 0.5))
    damped = _K1 * (1 - _B + _B * length / usual)
    return (rare[:, None] * often * (_K1 + 1) / (often + damped)).sum(axis=0)
