"""ONNX files, run by a process of their own (core.models._onnx_process)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from core.errors import refuse
from core.models import _weights
from core.models._beside import Beside
from core.models._onnx_process import receive, send
from core.progress import Progress

MEMORY = 8 << 30
"""Bytes of address space that the process may use (on Linux)."""


class Running:
    """A model in its process; ends with it. inputs: name, type and shape of each, None an unknown length."""

    def __init__(self, file: Path) -> None:
        self._file = file
        command = [sys.executable, "-P", "-m", "core.models._onnx_process", str(MEMORY), str(file)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        environment.pop("ORT_LOAD_CONFIG_FROM_MODEL", None)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )

    def describe(self) -> None:
        """Wait until the model is loaded. Raises InputError in words where it cannot be."""
        told: dict[str, Any] = json.loads(str(self._received("told")))
        self.inputs: list[dict[str, Any]] = told["inputs"]
        self.outputs: list[dict[str, Any]] = told["outputs"]
        self.beside = [self._file.parent / name for name in told["beside"]]

    def run(self, output: str, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """One output for these inputs. Raises InputError."""
        stdin = self._process.stdin
        if stdin is None:
            raise TypeError("the process has no stdin")
        try:
            send(stdin, output=np.array(output), **arrays)
        except BrokenPipeError:
            raise self._gone() from None
        return self._received("values")

    def _received(self, wanted: str) -> np.ndarray:
        stdout = self._process.stdout
        if stdout is None:
            raise TypeError("the process has no stdout")
        try:
            arrays = receive(stdout)
        except (EOFError, ValueError, OSError) as error:
            raise self._gone() from error
        if "refused" in arrays:
            raise refuse(str(arrays["refused"]).removesuffix("."), mend="try another file")
        return arrays[wanted]

    def _gone(self) -> Exception:
        found = f"running it failed; it may need more than {MEMORY >> 30} GB of memory"
        return refuse(found, file=self._file.name)

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # what it was sent last, it will not read
                    stream.close()


def found(named: str, download: bool, progress: Progress) -> tuple[Path, list[Path]]:
    """(the ONNX file that a path or a package stands for, it and the files beside it with its weights).

    Raises InputError where there is none, or where the process cannot run it.
    """
    file = _weights.the_file(_weights.located(named, download, progress), (".onnx",))
    with Running(file) as running, Beside() as beside:
        beside.run(running.describe, progress)
        return file, [file, *running.beside]


def first_output(outputs: list[dict[str, Any]]) -> str:
    """The output to take: "sentence_embedding" where there is one, else the first."""
    names = [str(output["name"]) for output in outputs]
    return "sentence_embedding" if "sentence_embedding" in names else names[0]
