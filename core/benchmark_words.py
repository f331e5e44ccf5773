"""Which model is best, in sentences. Each number in them is one of the review's, and each has a test."""

from __future__ import annotations

import pandas as pd

from core.benchmark_review import HALF, LEAST, LEAST_REST, Stability
from core.evidence.benchmark import RESAMPLES, Z
from core.evidence.method import Method

_NAMED = 3
LEVEL = 0.05

ACCURACY = Method(
    "Accuracy on corrected labels",
    "Accuracy on the given labels, plus for each row read what its corrected label changes in the count, "
    "over the probability with which that row was read. ± is 1.96 standard errors for this very test set; "
    f"the other interval is of {RESAMPLES:,} resamples of the rows, the same rows for all models, seed 0: "
    "what other rows of the same kind would give. P(best) is the share of them in which a model is first, "
    "a tie shared. Rows that any model doubts are one pool, whichever model it is.",
    "Rows were read in the order of the queue, which a draw made once for each row decides. A row decided "
    "elsewhere counts where that order has come to it, and not before. Ambiguous rows count as given, "
    "excluded ones as wrong for every model.",
    "Horvitz and Thompson, 1952, with priority sampling (Duffield, Lund and Thorup, 2007); Kendall's tau b.",
    "Reading stops because of what was found, or the corrected labels follow a model's suggestion: in this "
    "queue none is shown.",
)
SWEEP = Method(
    "Order by how many labels are wrong",
    "A model's accuracy against given labels of which a share v is wrong is (1 - v) times that on rows "
    "labelled right plus v times that on rows labelled wrong. Two lines cross where the leads on both are "
    f"equal. Intervals are of {RESAMPLES:,} resamples of the rows, seed 0.",
    "More wrong labels would be of the same kind as those that were found.",
    "Northcutt, Athalye and Mueller: Pervasive Label Errors in Test Sets Destabilize Machine Learning "
    "Benchmarks, 2021.",
    "Few wrong labels were found: then the second part of each line is a guess.",
)
PAIRS = Method(
    "Which differences are firm",
    "Of the rows read on which just one of two models is right, half would fall to each if they were equally "
    "good: the exact two-sided binomial probability of a split as uneven (McNemar). The mid-p counts the "
    "split itself half. A difference is firm where the exact p is below 0.05 over the number of pairs.",
    "Rows are independent of each other.",
    "McNemar, 1947; mid-p: Fagerland, Lydersen and Laake, 2013.",
    "It is read as a verdict on the corrected rows: these alone do not say who is better, since they are "
    "chosen by what is wrong with them.",
)


def headline(found: Stability) -> str:
    """ "After correction A 74.7% ± 1.4, B 69.3% ± 1.4; A stays first in 100% of resamples, and up to 60%
    wrong labels." The best few models; "" before enough is read.
    """
    after = found.found
    if after is None:
        return ""
    order = found.order.tolist()
    top = order[0]
    shown = [f"{found.names[i]} {after.after[i]:.1%} ± {Z * after.se[i] * 100:.1f}" for i in order[:_NAMED]]
    more = f" (and {len(order) - _NAMED} more)" if len(order) > _NAMED else ""
    was = int((found.given > found.given[top]).sum())
    tied = (found.given == found.given[top]).sum() > 1
    place = "is first now" if was else "is first, as others were before," if tied else "stays first"
    said = (
        f"After correction {', '.join(shown)}{more}; {found.names[top]} {place} in {after.best[top]:.0%} of"
    )
    return f"{said} resamples{_up_to(found, top)}."


def _up_to(found: Stability, top: int) -> str:
    """Up to which share of wrong labels the model leads on given labels; "" where it does not lead at 0."""
    if found.lines is None or int(found.lines.benign.argmax()) != top:
        return ""
    own = found.sweep.loc[found.sweep["first"] == top, "at"]
    return ", however many labels are wrong" if own.empty else f", and up to {own.min():.0%} wrong labels"


