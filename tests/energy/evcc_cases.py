"""Made requests in the form of evcc's optimizer."""

from typing import Any

import numpy as np

EVENING: dict[str, Any] = {
    "strategy": {"charging_strategy": "charge_before_export", "discharging_strategy": "discharge_before_import"},
    "grid": {"p_max_imp": 9000, "p_max_exp": 3000},
    "batteries": [
        {
            "charge_from_grid": True, "s_capacity": 52000, "s_min": 5000, "s_max": 50000, "s_initial": 20000,
            "s_goal": [0, 0, 0, 0, 0, 0, 0, 44000], "c_min": 1380, "c_max": 7400, "d_max": 0, "p_a": 0.00015,
        },
        {"s_min": 500, "s_max": 9500, "s_initial": 3000, "c_min": 0, "c_max": 2000, "d_max": 4000, "p_a": 0.0002},
    ],
    "time_series": {
        "dt": [1800, 3600, 3600, 3600, 3600, 3600, 3600, 3600],
        "gt": [300, 600, 550, 900, 1500, 3100, 4300, 2700],
        "ft": [1200, 6800, 14200, 5100, 2200, 400, 0, 0],
        "p_N": [0.00031, 0.00031, 0.00024, 0.00024, 0.00031, 0.00038, 0.00038, 0.00026],
        "p_E": [0.00008] * 8,
    },
    "eta_c": 0.92, "eta_d": 0.94,
}  # fmt: skip
"""A car that is to have 44 kWh at the end, a battery at home, the sun, and limits both ways."""


def battery(**more: Any) -> dict[str, Any]:
    """One that holds 10 kWh and is empty."""
    plain = {"s_min": 0, "s_max": 10000, "s_initial": 0, "c_min": 0, "c_max": 4000, "d_max": 4000, "p_a": 0.0}
    return plain | {"charge_from_grid": True, "discharge_to_grid": True} | more


def request(*batteries: dict[str, Any], slots: int = 4, **more: Any) -> dict[str, Any]:
    """Hours in which nothing is drawn and the sun does not shine; energy is bought at 0.3 and sold at 0.1 a kWh."""
    series: dict[str, Any] = {"dt": 3600, "gt": 0, "ft": 0, "p_N": 0.0003, "p_E": 0.0001}
    series |= {name: more.pop(name) for name in tuple(more) if name in series}
    told = {name: value if isinstance(value, list) else [value] * slots for name, value in series.items()}
    return {"batteries": list(batteries), "time_series": told, "eta_c": 0.9, "eta_d": 0.9} | more


def denied() -> dict[str, Any]:
    """A day of quarters, of which HiGHS 1.12 with its presolve says that no schedule exists."""
    slots, rng = 96, np.random.default_rng(5)
    hour = np.arange(slots) / 4
    sun = np.clip(np.sin(np.pi * (hour - 7) / 11), 0, None) * 2250 * rng.uniform(0.5, 1, slots)
    drawn = (300 + rng.uniform(0, 900, slots)) / 4
    price = 0.0002 + 0.0001 * np.sin(2 * np.pi * hour / 12) + rng.normal(0, 2e-5, slots)
    car = battery(
        s_capacity=60000, s_min=5000, s_max=54000, s_initial=12000, c_min=4140, c_max=11000, d_max=0, p_a=0.00015,
        discharge_to_grid=False, p_demand=[2500.0 * (20 <= slot < 80 and slot % 7 == 0) for slot in range(slots)],
    )  # fmt: skip
    home = battery(
        s_min=1000, s_initial=300, c_max=5000, d_max=5000, p_a=0.0002, charge_from_grid=False, discharge_to_grid=False
    )
    return request(
        car, home, slots=slots, dt=900, gt=drawn.tolist(), ft=sun.tolist(), p_N=price.tolist(), p_E=0.00008,
        strategy={"charging_strategy": "attenuate_grid_peaks"}, grid={"p_max_imp": 9000, "p_max_exp": 6000},
    )  # fmt: skip
