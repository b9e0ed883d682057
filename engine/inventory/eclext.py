"""Exchange with *EclExt*, the French geostandard of outdoor lighting (CNIG, version 1.1 of 29 November 2022).

EclExt has four tables: PointLumineux, ProfilNocturne, PlageVariation and ProfilContientPlage. It describes light
points only: it has no cabinet, feeder nor zone. Those go to two tables of ours beside it, `Complement_Armoire.csv` and
`Complement_PointLumineux.csv`, which a reader of EclExt may ignore and which an import needs.

What is sure, and what is not. The standard is published as a PDF; its repository (cnigfr/schema-eclairage-exterieur,
v1.1.0) holds metadata only. Table names, attribute names, which of them are mandatory, and the code lists below were
read in a public account of that PDF, not in the PDF itself. Not confirmed: `identifiant` as the key of a light point,
`x` and `y` (degrees WGS 84) as the columns of its geometry, true and false as the two values of a flag, and CSV with
commas as the carrier. An unknown code is XX, as the standard says; an unknown number or date is an empty cell, which
the standard does not foresee for a mandatory one.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from engine.errors import InputError, Problem
from engine.inventory.checks import light_findings
from engine.inventory.model import Territory
from engine.inventory.tables import Row, Table, write_table
from engine.model import Asset

LIGHT_POINTS, PROFILES, RANGES, LINKS = "PointLumineux", "ProfilNocturne", "PlageVariation", "ProfilContientPlage"
CABINETS, LAMPS = "Complement_Armoire", "Complement_PointLumineux"
MANDATORY = (
    *("statut", "eclairagePublic", "usage", "typeSource", "structure", "support", "temperatureCouleur"),
    *("puissance", "valideDe", "extinctionNuit", "estAdaptatif"),
)
OPTIONAL = (
    *("fabricant", "modele", "photometrie", "hauteurFeu", "fluxSource", "fluxLuminaire", "cie3", "ulrNominal"),
    *("ulrInstalle", "inclinaisonMax", "inclinaisonInstallee", "datePremiereInstallation", "valideJusque"),
    *("profilNocturne", "eclairageAdaptatif"),
)
COLUMNS = {
    LIGHT_POINTS: ("identifiant", *MANDATORY, *OPTIONAL, "x", "y"),
    PROFILES: ("nomProfil", "allumageSoir", "extinctionMatin"),
    RANGES: (
        *("nomPlage", "grandeurVariation", "heureDebut", "heureFin", "formatVariation", "valeur"),
        *("valideDe", "valideJusque"),
    ),
    LINKS: ("nomProfil", "nomPlage"),
    CABINETS: ("identifiant", "zone", "x", "y", "gateway", "attributs"),
    LAMPS: ("identifiant", "zone", "armoire", "gateway", "attributs"),
}
# AU (other, with a table of one's own) and XX (unknown) close each list of codes.
CODES = {
    "statut": frozenset(
        {"functional", "projected", "decommissioned", "dismantled", "underCommissionning", "underConstruction"}
    ),
    "eclairagePublic": frozenset({"true", "false"}),
    "extinctionNuit": frozenset({"true", "false"}),
    "estAdaptatif": frozenset({"true", "false"}),
    "usage": frozenset({"A", "B1", "B2", "B3", "B4", "C", "D", "E", "F", "G", "PU", "IN", "AU", "XX"}),
    "typeSource": frozenset(
        {"FLUO", "HAL", "IM", "INC", "IND", "LED", "SBP", "SHP", "VM", "XEN", "AU", "XX"},
    ),
    "structure": frozenset(
        {"APP", "BOR", "BL", "COL", "EN", "LANT", "PROJ", "REGL", "TUBE", "VASQ", "AU", "XX"},
    ),
    "support": frozenset({"BUS", "CAT", "ENS", "MAT", "MUR", "OUV", "PAN", "POT", "SOL", "AU", "XX"}),
    "eclairageAdaptatif": frozenset({"AV", "CO", "EN", "TG", "AU", "XX", ""}),
}
_SOURCE_OF_CURVE = {"led": "LED", "hps": "SHP", "mh": "IM"}
_KEPT = "eclext"  # where a lamp keeps what EclExt says of it and Consigne does not use
_STATED = {"temperatureCouleur": "cct_k", "fluxLuminaire": "flux_lm"}  # numbers that a lamp may state
_OURS = frozenset({"puissance", "estAdaptatif", *_STATED})
_CELL = {
    "id": "identifiant",
    "zone": "zone",
    "lon": "x",
    "parent": "armoire",
    "gateway": "gateway",
    "attributes": "attributs",
}
_Read = tuple[Asset, Row, Row]  # an asset, where its place stands, where the rest of it stands


def export_eclext(territory: Territory, folder: Path) -> None:
    """Write the street lights and cabinets of a sound territory; the other types are left out.

    The three tables of night profiles are written empty: profiles belong to plans, not to the inventory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lamps = [asset for asset in territory.assets if asset.type == "Streetlight"]
    cabinets = [asset for asset in territory.assets if asset.type == "StreetlightControlCabinet"]
    _write(folder, LIGHT_POINTS, (_point(lamp) for lamp in lamps))
    for name in (PROFILES, RANGES, LINKS):
        _write(folder, name, ())
    _write(folder, CABINETS, (_cabinet(cabinet) for cabinet in cabinets))
    _write(folder, LAMPS, (_complement(lamp) for lamp in lamps))


