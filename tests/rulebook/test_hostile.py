"""Show 5: hostile files are refused in under a second each, and leave the process as it was."""

import gc
import os
import re
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalogue import Catalogue
from engine.errors import InputError
from engine.rulebook import blueprints, calls, drafts, fields, locating, syntax
from engine.rulebook.expressions import Context, ExpressionError, parse_expression, parse_quantity
from engine.rulebook.loading import load_rules

pytestmark = pytest.mark.timeout(120)

SECOND = 3.0  # on a slow machine: what is not bounded takes minutes
MEMORY_KB = 300_000
OWNERS = "owners:\n  tests: {name: {fr: a, en: b}}\n"
HEAD = "about: {fr: a, en: b}, owner: tests, for_each: {type: Lamp}"
THEN = "then: {workorder: {title: {fr: a, en: b}, within: 3 d}}"


def alone() -> None:
    """What other tests left in memory is not looked through again and again, which would count as our time."""
    gc.collect()
    gc.freeze()


@contextmanager
def soon() -> Iterator[None]:
    """Done within a second or three of this process' time, and with little memory."""
    alone()
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - start < SECOND
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KB


def refused(folder: Path, catalogue: Catalogue, **files: bytes | str) -> list[str]:
    """What is told of hostile files."""
    (folder / "owners.yaml").write_text(OWNERS)
    (folder / "some").mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / "some" / f"{name}.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with soon(), pytest.raises(InputError) as caught:
        load_rules(folder, catalogue)
    found = [str(problem) for problem in caught.value.problems]
    assert max(map(len, found)) < 5_000
    assert len(found) < 3_000
    return found


def rule(number: int, when: str = "door", more: str = "") -> str:
    return f"  - {{id: r{number}, when: {when}, {more}{HEAD}, {THEN}}}\n"


LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))

YAML: dict[str, Callable[[], bytes | str]] = {
    "brackets": lambda: "[" * 1_000_000,
    "braces": lambda: "{a: " * 250_000,
    "deep block": lambda: "".join(f"{' ' * n}a:\n" for n in range(1_500)),
    "deep dashes": lambda: "- " * 500_000,
    "billion laughs": lambda: LAUGHS,
    "merges": lambda: "a: &a {x: 1}\nb: {<<: *a}\n" * 1_000,
    "an alias of itself": lambda: "rules: &r [*r]\n",
    "ten megabytes of text": lambda: "rules: '" + "x" * 10_000_000 + "'\n",
    "ten megabytes of digits": lambda: "rules: " + "9" * 10_000_000 + "\n",
    "a megabyte of digits": lambda: "rules: " + "9" * 1_000_000 + "\n",
    "a megabyte of text": lambda: "rules:\n  - id: " + "x" * 1_000_000 + "\n",
    "a megabyte of key": lambda: "'" + "x" * 1_000_000 + "': 1\n",
    "a megabyte of colons": lambda: "rules: " + "1" + ":1" * 500_000 + "\n",
    "a megabyte of underscores": lambda: "rules: 1" + "_" * 1_000_000 + ".e\n",
    "a megabyte of dots": lambda: "rules: " + "." * 1_000_000 + "\n",
    "a hundred thousand keys": lambda: "".join(f"k{n}: 1\n" for n in range(100_000)),
    "one key a hundred thousand times": lambda: "a: 1\n" * 100_000,
    "a hundred thousand traps": lambda: "rules:\n" + "  - no\n" * 100_000,
    "a hundred thousand items": lambda: "rules: [" + "1," * 100_000 + "]\n",
    "a hundred thousand empty maps": lambda: "rules: [" + "{}," * 50_000 + "]\n",
    "a hundred thousand documents": lambda: "---\n" * 100_000,
    "a hundred thousand anchors": lambda: "".join(f"k{n}: &a{n} 1\n" for n in range(60_000)),
    "a hundred thousand tags": lambda: "rules:\n" + "  - !t x\n" * 100_000,
    "python objects": lambda: "rules: !!python/object/apply:os.system ['true']\n",
    "nothing but NUL": lambda: b"\0" * 100_000,
    "noise": lambda: bytes(range(256)) * 1_000,
    "half a character": lambda: b"rules: [caf\xc3",
    "surrogates": lambda: b"rules: \xed\xa0\x80\n",
    "a mark of byte order, twice": lambda: b"\xef\xbb\xbf\xef\xbb\xbfrules: [1]\n",
    "line separators": lambda: "rules:\u2028  - id: no\u2029\u0085",
    "one very long line of brackets": lambda: "rules: " + "[]," * 300_000,
    "quotes without an end": lambda: "rules: '" + "''" * 500_000,
    "backslashes": lambda: 'rules: "' + "\\\\" * 500_000 + '"\n',
    "a directive": lambda: "%TAG ! tag:x,2000:\n---\nrules: !foo [1]\n",
}


