from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data_map import draw_map, stored_map
from core.desk import Desk
from core.errors import InputError
from core.likeness import nearest_to_middle
from core.loading import Prepared
from core.methods.text_likeness import bm25, words_of
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from core.review.about import About
from core.review.areas import Area
from core.review.queue import Filters
from core.settings import Settings
from core.source import Source
from core.workspace import Workspace
from tests.conftest import make_dataset


def desk(tmp_path: Path, texts: list[str], embeddings: np.ndarray | None = None) -> Desk:
    workspace = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    dataset = make_dataset([0, 1] * (len(texts) // 2))
    table = dataset.table.assign(text=pd.array(texts, dtype="str"))
    source = Source(tmp_path / "pets.csv", "csv", "0" * 64, 1)
    made = replace(dataset, table=table)
    workspace.save(Prepared(made, Predictions("m", None, embeddings), source, ()))
    return Desk(workspace, lambda project: {})


def test_bm25__equals_the_formula() -> None:
    texts = ["the card was lost", "Card, card!", "no such word", "", "a lost CARD and a lost wallet"]
    found = bm25(pa.array(texts, pa.large_string()), "Lost card?")
    often = np.array([[1, 1], [0, 2], [0, 0], [0, 0], [2, 1]], dtype=float)
    rare = [np.log(1 + (5 - 2 + 0.5) / 2.5), np.log(1 + (5 - 3 + 0.5) / 3.5)]
    length = np.array([len(t) for t in texts])
    damped = 1.2 * (0.25 + 0.75 * length / length.mean())
    expected = (rare * often * 2.2 / (often + damped[:, None])).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert words_of("Lost card? lost") == ["lost", "card"]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=6), st.text(max_size=30)
)
def test_bm25__any_text(texts: list[str], text: str) -> None:
    found = bm25(pa.array(texts, pa.large_string()), text)
    assert found.shape == (len(texts),) and (found >= 0).all() and np.isfinite(found).all()


def test_bm25__stops_when_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        bm25(pa.array(["a"], pa.large_string()), "a", progress)


def test_queue__rows_like_a_text_best_first(tmp_path: Path) -> None:
    texts = ["where is my card", "lost my card, send a new card", "exchange rate", "rate of my account"]
    found = desk(tmp_path, texts)
    filters = Filters.from_query({"about": "text:card lost", "sort": "near"})
    assert found.queue("pets", filters)[0].tolist() == [1, 0]
    with pytest.raises(InputError, match="there is no word in this text"):
        found.queue("pets", Filters(about="text:!?"))


def test_queue__rows_like_an_area_lie_outside_of_it(tmp_path: Path) -> None:
    group = np.repeat([0, 1, 2, 3], 10)
    rng = np.random.default_rng(0)
    embeddings = (np.eye(4, 6)[group] + rng.normal(0, 0.02, (40, 6))).astype(np.float32)
    found = desk(tmp_path, ["a"] * 40, embeddings)
    project = found.project("pets")
    with pytest.raises(InputError, match="the map of this data set has not been drawn"):
        found.queue("pets", Filters(about="area:pca:-9,-9 9,9"))
    draw_map(found.workspace, project, "pca", Progress())
    places = stored_map(found.workspace, project, "pca")
    assert places is not None
    box = [tuple(places[group == 0].min(axis=0) - 0.01), tuple(places[group == 0].max(axis=0) + 0.01)]
    area = Area.drawn("pca", box)
    inside = area.holds(places)
    rows, _ = found.queue("pets", Filters(about=str(About(area=area)), sort="near"))
    assert inside[:10].all() and not inside[rows].any()
    assert rows.tolist() == nearest_to_middle(embeddings, inside, 100).tolist()


def test_queue__like_a_text_or_an_area_within_one_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three rows are wanted, and the three most alike of all are cats."""
    monkeypatch.setattr("core.likeness.LIKE_ROWS", 3)
    texts = ["card " * (9 - row if row % 2 == 0 else 1) + "other " * row for row in range(8)]
    embeddings = np.ones((8, 3), dtype=np.float32)
    embeddings[:, 0] += np.array([0, 3, 0, 4, 0, 5, 0, 6])
    found = desk(tmp_path, texts, embeddings)
    everything = found.queue("pets", Filters(about="text:card", sort="near"))[0].tolist()
    dogs = found.queue("pets", Filters(about="text:card", sort="near", given="dog"))[0].tolist()
    assert everything == [0, 2, 4] and dogs == [1, 3, 5]
    draw_map(found.workspace, found.project("pets"), "pca", Progress())
    places = stored_map(found.workspace, found.project("pets"), "pca")
    assert places is not None
    area = Area.drawn("pca", [tuple(places[0] - 0.01), tuple(places[0] + 0.01)])
    inside = area.holds(places)
    assert inside.tolist() == [True, False] * 4  # the cats lie in one place
    about = str(About(area=area))
    assert found.queue("pets", Filters(about=about, sort="near", given="dog"))[0].tolist() == [1, 3, 5]
    assert nearest_to_middle(embeddings, inside, 3, np.arange(8) > 2).tolist() == [3, 5, 7]


def test_nearest_to_middle__equals_a_plain_search() -> None:
    embeddings = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float16)
    inside = np.arange(50) % 7 == 0
    unit = embeddings.astype(float) / np.linalg.norm(embeddings.astype(float), axis=1, keepdims=True)
    likeness = unit @ unit[inside].mean(axis=0)
    expected = [row for row in np.argsort(-likeness) if not inside[row]][:6]
    assert nearest_to_middle(embeddings, inside, 6).tolist() == expected
    assert not len(nearest_to_middle(embeddings, np.zeros(50, dtype=bool), 6))
    assert not len(nearest_to_middle(embeddings, np.ones(50, dtype=bool), 6))


@pytest.mark.parametrize("said", ["", "text:", "text:  ", "row:1", "area:", "area:x", "text:" + "a" * 1001])
def test_about__refuses(said: str) -> None:
    with pytest.raises(InputError):
        About.parse(said)
    if said:
        with pytest.raises(InputError):
            Filters.from_query({"about": said})


def test_about__is_read_back_and_does_not_go_with_a_row() -> None:
    for said in ("text:a: b", "area:map:0.1,0.2 0.3,0.4"):
        assert str(About.parse(said)) == said
        assert Filters.from_query(Filters(about=said).to_query()).about == said
    with pytest.raises(InputError, match="like a row and like something else"):
        Filters.from_query({"about": "text:a", "like": "r1"})
