"""Where in its file each character of an expression stands."""

import re
from collections.abc import Iterator, Sequence

from engine.documents import Loc
from engine.errors import Problem
from engine.rulebook.drafts import Draft
from engine.rulebook.syntax import ExpressionError

_ANCHOR = re.compile(r"&\S+\s+")


def flaws(draft: Draft, loc: Loc, text: str, error: ExpressionError) -> Iterator[Problem]:
    """The flaws of an expression as problems; one that comes out of a blueprint is told where it is used."""
    document = draft.document
    if loc[0] in draft.borrowed or loc not in document.places:
        for flaw in error.flaws:
            yield document.problem(loc, f"{flaw.what}, in {text!r}", flaw.hint, flaw.code)
        return
    where = _Locator(document.lines, document.places[loc], text)
    for flaw in error.flaws:
        yield Problem(document.source, *where(flaw.offset), flaw.what, flaw.hint, flaw.code)


class _Locator:
    """Line and column of each character of a scalar, whatever its YAML style: folding moves spaces, never letters."""

    def __init__(self, lines: Sequence[str], start: tuple[int, int], text: str) -> None:
        self._text = text
        self._start = start
        self._places: list[tuple[int, int]] = []
        line, column = start[0] - 1, start[1] - 1
        anchor = _ANCHOR.match(lines[line], column)
        column = anchor.end() if anchor else column
        opening = lines[line][column : column + 1]
        if opening in {"|", ">"}:
            line, column = line + 1, 0
        elif opening in {'"', "'"}:
            column += 1
        while line < len(lines) and len(self._places) <= len(text):
            marks = enumerate(lines[line][column:], column + 1)
            self._places.extend((line + 1, at) for at, mark in marks if not mark.isspace())
            line, column = line + 1, 0

    def __call__(self, offset: int) -> tuple[int, int]:
        letters = sum(not mark.isspace() for mark in self._text[:offset])
        if letters > len(self._places) or not self._places:
            return self._start
        if letters and (offset >= len(self._text.rstrip()) or letters == len(self._places)):
            line, column = self._places[letters - 1]
            return line, column + 1
        return self._places[letters]