@pytest.mark.parametrize("name", YAML)
def test_a_hostile_file_is_refused_soon(name: str, tmp_path: Path, small: Catalogue) -> None:
    assert refused(tmp_path, small, hostile=YAML[name]())


DOUBLING = "derive:\n  q0: {type: Lamp, is: power}\n" + "".join(
    f"  q{n}: {{type: Lamp, is: q{n - 1} + q{n - 1}}}\n" for n in range(1, 60)
)
CHAIN = "derive:\n  q0: {type: Lamp, is: power}\n" + "".join(
    f"  q{n}: {{type: Lamp, is: q{n - 1} + 1 W}}\n" for n in range(1, 1_500)
)
TABLE = f"""\
    table:
      hits: first
      rows:
{f"        - {{when: power > 5 W, {THEN}}}" + chr(10)}"""


def blueprint(body: str, parameters: str = '{a: ""}') -> str:
    return f"blueprints:\n  b:\n    about: {{fr: a, en: b}}\n    parameters: {parameters}\n    rule:\n{body}rules:\n"


def uses(count: int, filling: str = "x" * 64) -> str:
    return "".join(f"  - {{id: u{n}, use: b, with: {{a: {filling}}}}}\n" for n in range(count))


RULES: dict[str, Callable[[], str]] = {
    "ten thousand rules of nonsense": lambda: "rules:\n" + "".join(
        f"  - {{id: r{n}, when: foo{n} bar, for: ever, then: {n}}}\n" for n in range(10_000)
    ),
    "two thousand rules of nonsense": lambda: "rules:\n" + "".join(
        f"  - {{id: r{n}, when: powr{n} < 2 A and any(rul{n} in zone), for_each: {{type: Lmp}}, owner: tsts}}\n"
        for n in range(2_000)
    ),
    "two thousand unknown rules": lambda: "rules:\n" + "".join(rule(n, f"any(rule{n} in zone)") for n in range(2_000)),
    "two thousand unknown properties": lambda: "rules:\n" + "".join(rule(n, f"pow{n} > 2 W") for n in range(2_000)),
    "two thousand rules of one id": lambda: "rules:\n" + rule(1) * 2_000,
    "two thousand rules of one fact": lambda: "rules:\n" + "".join(
        rule(n, "any(f in zone)").replace("then: {", "then: {fact: f, ") for n in range(1_000)
    ),
    "a circle of two thousand rules": lambda: "rules:\n" + "".join(
        rule(n, f"any(r{(n + 1) % 2_000} in zone)") for n in range(2_000)
    ),
    "a hundred rules that look at all": lambda: "rules:\n" + "".join(
        rule(n, " or ".join(f"any(r{m} in zone)" for m in range(100))) for n in range(100)
    ),
    "two thousand unknown blueprints": lambda: "rules:\n" + "".join(
        f"  - {{id: r{n}, use: bp{n}}}\n" for n in range(2_000)
    ),
    "a blueprint that grows": lambda: blueprint(
        "".join(f"      k{n}: {'$a' * 900}\n" for n in range(100))
    ) + uses(2_000),
    "a blueprint that grows a little": lambda: blueprint(
        "".join(f"      k{n}: {'$a' * 30}\n" for n in range(100))
    ) + uses(2_000),
    "a blueprint of ten thousand values": lambda: blueprint(
        "      k:\n" + "".join(f"        - $a{n}\n" for n in range(10_000))
    ) + uses(10),
    "a blueprint of three hundred values, two thousand times": lambda: blueprint(
        "      k: $a\n      l: [" + "1," * 280 + "]\n"
    ) + uses(2_000),
    "a thousand parameters": lambda: blueprint(
        "      when: $a\n", "{" + ", ".join(f"a{n}: x" for n in range(1_000)) + "}"
    ) + uses(10),
    "a hole in a hole": lambda: blueprint("      when: $a\n", '{a: $a}') + uses(1, "$a"),
    "a blueprint that uses itself": lambda: blueprint("      use: b\n      when: $a\n") + uses(1),
    "a table of ten thousand rows": lambda: "rules:\n  - id: t\n    table:\n      hits: first\n      rows:\n" + (
        f"        - {{when: door, {THEN}}}\n" * 10_000
    ),
    "a hundred tables of a hundred rows": lambda: "rules:\n" + "".join(
        f"  - {{id: t{n}, {HEAD}, table: {{hits: first, rows: [" + f"{{when: door, {THEN}}}," * 100 + "]}}\n"
        for n in range(60)
    ),
    "tables out of a blueprint": lambda: blueprint(
        "      when2: $a\n      table: {hits: first, rows: [" + "{when: dor, then: {fact: x}}," * 60 + "]}\n"
    ) + uses(2_000),
    "quantities that double": lambda: DOUBLING + "rules:\n" + rule(1, "q59 > 2 W"),
    "quantities in a chain": lambda: CHAIN + "rules:\n" + rule(1, "q1499 > 2 W"),
    "quantities that double, in many rules": lambda: DOUBLING + "rules:\n" + "".join(
        rule(n, "q7 > 2 W and q8 > 2 W and q59 > 2 W") for n in range(150)
    ),
    "an expression of ten megabytes": lambda: "rules:\n" + rule(1, "door or " * 1_250_000 + "door"),
    "an expression of a megabyte": lambda: "rules:\n" + rule(1, "door or " * 125_000 + "door"),
    "an expression of nine thousand characters": lambda: "rules:\n" + rule(1, "door or " * 1_200 + "door"),
    "absurd numbers": lambda: "rules:\n" + rule(1, "door", f"for: {'9' * 5_000} d, clear_after: 1e999 d, ")
    + rule(2).replace("within: 3 d", f"within: {'9' * 400}h"),
    "absurd levels": lambda: "rules:\n" + "".join(
        rule(n).replace("then: {", f"then: {{want: {{point: level, value: {value}, level: {level}, ttl: 1h}}, ")
        for n, (value, level) in enumerate((("9" * 18, "9" * 18), ("1.0e+308", -1), ("'1e99'", 1.5), ("nan", "x")))
    ),
    "names of python": lambda: "rules:\n" + rule(1, "'__class__'") + rule(2, "'power.__class__.__mro__ > 2 W'")
    + rule(3, "\"attribute('__dict__') > __import__('os').system('true')\"") + rule(4, "'{{7*7}}'") + rule(5, "'${x}'")
    + rule(6, "'9**9**9 > power'") + rule(7, "'lambda: 0'") + rule(8).replace("type: Lamp", "type: __class__"),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_hostile_rules_are_refused_soon(name: str, tmp_path: Path, small: Catalogue) -> None:
    assert refused(tmp_path, small, hostile=RULES[name]())


def test_ten_files_of_a_thousand_rules_of_nonsense(tmp_path: Path, small: Catalogue) -> None:
    nonsense = "rules:\n" + "".join(f"  - {{id: r{n}, when: foo bar, for: ever}}\n" for n in range(1_000))
    found = refused(tmp_path, small, **{f"f{n}": nonsense for n in range(10)})
    assert any("has more problems than these → mend these first" in problem for problem in found)


def test_what_is_no_file_is_refused(tmp_path: Path, small: Catalogue) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "some" / "folder.yaml").mkdir()
    (tmp_path / "some" / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "some" / "pipe.yaml")
    found = refused(tmp_path, small)
    for name, what in (
        ("zero", "is not a file"),
        ("folder", "is not a file"),
        ("pipe", "is not a file"),
        ("loop", "cann"),
    ):
        assert any(f"{name}.yaml yaml {what}" in problem for problem in found), found


