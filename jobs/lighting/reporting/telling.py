"""A report for people, machines and spreadsheets."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from jobs.lighting.reporting.figures import By, Group, members, outside_band
from jobs.lighting.reporting.making import LightingReport
from jobs.words import Lang, aligned, change, number, percent, say

_NAMED = 3


def to_lines(report: LightingReport, by: By, lang: Lang) -> list[str]:
    """Three tables that a narrow terminal holds: energy; light beside what was called for; money and EN 13201-5."""
    groups = report.lines(by) if by is By.TERRITORY else (*report.lines(by), *report.lines(By.TERRITORY))
    found = [(name_of(report, group, lang), group.figures()) for group in groups]
    nights = len(report.planned)
    parts: tuple[tuple[Sequence[str], Callable[[dict[str, Any]], Iterator[str]]], ...] = (
        (("planned", "measured", "off", "less_fixed", "less_full"), lambda row: _energy(row, lang)),
        (("lamps", "under", "deep", "crossings", "over", "fixed_under"), lambda row: _light(row, nights, lang)),
        (("eur", "eur_fixed", "co2", "switches", "pdi", "aeci"), lambda row: _money(row, lang)),
    )
    lines: list[str] = []
    for heads, cells in parts:
        rows = [["", *(say(f"report_{head}", lang) for head in heads)], *([name, *cells(row)] for name, row in found)]
        lines += ["", *aligned(rows)]
    return [say("report_head", lang, first=report.first, last=report.last, nights=nights), *lines, ""]


def short_lines(told: Mapping[str, Any], lang: Lang) -> list[str]:
    """What `to_json` gave of communes, in one narrow table: energy, light, carbon, money."""
    heads = ("planned", "measured", "under", "fixed_under", "co2", "eur")
    rows = [["", *(say(f"report_{head}", lang) for head in heads)]]
    for line in (*told["lines"], told["total"]):
        name = line["commune_name"] or say("report_territory", lang)
        energy = number(line["planned_kwh"], lang, 1), _figure(line["measured_kwh"], lang, 1)
        light = percent(line["under_share"], lang), percent(line["fixed_under_share"], lang)
        rows.append(
            [name, *energy, *light, number(line["planned_co2_kg"], lang, 1), number(line["planned_eur"], lang, 2)]
        )
    return list(aligned(rows))


def name_of(report: LightingReport, group: Group, lang: Lang) -> str:
    """How people call a line."""
    commune = report.names.get(group.commune, group.commune)
    if not group.commune:
        return say("report_territory", lang)
    if group.id == group.commune:
        return commune
    return group.id or f"{commune}, {say('report_no_cabinet', lang)}"


def _energy(found: dict[str, Any], lang: Lang) -> Iterator[str]:
    yield number(found["planned_kwh"], lang, 1)
    yield _figure(found["measured_kwh"], lang, 1)
    yield change(found["measured_over_planned"], lang)
    yield change(_less(found["saved_against_fixed"]), lang)
    yield change(_less(found["saved_against_full"]), lang)


def _light(found: dict[str, Any], nights: int, lang: Lang) -> Iterator[str]:
    yield number(found["lamp_nights"] / nights, lang)
    for name in ("under", "under_deep", "crossing_under", "over", "fixed_under"):
        yield percent(found[f"{name}_share"], lang)


def _money(found: dict[str, Any], lang: Lang) -> Iterator[str]:
    yield number(found["planned_eur"], lang, 2)
    yield number(found["fixed_eur"], lang, 2)
    yield number(found["planned_co2_kg"], lang, 1)
    yield f"{_figure(found['switches_mean'], lang, 1)} / {found['switches_most']}"
    density = found["power_density_w_per_lx_m2"]
    yield _figure(None if density is None else 1e3 * density, lang, 1)
    yield _figure(found["energy_density_wh_per_m2"], lang, 1)


def _figure(value: float | None, lang: Lang, digits: int) -> str:
    return "–" if value is None else number(value, lang, digits)


def _less(saved: float | None) -> float | None:
    return None if saved is None else -saved


def notes(report: LightingReport, lang: Lang) -> list[str]:
    """What the figures stand on, and what they leave out."""
    return list(_notes(report, lang))


def _notes(report: LightingReport, lang: Lang) -> Iterator[str]:
    (whole,) = report.lines(By.TERRITORY)
    found, ground = whole.figures(), report.ground
    if report.unplanned:
        yield say("report_unplanned", lang, nights=len(report.unplanned), first=report.unplanned[0])
    if found["cabinet_nights_unmeasured"]:
        yield say("report_unmeasured", lang, cabinets=found["cabinet_nights_unmeasured"])
    if found["under_budget_share"]:
        yield say("report_under_budget", lang, share=percent(found["under_budget_share"], lang))
    far = outside_band(report.lines(By.CABINET))
    if far:
        yield say("report_far", lang, cabinets=len(far), names=", ".join(far[:_NAMED]) + ", …" * (len(far) > _NAMED))
    if found["lamp_nights_without_area"]:
        lamps = found["lamp_nights_without_area"] // len(report.planned)
        yield say("report_no_area", lang, lamps=number(lamps, lang))
    if ground.unread:
        yield say("report_unread", lang, lamps=number(ground.unread, lang))
    for name in report.contracts:
        about = report.costs.contracts[name].about
        yield say("report_contract", lang, name=name, about=about.fr if lang == "fr" else about.en)
    for entry in report.carbon:
        yield say("report_carbon", lang, g=number(entry.g_per_kwh, lang, 1), source=entry.source, day=entry.from_day)


def to_json(report: LightingReport, by: By) -> dict[str, Any]:
    """Everything, with the unit in each name."""
    return {
        "first_night": report.first.isoformat(),
        "last_night": report.last.isoformat(),
        "nights": len(report.planned),
        "nights_without_plan": [day.isoformat() for day in report.unplanned],
        "lamps_unread": report.ground.unread,
        "carbon": [entry.model_dump(mode="json") for entry in report.carbon],
        "contracts": list(report.contracts),
        "by": by.value,
        "lines": [_with_periods(report, group, by) for group in report.lines(by)],
        "total": _with_periods(report, report.lines(By.TERRITORY)[0], By.TERRITORY),
    }


def _with_periods(report: LightingReport, group: Group, by: By) -> dict[str, Any]:
    """Of a single night also the operational periods."""
    line = _line(report, group)
    if report.profile is None:
        return line
    return line | {"periods": report.profile.periods(members(report.ground, by, group))}


def to_csv(report: LightingReport, by: By) -> str:
    """The lines with a head, numbers with a point, as spreadsheets of every country can be told to read."""
    rows = [_line(report, group) for group in report.lines(by)]
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _line(report: LightingReport, group: Group) -> dict[str, Any]:
    name = report.names.get(group.commune, "")
    return {"id": group.id, "commune": group.commune, "commune_name": name, **group.figures()}
