"""What part of the territory a word means: a domain, a zone, a point, or an asset that has one point."""

from engine.errors import InputError, Problem
from engine.model import Scope
from engine.rulebook.naming import listed, nearest
from jobs.bootstrap import Territory


def scope_of(territory: Territory, word: str) -> tuple[Scope, str]:
    """Raises InputError for a word that means none of these, with the name it may have been meant to be."""
    zones, domains = zones_of(territory), domains_of(territory)
    if word in domains:
        return Scope.DOMAIN, word
    if word in zones:
        return Scope.ZONE, word
    point = _point(territory, word)
    if point is not None:
        return Scope.POINT, point
    own = _own(territory, word)
    hint = f"one of: {listed(own)}" if own else nearest(word, [*domains, *zones, *territory.by_id])
    raise InputError([Problem(word, 0, 0, "is no domain, zone or point of this territory", hint)])


def find_point(territory: Territory, name: str) -> str:
    """The point somebody means: its own id, or that of an asset with one point. Raises InputError, with near names."""
    point = _point(territory, name)
    if point is not None:
        return point
    near = _own(territory, name) or [point for point in sorted(territory.points) if name.lower() in point.lower()]
    hint = f"one of: {', '.join(near[:5])}" if near else "see the report, or consigne territory export"
    raise InputError([Problem(name, 0, 0, "is not a point of this territory", hint)])


def points_in(territory: Territory, scope: Scope, subject: str) -> list[str]:
    """The points of a domain or zone, or the one point."""
    if scope is Scope.POINT:
        return [subject]
    points = territory.points.values()
    return [point.id for point in points if (point.domain if scope is Scope.DOMAIN else point.zone) == subject]


def domains_of(territory: Territory) -> list[str]:
    """The services whose points this territory has."""
    return sorted({point.domain for point in territory.points.values()})


def zones_of(territory: Territory) -> list[str]:
    return sorted({asset.zone for asset in territory.assets})


def _point(territory: Territory, name: str) -> str | None:
    if name in territory.points:
        return name
    own = _own(territory, name)
    return own[0] if len(own) == 1 else None


def _own(territory: Territory, asset: str) -> list[str]:
    if asset not in territory.by_id:
        return []
    return [point for point in territory.points if point.startswith(f"{asset}/")]
