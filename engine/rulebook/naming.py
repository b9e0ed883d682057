"""What a name that nothing has may have been meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nsmallest

_LOOKED_AT = 20
_LISTED = 12


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint: the known name most like another, or what there is to choose from. Looks at 20 candidates at most."""
    if name and len(name) <= 100:
        # Few mistakes are in the first letter or change the length much.
        alike = [other for other in known if other[:1].lower() == name[:1].lower()]
        close = get_close_matches(name, nsmallest(_LOOKED_AT, alike, key=lambda other: abs(len(other) - len(name))), 1)
        if close:
            return f"did you mean {close[0]}?"
    return f"one of: {listed(known)}"


def listed(names: Iterable[str]) -> str:
    """Names as a message lists them: the first twelve."""
    found = list(names)
    more = f", … ({len(found)} in all)" if len(found) > _LISTED else ""
    return (", ".join(found[:_LISTED]) or "none") + more