def order_in_words(found: Stability) -> str:
    """How the order on corrected labels compares with that on the given ones; "" before enough is read."""
    after = found.found
    if after is None:
        return ""
    if after.tau is None:
        return "All models are equal on one of the two kinds of labels, so that there is no order to compare."
    if after.tau == 1:
        return "The order is that on the given labels (Kendall's tau 1)."
    return f"Kendall's tau of the orders on given and on corrected labels is {after.tau:.2f} (1: the same)."


def read_in_words(found: Stability) -> str:
    """How many rows count as read, how they were drawn, and what is left out."""
    rest = found.rows - found.flagged
    if not found.read:
        said = f"Of {_rows(found.rows)}, a model doubts {found.flagged:,}; none is read yet."
    elif found.prefix.first is None:
        said = f"All {_rows(found.rows)} are read; {_labels(found.mended)} corrected."
    else:
        said = (
            f"{found.read:,} of {_rows(found.rows)} are read, {_labels(found.mended)} corrected. Of the "
            f"{_rows(found.flagged)} that a model doubts and of the {rest:,} others, each was to be read "
            f"with probability {found.prefix.pi.max():.2f} and {found.prefix.pi.min():.3f}."
        )
    if found.prefix.beyond:
        left, come = ("row is", "it comes") if found.prefix.beyond == 1 else ("rows are", "they come")
        said += (
            f" {found.prefix.beyond:,} more decided {left} left out: in the order of the queue {come} after "
        )
        said += "a row that waits."
    return said


def few_in_words(found: Stability) -> str:
    """That too few rows are read, and how many it takes; "" where there are enough."""
    if found.found is not None:
        return ""
    least, rest = min(LEAST, found.rows), min(LEAST_REST, found.rows - found.flagged)
    if not found.read:
        some = f", {rest:,} of them rows that no model doubts" if rest else ""
        return f"Nothing is known of corrected labels: it takes at least {_rows(least)} read{some}."
    if not rest:
        return f"Too few rows are read to say it: {found.read:,} of at least {least:,}."
    return (
        f"Too few rows are read to say it: {found.read:,}, and {found.undoubted:,} of them are rows that no "
        f"model doubts. It takes {least:,} and {rest:,}."
    )


def plan_in_words(found: Stability) -> str:
    """How many rows more bring the intervals to ± one point; "" where they are there."""
    if not found.more:
        return ""
    guess = "" if found.found is not None else " (a guess until more is read)"
    return f"About {_rows(found.more)} more bring it to ± {HALF * 100:.0f} point{guess}."


def strict_in_words(found: Stability) -> str:
    """The best models with ambiguous rows counted as wrong for all; "" where there is none."""
    if found.strict is None:
        return ""
    said = [f"{found.names[i]} {found.strict.after[i]:.1%}" for i in found.order.tolist()[:_NAMED]]
    return f"With the {_rows(found.ambiguous)} called ambiguous counted as wrong: {', '.join(said)}."


def sweep_in_words(found: Stability) -> str:
    """Where which models change places; "" before enough is read."""
    if found.found is None:
        return ""
    if found.lines is None:
        return "No label that was read is wrong, so that nothing says what more wrong labels would do."
    now = f"About {found.lines.share:.1%} of the given labels are wrong."
    if found.sweep.empty:
        return f"{now} No two models change places, however many labels are wrong."
    line = found.sweep.sort_values("at").iloc[0]
    first, second = found.names[int(line["first"])], found.names[int(line["second"])]
    if len(found.sweep) == 1:
        who = f"Only {first} and {second} change places"
    else:
        who = f"{len(found.sweep):,} pairs of models change places, the nearest {first} and {second}"
    return (
        f"{now} {who}: with fewer than {line['at']:.0%} wrong labels "
        f"({line['low']:.0%} to {line['high']:.0%}) {first} is ahead, with more {second}."
    )


def crossings_in_words(found: Stability) -> list[str]:
    """Each crossing, in the order of the sweep."""
    shown = found.sweep[["first", "second", "at", "low", "high"]]
    return [
        f"{found.names[int(one)]} and {found.names[int(other)]} change places at {at:.0%}, "
        f"interval {low:.0%} to {high:.0%}"
        for one, other, at, low, high in shown.itertuples(index=False)
    ]


