"""The class names of a YOLO folder, out of data.yaml or a list with a name a line."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import Problem, refuse
from core.paths import inside

_FILES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "labels/classes.txt", "obj.names")
_LARGEST = 1 << 18
_ITEM = re.compile(
    r"""\s*(?:(?P<number>\d+)\s*:|-)?\s*(?P<name>'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^#,\[\]{}]*)"""
)

_COMMA = re.compile(r"\s*(?:,\s*|$)")


def class_names(folder: Path) -> tuple[list[str], list[Problem]]:
    """(names in order of their numbers, what was said); [] where no file has them.

    Raises InputError where a file says them in a way that is not understood, or a name twice.
    """
    for name in _FILES:
        path = inside(folder, name)
        if path is None:
            continue
        if path.stat().st_size > _LARGEST:
            raise refuse(f"{path.stat().st_size:,} bytes", file=name, expected="a list of class names")
        try:
            text = path.read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            raise refuse("not UTF-8 text", file=name, mend="save it as UTF-8") from error
        names = yaml_names(text, name) if name.endswith(("yaml", "yml")) else text.split("\n")
        names = [n.strip() for n in names]
        while names and not names[-1]:
            names.pop()
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise refuse(
                f"the class {twice!r} is there twice", file=name, mend="give every class its own name"
            )
        return names, []
    found = "no data.yaml and no classes.txt: classes are called by their numbers"
    return [], [Problem("notice", found, "add one with a name a line", file=folder.name)]


def yaml_names(text: str, file: str) -> list[str]:
    """The value of the top key `names`: a list or a mapping of numbers, in one line or one an item.

    That much of YAML and no more: nothing is constructed, no alias is followed. Raises InputError.
    """
    found = re.search(r"(?m)^names[ \t]*:[ \t]*(?P<rest>.*)$", text)
    if found is None:
        raise refuse("there is no key 'names'", file=file, mend="add the list of class names")
    rest = found["rest"].split(" #")[0].strip()
    if rest[:1] in ("[", "{"):
        close = text.find("]" if rest[0] == "[" else "}", found.start("rest"))
        behind = re.compile(r"[ \t]*(?:#.*)?$", re.MULTILINE).match(text, close + 1)
        if close < 0 or behind is None:
            raise _not_understood(rest, file)
        items = _flow(text[text.index(rest[0], found.start("rest")) + 1 : close], file)
    elif not rest:
        items = _block(text[found.end() :], file)
    else:
        raise _not_understood(rest, file)
    names = {i if number is None else number: name for i, (number, name) in enumerate(items)}
    if sorted(names) != list(range(len(items))):
        raise refuse("the numbers of the classes are not 0, 1, 2, ...", file=file, mend="number them so")
    return [names[i] for i in range(len(names))]


def _flow(inner: str, file: str) -> list[tuple[int | None, str]]:
    items, at, inner = [], 0, inner.strip()
    while at < len(inner):
        match = _ITEM.match(inner, at)
        if match is None or not match["name"].strip():
            raise _not_understood(inner[at:].strip(), file)
        items.append(_item(match))
        following = _COMMA.match(inner, match.end())
        if following is None:
            raise _not_understood(inner[match.end() :].strip(), file)
        at = following.end()
    return items


def _block(text: str, file: str) -> list[tuple[int | None, str]]:
    items = []
    for line in text.splitlines():
        bare = line.split(" #")[0]
        if not bare.strip() or line.lstrip().startswith("#"):
            continue
        if not re.match(r"\s+\d+\s*:|\s*-\s", bare):
            break
        match = _ITEM.fullmatch(bare.strip())
        if match is None or not match["name"].strip():
            raise _not_understood(bare.strip(), file)
        items.append(_item(match))
    return items


def _item(match: re.Match[str]) -> tuple[int | None, str]:
    name = match["name"].strip()
    if name[:1] == "'":
        name = name[1:-1].replace("''", "'")
    elif name[:1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return None if match["number"] is None else int(match["number"]), name


def _not_understood(text: str, file: str) -> Exception:
    expected = "names: [cat, dog], or a name a line behind a dash or a number"
    return refuse(f"names are not understood: {text[:60]!r}", file=file, expected=expected)
