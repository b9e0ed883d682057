"""Text → syntax: what was written and where, before anybody asks what it means. Nothing in it is executable.

rule        = either [ "then" either "within" NUMBER UNIT ]
either      = both { "or" both }
both        = negation { "and" negation }
negation    = "not" negation | comparison
comparison  = sum [ operator sum | "was" [ operator ] sum NUMBER UNIT "before" ]
sum         = product { ("+" | "-") product }
product     = factor { ("*" | "/") factor }
factor      = "-" factor | NUMBER [ UNIT ] | TEXT | NAME | NAME "(" … ")" | "(" rule ")"
NAME may end in a point and a number, as `overflow.2`: a row of a table
operator    = "==" | "!=" | "<" | "<=" | ">" | ">="
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

MAX_LENGTH = 2_000
MAX_DEPTH = 40
MAX_SIGNS = 60
_LONGEST_SHOWN = 200
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


class Flaw(NamedTuple):
    """One thing wrong with an expression; `offset` counts characters from its start."""

    offset: int
    what: str
    hint: str
    code: str = "syntax"


class ExpressionError(ValueError):
    """An expression that says nothing a rule can mean: every flaw found, in order."""

    def __init__(self, flaws: list[Flaw]) -> None:
        self.flaws = tuple(sorted(set(flaws)))
        super().__init__("; ".join(flaw.what for flaw in self.flaws))


class Token(NamedTuple):
    """A word, number or sign: [offset, end) of the text, its unit among it."""

    kind: str
    text: str
    offset: int
    unit: str = ""
    end: int = 0

    @property
    def word(self) -> str:
        """As written, without the quotes around a text."""
        return self.text[1:-1] if self.kind == "text" else self.text


@dataclass(frozen=True, slots=True)
class Number:
    """A number, with the unit right after it."""

    token: Token


@dataclass(frozen=True, slots=True)
class Word:
    """A name, or a text in quotes."""

    token: Token


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments as tokens: each function reads its own."""

    name: Token
    arguments: tuple[tuple[Token, ...], ...]


@dataclass(frozen=True, slots=True)
class Infix:
    """Two parts and the sign between them: a comparison, arithmetic."""

    operator: Token
    left: "Syntax"
    right: "Syntax"


@dataclass(frozen=True, slots=True)
class Junction:
    """Two or more parts joined by `and`, or by `or`."""

    word: str
    parts: tuple["Syntax", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """`not part`."""

    part: "Syntax"


@dataclass(frozen=True, slots=True)
class Minus:
    """`-part`."""

    token: Token
    part: "Syntax"


@dataclass(frozen=True, slots=True)
class Earlier:
    """`left was operator right ago before`."""

    word: Token
    left: "Syntax"
    operator: str
    right: "Syntax"
    ago: Token


@dataclass(frozen=True, slots=True)
class Succession:
    """`first then second within …`."""

    word: Token
    first: "Syntax"
    second: "Syntax"
    within: Token


Syntax = Number | Word | Call | Infix | Junction | Negation | Minus | Earlier | Succession


def place_of(syntax: Syntax) -> Token:
    """The first token of a part."""
    match syntax:
        case Number(token) | Word(token) | Minus(token) | Call(token):
            return token
        case Infix(_, left) | Earlier(_, left):
            return place_of(left)
        case Junction(_, parts):
            return place_of(parts[0])
        case Negation(part):
            return place_of(part)
        case Succession(_, first):
            return place_of(first)


class SyntaxFlaw(Exception):
    """What ends the reading of an expression."""

    def __init__(self, token: Token, what: str, hint: str) -> None:
        self.flaw = Flaw(token.offset, cut(what), hint)
        super().__init__(what)


def cut(text: str) -> str:
    """A text as a message shows it."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<time>[0-9]{1,2}:[0-9]{2})
      | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[^\W\d]\w*(?:\.[0-9]+)?)
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<operator>==|!=|<=|>=|<|>)
      | (?P<mark>[(),+*/-])
      | (?P<sign>[%°\[\]])""",
    re.VERBOSE,
)
KEYWORDS = frozenset({"and", "or", "not", "then", "within", "was", "before"})
# A unit begins with a letter, a sign, or "/" right before a letter, as in `500 /h`.
UNIT = r"(?!(?:and|or|not|then|within|was|before|in)\b)(?:\[\w+\]|[^\W\d_]|[°%]|/(?=[a-z]))[\w°%/.\[\]²³]*"
_UNIT = re.compile(rf"\s*{UNIT}")
_SUGGESTED = {"=": "write == to compare", "&": "write and", "|": "write or", "!": "write not"}


