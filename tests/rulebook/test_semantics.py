"""The engine against the plain one: every construct, random rules and sequences, any cuts and restarts.

Three properties (SEMANTICS 15, and the engine's own): however a sequence is cut, with restarts between, what is said
is the same to the last timestamp; more ticks, none later than the next item, change nothing; and both engines agree.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from engine.instants import to_us
from engine.rulebook import DurableInference, Inference, ReferenceInference, durable_available
from tests.rulebook.fuzz import BIRTH, CATALOGUES, Author, Item, differences, plainly, quickly, random_book, sequence

SHORT, LONG = 3_000, 100_000
soak = pytest.param(LONG, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)])


def compare(first_seed: int, transactions: int, inference: Callable[[], Inference], rules: int = 7) -> Counter[str]:
    """Random books and sequences until so many messages and ticks were taken. Returns what was used and said."""
    count: Counter[str] = Counter()
    seed = first_seed
    while count["transactions"] < transactions:
        rng = random.Random(seed)
        author = Author(rng)
        catalogue = rng.choice(CATALOGUES)
        rulebook = random_book(author, rng.randint(1, rules), catalogue)
        items = sequence(rng, rng.choice((10, 30, 60)))
        plain = plainly(rulebook, items, catalogue)
        found = list(differences(plain, quickly(rulebook, items, rng, inference, catalogue)))
        assert not found, f"seed {seed}: {found[:5]}"
        count += author.used
        count.update({key: len(said) for key, said in plain.items()})
        count["transactions"] += len(items)
        count["books"] += 1
        seed += 1
    return count


def told(name: str, count: Counter[str], began: float) -> None:
    print(
        f"\n{name}: {count['transactions']} messages and ticks in {count['books']} rulebooks, {count['edges']} edges, "
        f"{count['alarms']} alarm changes, {count['wants']} wants: 0 differences in {time.monotonic() - began:.0f} s"
    )


@pytest.mark.parametrize("transactions", [SHORT, soak])
def test_the_engine_says_what_the_plain_one_says_however_it_is_cut(transactions: int) -> None:
    began = time.monotonic()
    count = compare(10_000, transactions, ReferenceInference)
    told("plain and fast", count, began)
    assert set(CONSTRUCTS) <= set(count), sorted(set(CONSTRUCTS) - set(count))
    assert min(count[key] for key in ("edges", "alarms", "wants", "requests")) > 50


# What the author must have written at least once, or the comparison says little.
CONSTRUCTS = (
    "threshold", "choice", "switch", "window", "at least", "count", "delta", "rate", "absent", "age", "changed",
    "changed within", "was", "was switch", "relation", "attribute", "ratio", "minus", "text", "truth attribute",
    "hours", "weekdays", "holidays", "dates", "sun", "between", "constant", "and", "or", "not", "sequence", "schedule",
    "every", "lateness", "silenced", "blocked", "stage asset", "stage zone", "stage commune", "stage territory",
    "any in zone", "none in parent", "count in children", "together in zone",
)  # fmt: skip


@pytest.fixture(scope="module")
def durable() -> Iterator[Callable[[], Inference]]:
    """One worker for all books, each transaction answered by both inferences."""
    if not durable_available():
        pytest.skip("durable_rules does not import here")
    with DurableInference(check_every=1) as inference:
        yield lambda: inference


@pytest.mark.parametrize("transactions", [600, pytest.param(20_000, marks=soak.marks)])
def test_durable_rules_in_its_place_changes_nothing(
    transactions: int, durable: Callable[[], Inference]
) -> None:  # fmt: skip
    began = time.monotonic()
    told("plain and fast with durable_rules", compare(50_000, transactions, durable), began)
    assert durable().take_faults() == ()


@pytest.mark.parametrize("seed", range(20_000, 20_020))
def test_more_ticks_change_nothing(seed: int) -> None:
    rng = random.Random(seed)
    catalogue = rng.choice(CATALOGUES)
    rulebook = random_book(Author(rng), rng.randint(1, 6), catalogue)
    items = sequence(rng, 30)
    few = plainly(rulebook, items, catalogue)
    many = quickly(rulebook, list(refined(items, rng)), rng, ReferenceInference, catalogue)
    assert not list(differences(few, many))


def refined(items: list[Item], rng: random.Random) -> Iterator[Item]:
    """The items, with ticks between: none later than any item that follows, for a tick moves every zone's clock."""
    clock = to_us(BIRTH)
    instants = [item if isinstance(item, int) else item[0][2] for item in items]
    for place, item in enumerate(items):
        following = min(instants[place:])
        if following >= clock:
            yield from sorted(rng.randint(clock, following) for _ in range(rng.randrange(3)))
        clock = max(clock, instants[place])
        yield item
