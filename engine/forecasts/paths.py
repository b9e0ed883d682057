"""JSON by paths: `product.periods[].domains[].id` as a column with one value a row.

A path is names joined by points; `[]` goes into each item of a list. The rows are the items of one such path, and the
n-th `[]` of every other path follows the n-th of it: so what stands above a row belongs to the row, and lists side by
side (times here, temperatures there) are zipped.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.documents import shown
from engine.rulebook.naming import nearest

EACH = None
Keys = tuple[str | None, ...]
Shape = int | list["Shape"]
"""How many rows are below a list; a list of them where lists are nested."""


class Mislaid(Exception):
    """Something does not stand where a path leads: where, what is there, what to do."""

    def __init__(self, where: str, what: str, hint: str) -> None:
        self.where, self.what, self.hint = where, what, hint
        super().__init__(f"{where} {what}")


def parse_path(text: str) -> Keys:
    """Names, and EACH for []. Raises ValueError for what is no path."""
    keys: list[str | None] = []
    for part in text.split("."):
        name = part.rstrip("[]")
        depth, rest = divmod(len(part) - len(name), 2)
        if rest or part[len(name) :] != "[]" * depth or not (name or (depth and not keys)) or {"[", "]"} & set(name):
            raise ValueError(f"{shown(text)} is no path")
        keys += [name] if name else []
        keys += [EACH] * depth
    return tuple(keys)


def shape_of(document: Any, rows: Keys) -> Shape:
    """How many rows there are. Raises Mislaid where the path of the rows leads nowhere."""
    return _shape(document, rows, "")


def _shape(node: Any, keys: Keys, where: str) -> Shape:
    node, rest, where = _down(node, keys, where)
    items = _items(node, where)
    if len(rest) == 1:
        return len(items)
    return [_shape(item, rest[1:], f"{where}[{number}]") for number, item in enumerate(items)]


def size_of(shape: Shape) -> int:
    return shape if isinstance(shape, int) else sum(map(size_of, shape))


def column(document: Any, keys: Keys, shape: Shape) -> list[Any]:
    """The value of each row. Raises Mislaid."""
    return _column(document, keys, shape, "")


def _column(node: Any, keys: Keys, shape: Shape, where: str) -> list[Any]:
    node, rest, where = _down(node, keys, where)
    if not rest:
        return [node] * size_of(shape)
    items = _items(node, where)
    wanted = shape if isinstance(shape, int) else len(shape)
    if len(items) != wanted:
        what = f"holds {len(items)} values where there are {wanted} rows"
        raise Mislaid(where or "the document", what, "ask the source for whole data")
    if isinstance(shape, int):
        if len(rest) == 1:
            return list(items)
        return [_down(item, rest[1:], f"{where}[{number}]")[0] for number, item in enumerate(items)]
    found: list[Any] = []
    for number, (item, below) in enumerate(zip(items, shape, strict=True)):
        found += _column(item, rest[1:], below, f"{where}[{number}]")
    return found


def alike(document: Any, keys: Keys) -> list[Keys]:
    """The paths that a path with one * in a name stands for, by name. Raises Mislaid where there is none."""
    place = next(number for number, key in enumerate(keys) if key is not None and "*" in key)
    node, where = document, ""
    for key in keys[:place]:
        if key is EACH:
            items = _items(node, where)
            node, where = (items[0] if items else {}), f"{where}[0]"
        else:
            node, _, where = _down(node, (key,), where)
    before, _, after = str(keys[place]).partition("*")
    names = [name for name in _named(node, where) if name.startswith(before) and name.endswith(after)]
    if not names:
        raise Mislaid(where or "the document", f"has no key like {keys[place]!r}", nearest(before, _named(node, where)))
    return [(*keys[:place], name, *keys[place + 1 :]) for name in sorted(names)]


def place_of(keys: Keys, shape: Shape, row: int) -> str:
    """A path with the numbers of one row in it, for messages."""
    numbers = []
    while not isinstance(shape, int):
        number = 0
        while row >= size_of(shape[number]):
            row -= size_of(shape[number])
            number += 1
        numbers.append(number)
        shape = shape[number]
    numbers.append(row)
    text, left = "", iter(numbers)
    for key in keys:
        text += f"[{next(left)}]" if key is EACH else f".{key}" if text else str(key)
    return text


def _down(node: Any, keys: Keys, where: str) -> tuple[Any, Keys, str]:
    """Along the names up to the next [], or to the end."""
    for number, key in enumerate(keys):
        if key is EACH:
            return node, keys[number:], where
        named = _named(node, where)
        if key not in named:
            raise Mislaid(where or "the document", f"has no key {shown(key)}", nearest(key, named))
        node, where = named[key], f"{where}.{key}" if where else key
    return node, (), where


def _named(node: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(node, dict):
        raise Mislaid(where or "the document", f"is {_kind(node)}, no object", "see the source's own pages")
    return node


def _items(node: Any, where: str) -> Sequence[Any]:
    if node is None:
        return ()
    if not isinstance(node, list):
        raise Mislaid(where or "the document", f"is {_kind(node)}, no list", "see the source's own pages")
    return node


def _kind(node: Any) -> str:
    return "a list" if isinstance(node, list) else "an object" if isinstance(node, dict) else shown(node)