EXPRESSIONS = [
    "(" * 1_990, "(" * 900 + "door" + ")" * 900, "not " * 450 + "door", "- " * 900 + "power > 2 W", "-" * 1_900,
    "(((((" * 7 + "door" + "then (" * 30, "power" + " + power" * 240, "power" + " * 1" * 490 + " > 2 W",
    "((((power+1)+1)+1)" * 100, "door or " * 240 + "door", "not (" * 399 + "door", "9**9**9 > power", "9" * 1_990,
    "power > " + "9" * 1_980 + " W", "power > 1e" + "9" * 1_980, "power > 0." + "0" * 1_980 + "1 W", "1" + " " * 1_990,
    "1 " * 990, "a" * 1_990, "a-" * 990, "'" * 1_999, '"' + "x" * 1_990, "1:" * 900, "12:34" * 390,
    "power > 1" + "W" * 1_980, "power > 1 " + "/h" * 900, "power > 1 [" + "a" * 1_900, "power > 1 " + "°%/." * 480,
    "any(" + "a-" * 900 + "a in zone)", "count(" + "x " * 900 + ") > 3", "avg(" + "," * 1_900 + ")",
    "hours(" + "1" * 1_900 + ")", "dates(" + "1-" * 900 + ")", "weekdays(" + "mon," * 480 + "mon)",
    "between(" + "sunset " * 200 + ",sunrise)", "absent(power, " + "9" * 400 + "h)", "power" + " < power" * 240,
    "door then " * 190 + "door", "mode was " * 210, "__class__", "power.__class__",
    "".join("(power+" for _ in range(40)) + "1 W" + ")" * 40 + "> 2 W", "\x00" * 1_990, "\u202e" * 1_990, "é" * 1_990,
    "²" * 1_990, "٣" * 1_990, "power > ٣ W", "attribute(" + "'x'" * 600 + ")", "x" * 10_000_000, "(" * 10_000_000,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
def test_a_hostile_expression_is_read_or_refused_soon(number: int, small: Catalogue) -> None:
    context = Context.of(small.types["Lamp"])
    text = EXPRESSIONS[number]
    with soon():
        for _ in range(10):
            for read in (lambda: parse_expression(text, context), lambda: parse_quantity(text, context, "W")):
                try:
                    read()
                except ExpressionError as error:
                    assert all(0 <= flaw.offset <= len(text) and len(flaw.what) <= 200 for flaw in error.flaws)


ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(path.read_bytes() for path in (ROOT / "rules").glob("*/*.yaml") if not path.match(drafts.SCENARIOS))
PIECES = st.sampled_from(
    [b"or ", b"(", b")", b'"', b"'", b"|\n", b">\n", b"\n", b"  ", b"- ", b": ", b"{", b"}", b"[", b"]", b"&a ", b"*a",
     b"$x", b"!!str ", b"5 W", b"not ", b"then ", b"was 3 5min before", b"any(", b"use: ", b"table:", b"each: zone",
     b"null", b"true", b"1e9", b"-1", b"\xc3\xa9", b"\xff", b"#", b",", b"?", b"%", b"\t", b"9" * 30, b"~"],
)  # fmt: skip


@settings(max_examples=300)
@given(
    content=st.sampled_from(SHIPPED),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), PIECES), min_size=1, max_size=4),
)
def test_any_change_of_a_rule_file_is_taken_or_told_inside_it(
    content: bytes, changes: list[tuple[float, int, bytes]], catalogue: Catalogue
) -> None:
    for share, length, piece in changes:
        at = int(share * len(content))
        content = content[:at] + piece + content[at + length :]
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "owners.yaml").write_bytes((ROOT / "rules" / "owners.yaml").read_bytes())
        (folder / "some").mkdir()
        (folder / "some" / "a.yaml").write_bytes(content)
        try:
            load_rules(folder, catalogue)
        except InputError as error:
            lines = content.decode("utf-8", "replace").splitlines()
            for problem in error.problems:
                assert problem.what and problem.hint and problem.code
                assert 0 <= problem.line <= len(lines) + 1


