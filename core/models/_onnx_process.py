"""The process that runs an ONNX file, its memory limited: a file made to do harm ends it and nothing else.

    python -m core.models._onnx_process BYTES FILE

It says on stdout what the model takes and gives, then answers each request on stdin. A message is 8 bytes of
length and a `.npz` file.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from core.errors import InputError, refuse
from core.paths import inside

LONGEST = 1 << 30
"""Bytes of a message."""
_LARGEST = (2 << 30) - 1  # of a protobuf file
_LARGEST_BESIDE = 8 << 30
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")


def send(stream: IO[bytes], **arrays: np.ndarray) -> None:
    """Write one message."""
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, **arrays)
    stream.write(len(body.getvalue()).to_bytes(8, "little") + body.getvalue())
    stream.flush()


def receive(stream: IO[bytes]) -> dict[str, np.ndarray]:
    """Read one message. Raises EOFError where the other side is gone or says what is no message."""
    size = int.from_bytes(stream.read(8), "little")
    body = stream.read(size) if 0 < size <= LONGEST else b""
    if len(body) != size or not size:
        raise EOFError
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def checked(path: Path) -> list[str]:
    """The files beside the model that hold weights of it, by name.

    Raises InputError for a file that is no ONNX model, is too large, names files outside its folder, or needs
    operators that are in no standard set.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if path.stat().st_size > _LARGEST:
        raise refuse("it is larger than 2 GB", file=path.name, mend="keep its weights in a file beside it")
    try:
        model = onnx.load_model(path, load_external_data=False)
    except (DecodeError, ValueError, RecursionError) as error:
        raise refuse("it is no ONNX model, or damaged", file=path.name) from error
    own = {function.domain for function in model.functions}
    beside: set[str] = set()
    for node in _nodes([model.graph, *model.functions]):
        if node.domain not in _DOMAINS and node.domain not in own:
            found = f"it needs the operator {node.op_type} of {node.domain!r}, which no standard set has"
            raise refuse(found, file=path.name, mend="export it with standard operators")
    for tensor in _tensors([model.graph, *model.functions]):
        for entry in tensor.external_data:
            if entry.key == "location":
                beside.add(entry.value)
    size = 0
    for name in sorted(beside):
        found_at = inside(path.parent, name)
        if found_at is None:
            raise refuse(
                "weights outside its folder, or not there", file=path.name, expected=f"{name!r} beside it"
            )
        size += found_at.stat().st_size
    if size > _LARGEST_BESIDE:
        raise refuse("its weights are larger than 8 GB", file=path.name)
    return sorted(beside)


def _nodes(graphs: Iterable[Any]) -> Iterator[Any]:
    """Every node of graphs and functions, of the graphs inside nodes too."""
    waiting = list(graphs)
    while waiting:
        for node in waiting.pop().node:
            yield node
            for attribute in node.attribute:
                waiting += [attribute.g] if attribute.HasField("g") else []
                waiting += attribute.graphs


def _tensors(graphs: Iterable[Any]) -> Iterator[Any]:
    waiting = list(graphs)
    while waiting:
        graph = waiting.pop()
        yield from getattr(graph, "initializer", ())
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
        for node in graph.node:
            for attribute in node.attribute:
                yield attribute.t
                yield from attribute.tensors
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from (sparse.values, sparse.indices)
                waiting += [attribute.g] if attribute.HasField("g") else []
                waiting += attribute.graphs


def session(path: Path) -> Any:
    """The model, ready to run on the processor. Raises InputError in the library's words."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise refuse(f"it cannot be run: {said}", file=path.name) from error


def described(model: Any, beside: list[str]) -> dict[str, Any]:
    """What the model takes and gives, for JSON; an unknown length is null."""

    def side(values: Iterable[Any]) -> list[dict[str, Any]]:
        return [{"name": v.name, "type": v.type, "shape": [_length(n) for n in v.shape]} for v in values]

    return {"inputs": side(model.get_inputs()), "outputs": side(model.get_outputs()), "beside": beside}


def _length(said: Any) -> int | None:
    return said if isinstance(said, int) and 0 < said < math.inf else None


def _answer(model: Any, output: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    try:
        return {"values": np.asarray(model.run([output], dict(arrays))[0])}
    except Exception as error:  # noqa: BLE001 - told in words to the process that waits
        return {"refused": np.array(" ".join(str(error).split())[:200])}


def main(memory: str, file: str) -> int:
    """The process. Returns its exit status."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end up between messages
    if sys.platform == "linux":  # other systems accept the limit and do not keep it
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    try:
        beside = checked(Path(file))
        model = session(Path(file))
    except (InputError, MemoryError) as error:
        send(out, refused=np.array(str(error) or "it needs more memory than it may use"))
        return 0
    send(out, told=np.array(json.dumps(described(model, beside))))
    while True:
        try:
            arrays = receive(sys.stdin.buffer)
        except EOFError:
            return 0
        output = str(arrays.pop("output"))
        send(out, **_answer(model, output, arrays))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
