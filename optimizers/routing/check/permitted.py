"""Who may serve what: skills, zones, vehicles named or excluded, sites, and stops that belong together."""

from collections import defaultdict
from collections.abc import Iterator

from optimizers.result import Violation
from optimizers.routing.check.rounds import Known, Round
from optimizers.routing.problem import RoutingPlan, Site, Stop, Vehicle


def permissions(round_: Round) -> Iterator[Violation]:
    """The vehicle has what each stop asks for, and may serve it."""
    for visit, stop in round_.stops():
        for constraint, detail in forbids(round_.vehicle, stop):
            yield round_.broken_at(visit, constraint, 1.0, "1", detail)


def sites(round_: Round) -> Iterator[Violation]:
    """The vehicle may unload where it does."""
    for visit, site in round_.unloadings():
        if why := refuses(round_.vehicle, site):
            yield round_.broken_at(visit, "site", 1.0, "1", why)


def forbids(vehicle: Vehicle, stop: Stop) -> Iterator[tuple[str, str]]:
    """Each word that a vehicle breaks by serving a stop, and what it lacks."""
    if lacking := sorted(set(stop.skills) - set(vehicle.skills)):
        yield "skills", f"lacks {', '.join(lacking)}"
    if vehicle.zones is not None and stop.zone and stop.zone not in vehicle.zones:
        yield "zone", f"zone {stop.zone!r}, the vehicle's are {', '.join(vehicle.zones) or 'none'}"
    if stop.only is not None and vehicle.id not in stop.only:
        yield "only", f"only {', '.join(stop.only) or 'nobody'} may serve it"
    if vehicle.id in stop.never:
        yield "never", "must not serve it"


def refuses(vehicle: Vehicle, site: Site) -> str:
    """Why a vehicle may not unload at a site; '' where it may."""
    if vehicle.sites is not None and site.id not in vehicle.sites:
        return f"the vehicle's sites are {', '.join(vehicle.sites) or 'none'}"
    if site.accepts and not set(site.accepts) & set(vehicle.skills):
        return f"accepts {', '.join(site.accepts)}, the vehicle has {', '.join(vehicle.skills) or 'none'}"
    return ""


def together(known: Known, plan: RoutingPlan) -> Iterator[Violation]:
    """Stops of one name are served by one vehicle, all of them, or none."""
    by = {name: route.vehicle for route in plan.routes for name in route.stops}
    groups: dict[str, list[str]] = defaultdict(list)
    for stop in known.problem.stops:
        if stop.together:
            groups[stop.together].append(stop.id)
    for name, members in groups.items():
        found = {stop: by.get(stop, "nobody") for stop in members}
        if len(set(found.values())) > 1:
            detail = ", ".join(f"{stop} by {vehicle}" for stop, vehicle in found.items())
            yield Violation("together", name, float(len(set(found.values())) - 1), "1", detail)