def patterns() -> dict[str, re.Pattern[str]]:
    """Every regular expression of the front end."""
    modules = (blueprints, calls, drafts, fields, locating, syntax)
    found = {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str)
    }
    spelled = (fields.WORDS, fields.ROWS, fields.FACTS)
    return (
        found | {text: re.compile(text) for text, _ in spelled} | {"names": re.compile(drafts._NAMES.pattern.decode())}
    )


SEARCHED = {"engine.rulebook.blueprints._HOLE", "names"}  # all others are matched where they stand
BOMBS = [
    "a", "1", " ", "-", "_", ".", "/", "$", "$a", "a-", "a_", "1.", "1e", "1 ", "1:", "é", "°", "%", "[", "]", "[a",
    "[a]",
    "'", '"', "\n", "  a", "id: ", "id: a\n", "&a ", "&", "1 /", "1 a", "0", "00-", "or ", "-1", "- ",
]  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_regular_expression_is_more_than_linear(bomb: str) -> None:
    found = patterns()
    assert len(found) >= 9
    alone()
    for end in ("", "!", "\x00"):
        text = bomb * (60_000 // len(bomb)) + end
        for name, pattern in found.items():
            start = time.process_time()
            pattern.fullmatch(text)
            pattern.match(text)
            if name in SEARCHED:
                list(pattern.finditer(text))
            assert time.process_time() - start < 0.5, name
