"""Rounds as an iCalendar file (RFC 5545): an event for each truck, in the time of Paris."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event

from engine.instants import PARIS
from engine.rounds import Round
from jobs.words import Lang, number, say

_PRODUCT = "-//Consigne//collection rounds//FR"
_HOST = "consigne.invalid"
"""Makes ids unique in the world, as RFC 5545 wants; `.invalid` is nobody's (RFC 2606)."""


def to_icalendar(rounds: Sequence[Round], made_at: datetime, lang: Lang) -> bytes:
    """One VEVENT a round, from leaving to being back, and a VTIMEZONE. The same truck and day have the same UID, so
    that a newer file replaces the event. `made_at`: when the plan was made.
    """
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    for found in rounds:
        if found.lines:
            calendar.add_component(_event(found, made_at, lang))
    if calendar.events:
        day = calendar.events[0].start.date()
        calendar.add_missing_timezones(day - timedelta(days=370), day + timedelta(days=370))
    return bytes(calendar.to_ical())


def _event(found: Round, made_at: datetime, lang: Lang) -> Event:
    event = Event()
    event.add("uid", f"{found.vehicle}-{found.day}@{_HOST}")
    event.add("dtstamp", made_at)
    start_at = found.start_at.astimezone(PARIS).replace(microsecond=0)
    # In the hour that comes twice, local time is that of the first (RFC 5545, 3.3.5): the second is told in UTC.
    event.add("dtstart", start_at.astimezone(UTC) if start_at.fold else start_at)
    event.add("duration", timedelta(seconds=round((found.end_at - found.start_at).total_seconds())))
    event.add("summary", say("round_summary", lang, vehicle=found.vehicle, stops=len(found.stops)))
    km = number(found.distance_m / 1000, lang, 1)
    first = found.lines[0]
    event.add("description", say("round_description", lang, km=km, kg=number(found.mass_kg, lang), plan=found.plan))
    event.add("location", first.place or first.asset)
    event.add("geo", (first.lat, first.lon))
    return event
