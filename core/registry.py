"""Finds the extensions: one module a check or format, each exporting one object."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def collect(package: ModuleType, kind: type[T]) -> dict[str, T]:
    """Every `kind` instance at the top level of the package's modules, by its name, in name order.

    Raises ValueError when two extensions claim the same name.
    """
    found: dict[str, T] = {}
    origin: dict[str, str] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda i: i.name):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for value in vars(module).values():
            if not isinstance(value, kind):
                continue
            name = value.name  # type: ignore[attr-defined]
            if origin.setdefault(name, module.__name__) != module.__name__:
                raise ValueError(f"{origin[name]} and {module.__name__} both define {name!r}")
            found[name] = value
    return found
