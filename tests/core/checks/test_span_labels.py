from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.audit import run_audit
from core.checks import label_issues, span_labels
from core.dataset import Columns, Dataset
from core.importers._token_rows import TOKENS, token_frame
from core.issues import Result
from core.predictions import Predictions
from core.progress import Progress
from tests.core.token_samples import CLASSES, ERRORS, Sample, sample, trained


def run(dataset: Dataset, probs: np.ndarray | None = None, **params: object) -> Result:
    chosen = {setting.name: setting.default for setting in span_labels.CHECK.settings} | params
    return span_labels.CHECK.run(dataset, Predictions("model", probs), chosen, Progress())


def made(text: str, classes: tuple[str, ...] = CLASSES) -> Dataset:
    """Sentences, one a line, of word/tag; word/ has no tag."""
    pieces = [[piece.rsplit("/", 1) for piece in line.split()] for line in text.strip().split("\n")]
    tags = [tag for one in pieces for _, tag in one]
    labels = np.array([classes.index(tag) if tag else -1 for tag in tags], dtype=np.int32)
    frame = token_frame(
        [word for one in pieces for word, _ in one],
        np.array([len(one) for one in pieces]),
        pd.Series(tags, dtype="str"),
        {},
        "x",
    )
    frame.index = pd.Index(frame["id"], dtype="str", name=None)
    columns = Columns("id", "label", None, ("token", "text"), "text", tokens=TOKENS)
    return Dataset("x", frame, columns, classes, classes, labels)


@pytest.fixture(scope="module")
def planted() -> tuple[Sample, np.ndarray]:
    one = sample(400, 0.06, 4)
    return one, trained(one.dataset)


def test_run__broken_tags_and_what_mends_them() -> None:
    many = "in/O New/B-LOC York/I-LOC ./O\n" * 8
    table = run(made(many + "in/O New/I-LOC York/I-LOC ./O\nin/O New/B-LOC York/I-PER ./O")).table
    found = table[table["flagged"]]
    assert found.index.tolist() == ["9-2", "10-3"]
    assert found["suggestion"].tolist() == ["B-LOC", "I-LOC"]
    assert found["reason"].tolist() == [
        "The tag I-LOC cannot stand behind O (“in”), by the scheme IOB2; B-LOC would mend it.",
        "The tag I-PER cannot stand behind B-LOC (“New”), by the scheme IOB2; I-LOC would mend it.",
    ]
    assert (found["score"] < 0.1).all()


def test_run__the_neighbour_is_mended_where_the_words_say_so() -> None:
    many = "in/O New/B-LOC York/I-LOC ./O\n" * 8
    table = run(made(many + "in/O New/O York/I-LOC ./O")).table
    assert table.index[table["flagged"]].tolist() == ["9-2"]
    assert table["suggestion"].dropna().tolist() == ["B-LOC"]
    assert table["reason"]["9-2"].startswith("The tag O cannot stand before I-LOC (“York”)")


def test_run__the_same_words_tagged_otherwise_elsewhere() -> None:
    many = "of/O Leeds/B-LOC ./O\nUniversity/B-ORG of/I-ORG Leeds/I-ORG\n" * 40
    table = run(made(many + "of/O Leeds/B-PER ./O\nUniversity/B-ORG of/O Leeds/B-LOC")).table
    found = table[table["flagged"]]
    assert found.index.tolist() == ["81-2", "82-2", "82-3"]
    assert found["suggestion"].tolist() == ["B-LOC", "I-ORG", "I-ORG"]
    assert found["reason"].tolist() == [
        "The words “Leeds” are B-LOC in 40 of 41 places (95% interval 87% to >99%), but not here.",
        *["The words “University of Leeds” are B-ORG I-ORG I-ORG in 40 of 41 places "
          "(95% interval 87% to >99%), but not here."] * 2,
    ]  # fmt: skip


def test_run__a_second_meaning_is_no_error() -> None:
    """20 of 200: what comes again and again."""
    many = "in/O Leeds/B-LOC ./O\n" * 180 + "Leeds/B-ORG 3/O\n" * 20
    assert run(made(many)).summary["flagged"] == 0
    assert run(made(many), rare=0.2, share=0.7).summary["flagged"] == 20


def test_run__words_without_spans() -> None:
    """Parts of speech: no scheme, each word by itself."""
    classes = ("DT", "NN", "VB")
    many = "the/DT dog/NN ran/VB\n" * 40
    table = run(made(many + "the/DT dog/VB ran/VB", classes)).table
    assert table.index[table["flagged"]].tolist() == ["41-2"]
    assert table["suggestion"].dropna().tolist() == ["NN"]


def test_run__ends_of_spans_that_the_model_puts_elsewhere() -> None:
    dataset = made("in/O New/B-LOC York/I-LOC City/O ./O")
    truth = [CLASSES.index(tag) for tag in ("O", "B-LOC", "I-LOC", "I-LOC", "O")]
    probs = np.full((5, len(CLASSES)), 0.01, dtype=np.float32)
    probs[np.arange(5), truth] = 0.94
    table = run(dataset, probs).table
    assert table.index[table["flagged"]].tolist() == ["1-4"]
    assert table["suggestion"]["1-4"] == "I-LOC"
    assert table["score"]["1-4"] == pytest.approx(0.01 / 0.95, abs=1e-6)
    assert table["reason"]["1-4"] == (
        "The model's span is “New York City” where the given one is “New York”; "
        "it gives this token I-LOC 94% and O <1%."
    )
    assert run(dataset, probs, confident=0.95).summary["flagged"] == 0


def test_run__a_custom_of_the_data_is_told_once() -> None:
    classes = ("O", "B-A", "I-A")
    found = run(made("x/B-A y/O\nx/O y/I-A\n" * 30, classes))
    assert found.summary["flagged"] == 0
    assert "may be a custom of these data" in found.summary["note"]


