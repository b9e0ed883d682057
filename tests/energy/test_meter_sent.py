"""What a meter is to show is what batteries are told, not what the plan of everything else had them do."""

import numpy as np

from jobs.energy.body import Body
from optimizers.energy import example, pack


def test_a_battery_told_more_than_the_plan_had_it_do_shows_on_its_meter() -> None:
    problem = example(0)
    shape = problem.shape
    columns = {
        "problem": np.frombuffer(pack(problem), np.uint8),
        "import_w": np.full(shape, 5_000.0), "export_w": np.zeros(shape),
        "charge_w": np.full(shape, 1_000.0), "discharge_w": np.zeros(shape), "sent_w": np.full(shape, -500.0),
    }  # fmt: skip
    assert (Body({}, columns).meter_w == 3_500.0).all()
    assert (columns["import_w"] == 5_000.0).all()
    del columns["sent_w"]
    assert (Body({}, columns).meter_w == 5_000.0).all()
