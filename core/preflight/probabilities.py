"""Whether an array holds class probabilities, what is wrong with it, and the repairs that are safe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from core.errors import InputError, Problem, refuse
from core.preflight.large_arrays import chunks, each_chunk
from core.progress import Progress

HAIR = 1e-4
"""How far outside [0, 1] a value may lie and still be rounding: clipped, with a notice."""
NOISE = 1e-5
"""How far from 1 a row may sum and still be left exactly as it is."""
MOST_OFF = 0.1
"""How far from 1 a row may sum and still be a distribution: renormalised, with a notice."""
LOG_OFF = 1e-2
"""How far from 1 the exponentials of a row of log-probabilities may sum: float16 and two decimals fit in."""
HARD = (
    "hard labels, 0 and 1 only (one-hot): each of the model's predictions counts as certain. That costs the "
    "order: all rows it disagrees with score the same. And it costs the count: the confident joint becomes "
    "the plain table of given and predicted labels, where every mistake of the model is a label error"
)
"""With p in {0, 1} a class's threshold (Northcutt et al., 2021) is the share of its rows predicted as it, and
p = 1 reaches every threshold, p = 0 none above 0: the joint counts given x predicted."""


def as_float_matrix(array: np.ndarray, file: str, what: str) -> tuple[np.ndarray, list[Problem]]:
    """The array as native (N, C) float32 or float64 (embeddings also float16), itself where it is that.

    A memory map stays one; where its type, byte order or layout has to change, a new one is made.
    Raises InputError for another shape or type.
    """
    problems = []
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
        problems.append(Problem("notice", "shape (N, K, 1), read as (N, K)", file=file))
    if array.ndim != 2:
        raise refuse(
            f"an array of shape {array.shape}",
            file=file,
            expected="one row for each row of the data: shape (N, K)",
            mend="save every class's probability, or class names in a column called prediction"
            if what == "pred_probs"
            else "save one vector for each row",
        )
    if array.dtype.kind not in "fiub":
        kind = "complex numbers" if array.dtype.kind == "c" else f"values of type {array.dtype}"
        raise refuse(kind, file=file, expected="real numbers", mend="save them as float32")
    if array.dtype.kind != "f":
        problems.append(Problem("notice", f"{array.dtype} values, read as float32", file=file))
    wanted = _float_type(array.dtype, what)
    if array.dtype != wanted or not array.flags.c_contiguous:
        array = each_chunk(array, lambda chunk: chunk, array.shape[1], wanted)
    return np.asarray(array), problems


def check_label_probs(
    array: np.ndarray, file: str, logits: bool = False, progress: Progress | None = None
) -> tuple[np.ndarray, list[Problem]]:
    """(probabilities, what was found) where a row can have several labels: each column speaks for itself.

    Rows need not sum to 1 and may hold zeros only. Else as `check_pred_probs`; logits go through the
    sigmoid function. Log-probabilities cannot be told from logits here, since no sum gives them away.
    """
    survey = _survey(array, progress)
    survey.refuse_unusable(file)
    problems: list[Problem] = []
    if survey.low < -HAIR or survey.high > 1 + HAIR:
        if not logits:
            raise _not_probabilities(array, survey, file)
        array = _mended(array, _sigmoid)
        found = "logits, turned into probabilities by the sigmoid"
        problems.append(Problem("notice", found, file=file))
        if survey.high <= NOISE:
            found = "no logit is over 0, so that no label is likely: these may be log-probabilities"
            problems.append(Problem("warning", found, "if so, save numpy.exp of them", file=file))
        survey = _survey(array, progress)
    elif survey.low < 0 or survey.high > 1:
        array = _mended(array, _clipped)
        found = f"values a hair outside [0, 1] ({survey.low:.3g} to {survey.high:.7g}), clipped"
        problems.append(Problem("notice", found, file=file))
    return array, problems + survey.remarks(file)


def check_pred_probs(
    array: np.ndarray, file: str, softmax: bool = False, progress: Progress | None = None
) -> tuple[np.ndarray, list[Problem]]:
    """(probabilities, what was found): as `check_scores`, without what logits say beyond them."""
    values, _, problems = check_scores(array, file, softmax, progress)
    return values, problems


def check_scores(
    array: np.ndarray, file: str, softmax: bool = False, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray | None, list[Problem]]:
    """(probabilities, Predictions.log_sums where these are logits, what was found).

    array: (N, K) float32 or float64, looked through in one pass.

    Where nothing has to be mended the array itself comes back, bit for bit. Otherwise a copy, mended
    in this order: the exponential of log-probabilities, which show by themselves (none over 0, exp of each
    row sums to 1 within LOG_OFF, log 0 = -inf included); softmax of logits where asked for; values up to
    HAIR below 0 set to 0; all rows divided by their sum where one is off by more than NOISE (but MOST_OFF
    at most); values over 1 set to 1.
    Raises InputError for rows with NaN, infinity or only zeros, for logits and for other scores.
    """
    if array.shape[1] < 2:
        mend = "for two classes save both columns: 1 - p and p"
        raise refuse(f"{array.shape[1]} column", file=file, expected="one column for each class", mend=mend)
    survey = _survey(array, progress)
    problems: list[Problem] = []
    log_sums = None
    if _are_logs(array, survey):
        array = _mended(array, np.exp)
        found = "log-probabilities (none over 0, and exp of each row sums to 1), taken as probabilities"
        problems.append(Problem("notice", found, file=file))
        survey, softmax = _survey(array, progress), False
    survey.refuse_unusable(file)
    if not survey.bounded:
        if not softmax:
            raise _not_probabilities(array, survey, file)
        log_sums = each_chunk(array, _log_sums, 1, np.dtype(np.float32))[:, 0]
        array = _mended(array, _softmax)
        problems.append(Problem("notice", "logits, turned into probabilities by softmax", file=file))
        survey = _survey(array, progress)
    elif softmax:
        said = "these are probabilities already, softmax was not applied"
        problems.append(Problem("notice", said, file=file))
    survey.refuse_zeros(file)
    if survey.off > MOST_OFF:
        raise _not_distributions(survey, file)
    outside = survey.low < 0 or 1 < survey.high <= 1 + HAIR
    if outside:
        found = f"values a hair outside [0, 1] ({survey.low:.3g} to {survey.high:.7g}), clipped"
        problems.append(Problem("notice", found, file=file))
    if survey.off > NOISE:
        found = f"rows sum to {survey.low_sum:.6g} to {survey.high_sum:.6g}, renormalised to 1"
        problems.append(Problem("notice", found, file=file))
    if outside or survey.off > NOISE:
        array = _mended(array, _renormalised if survey.off > NOISE else _clipped)
    problems += survey.remarks(file)
    return array, log_sums, problems


def check_embeddings(array: np.ndarray, file: str, progress: Progress | None = None) -> None:
    """Raises InputError for an (N, D) array with NaN or infinity in it, naming the rows."""
    survey = _Survey(file)
    for start, chunk in chunks(array):
        if progress is not None:
            progress.report(start / len(array), "Checking embeddings")
        with np.errstate(all="ignore"):
            good = np.isfinite(chunk).all(axis=1)
        survey.add_bad(start, chunk, ~good)
    survey.refuse_unusable(file)


def _float_type(dtype: np.dtype, what: str) -> np.dtype:
    if what == "embeddings":
        return np.dtype(np.float16 if dtype.itemsize == 2 and dtype.kind == "f" else np.float32)
    return np.dtype(np.float64 if dtype.kind == "f" and dtype.itemsize >= 8 else np.float32)


@dataclass
class _Survey:
    """What one pass over an array found."""

    file: str = ""
    low: float = np.inf
    high: float = -np.inf
    low_sum: float = np.inf
    high_sum: float = -np.inf
    one_hot: bool = True
    nan: list[int] = field(default_factory=list)
    infinite: list[int] = field(default_factory=list)
    zero: list[int] = field(default_factory=list)

    @property
    def off(self) -> float:
        return max(1 - self.low_sum, self.high_sum - 1)

    @property
    def bounded(self) -> bool:
        """Whether these may be probabilities: a value over 1 may come of a row that sums to over 1."""
        return self.low >= -HAIR and (self.high <= 1 + HAIR or self.off <= MOST_OFF)

    def add_bad(self, start: int, chunk: np.ndarray, bad: np.ndarray) -> None:
        rows = np.flatnonzero(bad)
        if len(rows):
            nan = np.isnan(chunk[rows]).any(axis=1)
            self.nan += (rows[nan] + start).tolist()
            self.infinite += (rows[~nan] + start).tolist()

    def refuse_unusable(self, file: str) -> None:
        mend = "predict these rows again, or leave them out of both files"
        said = [
            _rows_problem(name, rows, file, mend)
            for name, rows in (("NaN", self.nan), ("infinite values", self.infinite))
            if rows
        ]
        if said:
            raise InputError(*said)

    def refuse_zeros(self, file: str) -> None:
        if self.zero:
            mend = "predict these rows again, or leave them out of both files"
            raise InputError(_rows_problem("only zeros", self.zero, file, mend))

    def remarks(self, file: str) -> list[Problem]:
        if self.high - self.low < 1e-9:
            found = "every probability is the same: no ranking is possible"
            return [Problem("warning", found, file=file, mend="check how they were written")]
        if self.one_hot:
            return [Problem("warning", HARD, file=file, mend="save probabilities, not predicted classes")]
        return []


def _survey(array: np.ndarray, progress: Progress | None) -> _Survey:
    survey = _Survey()
    ones = np.ones(array.shape[1], dtype=array.dtype)
    for start, chunk in chunks(array):
        if progress is not None:
            progress.report(start / len(array), "Checking probabilities")
        with np.errstate(all="ignore"):
            sums = chunk @ ones
        if not np.isfinite(sums).all():
            survey.add_bad(start, chunk, ~np.isfinite(chunk).all(axis=1))
        survey.low = min(survey.low, float(chunk.min()))
        survey.high = max(survey.high, float(chunk.max()))
        survey.low_sum = min(survey.low_sum, float(sums.min()))
        survey.high_sum = max(survey.high_sum, float(sums.max()))
        if survey.low_sum <= 0:
            empty = np.flatnonzero(sums == 0)
            survey.zero += (empty[(chunk[empty] == 0).all(axis=1)] + start).tolist()
        survey.one_hot = survey.one_hot and bool(((chunk == 0) | (chunk == 1)).all())
    return survey


def _are_logs(array: np.ndarray, survey: _Survey) -> bool:
    """Whether these are log-probabilities. The softmax of such rows is their exponential, so that logits
    which happen to look like this come out the same."""
    if survey.high > NOISE:
        return False
    for _, chunk in chunks(array):
        sums = np.exp(chunk.astype(np.float64)).sum(axis=1)
        if not (np.abs(sums - 1) <= LOG_OFF).all():
            return False
    return True


def _mended(array: np.ndarray, mend: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return each_chunk(array, mend, array.shape[1], array.dtype)


def _clipped(chunk: np.ndarray) -> np.ndarray:
    return np.clip(chunk, 0, 1)


def _renormalised(chunk: np.ndarray) -> np.ndarray:
    chunk = np.maximum(chunk, 0)
    return np.minimum(chunk / chunk.sum(axis=1, keepdims=True), 1)


def _softmax(chunk: np.ndarray) -> np.ndarray:
    powers = np.exp(chunk - chunk.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _log_sums(chunk: np.ndarray) -> np.ndarray:
    top = chunk.max(axis=1, keepdims=True).astype(np.float64)
    return top + np.log(np.exp(chunk - top).sum(axis=1, keepdims=True))


def _sigmoid(chunk: np.ndarray) -> np.ndarray:
    # Through tanh, which no large value overflows.
    return (0.5 * (1 + np.tanh(0.5 * chunk))).astype(chunk.dtype, copy=False)


def _rows_problem(what: str, rows: list[int], file: str, mend: str) -> Problem:
    named = ", ".join(f"{r + 1:,}" for r in rows[:5]) + (" and more" if len(rows) > 5 else "")
    found = f"{what} in row{'s' if len(rows) > 1 else ''} {named}"
    return Problem("error", found, mend, "finite numbers that sum to 1", file, rows[0] + 1, "", len(rows))


def _not_probabilities(array: np.ndarray, survey: _Survey, file: str) -> InputError:
    """Names the first value outside [0, 1]; most rows with one, and sums that are off, mean logits."""
    rows, first = 0, (0, 0)
    for start, chunk in chunks(array):
        outside = (chunk < -HAIR) | (chunk > 1 + HAIR)
        having = outside.any(axis=1)
        if rows == 0 and having.any():
            row = int(having.argmax())
            first = (start + row, int(outside[row].argmax()))
        rows += int(having.sum())
    found = f"{array[first]:.6g} is not a probability"
    logits = survey.off > MOST_OFF and rows > len(array) // 2
    if logits:
        found += f"; values from {survey.low:.4g} to {survey.high:.4g} look like logits"
    mend = (
        "say that they are logits when loading, or save softmax values" if logits else "save softmax values"
    )
    where = Problem("error", found, mend, "values in [0, 1]", file, first[0] + 1, str(first[1] + 1), rows)
    return InputError(where)


def _not_distributions(survey: _Survey, file: str) -> InputError:
    return refuse(
        f"rows sum to {survey.low_sum:.4g} to {survey.high_sum:.4g}",
        file=file,
        expected="one distribution over the classes in each row, summing to 1",
        mend="save a softmax over the classes; sigmoid scores are for multi-label data (--label-delimiter)",
    )
