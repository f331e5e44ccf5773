"""Text cells that a spreadsheet would run as a formula, made harmless in a way that can be undone.

A cell that begins with = + - @ tab or carriage return (after any number of ') gets one ' in front.
Plain numbers such as -1.5 stay as they are. To undo: from every cell that begins with one or more '
and then one of those characters, remove one '.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def is_formula(cell: str) -> bool:
    """Whether `escape` would change this cell."""
    return _FORMULA.match(cell) is not None and _NUMBER.fullmatch(cell) is None


def escape(cell: str) -> str:
    """The cell with ' in front where a spreadsheet might run it, else the cell itself."""
    return "'" + cell if is_formula(cell) else cell


def unescape(cell: str) -> str:
    """What the cell was before `escape`; exact for every text."""
    return cell[1:] if _ESCAPED.match(cell) else cell
