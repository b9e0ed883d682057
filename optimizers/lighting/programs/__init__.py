"""Programs that equipment can hold: few changes of level in each, few different ones in a cabinet."""

from optimizers.lighting.programs.holding import Held, hold

__all__ = ["Held", "hold"]
