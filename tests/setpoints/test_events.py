"""Events as data: where and when they are held, and what is wrong with a file of them."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import load_catalogue
from engine.errors import InputError
from engine.model import Asset
from engine.setpoints.dated import without
from engine.setpoints.events import Event, events_of, load_events
from engine.setpoints.orders import Order, load_orders, orders_of

CATALOGUE = load_catalogue(Path("datasets/reference/catalogue.yaml"))
WRITTEN = """
events:
  - id: market
    text: {fr: marché, en: market}
    place: {communes: ["49020"], around: {lat: 47.47, lon: -0.55, radius_m: 400}}
    from: 2026-11-28
    until: 2026-12-31
    hours: 17:00-22:00
    days: [fri, sat]
    classes: 1
    lifts: [cut-1]
"""
ORDERS = """
orders:
  - id: cut-1
    authority: {fr: maire, en: mayor}
    number: "2026-031"
    dated: 2026-03-02
    text: {fr: coupure, en: switch-off}
    points: {type: Streetlight, point: illuminanceLevel, where: {lights: park}}
    from: 2026-04-01
    until: 2026-12-31
    hours: 21:00-05:00
    at_most: 0
    crossings: lit
"""
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(lat: float, lon: float, **attributes: object) -> Asset:
    return Asset("L-1", "Streetlight", "Z-1", lon, lat, attributes=attributes)


def write(tmp_path: Path, text: str, name: str = "events.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_file_and_where_its_events_are_held(tmp_path: Path) -> None:
    entries = load_events(write(tmp_path, WRITTEN), ["cut-1"])
    (event,) = events_of(entries, at(48, 2), {"Z-1": "49020"})
    assert (event.id, event.text, event.text_fr, event.classes) == ("market", "market", "marché", 1)
    assert (event.hours, event.days, event.lifts) == ((time(17), time(22)), frozenset({4, 5}), {"cut-1"})
    assert events_of(entries, at(47.4735, -0.55), {}) == (event,)  # 389 m to the north
    assert events_of(entries, at(47.47, -0.5449), {}) == (event,)  # 383 m to the east
    assert events_of(entries, at(47.4737, -0.55), {}) == ()
    assert events_of(entries, at(47.47, -0.5444), {}) == ()


def test_no_place_is_everywhere_and_no_file_is_no_event(tmp_path: Path) -> None:
    place = 'place: {communes: ["49020"], around: {lat: 47.47, lon: -0.55, radius_m: 400}}\n    '
    entries = load_events(write(tmp_path, WRITTEN.replace(place, "")), ["cut-1"])
    assert len(events_of(entries, at(0, 0), {})) == 1
    assert load_events(tmp_path / "none.yaml", []) == ()
    assert load_events(Path("rules/events.yaml"), []) == ()


def test_the_example_beside_the_rules_is_one(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") for line in Path("rules/events.yaml").read_text().splitlines() if "#   " in line]
    (entry,) = load_events(write(tmp_path, "events:\n" + "\n".join(lines)), ["cut-49007"])
    assert (entry.id, entry.classes) == ("noel-angers-2026", 1)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("    classes: 1\n", ""), "an event wants one of: classes"),
        (("classes: 1", "classes: 1\n    full: true"), "an event wants one of: classes"),
        (("classes: 1", "classes: -1"), "events.0.classes"),
        (("until: 2026-12-31", "until: 2026-01-01"), "is before from"),
        (("hours: 17:00-22:00", "hours: evening"), "hours are two local times"),
        (("radius_m: 400", "radius_m: 0"), "radius_m"),
        (("lat: 47.47", "lat: 147"), "lat"),
        (("lifts: [cut-1]", "lifts: [cut-2]"), "'cut-2' is no order → one of: cut-1"),
        (("place: {communes", "place: {towns"), "towns"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, wrong: tuple[str, str], words: str) -> None:
    assert wrong[0] in WRITTEN
    with pytest.raises(InputError) as raised:
        load_events(write(tmp_path, WRITTEN.replace(*wrong)), ["cut-1"])
    assert words in str(raised.value)


def test_every_problem_at_once(tmp_path: Path) -> None:
    twice = WRITTEN + WRITTEN.removeprefix("\nevents:\n").replace("cut-1", "cut-9")
    with pytest.raises(InputError) as raised:
        load_events(write(tmp_path, twice), [])
    assert [problem.what for problem in raised.value.problems] == [
        "'cut-1' is no order",
        "'market' is another event's id",
        "'cut-9' is no order",
    ]


def test_an_event_lifts_the_order_it_names_for_as_long_as_it_lasts(tmp_path: Path) -> None:
    orders = load_orders(write(tmp_path, ORDERS, "orders.yaml"), CATALOGUE)
    park = at(0, 0, lights="park")
    assert orders_of(orders, at(0, 0, lights="road"), "illuminanceLevel", {}) == ()
    market = Event("market", "m", "m", lifts=frozenset({"cut-1"}), hours=(time(22), time(23, 30)))
    other = Event("other", "o", "o", lifts=frozenset({"cut-2"}))
    (order,) = orders_of(orders, park, "illuminanceLevel", {}, (market, other))
    assert order.lifted == (market,)
    assert (order.crossings, order.text_fr) == ("lit", "coupure (maire, arrêté 2026-031 du 2026-03-02)")
    noon = datetime(2026, 11, 25, 11, tzinfo=UTC)
    spans = [(a.strftime("%H:%M"), b.strftime("%H:%M")) for a, b in order.spans(noon, noon + timedelta(days=1))]
    assert spans == [("20:00", "21:00"), ("22:30", "04:00")]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5), st.integers(0, 20), st.integers(1, 20)
)  # fmt: skip
def test_what_is_taken_out_of_a_stretch_is_out_and_all_else_is_in(
    taken: list[tuple[int, int]], begins: int, lasts: int
) -> None:
    def instant(k: int) -> datetime:
        return START + timedelta(minutes=k)

    spans = [(instant(a), instant(b)) for a, b in taken if a < b]
    left = list(without((instant(begins), instant(begins + lasts)), spans))
    for k in range(-1, 62):
        inside = begins <= k < begins + lasts and not any(a <= instant(k) < b for a, b in spans)
        assert inside == any(a <= instant(k) < b for a, b in left)
    assert all(a < b for a, b in left)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 5), (date(2026, 10, 24), 7), (date(2026, 6, 1), 6)])
def test_the_night_the_clock_changes_it_lasts_as_long_as_the_clock_says(day: date, hours: int) -> None:
    event = Event("e", "e", "e", hours=(time(23, 30), time(5, 30)))
    start = datetime(day.year, day.month, day.day, 11, tzinfo=UTC)
    ((begins, ends),) = event.spans(start, start + timedelta(hours=24))
    assert ends - begins == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("at_most: 0\n", "at_most: 50\n"), "50 is none of its values → 0 to 1"),
        (
            ("at_most: 0\n    crossings: lit", "at_least: 0.5\n    crossings: lit"),
            "are for an at_most of street lights",
        ),
        (("crossings: lit", "streets: dim"), "leave streets out"),
        (("crossings: lit", "crossings: bright"), "crossings"),
    ],
)
def test_what_is_wrong_with_what_an_order_says_of_crossings(
    tmp_path: Path, wrong: tuple[str, str], words: str
) -> None:  # fmt: skip
    assert wrong[0] in ORDERS
    with pytest.raises(InputError) as raised:
        load_orders(write(tmp_path, ORDERS.replace(*wrong), "orders.yaml"), CATALOGUE)
    assert words in str(raised.value)


def test_the_templates_beside_the_rules_are_orders(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("# ")
        for line in Path("rules/orders.yaml").read_text().split("#   - id: nuisance-car-parks")[0].splitlines()
        if line.startswith("#   ")
    ]
    entries = load_orders(write(tmp_path, "orders:\n" + "\n".join(lines), "orders.yaml"), CATALOGUE)
    assert [(entry.id, entry.crossings) for entry in entries] == [("cut-49020", "lit"), ("nuisance-parks", "lit")]
    park = orders_of(entries, at(0, 0, lights="park"), "illuminanceLevel", {})
    assert [order.id for order in park] == ["nuisance-parks"]


def test_an_order_binds_no_lower_than_what_it_leaves() -> None:
    assert Order("o", "o", at_most=0.0).ceiling == 0
    assert Order("o", "o", at_most=0.0, keeps=0.69).ceiling == 0.69
    assert Order("o", "o", at_most=0.5, keeps=0.2).ceiling == 0.5
