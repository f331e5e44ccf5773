"""A function of the user's own, named as module:function on the command line."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import refuse


def named_function(named: str) -> tuple[Callable[[list[str]], Any], str]:
    """(the function, sha256 of its module's file). Raises InputError where there is none.

    The working folder is looked in last, so that no file of it takes the place of a library. What the
    function calls in other modules is not digested: change the module where that changes.
    """
    module_name, colon, attribute = named.partition(":")
    if not colon or not module_name or not attribute:
        raise refuse(f"{named!r} names no function", expected="module:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise refuse(f"no function {named}: {error}", mend="check the name, and PYTHONPATH") from error
    if not callable(function):
        raise refuse(f"{named} is no function", expected="module:function")
    file = getattr(module, "__file__", None)
    body = Path(file).read_bytes() if file else b""
    return function, hashlib.sha256(named.encode() + b"\0" + body).hexdigest()
