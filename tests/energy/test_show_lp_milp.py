"""Energy at positive prices is planned by a linear program alone, and at any price nothing goes both ways at once."""

import pytest

from tests.bench.show_energy_lp_milp import counted

CASES = 8


@pytest.mark.parametrize("positive", [True, False], ids=["positive prices", "any price"])
def test_linear_programs_beside_the_full_ones(positive: bool) -> None:
    """200 of each: `tests/bench/show_energy_lp_milp.py`."""
    of = counted(CASES, positive=positive)
    assert of.worst <= 1e-4
    assert of.both == of.violations == 0
    assert of.everywhere > of.whole
    assert (of.whole == 0) == positive
