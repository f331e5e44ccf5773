"""Builds each sample in memory: the labelled table, what was planted, and the model's inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sample_data import ROOT, WINE_COLUMNS
from sample_data.planting import plant_errors, test_rows, truth_table

SEED = 2
# Trained to the optimum, so that the probabilities do not depend on where a solver stops.
_EXACT = {"tol": 1e-8, "max_iter": 10_000}
CORPUS = ROOT / "corpus"
DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Pairs that people and models take for one another.
DIGIT_NEIGHBOURS = {
    0: (6,), 1: (7,), 2: (7,), 3: (8, 5), 4: (9,), 5: (3, 6), 6: (5, 0), 7: (1, 2), 8: (3, 9), 9: (4, 8),
}  # fmt: skip
INTENTS = (
    "billing",
    "cancellation",
    "delivery",
    "faulty_item",
    "login",
    "order_change",
    "product_question",
    "refund",
)
INTENT_NEIGHBOURS = {
    "billing": ("refund",),
    "cancellation": ("refund", "order_change"),
    "delivery": ("order_change", "faulty_item"),
    "faulty_item": ("refund", "product_question"),
    "login": ("billing", "product_question"),
    "order_change": ("delivery", "cancellation"),
    "product_question": ("faulty_item", "order_change"),
    "refund": ("billing", "faulty_item", "cancellation"),
}


@dataclass(frozen=True, eq=False)
class Built:
    """One sample, ready to be written.

    table: the source file's content, planted errors included.
    truth: id, true_label, planted, duplicate_of; the planted rows only.
    tokens, names: how the file writes each class, and its name, in pred_probs' column order.
    given: (N,) int codes of the given labels. true: (N,) of the true ones, -1 where no class is right.
    features: (N, ...) what the estimator learns from. embeddings: (N, D), made without labels.
    images: (N, H, W) uint8 for the image sample.
    """

    table: pd.DataFrame
    truth: pd.DataFrame
    tokens: tuple[str, ...]
    names: tuple[str, ...]
    given: np.ndarray
    true: np.ndarray
    features: np.ndarray
    estimator: Any
    embeddings: np.ndarray
    images: np.ndarray | None = None


def build_digits() -> Built:
    """1,797 digits of scikit-learn; 90 labels wrong, 72 of them plausible confusions."""
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    pixels, true = load_digits(return_X_y=True)
    rng = np.random.RandomState(SEED)
    test = test_rows(true, SEED)
    given = plant_errors(true, np.ones(len(true), bool), test, 90, DIGIT_NEIGHBOURS, 0.8, rng)
    tokens = tuple(str(digit) for digit in range(10))
    ids = [f"digit-{i:04d}" for i in range(1, len(true) + 1)]
    table = pd.DataFrame(
        {
            "id": ids,
            "path": [f"images/{i:04d}.png" for i in range(1, len(true) + 1)],
            "label": given,
            "split": _split(test),
        }
    )
    return Built(
        table=table,
        truth=truth_table(ids, [tokens[c] for c in true], [tokens[c] for c in given]),
        tokens=tokens,
        names=DIGIT_NAMES,
        given=given,
        true=true,
        features=pixels,
        estimator=make_pipeline(
            Nystroem(gamma=0.001, n_components=300, random_state=SEED), LogisticRegression(C=10, **_EXACT)
        ),
        embeddings=PCA(32, svd_solver="full").fit_transform(pixels).astype(np.float32),
        images=np.stack([_paper(image.reshape(8, 8)) for image in pixels]),
    )


def build_messages() -> Built:
    """The corpus in a shuffled order; 49 wrong labels, 15 near-duplicate pairs, 12 out-of-class rows."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    rng = np.random.RandomState(SEED)
    rows = _corpus()
    rows = rows.iloc[rng.permutation(len(rows))].reset_index(drop=True)
    rows["id"] = [f"m{i:04d}" for i in range(1, len(rows) + 1)]
    true = rows["code"].to_numpy()
    outside = true < 0
    neighbours = {
        INTENTS.index(name): tuple(INTENTS.index(other) for other in others)
        for name, others in INTENT_NEIGHBOURS.items()
    }
    given = true.copy()
    given[outside] = rng.choice(len(INTENTS), outside.sum())
    original = rows["text"].isin(set(rows["duplicate_text"]) - {""}).to_numpy()
    copy = (rows["duplicate_text"] != "").to_numpy()
    plain = ~(outside | original | copy)
    # An original is for training, its copy for testing: the leak that a split check has to find.
    test = (test_rows(true, SEED) & ~original) | copy
    given = plant_errors(given, plain, test, 49, neighbours, 0.8, rng)
    tokens = [INTENTS[c] if c >= 0 else "" for c in true]
    shown = [INTENTS[c] for c in given]
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    letters = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5))
    texts = rows["text"].to_numpy(dtype=object)
    return Built(
        table=pd.DataFrame({"id": rows["id"], "text": rows["text"], "intent": shown, "split": _split(test)}),
        truth=_message_truth(rows, tokens, shown),
        tokens=INTENTS,
        names=tuple(name.replace("_", " ") for name in INTENTS),
        given=given,
        true=true,
        features=texts,
        estimator=make_pipeline(make_union(words, letters), LogisticRegression(C=1, **_EXACT)),
        embeddings=_text_embeddings(make_union(words, letters).fit_transform(texts)),
    )


