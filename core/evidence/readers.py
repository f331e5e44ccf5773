"""What several readers of one row amount to: its label is an error, or the row fits several classes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.evidence.people import Finding, finding
from core.methods.consensus import MAJORITY_READERS, consensus
from core.review.classes import ClassList
from core.team_answers import AMBIGUOUS, Answers

_FIRST = (Finding.ERROR, Finding.ONE_MORE, Finding.AMBIGUOUS, Finding.RIGHT)
COLUMNS = ("row_id", "given", "consensus", "sure", "readers", "finding")


def usual_method(answers: Answers) -> str:
    """Majority up to MAJORITY_READERS readers of a row on average, Dawid-Skene above."""
    readers = (answers.codes >= 0).sum(axis=1)
    return "dawid_skene" if len(readers) and readers.mean() > MAJORITY_READERS else "majority"


def findings(
    answers: Answers,
    dataset: Dataset,
    classes: ClassList,
    method: str,
    pred_probs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One line a row that several people read unaided: COLUMNS, errors first, the surest first.

    given, consensus: labels as they are called now, consensus "" in a tie; sure: the consensus's share or
    probability by the method, in [0, 1], NaN in a tie; readers: all of them; finding: a Finding in words.
    method: of core.methods.consensus.METHODS. pred_probs: (N, K) of the whole data set, for "crowdlab" only.
    Raises InputError where the method cannot run.
    """
    if not answers.row_ids:
        return pd.DataFrame(columns=list(COLUMNS))
    positions = dataset.positions(answers.row_ids)
    there = np.flatnonzero(positions >= 0)
    positions, codes = positions[there], answers.codes[there].copy()
    readers = (codes >= 0).sum(axis=1).tolist()
    # To call a row ambiguous is no class that others could agree on.
    unclear = np.isin(codes, [k for k, label in enumerate(answers.labels) if _is_ambiguous(label, dataset)])
    codes[unclear] = -1
    probs = None if pred_probs is None else pred_probs[positions]
    found = consensus(codes, len(answers.labels), method, probs)
    says = [answers.labels[label] if label >= 0 else "" for label in found.labels.tolist()]
    given = dataset.given_labels(positions).tolist()
    sure = np.nan_to_num(found.confidence)
    what = [
        finding(
            found.labels[i] >= 0 and classes.meaning(says[i]) == classes.meaning(given[i]),
            float(sure[i]),
            readers[i],
            len({*codes[i].tolist()} - {-1}),
            int(unclear[i].sum()),
        )
        for i in range(len(positions))
    ]
    frame = pd.DataFrame(
        {
            "row_id": [answers.row_ids[i] for i in there.tolist()],
            "given": [classes.resolve(name) if name else "" for name in given],
            "consensus": [classes.resolve(name) if name else "" for name in says],
            "sure": found.confidence,
            "readers": readers,
            "finding": [str(one) for one in what],
        }
    )
    place = np.array([_FIRST.index(one) for one in what], dtype=np.int64)
    return frame.iloc[np.lexsort((-sure, place))].reset_index(drop=True)


def _is_ambiguous(label: str, dataset: Dataset) -> bool:
    return label == AMBIGUOUS and label not in dataset.classes
