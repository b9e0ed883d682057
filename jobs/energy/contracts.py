"""Contracts of `rules/contracts.yaml` for slots of time: prices, what may be drawn, and what it costs to pass that."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import numpy as np

from engine.calendar import public_holidays
from engine.catalogue import Text
from engine.documents import Document, parse_document, read_document
from engine.errors import InputError, Problem
from engine.instants import PARIS
from engine.model import Asset
from engine.rulebook.naming import nearest
from engine.setpoints.dated import weekdays
from engine.settings import Settings
from jobs.energy.contract_entries import (
    MINUTES,
    ContractEntry,
    ContractsFile,
    Edition,
    Price,
    SpotPrice,
    problems_of,
)
from optimizers.arrays import Floats, Ints

CONTRACTS = "contracts.yaml"
_FEE_SHARE = 0.1
"""Of contracted power: so much more, for a hundred hours, costs as subscribing that much more (CRE, 2013)."""
_EPOCH = date(1970, 1, 1)
_G_KG = 1000.0


@dataclass(frozen=True, eq=False)
class Signals:
    """What is told from one day to the next, for T slots; NaN where nothing is known or stands in.

    spot_eur_kwh, carbon_g_kwh (T,)
    kinds                               of each named series of days, the days known
    reasons                             what stood in for what was not known
    """

    spot_eur_kwh: Floats
    carbon_g_kwh: Floats
    kinds: Mapping[str, Mapping[date, str]] = field(default_factory=dict)
    reasons: tuple[Text, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    """A contract over T slots, in the words of `optimizers.energy.Sites`.

    import_eur_kwh, export_eur_kwh, import_limit_w, over_eur_kwh, export_limit_w, carbon_g_kwh (T,)
    classes, kinds (T,)    the class of hours and kind of day in force for most of a slot; a kind of '' for none
    reasons                what was taken for what is not known
    """

    import_eur_kwh: Floats
    export_eur_kwh: Floats
    import_limit_w: Floats
    over_eur_kwh: Floats
    export_limit_w: Floats
    carbon_g_kwh: Floats
    classes: tuple[str, ...]
    kinds: tuple[str, ...]
    firm: bool
    peak_eur_kw: float
    carbon_eur_kg: float
    reasons: tuple[Text, ...] = ()

    @property
    def weighed_eur_kwh(self) -> Floats:
        """(T,) what a kWh bought costs with its carbon, as plans weigh it."""
        weighed: Floats = self.import_eur_kwh + self.carbon_g_kwh / _G_KG * self.carbon_eur_kg
        return weighed


Subscribed = float | Mapping[str, float] | None
"""Contracted power of a meter in kVA: of every class, of each, or not known."""


def _power_in(told: object) -> Subscribed:
    """In kVA, of what a file, which is checked, or an inventory has."""
    if isinstance(told, Mapping):
        return told
    return float(told) if isinstance(told, int | float) and told is not True and 0 < told < np.inf else None


@dataclass(frozen=True, eq=False)
class Contracts:
    """Every contract of the site."""

    file: ContractsFile
    _timetables: dict[tuple[str, int], Ints] = field(default_factory=dict, init=False, repr=False)

    def of_site(self, asset: Asset) -> tuple[str | None, Subscribed]:
        """The contract of a building and its contracted power: by the file, else by the attributes `contract` and
        `subscribed_kva` of the inventory. No contract is None; neither is a power that is no number above 0 known.
        """
        told = self.file.sites.get(asset.id)
        name, kva = asset.attributes.get("contract"), asset.attributes.get("subscribed_kva")
        contract = told.contract if told is not None and told.contract is not None else name
        subscribed = told.subscribed_kva if told is not None and told.subscribed_kva is not None else kva
        return (None if contract is None else str(contract)), _power_in(subscribed)

    def terms(
        self, name: str, starts: Sequence[datetime], seconds: Sequence[float], signals: Signals | None = None,
        subscribed: Subscribed = None,
    ) -> Terms:  # fmt: skip
        """A contract over slots that begin at whole minutes and last for whole ones.

        Of a slot in which the class changes, prices are the mean over its time, and the lower limit holds. Raises
        InputError for a name that is no contract.
        """
        contract = self._named(name)
        cut = _cut(self.file, contract, starts, seconds, signals, partial(self._timetable, name))
        told = signals or Signals(np.full(len(starts), np.nan), np.full(len(starts), np.nan))
        power = _Power(contract, subscribed, contract.power_factor or self.file.power_factor)
        spot, stood_in = self._spot(told, np.asarray(seconds, np.float64))
        rows = [power.of(cut.editions[e], n) for e, n in cut.pairs]
        limits = np.array([row[0] for row in rows])[cut.pair]
        over = np.array([row[1] for row in rows])[cut.pair]
        buys = _prices([_bought(cut.editions[e], n) for e, n in cut.pairs], cut.pair, spot[cut.slot])
        sells = _prices([_sold(cut.editions[e], n) for e, n in cut.pairs], cut.pair, spot[cut.slot])
        most = [cut.pairs[p] for p in cut.mostly(cut.pair)]
        fed_w = np.inf if contract.export_limit_kva is None else power.watts(contract.export_limit_kva)
        edition = cut.editions[cut.pairs[int(cut.pair[0])][0]]
        return Terms(
            import_eur_kwh=cut.mean(buys),
            export_eur_kwh=cut.mean(sells),
            import_limit_w=np.minimum.reduceat(limits, cut.first),
            over_eur_kwh=cut.mean(over),
            export_limit_w=np.full(len(starts), fed_w),
            carbon_g_kwh=self._carbon(told, starts),
            classes=tuple(list(cut.editions[e].classes)[n] for e, n in most),
            kinds=tuple(cut.kinds[k] for k in cut.mostly(cut.kind)),
            firm=power.firm(edition),
            peak_eur_kw=edition.peak_eur_kw,
            carbon_eur_kg=contract.carbon_eur_kg,
            reasons=(*cut.reasons, *power.reasons, *(stood_in if _by_spot(cut) else ()), *told.reasons),
        )

    def _named(self, name: str) -> ContractEntry:
        if (found := self.file.contracts.get(name)) is not None:
            return found
        known = ", ".join(self.file.contracts) or "there are none"
        hint = nearest(name, self.file.contracts) or f"one of: {known}"
        raise InputError([Problem(CONTRACTS, 0, 0, f"{name!r} is no contract", hint)])

    def _timetable(self, name: str, edition: int) -> Ints:
        """Kept: it takes longer to make than all else."""
        if (name, edition) not in self._timetables:
            contract = self.file.contracts[name]
            self._timetables[name, edition] = contract.editions[edition].timetable(self.file.kinds(contract))
        return self._timetables[name, edition]

    def _spot(self, told: Signals, seconds: Floats) -> tuple[Floats, tuple[Text, ...]]:
        """(T,) the exchange's price, and what is said where it is not known."""
        lost = float(seconds[np.isnan(told.spot_eur_kwh)].sum() / 3600.0)
        usual = np.nan if self.file.spot is None else self.file.spot.usual_eur_kwh
        said = Text(
            fr=f"prix de marché inconnu pendant {lost:g} h : {usual:g} EUR/kWh, le prix habituel du fichier",
            en=f"the exchange's price is not known for {lost:g} h: {usual:g} EUR/kWh, the file's usual one",
        )
        return np.where(np.isnan(told.spot_eur_kwh), usual, told.spot_eur_kwh), (said,) if lost else ()

    def _carbon(self, told: Signals, starts: Sequence[datetime]) -> Floats:
        by_hour = np.broadcast_to(np.asarray(self.file.carbon.g_kwh, np.float64), (24,))
        usual = by_hour[[start.astimezone(PARIS).hour for start in starts]]
        return np.where(np.isnan(told.carbon_g_kwh), usual, told.carbon_g_kwh)