def parse_syntax(text: str) -> Syntax:
    """Raises ExpressionError with the first flaw: what follows it cannot be read."""
    try:
        if len(text) > MAX_LENGTH:
            raise SyntaxFlaw(Token("", "", 0), f"is longer than {MAX_LENGTH} characters", "split the rule")
        return _Reader(_tokens(text)).whole()
    except SyntaxFlaw as error:
        raise ExpressionError([error.flaw]) from None


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            hint = _SUGGESTED.get(text[at], "a condition holds names, numbers, and, or, not")
            raise SyntaxFlaw(Token("", "", at), f"{text[at]!r} has no meaning here", hint)
        kind, end = str(match.lastgroup), match.end()
        unit = _UNIT.match(text, end) if kind == "number" else None
        if unit:
            end = unit.end()
        if kind != "space":
            found.append(Token(kind, match.group(), at, unit.group().strip() if unit else "", end))
        at = end
    return [*found, Token("end", "the end", len(text), end=len(text))]


class _Reader:
    """Recursive descent; the first flaw stops it."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._signs = 0

    def whole(self) -> Syntax:
        found = self._rule(0)
        token = self._peek()
        if token.kind != "end":
            hint = "check the brackets" if token.kind == "mark" else "join conditions with and, or"
            raise SyntaxFlaw(token, f"{token.text!r} is one word too many", hint)
        return found

    def _rule(self, depth: int) -> Syntax:
        first = self._junction("or", depth)
        word = self._peek()
        if not self._take("then"):
            return first
        second = self._junction("or", depth)
        self._want("within")
        return Succession(word, first, second, self._duration())

    def _junction(self, word: str, depth: int) -> Syntax:
        parts: list[Syntax] = []
        while not parts or self._take(word):
            parts.append(self._junction("and", depth) if word == "or" else self._negation(depth))
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _negation(self, depth: int) -> Syntax:
        self._dive(depth)
        return Negation(self._negation(depth + 1)) if self._take("not") else self._comparison(depth)

    def _dive(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise SyntaxFlaw(self._peek(), f"is nested deeper than {MAX_DEPTH}", "split the rule")

    def _comparison(self, depth: int) -> Syntax:
        left = self._sum(depth)
        token = self._peek()
        if self._take("was"):
            operator = self._pop().text if self._peek().kind == "operator" else "=="
            right, ago = self._sum(depth), self._duration()
            self._want("before")
            return Earlier(token, left, operator, right, ago)
        if token.kind != "operator":
            return left
        found = Infix(self._pop(), left, self._sum(depth))
        if self._peek().kind == "operator":
            raise SyntaxFlaw(self._peek(), "comparisons cannot be chained", "join two comparisons with and")
        return found

    def _sum(self, depth: int) -> Syntax:
        found = self._product(depth)
        while self._sign("+", "-"):
            found = Infix(self._pop(), found, self._product(depth))
        return found

    def _product(self, depth: int) -> Syntax:
        found = self._factor(depth)
        while self._sign("*", "/"):
            found = Infix(self._pop(), found, self._factor(depth))
        return found

    def _sign(self, *signs: str) -> bool:
        """Whether one of the signs is next. Each makes the tree one deeper on its left."""
        token = self._peek()
        found = token.kind == "mark" and token.text in signs
        self._signs += found
        if self._signs > MAX_SIGNS:
            raise SyntaxFlaw(token, f"has more than {MAX_SIGNS} of + - * /", "name parts of it under derive")
        return found

    def _factor(self, depth: int) -> Syntax:
        self._dive(depth)
        token = self._pop()
        if token.text == "-" and token.kind == "mark":
            return Minus(token, self._factor(depth + 1))
        if token.kind == "number":
            return Number(token)
        if token.text == "(" and token.kind == "mark":
            inside = self._rule(depth + 1)
            self._want(")")
            return inside
        if token.kind == "text" or (token.kind == "name" and token.text not in KEYWORDS):
            return Call(token, self._arguments()) if token.kind == "name" and self._take("(") else Word(token)
        raise SyntaxFlaw(token, f"{token.text!r} stands where a value or a name is wanted", "as powerConsumption < 2 W")

    def _arguments(self) -> tuple[tuple[Token, ...], ...]:
        """The tokens up to the closing bracket, parted at commas. A call holds no further call."""
        found: list[tuple[Token, ...]] = []
        argument: list[Token] = []
        while True:
            token = self._pop()
            if token.kind == "end" or token.text == "(":
                hint = "add )" if token.kind == "end" else "name what is in brackets under derive"
                raise SyntaxFlaw(token, f"{token.text!r} stands where ')' is wanted", hint)
            if token.kind == "mark" and token.text in {",", ")"}:
                found.append(tuple(argument))
                argument = []
                if token.text == ")":
                    return tuple(found) if any(found) else ()
            else:
                argument.append(token)

    def _duration(self) -> Token:
        token = self._pop()
        if token.kind != "number":
            raise SyntaxFlaw(token, f"{token.text!r} stands where a duration is wanted", "as 15min")
        return token

    def _want(self, text: str) -> None:
        if not self._take(text):
            token = self._peek()
            raise SyntaxFlaw(token, f"{token.text!r} stands where {text!r} is wanted", f"add {text}")

    def _take(self, text: str) -> bool:
        token = self._peek()
        taken = token.text == text and token.kind in {"name", "mark"}
        self._next += taken
        return taken

    def _pop(self) -> Token:
        token = self._peek()
        self._next += token.kind != "end"
        return token

    def _peek(self) -> Token:
        return self._tokens[self._next]
