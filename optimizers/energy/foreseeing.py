"""What sites may draw and their roofs may give, by days like the one to come: from the past alone, with its error.

Each of the last days is one way that the next slots may go, the likelier the newer it is, the more its kind of day is
that of the slot, and the more its sun until this time of day was that of today. What is drawn now above what like days
drew wears off from slot to slot.
"""

from dataclasses import dataclass

import numpy as np

from optimizers.arrays import Floats, Ints
from optimizers.energy.valuing import Futures
from optimizers.result import InvalidProblem


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How days are likened.

    days       of the past that are looked at
    fading     weight of a day to that of the day after it
    unlike     weight of a day of another kind
    sun        by which share of the most sun, over the last hours, a day half as likely differs; inf: not looked at
    lingering  of what is drawn now above the usual, the share that is left an hour later
    """

    days: int = 21
    fading: float = 0.95
    unlike: float = 0.4
    sun: float = 0.35
    lingering: float = 0.5
    sun_hours: float = 5.0


LIKENESS = Likeness()


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """What was measured of B sites, slot by slot until now, all slots as long as each other.

    drawn_w, sun_w (B, N)   without batteries
    kind (N + T,)           of the day of each slot, those to come among them: any number
    a_day                   slots that a day has
    """

    drawn_w: Floats
    sun_w: Floats
    kind: Ints
    a_day: int

    def __post_init__(self) -> None:
        slots = self.drawn_w.shape[-1]
        wrong = [
            (self.drawn_w.ndim != 2, f"drawn_w of shape {self.drawn_w.shape} wants sites by slots"),
            (self.sun_w.shape != self.drawn_w.shape, f"sun_w of shape {self.sun_w.shape} wants {self.drawn_w.shape}"),
            (len(self.kind) < slots, f"kind of {len(self.kind)} slots wants {slots} or more"),
            (self.a_day < 1, f"a_day is {self.a_day}, wants 1 or more"),
            (slots < self.a_day, f"drawn_w of {slots} slots wants a day, {self.a_day}, at least"),
            (not np.isfinite(self.drawn_w).all(), "drawn_w wants numbers in every slot"),
            (not (np.isfinite(self.sun_w) & (self.sun_w >= 0)).all(), "sun_w wants 0 or more in every slot"),
        ]
        if problems := [text for bad, text in wrong if bad]:
            raise InvalidProblem(problems)


def foresee(past: Past, ahead: int, likeness: Likeness = LIKENESS) -> Futures:
    """The next `ahead` slots, as many as `past.kind` tells at most. Nothing but the past and the calendar is looked at.

    Raises InvalidProblem where the calendar ends before.
    """
    now = past.drawn_w.shape[1]
    if len(past.kind) < now + ahead:
        raise InvalidProblem([f"kind of {len(past.kind)} slots wants {now + ahead}, as far as is foreseen"])
    back = np.arange(1, min(likeness.days, now // past.a_day) + 1)
    slot = now + np.arange(ahead)
    then = slot - past.a_day * back[:, None]  # (M, T); where that day is still to come, the same slot of the day before
    late = np.maximum(-(-(then + 1 - now) // past.a_day), 0)
    then = np.maximum(then - past.a_day * late, 0)
    same = np.where(past.kind[then] == past.kind[slot], 1.0, likeness.unlike)
    weight = likeness.fading ** back[:, None] * same * (late == 0)
    weight = np.where(weight.sum(axis=0) > 0, weight, likeness.fading ** back[:, None])
    drawn = past.drawn_w[:, then] + _lingering(past, ahead, likeness)[:, None, :]
    net = np.maximum(drawn, 0.0) - past.sun_w[:, then]
    return Futures(net_w=net, weight=weight * _sun_like(past, back, likeness)[:, :, None])


def _lingering(past: Past, ahead: int, likeness: Likeness) -> Floats:
    """(B, T) drawn more than the usual of the last slot, as it wears off."""
    now = past.drawn_w.shape[1]
    back = past.a_day * np.arange(1, min(likeness.days, (now - 1) // past.a_day) + 1)
    if not back.size:
        return np.zeros((len(past.drawn_w), ahead))
    same = np.where(past.kind[now - 1 - back] == past.kind[now - 1], 1.0, likeness.unlike)
    weight = likeness.fading ** np.arange(1, len(back) + 1) * same
    if not weight.any():
        return np.zeros((len(past.drawn_w), ahead))
    usual = np.average(past.drawn_w[:, now - 1 - back], axis=1, weights=weight)
    left = likeness.lingering ** ((1 + np.arange(ahead)) * 24.0 / past.a_day)
    return np.asarray((past.drawn_w[:, now - 1] - usual)[:, None] * left)


def _sun_like(past: Past, back: Ints, likeness: Likeness) -> Floats:
    """(B, M) how alike the sun of the last hours was to that of the same hours of each day back."""
    now = past.sun_w.shape[1]
    hours = max(round(likeness.sun_hours * past.a_day / 24.0), 1)
    total = np.concatenate([np.zeros((len(past.sun_w), 1)), np.cumsum(past.sun_w, axis=1)], axis=1)
    end = now - past.a_day * np.concatenate([[0], back])
    lately = total[:, end] - total[:, np.maximum(end - hours, 0)]
    most = lately.max(axis=1, keepdims=True)
    apart = (lately[:, 1:] - lately[:, :1]) / np.where(most > 0, most, 1.0)
    return np.asarray(0.5 ** ((apart / likeness.sun) ** 2))


@dataclass(frozen=True, kw_only=True, eq=False)
class Skill:
    """How quantiles that were foreseen on past days came true, of B sites.

    levels (L,)        of the quantiles
    covered (B, L)     share of slots in which no more was drawn than the quantile: as near its level as can be
    pinball_w (B, L)   mean pinball loss (Koenker and Bassett 1978): lower is better
    """

    levels: Floats
    covered: Floats
    pinball_w: Floats


def skill(
    past: Past, ahead: int, levels: Floats, days: int = 7, first: int = 14, likeness: Likeness = LIKENESS
) -> Skill:  # fmt: skip
    """Of what would have been foreseen at this time of day on each of the last days, each by the days before it alone.

    `first` days at least stand before the first of them. Raises InvalidProblem where the past is shorter than both.
    """
    now, day = past.drawn_w.shape[1], past.a_day
    begun = [now - ahead - day * back for back in range(days)]
    if begun[-1] < first * day:
        raise InvalidProblem([f"drawn_w of {now} slots wants {now - begun[-1] + first * day}, to be held to it"])
    net = past.drawn_w - past.sun_w
    covered, loss = [], []
    for at in begun:
        known = Past(drawn_w=past.drawn_w[:, :at], sun_w=past.sun_w[:, :at], kind=past.kind[: at + ahead], a_day=day)
        futures = foresee(known, ahead, likeness)
        foretold = np.stack([futures.quantile_w(float(level)) for level in levels], axis=-1)
        off = net[:, at : at + ahead, None] - foretold
        covered.append((off <= 0).mean(axis=1))
        loss.append(np.where(off > 0, levels * off, (levels - 1) * off).mean(axis=1))
    return Skill(levels=levels, covered=np.mean(covered, axis=0), pinball_w=np.mean(loss, axis=0))
