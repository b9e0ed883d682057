"""How warm rooms and tanks become by themselves, and how warm they can be made: what a plan may be asked for."""

import numpy as np

from optimizers.arrays import Floats

_HAIR_K = 0.01


def warmth_c(
    hours: float, outdoor_c: Floats, gain_w: Floats, *, capacity_wh_k: Floats, loss_w_k: Floats, initial_c: Floats,
    heat_w: Floats | float = 0.0,
) -> Floats:  # fmt: skip
    """(Z, T) temperatures after slots of so many hours, of Z rooms or tanks (Z,) heated with `heat_w` (Z,) all along.

    Implicit Euler, as the optimiser has it.
    """
    now = initial_c
    found = np.empty_like(gain_w)
    for t in range(gain_w.shape[1]):
        comes = loss_w_k * outdoor_c[:, t] + gain_w[:, t] + heat_w
        now = (capacity_wh_k * now + hours * comes) / (capacity_wh_k + hours * loss_w_k)
        found[:, t] = now
    return found


def high_in_reach(high_c: Floats, unheated_c: Floats) -> Floats:
    """(Z, T) a ceiling that what is warm by itself does not pass: no plan is to blame for that."""
    found: Floats = np.maximum(high_c, unheated_c + _HAIR_K)
    return found


def low_in_reach(low_c: Floats, present: Floats, heated_c: Floats) -> Floats:
    """(Z, T) a band that begins, while nobody is in, where all the heat there is comes to.

    What is colder now than an empty building is let become cannot be otherwise at once. While people are in, what is
    out of reach is wanted all the same: the plan says then by how much it is short.
    """
    found: Floats = np.where(present > 0, low_c, np.minimum(low_c, heated_c - _HAIR_K))
    return found


def tank_loss_w_k(volume_l: Floats) -> Floats:
    """Of the order of energy class C: see the tables."""
    loss: Floats = (0.57 + 0.022 * volume_l ** (2 / 3)) * 1000.0 / 24.0 / 45.0
    return loss
