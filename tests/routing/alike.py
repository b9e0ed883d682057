"""Whether two problems are the same, to the last bit."""

import numpy as np

from optimizers.routing import RoutingProblem


def same(first: RoutingProblem, second: RoutingProblem) -> None:
    for name, value in vars(first).items():
        if name == "matrices":
            for part, known in vars(value).items():
                np.testing.assert_array_equal(getattr(second.matrices, part), known)
        else:
            assert getattr(second, name) == value, name
