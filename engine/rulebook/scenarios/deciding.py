"""Which parts of a condition made it what it is."""

from collections.abc import Iterator

from engine.rulebook.plain import Part

_ARITHMETIC = {"+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!="}


def deciding(part: Part) -> Iterator[str]:
    """The leaves that decided, as the language writes them."""
    below = [child for child in part.parts if child.truth is not None]
    if not below:
        yield written(part)
    for child in below:
        if decides(part, child):
            yield from deciding(child)


def decides(part: Part, child: Part) -> bool:
    """Whether a part below is one that made its condition what it is.

    Of `and` and `or` those that are what the whole is; where the whole is UNKNOWN, only what is UNKNOWN.
    """
    return child.truth is part.truth if part.label in {"and", "or"} else True


def written(part: Part) -> str:
    """A leaf, with the quantities below it put together again."""
    if part.label in _ARITHMETIC and len(part.parts) == 2:
        left, right = (f"({written(one)})" if one.parts else written(one) for one in part.parts)
        return f"{left} {part.label} {right}"
    return written(part.parts[0]) if part.parts and part.truth is None else part.label
