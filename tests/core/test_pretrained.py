"""Pretrained models as features: the registry, what is said of what is absent, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.baseline import baseline, train_and_store, train_where_needed
from core.errors import InputError
from core.features import choices, chosen_embedder
from core.pretrained import listed, missing, offered, open_features, pretrained
from core.retraining import retrain
from core.review.store import Store
from tests.core.models.fake_model import Counting, planted
from tests.core.test_baseline import stored, texts

REAL = (
    "image_callable",
    "image_clip",
    "image_onnx",
    "image_timm",
    "text_callable",
    "text_onnx",
    "text_sentences",
)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return planted(monkeypatch)


def test_pretrained__are_found_without_loading_their_libraries() -> None:
    assert tuple(pretrained()) == REAL
    assert {p.extra for p in pretrained().values()} == {"text", "image", "onnx", ""}


@pytest.mark.parametrize("name", REAL)
def test_pretrained__each_says_how_to_install_what_it_needs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.pretrained.find_spec", lambda module: None)
    found = pretrained()[name]
    if not found.modules:
        assert found.runs_code and missing(found) == ""
        return
    hint = f"needs {', '.join(found.modules)}, not installed here: pip install 'labelmend[{found.extra}]'"
    assert missing(found) == hint
    with pytest.raises(InputError) as caught:
        open_features(f"{name}:/some/where", found.kind)
    assert str(caught.value) == f"{name} {hint}."
    assert any(line.startswith(f"{name}:WEIGHTS") and hint[1:] in line for line in listed())


def test_open_features__takes_the_first_package_that_is_installed(fake: Counting) -> None:
    assert open_features("text_fake", "text").spec == "text_fake:pytest"
    assert open_features("text_fake:/a:b", "text", download=True).at == "/a:b"
    assert fake.opened == [("pytest", False), ("/a:b", True)]


@pytest.mark.parametrize(
    ("spec", "kind", "found"),
    [
        ("text_gone:x", "text", r"no features called 'text_gone' for text. Expected: text_fake, text_absent"),
        ("text_fake:x", "image", "no features called 'text_fake' for image"),
        ("text_absent:x", "text", r"text_absent needs no_such_library, .* pip install 'labelmend\[text\]'"),
        ("text_code:os:abort", "text", "text_code runs code, which only the command line may name"),
    ],
)
def test_open_features__says_what_is_not_there(spec: str, kind, found: str, fake: Counting) -> None:
    with pytest.raises(InputError, match=found):
        open_features(spec, kind)
    assert fake.opened == []


def test_open_features__says_what_weights_are(fake: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.pretrained.in_package", lambda name: None)
    expected = r"needs weights. Expected: text_fake:WEIGHTS, a folder. Mend: or pip install absent or pytest"
    with pytest.raises(InputError, match=expected):
        open_features("text_fake", "text")


def test_offered__only_what_can_run_now_and_runs_no_named_code(fake: Counting) -> None:
    assert [(o.spec, o.title, o.cost) for o in offered("text")] == [
        ("text_fake:pytest", "fake (pytest)", "slow")
    ]
    assert offered("image") == []
    assert [o.spec for o in choices(texts(20))] == ["text_tfidf", "text_characters", "text_fake:pytest"]


def test_baseline__learns_from_a_pretrained_model(fake: Counting, tmp_path: Path) -> None:
    made = baseline(texts(200, (3, 50)), tmp_path, "text_fake:w")
    assert made.predictions.model == "baseline: fake (w)"
    assert made.trust.accuracy == pytest.approx(198 / 200)
    assert [p.found for p in made.problems] == ["a remark of the model"]


def test_features__are_kept_by_content_and_weights(fake: Counting, tmp_path: Path) -> None:
    dataset = texts(60)
    first = baseline(dataset, tmp_path, "text_fake:w")
    again = baseline(dataset, tmp_path, "text_fake:w")
    assert np.array_equal(first.predictions.pred_probs, again.predictions.pred_probs)
    assert fake.calls == 1
    flipped = dataset.labels.copy()
    flipped[:6] = 1 - flipped[:6]
    other = baseline(replace(dataset, labels=flipped), tmp_path, "text_fake:moved")
    assert fake.calls == 1  # other labels, the same weights in another place
    assert [p.found for p in other.problems] == ["a remark of the model"]
    fake.sha = "2" * 64
    baseline(dataset, tmp_path, "text_fake:w")
    assert fake.calls == 2
    table = dataset.table.assign(text=dataset.table["text"] + " more")
    baseline(replace(dataset, table=table), tmp_path, "text_fake:w")
    assert fake.calls == 3


def test_features__damaged_ones_are_made_again(fake: Counting, tmp_path: Path) -> None:
    dataset = texts(60)
    baseline(dataset, tmp_path, "text_fake:w")
    (array,) = tmp_path.glob("features/*/array.npy")
    array.write_bytes(array.read_bytes()[:-1])
    baseline(replace(dataset, labels=1 - dataset.labels), tmp_path, "text_fake:w")
    assert fake.calls == 2
    (array,) = tmp_path.glob("features/*/array.npy")
    assert np.load(array, allow_pickle=False).shape == (60, 2)


def test_built_in_features__are_not_kept(tmp_path: Path) -> None:
    baseline(texts(60), tmp_path)
    assert not (tmp_path / "features").exists()


def test_retrain__takes_the_same_pretrained_model(fake: Counting, tmp_path: Path) -> None:
    dataset = texts(60)
    workspace = stored(tmp_path, dataset)
    chosen = chosen_embedder(dataset, "text_fake")
    train_and_store(workspace, workspace.open("pets"), embedder=chosen)
    assert workspace.recall("pets", "baseline")["embedder"] == "text_fake:pytest"
    made = retrain(workspace, Store(f"sqlite:///{tmp_path / 'd.db'}"), "pets")
    assert made.predictions.model == "baseline: fake (pytest), corrected labels"
    assert fake.calls == 1


def test_retrain__runs_no_function_that_the_command_line_named(fake: Counting, tmp_path: Path) -> None:
    workspace = stored(tmp_path, texts(60))
    assert "baseline: fake (m:f)" in train_where_needed(workspace, "pets", "text_code:m:f")[-1]
    workspace.remember("pets", "baseline", {"embedder": "text_code:m:f", "group_column": None})
    with pytest.raises(InputError, match="which only the command line may name"):
        retrain(workspace, Store(f"sqlite:///{tmp_path / 'd.db'}"), "pets")
    assert fake.opened == [("m:f", False)]


def test_train_where_needed__download_is_passed_on(fake: Counting, tmp_path: Path) -> None:
    workspace = stored(tmp_path, texts(60))
    train_where_needed(workspace, "pets", "text_fake:owner/name", download=True)
    assert fake.opened == [("owner/name", True)]
