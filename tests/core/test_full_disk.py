"""A disk that runs full is an error to tell, not the end of the process, as it is where files are mapped."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_SAVE = """
import os
import numpy as np
from pathlib import Path
from core.storage import save_array
save_array(Path(os.environ["TMPDIR"], "array.npy"), np.ones((4 << 10, 1 << 10), np.uint8))
"""
_CONVERT = """
import numpy as np
from core.preflight import large_arrays
large_arrays.MOST_IN_MEMORY = 0
large_arrays.each_chunk(np.ones((4 << 10, 1 << 10), np.uint8), lambda c: c, 1 << 10, np.dtype(np.uint8))
"""


def on_a_disk_of_1_mb(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code with such a disk in `folder`. Skips where the system lends nobody one."""
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=1m none '{folder}'"
    if not shutil.which("unshare") or subprocess.run([*alone, mount], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    run = [*alone, f'{mount} && exec "$0" -c "$1"', sys.executable, code]
    env = {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    return subprocess.run(run, capture_output=True, text=True, env=env)


@pytest.mark.parametrize("code", [_SAVE, _CONVERT])
def test_array_on_a_full_disk__is_an_os_error(tmp_path: Path, code: str) -> None:
    done = on_a_disk_of_1_mb(tmp_path, code)
    assert done.returncode == 1
    assert "OSError: [Errno 28] No space left on device" in done.stderr
