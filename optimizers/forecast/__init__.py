"""Traffic to come, from traffic counted: how much is likely, how sure that is, and what to choose in view of both.

`foresee` gives the distribution of each coming hour's count from the counts known by then: `quantile` and `exceeds` ask
it. It serves the whole night before, and the rest of the night as its counts come in. `Calibration` holds it to what
came true, `cheapest` chooses by it.
"""

from optimizers.forecast.calibration import Calibration
from optimizers.forecast.choice import cheapest
from optimizers.forecast.foreseeing import Outlook, foresee, predict
from optimizers.forecast.hours import HourlyCounts
from optimizers.forecast.learning import Learned, learn

__all__ = [
    "Calibration",
    "HourlyCounts",
    "Learned",
    "Outlook",
    "cheapest",
    "foresee",
    "learn",
    "predict",
]
