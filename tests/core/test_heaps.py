from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

MANY_THREADS = """
import ctypes, sys, threading
from core.heaps import share_heaps
if sys.argv[1] == "shared":
    assert share_heaps()
malloc = ctypes.CDLL(None).malloc
malloc.argtypes, malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
places, done = [], threading.Barrier(17)

def ask():
    places.append(malloc(1000) >> 26)  # heaps begin at multiples of 64 MB
    done.wait()

for _ in range(16):
    threading.Thread(target=ask, daemon=True).start()
done.wait()
print(len(set(places)))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="a setting of glibc")
def test_share_heaps__threads_get_no_heap_of_their_own() -> None:
    def heaps(how: str) -> int:
        command = [sys.executable, "-c", MANY_THREADS, how]
        return int(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)

    assert heaps("shared") <= 2 < heaps("apart")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="a setting of glibc")
def test_share_heaps__the_server_has_arrow_take_its_memory_there(tmp_path: Path) -> None:
    asks = "import app, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    env = {**os.environ, "LABELMEND_WORKSPACE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", asks], check=True, capture_output=True, timeout=60, env=env)
    assert done.stdout.split()[-1] == b"system"