def import_eclext(folder: Path, known: Territory) -> Territory:
    """The communes and zones that are known, with the cabinets, then the street lights, of the tables, in their order.

    What was exported comes back the same. Raises InputError with every problem of every table, each at its place.
    That counting loops exist is not checked: they are not in the tables.
    """
    tables = {
        name: Table(folder / f"{name}.csv", [column for column in COLUMNS[name] if column not in OPTIONAL], OPTIONAL)
        for name in (LIGHT_POINTS, CABINETS, LAMPS)
    }
    problems = [problem for table in tables.values() for problem in table.problems]
    read = [*_read_cabinets(tables, problems), *_read_lamps(tables, problems)]
    territory = Territory(known.communes, known.zones, tuple(asset for asset, _, _ in read), known.origin)
    unread = [row["identifiant"] for row in tables[CABINETS].rows]
    for found in light_findings(territory, unread):
        _, at, rest = read[found.row]
        row = at if found.column == "lon" else rest
        problems.append(row.problem(_CELL[found.column], found.what, found.hint))
    if problems:
        raise InputError(problems)
    return territory


def _read_cabinets(tables: Mapping[str, Table], problems: list[Problem]) -> Iterator[_Read]:
    for row in tables[CABINETS].by_key("identifiant", problems).values():
        place, attributes = _place(row, problems), row.mapping("attributs", problems)
        if place is not None and attributes is not None:
            name, zone, gateway = row["identifiant"], row["zone"], row["gateway"] or None
            yield Asset(name, "StreetlightControlCabinet", zone, *place, None, gateway, attributes), row, row


def _read_lamps(tables: Mapping[str, Table], problems: list[Problem]) -> Iterator[_Read]:
    """Light points, each with its row of the complement; what is in one table only is a problem."""
    complements = tables[LAMPS].by_key("identifiant", problems)
    for name, row in tables[LIGHT_POINTS].by_key("identifiant", problems).items():
        complement = complements.pop(name, None)
        if complement is None:
            _read_point(row, problems)
            if not tables[LAMPS].problems:
                what, hint = f"{name} is not in {LAMPS}.csv", "EclExt has no cabinet: add its zone and armoire there"
                problems.append(row.problem("identifiant", what, hint))
            continue
        lamp = _read_lamp(row, complement, problems)
        if lamp is not None:
            yield lamp, row, complement
    for name, row in complements.items():
        if not tables[LIGHT_POINTS].problems:
            what, hint = f"{name} is not in {LIGHT_POINTS}.csv", "add it, or remove it here"
            problems.append(row.problem("identifiant", what, hint))


