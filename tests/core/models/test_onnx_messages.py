"""What goes between this process and the one that runs an ONNX file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.models._beside import Beside
from core.models._onnx import Running, first_output
from core.models._onnx_process import receive, send
from core.progress import Progress


def test_receive__gives_what_was_sent() -> None:
    stream = io.BytesIO()
    send(stream, ids=np.array([[1, 2]], np.int64), output=np.array("pooled"))
    send(stream, x=np.ones((2, 3), np.float32))
    stream.seek(0)
    first, second = receive(stream), receive(stream)
    assert first["ids"].tolist() == [[1, 2]] and str(first["output"]) == "pooled"
    assert second["x"].dtype == np.float32 and second["x"].shape == (2, 3)
    with pytest.raises(EOFError):
        receive(stream)


@pytest.mark.parametrize(
    "body", [b"", b"\x01", (9).to_bytes(8, "little") + b"short", (1 << 40).to_bytes(8, "little") + b"x" * 99]
)
def test_receive__what_is_no_message_is_an_end(body: bytes) -> None:
    with pytest.raises(EOFError):
        receive(io.BytesIO(body))


def test_receive__unpickles_nothing() -> None:
    body = io.BytesIO()
    np.savez(body, x=np.array([{"a": 1}], dtype=object))
    message = len(body.getvalue()).to_bytes(8, "little") + body.getvalue()
    with pytest.raises(ValueError, match="allow_pickle=False"):
        receive(io.BytesIO(message))["x"]
    with pytest.raises(ValueError, match="allow_pickle=False"):
        send(io.BytesIO(), x=np.array([{"a": 1}], dtype=object))


def test_running__a_file_that_is_no_model_is_told_in_words(tmp_path: Path) -> None:
    """By the library where it is installed; where it is not, the process ends and that is told."""
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with (
        pytest.raises(InputError, match=r"m.onnx: (it is no ONNX model|it cannot be run|running it failed)"),
        Running(tmp_path / "m.onnx") as running,
        Beside() as beside,
    ):
        beside.run(running.describe, Progress())


def test_first_output__prefers_the_embedding_of_the_sentence() -> None:
    assert first_output([{"name": "tokens"}, {"name": "sentence_embedding"}]) == "sentence_embedding"
    assert first_output([{"name": "tokens"}, {"name": "pooled"}]) == "tokens"
