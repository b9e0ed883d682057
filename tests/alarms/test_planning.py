"""Who is told, when: at once, or once those before have let their time pass; each once, and nobody off duty."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.instants import PARIS
from engine.model import Alarm, AlarmState, Priority
from engine.notify.messages import Channel, Kind, MessageState, Notification
from engine.notify.planning import FLOOD_WITHIN, LIFE, UNSAID, Planned, Situation, plan
from engine.notify.recipients import Recipients

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)  # a Monday, 10:00 in Paris
MINUTE = timedelta(minutes=1)
U, A, R = AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RTN_UNACKNOWLEDGED
MAIL = {"email": "a@example.org"}
BOTH = MAIL | {"webhook": {"url": "https://h.example.org/", "secret_file": "k"}}
TEXT = {"fr": "Lampe éteinte", "en": "Lamp dark"}


def book(chain: Sequence[dict[str, Any]], flood: int = 10, **recipients: dict[str, Any]) -> Recipients:
    people = {"desk": MAIL, "duty": MAIL, "head": MAIL} | recipients
    return Recipients.model_validate({"recipients": people, "otherwise": chain, "flood": flood})


def alarm(id: int = 1, state: AlarmState = U, **fields: Any) -> Alarm:  # noqa: A002
    detail = {"about": TEXT, "consequence": TEXT, "action": TEXT, "respond_within_s": 600.0}
    made = Alarm("lamp-failure", f"L-{id}", "z", state, Priority.HIGH, AT, AT, detail, id=id)
    return replace(made, **fields)


@dataclass
class World:
    """Messages kept as the store keeps them, and a clock."""

    book: Recipients
    now: datetime = AT
    alarms: dict[int, Alarm] = field(default_factory=dict)
    rows: dict[str, Notification] = field(default_factory=dict)

    def tick(self, minutes: float = 0) -> Planned:
        self.now += minutes * MINUTE
        planned = plan(self.book, lambda _: "", lambda _: ("C-1", "z", "49"), self.seen())
        for row in planned.messages:
            before = self.rows.get(row.key)
            assert before is None or before.state in {MessageState.CANCELLED, MessageState.EXPIRED}
            self.rows[row.key] = row if before is None else replace(row, created_at=before.created_at)
        for digest, keys in planned.digested.items():
            for key in keys:
                self.move(key, MessageState.DIGESTED, digest)
        return planned

    def seen(self) -> Situation:
        told: dict[int, list[Notification]] = {}
        for row in self.rows.values():
            if row.alarm is not None:
                told.setdefault(row.alarm, []).append(row)
        since = self.now - FLOOD_WITHIN
        recent = [one for one in self.rows.values() if one.not_before > since or one.state is MessageState.HELD]
        return Situation(self.now, list(self.alarms.values()), told, recent)

    def move(self, key: str, state: MessageState, detail: str = "") -> None:
        self.rows[key] = replace(self.rows[key], state=state, changed_at=self.now, detail=detail)

    def put(self, *alarms: Alarm) -> None:
        self.alarms |= {one.id or 0: one for one in alarms}

    def told(self) -> list[tuple[str, float]]:
        """Who was told of anything, and minutes after AT."""
        return [(one.recipient, (one.not_before - AT) / MINUTE) for one in self.rows.values()]


def test_the_first_is_told_at_once_and_the_next_when_nobody_answers() -> None:
    world = World(book([{"to": "desk"}, {"to": "duty"}, {"to": "head"}]))
    world.put(alarm())
    for minutes in (0, 9.9, 0.1, 5, 5, 5, 60):
        world.tick(minutes)
    assert world.told() == [("desk", 0), ("duty", 10), ("head", 20)]
    assert [one.kind for one in world.rows.values()] == [Kind.ALARM, Kind.ESCALATION, Kind.ESCALATION]


@pytest.mark.parametrize("state", [A, R, AlarmState.SHELVED, AlarmState.NORMAL, AlarmState.SUPPRESSED_BY_DESIGN])
def test_nobody_further_is_told_of_what_was_seen_or_is_over(state: AlarmState) -> None:
    world = World(book([{"to": "desk"}, {"to": "duty"}]))
    world.put(alarm())
    world.tick()
    world.put(alarm(state=state))
    world.tick(60)
    assert world.told() == [("desk", 0)]


def test_what_came_and_went_between_two_looks_is_told_once() -> None:
    world = World(book([{"to": "desk"}, {"to": "duty"}]))
    world.put(alarm(state=R, cleared_at=AT))
    world.tick()
    world.tick(60)
    assert world.told() == [("desk", 0)]
    assert "La condition est passée." in next(iter(world.rows.values())).body


def test_without_a_time_to_respond_half_an_hour_is_waited() -> None:
    world = World(book([{"to": "desk"}, {"to": "duty"}]))
    world.put(alarm(detail={}))
    world.tick()
    assert not world.tick((UNSAID - timedelta(seconds=1)) / MINUTE)
    assert world.tick(1 / 60)


def test_those_who_listen_to_more_urgent_ones_only_are_passed_over() -> None:
    world = World(book([{"to": "desk"}, {"to": ["duty", "head"]}], desk=MAIL | {"least": "critical"}))
    world.put(alarm())
    world.tick()
    assert world.told() == [("duty", 0), ("head", 0)]
    world.put(alarm(2, priority=Priority.CRITICAL))
    world.tick(1)
    assert world.told()[2:] == [("desk", 1)]


def test_one_that_was_lost_is_not_waited_for() -> None:
    world = World(book([{"to": "desk"}, {"to": "duty"}]))
    world.put(alarm())
    world.tick()
    world.move("1/desk/email", MessageState.FAILED)
    world.tick(1)
    assert world.told() == [("desk", 0), ("duty", 1)]


def test_when_all_have_been_told_those_it_did_not_reach_in_time_are_told_again() -> None:
    world = World(book([{"to": "desk", "hours": "08:00-18:00"}, {"to": "duty"}]))
    world.put(alarm())
    world.tick()
    first = world.rows["1/desk/email"].message_id
    world.move("1/desk/email", MessageState.EXPIRED)
    world.tick(1)
    assert world.told() == [("desk", 0), ("duty", 1)]  # the next at once, and only then the first again
    world.tick(9)
    world.tick(1)
    assert world.told() == [("desk", 11), ("duty", 1)]
    assert world.rows["1/desk/email"].message_id == first
    for key in ("1/desk/email", "1/duty/email"):
        world.move(key, MessageState.EXPIRED)
    world.tick(9 * 60)  # 19:11: nobody but the one on duty
    assert world.told()[1] == ("duty", 9 * 60 + 11)
    world.move("1/duty/email", MessageState.FAILED)
    assert not world.tick(1)
    world.tick(13 * 60)
    assert world.told()[0] == ("desk", 22 * 60 + 12)


def test_a_cancelled_escalation_is_written_again_when_the_condition_is_back() -> None:
    world = World(book([{"to": "desk"}, {"to": "duty"}]))
    world.put(alarm())
    world.tick()
    world.tick(10)
    world.move("1/duty/email", MessageState.CANCELLED)
    world.put(alarm(state=R))
    assert not world.tick(1)
    world.put(alarm())
    world.tick(1)
    assert world.told() == [("desk", 0), ("duty", 12)]


def test_every_channel_of_a_recipient_carries_it_and_nobody_is_told_twice() -> None:
    world = World(book([{"to": "desk"}, {"to": ["desk", "duty"]}], desk=BOTH))
    world.put(alarm())
    world.tick()
    world.tick(10)
    assert sorted(world.rows) == ["1/desk/email", "1/desk/webhook", "1/duty/email"]
    assert {one.channel for one in world.rows.values()} == set(Channel)


def test_a_service_has_its_own_chain() -> None:
    chains = {"recipients": {"a": MAIL, "b": MAIL}, "services": {"x": [{"to": "a"}]}, "otherwise": [{"to": "b"}]}
    seen = Situation(AT, [alarm(), replace(alarm(2), rule="other")])
    found = plan(Recipients.model_validate(chains), lambda one: "x" if one.id == 1 else "", lambda _: (), seen)
    assert [one.key for one in found.messages] == ["1/a/email", "2/b/email"]


def test_a_message_does_not_outlive_the_duty_it_is_for() -> None:
    world = World(book([{"to": "desk", "hours": "08:00-18:00"}]), now=AT + 6 * 60 * MINUTE)  # 16:00
    world.put(alarm())
    world.tick()
    assert world.rows["1/desk/email"].expires_at == AT + 8 * 60 * MINUTE
    always = World(book([{"to": "desk"}]))
    always.put(alarm())
    always.tick()
    assert always.rows["1/desk/email"].expires_at == AT + LIFE


# Floods


def test_a_crowd_becomes_one_message_counted_by_cause() -> None:
    world = World(book([{"to": "desk"}], flood=10))
    world.put(*map(alarm, range(1, 11)))
    world.tick()
    assert {one.state for one in world.rows.values()} == {MessageState.QUEUED}
    world.put(*map(alarm, range(11, 41)))
    planned = world.tick(1)
    digest = next(one for one in planned.messages if one.kind is Kind.DIGEST)
    assert digest.state is MessageState.QUEUED
    assert (digest.subject, digest.alarm) == ("[HAUTE] 30 alarmes à la fois", None)
    assert "30 × lamp-failure : C-1" in digest.body
    assert sum(one.state is MessageState.DIGESTED for one in world.rows.values()) == 30
    assert not world.tick()


def test_digests_come_at_most_every_ten_minutes_and_end_with_the_flood() -> None:
    world = World(book([{"to": "desk"}], flood=2))
    digests = []
    for number in range(1, 31):
        world.put(alarm(number))
        planned = world.tick(1)
        digests += [world.now for one in planned.messages if one.kind is Kind.DIGEST]
    assert [round((b - a) / MINUTE) for a, b in pairwise(digests)] == [10, 10]
    world.tick(10)
    assert not any(one.state is MessageState.HELD for one in world.rows.values())
    world.put(alarm(99))
    world.tick(11)
    assert world.rows["99/desk/email"].state is MessageState.QUEUED


def test_no_crowd_hides_a_critical_one() -> None:
    world = World(book([{"to": "desk"}], flood=2))
    world.put(*map(alarm, range(1, 9)), alarm(9, priority=Priority.CRITICAL))
    world.tick()
    assert world.rows["9/desk/email"].state is MessageState.QUEUED
    assert {world.rows[f"{n}/desk/email"].state for n in range(1, 9)} == {MessageState.DIGESTED}


def test_the_next_step_waits_from_the_digest_on_not_from_the_flood() -> None:
    world = World(book([{"to": "desk"}, {"to": "duty"}], flood=1))
    world.put(*map(alarm, (1, 2)))
    world.tick()  # a digest at once
    world.put(alarm(3))
    world.tick(2)  # held until minute 10
    assert world.rows["3/desk/email"].state is MessageState.HELD
    world.tick(8)
    assert world.rows["3/desk/email"].state is MessageState.DIGESTED
    world.tick(9)
    assert "3/duty/email" not in world.rows
    world.tick(1)
    assert "3/duty/email" in world.rows


# Whatever happens

HOURS = ["08:00-18:00", "18:00-08:00", "02:00-03:00", "00:00-24:00", "12:00-12:30"]
STEPS = st.lists(
    st.fixed_dictionaries(
        {"to": st.lists(st.sampled_from(["desk", "duty", "head"]), min_size=1, max_size=2, unique=True)},
        optional={
            "hours": st.sampled_from(HOURS),
            "weekdays": st.sampled_from([["mon", "tue", "wed", "thu", "fri"], ["sat", "sun"]]),
            "public_holidays": st.just("never"),
        },
    ),
    min_size=1,
    max_size=4,
)
# Nights on which clocks change, and one before a public holiday.
STARTS = [datetime(2026, 10, 24, 20, tzinfo=PARIS), datetime(2026, 3, 28, 20, tzinfo=PARIS), AT]


@settings(max_examples=40)
@given(
    STEPS,
    st.sampled_from(STARTS),
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(Priority)), min_size=1, max_size=6),
    st.dictionaries(st.integers(0, 5), st.integers(0, 2_000)),
    st.sampled_from([1, 10]),
    st.sampled_from(["low", "high"]),
    st.lists(st.sampled_from([MessageState.SENT, MessageState.EXPIRED, MessageState.FAILED]), max_size=4),
)
def test_everybody_due_hears_once_and_nobody_off_duty(
    chain: list[dict[str, Any]], start: datetime, raised: list[tuple[int, Priority]], seen: dict[int, int], flood: int,
    least: str, fates: list[MessageState],
) -> None:  # fmt: skip
    """Nine days, a look every ten minutes; some alarms are acknowledged, the others stand to the end.

    `fates`: what becomes of the first messages; later ones stay on their way.
    """
    world = World(book(chain, flood, head=MAIL | {"least": least}), now=start.astimezone(UTC) - 10 * MINUTE)
    lost, ids, seen_at = bool(fates), dict[str, str](), dict[int, datetime]()
    for look in range(9 * 144):
        world.now += 10 * MINUTE
        happen(world, look * 10, raised, seen, seen_at)
        world.tick()
        if look % 36 == 0:
            assert not world.tick()  # told again at once, there is nothing to tell
        for key, row in world.rows.items():
            assert ids.setdefault(key, row.message_id) == row.message_id
            assert row.alarm is None or world.book.otherwise[row.step].on_duty(row.not_before)
            if row.state is MessageState.QUEUED and row.kind is not Kind.DIGEST and fates:
                world.move(key, fates.pop())
    for number, one in world.alarms.items():
        check_occurrence(world, one, seen_at.get(number), lost)
    check_crowds([row for row in world.rows.values() if row.kind is not Kind.DIGEST], flood, lost)


def happen(
    world: World, minute: int, raised: list[tuple[int, Priority]], seen: dict[int, int], seen_at: dict[int, datetime]
) -> None:  # fmt: skip
    """Raise and acknowledge what is due by a minute."""
    for number, (at, priority) in enumerate(raised):
        if number not in world.alarms and at <= minute:
            world.put(alarm(number, priority=priority, raised_at=world.now))
        if number in world.alarms and number not in seen_at and seen.get(number, 10**9) <= minute:
            world.put(replace(world.alarms[number], state=A))
            seen_at[number] = world.now


def check_occurrence(world: World, one: Alarm, seen_at: datetime | None, lost: bool) -> None:
    """Each who listens once, in their turn, until somebody has seen it."""
    steps = world.book.otherwise
    rows = [row for row in world.rows.values() if row.alarm == one.id]
    assert len({row.recipient for row in rows}) == len(rows)
    for row in rows:
        assert row.created_at <= row.not_before < row.expires_at
        assert row.recipient in steps[row.step].to
        assert seen_at is None or row.not_before <= seen_at
    times = sorted({row.step: row.created_at for row in rows}.values())
    assert lost or all(b - a >= timedelta(seconds=600) for a, b in pairwise(times))
    if seen_at is None:
        listening = {name for step in steps for name in step.to if world.book.recipients[name].hears(one.priority)}
        assert {row.recipient for row in rows} == listening


def check_crowds(rows: Sequence[Notification], flood: int, lost: bool) -> None:
    """Single messages while they are few in ten minutes, digests else; critical ones counted apart."""
    for row in rows:
        together = [
            other for other in rows
            if row.not_before - FLOOD_WITHIN < other.not_before <= row.not_before
            and other.recipient == row.recipient
            and (other.priority is Priority.CRITICAL) is (row.priority is Priority.CRITICAL)
        ]  # fmt: skip
        assert row.state is not MessageState.HELD
        assert row.state is not MessageState.QUEUED or len(together) <= flood
        assert lost or row.state is not MessageState.DIGESTED or len(together) > flood