@pytest.mark.parametrize("text", ["a/", "a/O", "a/I-PER", "a/B-PER"])
def test_run__one_token(text: str) -> None:
    """An I- alone may be IOB1 as well."""
    found = run(made(text))
    assert found.summary["flagged"] == 0
    assert len(found.figures["sentences"]) == int(text != "a/")


def test_run__hostile_tokens_leave_one_sentence() -> None:
    dataset = made("a/O a/B-PER a/O")
    table = dataset.table.assign(token=pd.Series(["x\ny\u202e", "\ud800", None], dataset.row_ids, "object"))
    classes = ("O\n", "B-PER\r", "I-x")
    odd = replace(dataset, table=table, classes=classes, tokens=classes, labels=np.array([1, 2, 0], np.int32))
    found = run(odd).table
    assert found["reason"][found["flagged"]].str.fullmatch(r"[A-Z].*\.").all()


def test_run__a_thousand_classes() -> None:
    classes = ("O", *(f"{part}-{i}" for i in range(500) for part in "BI"))
    text = "\n".join(f"w{i}/B-{i} v{i}/I-{(i + (i == 7)) % 500}" for i in range(500))
    table = run(made(text, classes)).table
    assert table.index[table["flagged"]].tolist() == ["8-2"] and table["suggestion"]["8-2"] == "I-7"


@pytest.mark.parametrize("shuffled", [False, True])
def test_sentences__as_cleanlab_scores_them(planted: tuple[Sample, np.ndarray], shuffled: bool) -> None:
    from cleanlab.token_classification.rank import get_label_quality_scores

    dataset, probs = planted[0].dataset, planted[1]
    cuts = dataset.sentences.starts[1:-1]  # type: ignore[union-attr]
    labels = [part.tolist() for part in np.split(dataset.labels, cuts)]
    theirs, tokens = get_label_quality_scores(
        labels, np.split(probs, cuts), token_score_method="self_confidence", sentence_score_method="min"
    )
    if shuffled:
        order = np.random.default_rng(0).permutation(len(dataset))
        dataset = replace(dataset, table=dataset.table.iloc[order], labels=dataset.labels[order])
        probs = probs[order]
    figure = run(dataset, probs).figures["sentences"]
    ours = figure.set_index("sentence")["score"]
    np.testing.assert_allclose([ours[str(i + 1)] for i in range(len(theirs))], theirs, rtol=0, atol=1e-6)
    assert (np.diff(figure["score"]) >= 0).all()
    worst = {f"{i + 1}-{int(np.argmin(one)) + 1}" for i, one in enumerate(tokens)}
    ties = sum(int((one == one.min()).sum() > 1) for one in tokens)
    assert len(worst - set(figure["row_id"])) <= ties


def test_sentences__without_a_model_the_lowest_score_of_the_check() -> None:
    found = run(made("in/O New/I-LOC\na/O b/O\nc/I-PER d/B-PER e/O f/B-LOC g/O h/B-LOC"), usual=1)
    figure = found.figures["sentences"]
    assert figure["sentence"].tolist() == ["1", "3", "2"] and figure["score"].tolist()[-1] == 1.0
    assert figure["flagged"].tolist() == [1, 1, 0] and figure["tokens"].sum() == 10
    assert found.summary["sentence_score"] == "lowest of the scores of this check"


def test_run__finds_what_was_planted(planted: tuple[Sample, np.ndarray]) -> None:
    one, probs = planted
    table = run(one.dataset, probs).table
    flagged, new = table["flagged"].to_numpy(), table["suggestion"].cat.codes.to_numpy()
    assert (flagged & one.wrong).sum() >= 0.85 * flagged.sum()
    for error in ("begin", "slip"):
        rows = one.error == ERRORS.index(error)
        assert flagged[rows].all() and (new[rows] == one.truth[rows]).mean() > 0.9
    assert flagged[one.wrong].mean() > 0.5


def test_label_issues__flags_nearly_what_cleanlab_does_on_tokens(planted: tuple[Sample, np.ndarray]) -> None:
    from cleanlab.token_classification.filter import find_label_issues

    one, probs = planted
    sentences = one.dataset.sentences
    assert sentences is not None
    cuts = sentences.starts[1:-1]
    labels = [part.tolist() for part in np.split(one.dataset.labels, cuts)]
    theirs = np.zeros(len(one.truth), dtype=bool)
    found = find_label_issues(labels, np.split(probs, cuts), n_jobs=1)
    theirs[[sentences.starts[i] + j for i, j in found]] = True
    params = {setting.name: setting.default for setting in label_issues.CHECK.settings}
    table = label_issues.run(one.dataset, Predictions("m", probs), params, Progress()).table
    ours = table["flagged"].to_numpy()
    assert (ours & theirs).sum() >= 0.85 * theirs.sum()
    assert ours[one.wrong].mean() >= theirs[one.wrong].mean() > 0.7
    same = label_issues.run(
        one.dataset,
        Predictions("m", probs),
        params | {"filter_by": "prune_by_noise_rate", "score": "self_confidence"},
        Progress(),
    ).table["flagged"]
    assert (same.to_numpy() == theirs).all()


def test_audit__whole_records_are_not_looked_for_among_tokens(tmp_path, planted) -> None:
    audit = run_audit(planted[0].dataset, Predictions(), tmp_path)
    assert set(audit.results) == {"span_labels"}
    assert audit.skipped["near_duplicates"][0].startswith("rows that are whole records")
    plain = replace(planted[0].dataset, columns=replace(planted[0].dataset.columns, tokens=()))
    assert "span_labels" in run_audit(plain, Predictions(), tmp_path, names=["span_labels"]).skipped