# the minutes of slots, and what is in force in each


@dataclass(frozen=True, eq=False)
class _Cut:
    """M minutes of T slots. pair (M,) is an index into `pairs`: of an edition, and of a class of it; kind (M,) into
    `kinds`; slot (M,) of each minute, first (T,) minute of each slot.
    """

    editions: tuple[Edition, ...]
    kinds: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    pair: Ints
    kind: Ints
    slot: Ints
    first: Ints
    reasons: tuple[Text, ...]

    def mean(self, of_minutes: Floats) -> Floats:
        """(T,) over the minutes of each slot."""
        counts = np.diff(np.append(self.first, of_minutes.size))
        found: Floats = np.add.reduceat(of_minutes, self.first) / counts
        # A constant price is itself, to the last bit: rounding would make two prices of one.
        low, high = np.minimum.reduceat(of_minutes, self.first), np.maximum.reduceat(of_minutes, self.first)
        return np.where(low == high, low, found)

    def mostly(self, of_minutes: Ints) -> list[int]:
        """(T,) the value of most minutes of each slot; of two, the lower."""
        counts = np.zeros((self.first.size, int(of_minutes.max()) + 1), np.int64)
        np.add.at(counts, (self.slot, of_minutes), 1)
        found: list[int] = counts.argmax(axis=1).tolist()
        return found