def _point(lamp: Asset) -> dict[str, str]:
    cells = {**_default(lamp.attributes), **lamp.attributes.get(_KEPT, {})}
    return {**cells, "identifiant": lamp.id, "x": repr(lamp.lon), "y": repr(lamp.lat)}


def _default(attributes: Mapping[str, Any]) -> dict[str, str]:
    """What EclExt is told of a lamp that never came from EclExt. Usage A: the safety of movement (decree of 2018)."""
    curve = str(attributes.get("flux_curve", "")).split("-", maxsplit=1)[0]
    return {
        "statut": "functional",
        "eclairagePublic": "true",
        "usage": "A",
        "typeSource": _SOURCE_OF_CURVE.get(curve, "XX"),
        "structure": "XX",
        "support": "XX",
        "puissance": _json(attributes["power_w"]),
        "valideDe": "",
        "extinctionNuit": "false",
        "estAdaptatif": _json(attributes["dimmable"]),
        **dict.fromkeys(OPTIONAL, ""),
        **{column: _json(attributes[key]) if key in attributes else "" for column, key in _STATED.items()},
    }


def _cabinet(cabinet: Asset) -> dict[str, str]:
    return {
        "identifiant": cabinet.id,
        "zone": cabinet.zone,
        "x": repr(cabinet.lon),
        "y": repr(cabinet.lat),
        "gateway": cabinet.gateway or "",
        "attributs": _json(dict(cabinet.attributes)),
    }


def _complement(lamp: Asset) -> dict[str, str]:
    ours = {key: value for key, value in lamp.attributes.items() if key != _KEPT}
    return {
        "identifiant": lamp.id,
        "zone": lamp.zone,
        "armoire": lamp.parent or "",
        "gateway": lamp.gateway or "",
        "attributs": _json(ours),
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _write(folder: Path, name: str, rows: Iterable[Mapping[str, str]]) -> None:
    columns = COLUMNS[name]
    write_table(folder / f"{name}.csv", columns, [[row[column] for column in columns] for row in rows])


def _read_point(row: Row, problems: list[Problem]) -> tuple[tuple[float, float], dict[str, Any]] | None:
    """Place of a light point, with its power, whether it adapts, and what else it states that is ours."""
    before = len(problems)
    problems += _bad_codes(row)
    place = _place(row, problems)
    power = _number(row, "puissance", problems)
    stated = {key: _number(row, column, problems) for column, key in _STATED.items() if row[column]}
    if place is None or power is None or len(problems) > before:
        return None
    return place, {"power_w": power, "dimmable": row["estAdaptatif"] == "true", **stated}


def _read_lamp(row: Row, complement: Row, problems: list[Problem]) -> Asset | None:
    point, attributes = _read_point(row, problems), complement.mapping("attributs", problems)
    if point is None or attributes is None:
        return None
    place, read = point
    # Their place in the complement keeps the order of keys; EclExt has the last word on their values.
    merged = {**attributes, **read}
    default = _default(merged)
    kept = {key: row[key] for key in (*MANDATORY, *OPTIONAL) if row[key] != default[key] and key not in _OURS}
    if kept:
        merged[_KEPT] = kept
    zone, hung, gateway = complement["zone"], complement["armoire"] or None, complement["gateway"] or None
    return Asset(row["identifiant"], "Streetlight", zone, *place, hung, gateway, merged)


def _bad_codes(row: Row) -> Iterator[Problem]:
    for column, allowed in CODES.items():
        if row[column] not in allowed:
            hint = "one of " + ", ".join(sorted(allowed - {""}))
            yield row.problem(column, f"{row['identifiant']}: {column} is {row[column]!r}", hint)


def _place(row: Row, problems: list[Problem]) -> tuple[float, float] | None:
    x, y = row.number("x", problems), row.number("y", problems)
    return None if x is None or y is None else (x, y)


def _number(row: Row, column: str, problems: list[Problem]) -> float | None:
    """Whole stays whole, so that what was exported comes back the same."""
    found = row.number(column, problems)
    return int(found) if found is not None and row[column].strip().isdigit() else found
