"""Roofs that produce, and loads that can be given less."""

import numpy as np

from optimizers.arrays import Ints
from optimizers.energy.assembling.draft import Draft, K


def add_solar(draft: Draft) -> Ints:
    """Columns (P, T) of what is taken."""
    if (solar := draft.problem.solar) is None:
        return np.zeros((0, draft.hours.size), np.int64)
    available = solar.available_w * K
    lower = np.where(solar.curtailable[:, None], 0.0, available)
    columns = draft.columns("solar", solar.names, draft.hours.size, lower=lower, upper=available)
    draft.give(solar.site, columns)
    return columns


def add_sheddable(draft: Draft) -> Ints:
    """Columns (S, T) of what is given: each kWh less than wanted costs, and all of it has its most."""
    if (part := draft.problem.sheddable) is None:
        return np.zeros((0, draft.hours.size), np.int64)
    wanted, hours = part.wanted_w * K, draft.hours
    given = draft.columns(
        "given", part.names, hours.size, upper=wanted, cost=-part.shed_eur_kwh[:, None] * hours
    )  # fmt: skip
    draft.offset += float((part.shed_eur_kwh[:, None] * wanted * hours).sum())
    draft.draw(part.site, given)
    least = (wanted * hours).sum(axis=1) - part.most_wh * K
    draft.put(draft.rows("shed", part.names, 1, lower=least[:, None]), given, hours)
    return given
