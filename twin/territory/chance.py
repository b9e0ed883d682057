"""Randomness by name."""

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """A stream of draws of its own: nothing drawn from it moves what is drawn anywhere else."""
    return np.random.Generator(np.random.PCG64([seed, *"/".join(names).encode()]))