def build_wine() -> Built:
    """178 wine analyses of scikit-learn; 9 labels wrong, 6 of them towards a neighbouring cultivar."""
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    bunch = load_wine(as_frame=True)
    rng = np.random.RandomState(SEED)
    # The source is sorted by cultivar: in that order a wrong label would show by its place.
    order = rng.permutation(len(bunch.target))
    true = bunch.target.to_numpy()[order]
    columns = bunch.data.to_numpy()[order]
    test = test_rows(true, SEED)
    neighbours = {0: (1,), 1: (0, 2), 2: (1,)}
    given = plant_errors(true, np.ones(len(true), bool), test, 9, neighbours, 0.7, rng)
    ids = [f"wine-{i:03d}" for i in range(1, len(true) + 1)]
    table = pd.DataFrame(columns, columns=list(WINE_COLUMNS))
    table.insert(0, "id", ids)
    table["cultivar"] = given + 1  # UCI numbers them from 1; whoever takes the numbers for codes is wrong.
    table["split"] = _split(test)
    return Built(
        table=table,
        truth=truth_table(ids, [str(c + 1) for c in true], [str(c + 1) for c in given]),
        tokens=("1", "2", "3"),
        names=("cultivar 1", "cultivar 2", "cultivar 3"),
        given=given,
        true=true,
        features=columns,
        estimator=make_pipeline(StandardScaler(), LogisticRegression(C=0.1, **_EXACT)),
        embeddings=StandardScaler().fit_transform(columns).astype(np.float32),
    )


BUILDERS = {"digits": build_digits, "messages": build_messages, "wine": build_wine}


def _split(test: np.ndarray) -> list[str]:
    return ["test" if row else "train" for row in test]


def _paper(ink: np.ndarray) -> np.ndarray:
    """(40, 40) uint8, dark ink on white: 8x8 ink of 0 to 16, a margin, smooth enlargement, 16 greys."""
    from PIL import Image

    grey = np.round(255 * (1 - np.pad(ink, 1) / 16)).astype(np.uint8)
    large = np.asarray(Image.fromarray(grey).resize((40, 40), Image.Resampling.BICUBIC))
    return (np.round(large / 17) * 17).astype(np.uint8)


def _corpus() -> pd.DataFrame:
    """text, code (-1: out of class), duplicate_text (the original's text, "" for no copy)."""
    rows = [(text, code, "") for code, name in enumerate(INTENTS) for text in read_corpus(f"{name}.txt")]
    code_of = {text: code for text, code, _ in rows}
    for line in (CORPUS / "near_duplicates.jsonl").read_text("utf-8").splitlines():
        pair = json.loads(line)
        rows.append((pair["text"], code_of[pair["of"]], pair["of"]))
    rows += [(text, -1, "") for text in read_corpus("out_of_class.txt")]
    return pd.DataFrame(rows, columns=["text", "code", "duplicate_text"])


def read_corpus(file: str) -> list[str]:
    r"""The messages of one corpus file, one a line; \n inside a line stands for a line break."""
    return [line.replace("\\n", "\n") for line in (CORPUS / file).read_text("utf-8").splitlines()]


def _message_truth(rows: pd.DataFrame, true: list[str], given: list[str]) -> pd.DataFrame:
    id_of = dict(zip(rows["text"], rows["id"], strict=True))
    table = pd.DataFrame({"id": rows["id"], "true_label": true})
    table["planted"] = np.select(
        [rows["code"] < 0, rows["duplicate_text"] != "", table["true_label"] != pd.Series(given)],
        ["out_of_class", "near_duplicate", "label_error"],
        "",
    )
    table["duplicate_of"] = [id_of.get(text, "") for text in rows["duplicate_text"]]
    return table[table["planted"] != ""].reset_index(drop=True)


def _text_embeddings(tfidf: Any) -> np.ndarray:
    """(N, 256) float16 of unit length: the leading singular vectors of TF-IDF.

    With fewer dimensions odd messages fold onto common words, and none stands out as out of class.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    svd = TruncatedSVD(256, algorithm="arpack", random_state=SEED)
    return normalize(svd.fit_transform(tfidf)).astype(np.float16)
