"""How a figure of the evidence is made, in words: the panel under it, on the page and in the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """formula: how the figure comes from what was read. assumes: what has to hold. source: the paper or text
    that it is from. wrong_if: what would make the figure wrong. by: the estimator's name in a few words, as
    it stands under a number in the report.
    """

    title: str
    formula: str
    assumes: str
    source: str
    wrong_if: str
    by: str = ""

    def lines(self) -> tuple[tuple[str, str], ...]:
        """(what, text) in the order in which they are read."""
        return (
            ("Formula", self.formula),
            ("Assumes", self.assumes),
            ("Source", self.source),
            ("Wrong if", self.wrong_if),
        )


LEFT = Method(
    "Wrong labels left",
    "Each random row is a bet against every possible number m of wrong labels: with F of them found and n "
    "rows unread, the next random row is wrong with probability (m - F) / n. Numbers against which the bets "
    "have won more than 20 to 1 are ruled out; the rest is the interval.",
    "Random rows are drawn uniformly from what is unread, are read in their order, and none is passed over.",
    "Confidence sequences for sampling without replacement (Waudby-Smith and Ramdas, 2020, arXiv "
    "2006.04347), for a part that shrinks while others are read.",
    "Annotators call right labels wrong, or miss wrong ones: it counts what they would say. Excluded rows "
    "count as wrong.",
    "95% confidence sequence for draws without replacement",
)
CORRECTED = Method(
    "Corrected for the annotators' own errors",
    "With O wrong labels of N as the annotators would say, e0 the share of right labels that they call "
    "wrong, and e1 the share of wrong ones that they miss: (O - N e0) / (1 - e0 - e1). The low end takes the "
    "low ends of O and e1 and the high end of e0; the high end takes the others. O at 97%, e0 and e1 at 99% "
    "(Clopper-Pearson), together 95% by the union bound.",
    "Annotators err on gold rows as they err on others. O goes by each row's first reader, as e0 and e1 do. "
    "Gold rows are no part of N.",
    "Estimating a prevalence from an imperfect test (Rogan and Gladen, 1978), with each share at its bounds.",
    "Gold rows are easier or harder than others, or are known for what they are.",
    "97% confidence sequence read through exact bounds of the annotators' errors, together 95%",
)
ANCHORING = Method(
    "Anchoring",
    "The share of answers that are the suggestion where it was shown, less the share where it was hidden. "
    "Each decision is weighed by one over the probability of what the lot drew for it. Bets are kept against "
    "every gap; those against which they have won more than 20 to 1 are ruled out, and the rest is the "
    "interval, at every look.",
    "The lot hides a suggestion row by row, whatever the row. Counted are ranked rows with a suggestion that "
    "differs from the given label, and each annotator's first answer to each.",
    "Estimating means of bounded random variables by betting (Waudby-Smith and Ramdas, 2024, arXiv "
    "2010.09686).",
    "Annotators learn the suggestion elsewhere, as from a colleague or another tab.",
)
GOLD = Method(
    "Errors on gold rows",
    "False alarms: known right labels that were called wrong. Misses: known wrong labels that were called "
    "right, or ambiguous. Shares with exact intervals (95%).",
    "Counted is an annotator's first answer to each gold row, given in its turn, blind and without a "
    "suggestion. Nobody gets a gold row twice.",
    "Clopper and Pearson, 1934.",
    "Gold rows are easier or harder than others: rows on which adjudicators were asked are often the hard "
    "ones.",
)
READERS = Method(
    "Error or ambiguity",
    "The readers' consensus and its share or probability: from 0.9 on a label that differs is an error. "
    "Below 0.7, where all readers differ, or where a third call it ambiguous, the row fits several classes; "
    "in between one more reader decides. Majority up to three readers a row, Dawid-Skene above.",
    "Answers were given unaided. Two readers who agree are a consensus of 1.0.",
    "Dawid and Skene, 1979. CROWDLAB (Goh, Tkachenko and Mueller, 2022), which weighs the model too, scores "
    "rows to rank them; its scores are lower than probabilities.",
    "Readers share a mistake, as where the guideline is wrong.",
)
STOP = Method(
    "When to stop",
    "Random rows are read until they have met a number of wrong labels that was fixed beforehand; then the "
    "ranking is read down to where all but the last of them lie: 45 of 46 for 90% and 95% confidence.",
    "The ranking by score does not change between the first random row and the last row read. In which order "
    "rows are read does not matter: the depth is counted in that ranking.",
    "Certified quantile stopping (Lewis, Yang and Frieder, 2021, arXiv 2108.12746).",
    "The ranking has learned from the random rows: it would rank them high.",
    "certified quantile stopping, 95% confidence",
)
AHEAD = Method(
    "Wrong labels in the next rows",
    "A logistic curve from label quality score to the probability of an error: logit P = a + b logit(1 - "
    "score), learned from every decision (maximum posterior; priors a ~ N(0, 2²), b ~ N(1, 0.5²), so that at "
    "first the score is taken at its word). The range is 5 to 95% of 1,000 draws, seed 0.",
    "Rows ahead are like rows read that had the same score.",
    "Logistic regression with a Laplace approximation (MacKay, 1992).",
    "Rows far down the ranking are unlike those read. The sum of the probabilities is no estimate of all "
    "errors.",
    "logistic curve of the score, 90% range of the posterior",
)
CAUSES = Method(
    "What corrections have in common",
    "For each slice of the rows that were read, and each slice of a class: the probability that as many of "
    "its labels or more would be wrong if the wrong ones lay at random among all rows read (hypergeometric). "
    "What stays below 5% after Benjamini and Hochberg's adjustment over all tests is told, the surest first; "
    "findings that share four in five of their rows are one.",
    "Rows were read one by one, and which were read did not hang on the slice once the class is known.",
    "Fisher's exact test, one-sided; false discovery rate (Benjamini and Hochberg, 1995).",
    "Only what one ranking put first was read: then a slice can stand out because that ranking looked there.",
    "exact test, false discovery rate 5%",
)