def _cut(
    file: ContractsFile, contract: ContractEntry, starts: Sequence[datetime], seconds: Sequence[float],
    signals: Signals | None, timetable: Callable[[int], Ints],
) -> _Cut:  # fmt: skip
    slot, first, minute = _minutes(starts, seconds)
    local = minute + _offsets(minute)
    begins = contract.day_begins.hour * 60 + contract.day_begins.minute
    day, which = np.unique((local - begins) // MINUTES, return_inverse=True)
    kinds = file.kinds(contract)
    days = [_EPOCH + timedelta(days=int(n)) for n in day]
    of_days, unknown = _kinds_of(file, contract, days, signals)
    editions = [contract.editions.index(contract.edition(one)) for one in days]
    tables = np.stack([timetable(e) for e in sorted(set(editions))])
    place = np.array([sorted(set(editions)).index(e) for e in editions])
    kind = np.array([kinds.index(one) for one in of_days])
    weekday = np.array([_weekday(contract, one) for one in days])
    month = np.array([one.month - 1 for one in days])
    in_force = tables[place[which], kind[which], month[which], weekday[which], local % MINUTES]
    both, pair = np.unique(np.stack([np.array(editions)[which], in_force]), axis=1, return_inverse=True)
    return _Cut(
        editions=contract.editions,
        kinds=kinds,
        pairs=tuple((int(e), int(n)) for e, n in both.T),
        pair=pair.reshape(-1),
        kind=kind[which],
        slot=slot,
        first=first,
        reasons=(*_outside(contract, days), *unknown),
    )


def _minutes(starts: Sequence[datetime], seconds: Sequence[float]) -> tuple[Ints, Ints, Ints]:
    """Of each minute its slot; of each slot its first minute; of each minute its number since 1970."""
    since = np.array([start.timestamp() for start in starts]) / 60.0
    lasts = np.asarray(seconds, np.float64) / 60.0
    if not starts or (since % 1).any() or (lasts % 1).any() or (lasts < 1).any():
        raise ValueError("slots want to begin at whole minutes, and to last for whole ones")
    counts = lasts.astype(np.int64)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    slot = np.repeat(np.arange(counts.size), counts)
    return slot, first, since.astype(np.int64)[slot] + np.arange(slot.size) - first[slot]


def _offsets(minute: Ints) -> Ints:
    """(M,) minutes that clocks in Paris are ahead of UTC: they change at whole hours."""
    hours, which = np.unique(minute // 60, return_inverse=True)
    found = [_ahead(int(hour)) for hour in hours]
    return np.array(found, np.int64)[which]


@cache
def _ahead(hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(PARIS).utcoffset()
    return 0 if offset is None else offset // timedelta(minutes=1)


def _weekday(contract: ContractEntry, day: date) -> int:
    if contract.holidays_as is not None and day in public_holidays(day.year):
        return next(iter(weekdays([contract.holidays_as])))
    return day.weekday()


def _kinds_of(
    file: ContractsFile, contract: ContractEntry, days: Sequence[date], signals: Signals | None
) -> tuple[list[str], list[Text]]:  # fmt: skip
    """The kind of each day, and what is said of those that are not known."""
    if contract.days is None:
        return [""] * len(days), []
    entry = file.days[contract.days]
    told = {} if signals is None else signals.kinds.get(contract.days, {})
    found = [entry.by_date.get(day) or told.get(day) for day in days]
    lost = ", ".join(str(day) for day, kind in zip(days, found, strict=True) if kind is None)
    said = Text(
        fr=f"{contract.days} : jour de couleur inconnue, pris comme {entry.otherwise} : {lost}",
        en=f"{contract.days}: days of which the kind is not known, taken as {entry.otherwise}: {lost}",
    )
    return [kind or entry.otherwise for kind in found], [said] if lost else []


def _outside(contract: ContractEntry, days: Sequence[date]) -> list[Text]:
    first, last = contract.editions[0].start, contract.editions[-1].until
    lost = [day for day in days if not first <= day <= last]
    if not lost:
        return []
    name = contract.text
    return [
        Text(
            fr=f"{name.fr} : aucun prix n'est écrit pour le {lost[0]} ; ceux de la période la plus proche sont pris",
            en=f"{name.en}: no prices are written for {lost[0]}; those of the nearest dates are taken",
        )
    ]


# prices and power of a class


def _bought(edition: Edition, n: int) -> tuple[float, float]:
    """What a kWh costs, taxes and VAT in it: so many times the exchange's price, and so much."""
    times, plus = _parts(list(edition.classes.values())[n].import_eur_kwh)
    taxes = sum(tax.eur_kwh for tax in edition.taxes)
    return times * (1 + edition.vat), (plus + taxes) * (1 + edition.vat)


def _sold(edition: Edition, n: int) -> tuple[float, float]:
    return _parts(list(edition.classes.values())[n].export_eur_kwh)


def _parts(price: Price) -> tuple[float, float]:
    return (price.times, price.plus) if isinstance(price, SpotPrice) else (0.0, price)


def _prices(parts: Sequence[tuple[float, float]], pair: Ints, spot: Floats) -> Floats:
    """(M,) of each minute."""
    times, plus = np.array(parts).T
    found: Floats = plus[pair] + np.where(times[pair] > 0, times[pair] * spot, 0.0)
    return found


def _by_spot(cut: _Cut) -> bool:
    parts = [p for e, n in cut.pairs for p in (_bought(cut.editions[e], n), _sold(cut.editions[e], n))]
    return any(times > 0 for times, _ in parts)


@dataclass(frozen=True, eq=False)
class _Power:
    """What may be drawn."""

    contract: ContractEntry
    subscribed: Subscribed
    factor: float

    def watts(self, kva: float) -> float:
        return 1000.0 * kva * self.factor

    def of(self, edition: Edition, n: int) -> tuple[float, float]:
        """The limit of a class in W, inf for none; what a kWh beyond it costs."""
        kva = self._kva(edition, n)
        if kva is None:
            return np.inf, 0.0
        overrun = edition.overrun
        if overrun is None or overrun.trips:
            return self.watts(kva), 0.0
        if overrun.eur_kwh is not None:
            return self.watts(kva), overrun.eur_kwh
        return self.watts(kva), (overrun.eur_h or 0.0) / (_FEE_SHARE * self.watts(kva) / 1000.0)

    def _kva(self, edition: Edition, n: int) -> float | None:
        name, entry = list(edition.classes.items())[n]
        if isinstance(self.subscribed, Mapping):
            return self.subscribed.get(name, max(self.subscribed.values(), default=None))
        if entry.subscribed_kva is not None:
            return entry.subscribed_kva
        return None if self.subscribed is None else self.subscribed * entry.subscribed_share

    def firm(self, edition: Edition) -> bool:
        """Whether passing it trips the supply: so it does, unless the contract says what passing it costs."""
        known = any(self._kva(edition, n) is not None for n in range(len(edition.classes)))
        return known and (edition.overrun is None or edition.overrun.trips)

    @property
    def reasons(self) -> tuple[Text, ...]:
        known = self.subscribed is not None or all(
            entry.subscribed_kva is not None for edition in self.contract.editions for entry in edition.classes.values()
        )
        said = Text(
            fr="puissance souscrite inconnue : aucune limite n'est tenue",
            en="contracted power not known: no limit is kept",
        )
        return () if known else (said,)


# the file


def load_contracts(path: Path) -> Contracts:
    """Read and check the contracts; none where there is no file. Raises InputError with every problem and its place."""
    return _checked(read_document(path)) if path.exists() else Contracts(ContractsFile())


def parse_contracts(text: str) -> Contracts:
    """The same of the text of such a file, empty where there is none."""
    return _checked(parse_document(text, CONTRACTS)) if text.strip() else Contracts(ContractsFile())


def _checked(document: Document) -> Contracts:
    file = document.validate(ContractsFile)
    if problems := list(problems_of(document, file)):
        raise InputError(problems)
    return Contracts(file)


def contracts_of(settings: Settings) -> Contracts:
    """Those of the rules that the settings name."""
    return load_contracts(settings.rules_dir / CONTRACTS)
