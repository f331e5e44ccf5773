"""The numbers that the Splits page says, against ones that the test computes from the data set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.dataset import Dataset
from core.predictions import Predictions
from core.settings import Settings
from core.workspace import Workspace, shared_workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.pages.conftest import Open, likely, save, words

RICH = ["train"] * 42 + ["test"] * 12 + ["dev"] * 3 + ["val"] * 3 + ["extra"] * 3
RICH_LABELS = [i % 21 for i in range(42)] + [0] * 9 + [1, 2, 3] + [0, 1, 2] * 3
WORDS = " ".join(f"w{i}" for i in range(1605))
TWO_LABELS = [0, 1] * 20
TWO = ["test" if i < 10 or i in (12, 14, 18) else "train" for i in range(40)]
WRONG = {1, 4, 9, 16}


def with_splits(dataset: Dataset, splits: list[str], texts: list[str]) -> Dataset:
    table = dataset.table.assign(text=pd.array(texts, dtype="str"), split=pd.array(splits, dtype="str"))
    return replace(dataset, table=table, columns=replace(dataset.columns, split="split"))


def distinct(count: int, seed: int) -> list[str]:
    """Texts without a word in common."""
    rng = np.random.default_rng(seed)
    return [
        " ".join("".join(rng.choice(list("abcdefghijklmnop"), 9)) for _ in range(8)) for _ in range(count)
    ]


def vectors() -> np.ndarray:
    return np.random.default_rng(7).normal(size=(len(RICH), 12)).astype(np.float32)


@pytest.fixture(scope="module")
def split_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """rich: five splits, 21 classes, embeddings, ten columns of ids, and a long text in train and test.
    two: flagged labels in both splits, uneven classes. wide: 203 fields, two rows alike."""
    root = tmp_path_factory.mktemp("says-splits")
    workspace = Workspace(Settings(root, (root,), "", "ann"))
    texts = distinct(len(RICH), 0)
    texts[0], texts[42] = WORDS.rsplit(" ", 1000)[0], WORDS.rsplit(" ", 1004)[0]  # 605 and 601 words
    rich = with_splits(make_dataset(RICH_LABELS, tuple(f"c{i:02}" for i in range(21)), "rich"), RICH, texts)
    users = {  # some held-out rows are of somebody with no other row
        f"user_{k}": [
            f"once {i}" if i > 42 and i % 5 == 0 else f"u{(i * (k + 3)) % (9 + k)}" for i in range(len(RICH))
        ]
        for k in range(10)
    }
    save(workspace, replace(rich, table=rich.table.assign(**users)), Predictions(embeddings=vectors()))
    two = with_splits(make_dataset(TWO_LABELS, name="two"), TWO, distinct(40, 1))
    save(workspace, two, Predictions("m", likely(TWO_LABELS, WRONG).pred_probs))
    wide = with_splits(make_dataset([0, 1, 0], name="wide"), ["train", "train", "test"], distinct(3, 2))
    fields = {f"f{i}": [i, i + 1, i] for i in range(203)}
    table = pd.concat([wide.table, pd.DataFrame(fields, index=wide.table.index)], axis=1)
    columns = replace(wide.columns, content=tuple(fields), kind="tabular")
    save(workspace, replace(wide, table=table, columns=columns), Predictions())
    return root


@pytest.fixture
def workspace(split_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(split_folder))
    monkeypatch.setenv("LABELMEND_ANNOTATOR", "ann")
    shared_workspace.cache_clear()
    session.jobs.clear()
    yield shared_workspace()
    shared_workspace.cache_clear()


def said_share(hits: int, of: int) -> str:
    """A share with its Wilson interval, solved here as the roots of (p - s)^2 = z^2 s (1 - s) / n."""
    p, z2 = hits / of, 1.96**2
    a, b, c = 1 + z2 / of, -(2 * p + z2 / of), p * p
    half = sqrt(b * b - 4 * a * c)
    return f"{p:.1%} ({max(0.0, (-b - half) / (2 * a)):.1%} to {min(1.0, (-b + half) / (2 * a)):.1%})"


def in_split(names: list[str], name: str) -> list[int]:
    return [i for i, split in enumerate(names) if split == name]


def table(app: AppTest, column: str) -> pd.DataFrame:
    return next(d.value for d in app.dataframe if column in d.value.columns)


def test_table__errors_and_drift_by_split(open_page: Open) -> None:
    shown = table(open_page("splits", ds="two"), "Class drift").set_index("Split")
    rows = {name: in_split(TWO, name) for name in ("test", "train")}
    assert shown["Rows"].to_dict() == {name: len(some) for name, some in rows.items()}
    assert shown["Label errors"].to_dict() == {
        name: said_share(len(WRONG & set(some)), len(some)) for name, some in rows.items()
    }
    cats = {name: sum(TWO_LABELS[i] == 0 for i in some) / len(some) for name, some in rows.items()}
    # Of two classes both differ by as much, so that half the sum is the difference of one.
    assert shown["Class drift"].to_dict() == {"test": f"{abs(cats['test'] - cats['train']):.2f}", "train": ""}


def test_rich__what_leaks_by_which_method(open_page: Open) -> None:
    app = open_page("splits", ds="rich")
    held_out = sum(name != "train" for name in RICH)
    assert [b.label for b in app.button if b.label.startswith("Review th")] == ["Review this 1"]
    found = table(app, "Found by it alone")
    # The long text is found as a near copy and by a run of words: by none of them alone.
    assert found["Held-out rows"].sum() > 1 and set(found["Found by it alone"]) == {0}
    for line in found.to_dict("records"):
        assert line["Held-out rows"] in (0, 1)
        assert line["Share"].startswith("0.0% (0.0%") or line["Share"] == said_share(1, held_out)
    said = words(app)
    assert f"**test row {42 + 1}**" in said and "**train row 1**" in said
    assert "1 more word was not compared." in said and "5 more words were not compared." in said
    bins = table(app, "Cosine")
    unit = vectors() / np.linalg.norm(vectors(), axis=1, keepdims=True)
    nearest = (unit[42:] @ unit[:42].T).max(axis=1)
    ends = [[float(x) for x in text.split(" to ")] for text in bins["Cosine"]]
    assert bins["Held-out rows"].tolist() == [
        int(sum(low <= c < high or c >= 1 == high for c in nearest)) for low, high in ends
    ]
    assert bins["Held-out rows"].sum() == held_out and bins["Flagged"].sum() == 1


def test_rich__the_next_most_alike_pair_with_its_cosine(open_page: Open) -> None:
    said = words(open_page("splits", ds="rich", x_pairs="Most alike otherwise"))
    unit = vectors() / np.linalg.norm(vectors(), axis=1, keepdims=True)
    cosine = unit[43:] @ unit[:42].T  # row 43 of the data, number 42, is flagged
    row, other = np.unravel_index(int(cosine.argmax()), cosine.shape)
    assert f"Cosine {cosine.max():.3f}, by embeddings." in said
    assert f"row {row + 43 + 1}**" in said and f"**train row {other + 1}**" in said
    pairs = re.findall(r"Pair 1 of (\d+)", said)
    assert pairs == [str(len(RICH) - 43)]


def test_rich__class_shares_and_groups(open_page: Open) -> None:
    app = open_page("splits", ds="rich")
    counts = {s: np.bincount(np.array(RICH_LABELS)[in_split(RICH, s)], minlength=21) for s in set(RICH)}
    shares = np.array([c / c.sum() for c in counts.values()])
    first = int(np.ptp(shares, axis=0).argmax())
    (chart,) = [c for c in app.get("plotly_chart") if "Class shares" in c.proto.alt]
    low, high = shares[:, first].min(), shares[:, first].max()
    assert chart.proto.alt.endswith(f"most different for c{first:02}: {low:.0%} to {high:.0%}")
    said = words(app)
    assert "The 20 of 21 classes that differ most. 1 more split is in the table only." in said
    data = session.workspace().open("rich").dataset.table
    for name in ("user_0", "user_7"):
        sides = pd.DataFrame({"value": data[name], "side": RICH}).groupby("value")["side"].agg(set)
        both = {value for value, names in sides.items() if len(names) > 1}
        held = data[data["split"] != "train"][name]
        assert 0 < held.isin(both).sum() < len(held) and len(both) < len(sides)
        assert (
            f"{name}: {len(both)} of {len(sides)} values lie in more than one split, "
            f"with {held.isin(both).sum()} of {len(held)} held-out rows." in said
        )
    assert "user_8" not in said and "And 2 more columns." in said


def test_wide__fields_that_are_not_shown(open_page: Open) -> None:
    app = open_page("splits", ds="wide")
    assert len(table(app, "Field")) == 200 and "3 more fields are not shown." in words(app)
    assert table(app, "Field").columns.tolist() == ["Field", "Row 3", "Row 1", "Same"]


def test_verdicts__written_read_and_stored(open_page: Open, workspace: Workspace) -> None:
    app = open_page("splits", ds="two")
    app.session_state["judge_two"] = True
    app.run()
    write = next(b for b in app.button if b.label == "Write the pairs")
    write.click().run()
    (out,) = workspace.exports("two").glob("*.pairs.csv")
    every = len(pd.read_csv(out))
    assert every > 1 and f"{out.name}: {every} of {every} pairs that nobody has judged." in words(app)
    next(n for n in app.number_input if n.label.startswith("Pairs at most")).set_value(1).run()
    next(b for b in app.button if b.label == "Write the pairs").click().run()
    assert len(pd.read_csv(out)) == 1
    assert f"{out.name}: 1 of {every} pairs that nobody has judged." in words(app)
    lines = ["r0,r10,same", "r1,r11,same", "r2,r13,different", "r3,r15,"]
    file = "\n".join(["row_id_a,row_id_b,verdict,judge", *(f"{line},zed" for line in lines)]).encode()
    app.file_uploader(key="verdicts_file").set_value(("v.csv", file, "text/csv")).run()
    said = words(app)
    assert "3 verdicts of zed: 2 the same, 1 not a duplicate; 1 line without a verdict passed by." in said
    next(b for b in app.button if b.label == "Store 3 verdicts").click().run()
    assert not app.exception
    said = words(app)
    assert "3 pairs across splits judged: 2 the same, 1 not a duplicate, which no longer count." in said
    assert "2 held-out rows were added." in said
    assert app.title[0].value == "2 test rows have a near copy in train"
    counts = table(app, "Judged the same")
    (judged,) = counts[counts["Held-out rows"] > 0].to_dict("records")
    assert (judged["Held-out rows"], judged["Found by it alone"], judged["Judged the same"]) == (2, 2, 2)
    assert judged["Share"] == said_share(2, TWO.count("test"))