def pair_in_words(found: Stability) -> str:
    """The two best models on the rows read and on those corrected; "" before enough is read."""
    if found.found is None:
        return ""
    one, other = found.order.tolist()[:2]
    line = found.pairs[
        found.pairs["first"].isin([one, other]) & found.pairs["second"].isin([one, other])
    ].iloc[0]
    first, second = found.names[int(line["first"])], found.names[int(line["second"])]

    def split(kind: str) -> str:
        return (
            f"{first} alone is right on {line[kind + 'only_first']:,.0f} and {second} alone on "
            f"{line[kind + 'only_second']:,.0f} (exact {p_in_words(line[kind + 'p'])}, mid-"
            f"{p_in_words(line[kind + 'mid_p'])})"
        )

    firm = f"That is {'a' if line['p'] < firm_below(found) else 'no'} firm difference."
    said = f"Of the {_rows(found.read)} read, {split('')}. {firm}"
    if not found.mended:
        return said
    return f"{said} Of the {_rows(found.mended)} that were corrected, {split('mended_')}."


def firm_below(found: Stability) -> float:
    """The exact p below which a difference is firm: LEVEL over the number of pairs that are looked at."""
    return LEVEL / max(1, len(found.pairs))


def p_in_words(p: float) -> str:
    """A probability of chance, to two figures; tiny ones are all alike."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def pairs_table(found: Stability) -> pd.DataFrame:
    """Every pair by name, those with the smallest p first, for a screen."""
    frame = found.pairs.sort_values("p", kind="stable", ignore_index=True)
    names = pd.Series(found.names)
    return pd.DataFrame(
        {
            "first": frame["first"].map(names),
            "second": frame["second"].map(names),
            "only first right": frame["only_first"],
            "only second right": frame["only_second"],
            "exact p": "",
            "mid-p": "",
            "corrected: only first": frame["mended_only_first"],
            "corrected: only second": frame["mended_only_second"],
            "corrected: exact p": "",
        }
    ).assign(
        **{name: [f"{p:.2g}" if p >= 1e-4 else "< 0.0001" for p in frame[source]] for name, source in _P}
    )


_P = (("exact p", "p"), ("mid-p", "mid_p"), ("corrected: exact p", "mended_p"))


def sweep_table(found: Stability) -> pd.DataFrame:
    """Every crossing by name, the nearest first, for a screen."""
    frame = found.sweep.sort_values("at", kind="stable", ignore_index=True)
    names = pd.Series(found.names)
    ends = zip(frame["low"], frame["high"], strict=True)
    return pd.DataFrame(
        {
            "ahead below": frame["first"].map(names),
            "ahead above": frame["second"].map(names),
            "share of wrong labels": [f"{at:.1%}" for at in frame["at"]],
            "95% interval": [f"{low:.1%} to {high:.1%}" for low, high in ends],
            "crosses in": [f"{share:.0%}" for share in frame["crosses"]],
        }
    )


def models_table(found: Stability) -> pd.DataFrame:
    """A line a model, best first. Accuracies as texts: on given labels; where enough is read, on corrected
    ones with both intervals, the ranks and P(best)."""
    order, after = found.order, found.found
    rank = pd.Series(-found.given).rank(method="min").astype(int).to_numpy()
    frame = pd.DataFrame(
        {
            "model": [found.names[i] for i in order],
            "on given labels": [f"{found.given[i]:.1%}" for i in order],
            "rank": rank[order],
        }
    )
    if after is None:
        return frame
    now = pd.Series(-after.after).rank(method="min").astype(int).to_numpy()
    frame["on corrected labels"] = [f"{after.after[i]:.1%} ± {Z * after.se[i] * 100:.1f}" for i in order]
    frame["new rows, 95%"] = [f"{after.low[i]:.1%} to {after.high[i]:.1%}" for i in order]
    frame["rank now"] = now[order]
    frame["P(best)"] = [f"{after.best[i]:.0%}" for i in order]
    return frame


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def _labels(number: int) -> str:
    return f"{number:,} {'label is' if number == 1 else 'labels are'}"
