"""What is evaluated of a rule: its latch, or an own part of a rule that looks at others."""

from dataclasses import dataclass

from engine.rulebook.definitions import Rule
from engine.rulebook.language import Quantity, Truth


@dataclass(frozen=True, slots=True)
class Item:
    """What is evaluated of a rule. `part` is None for its latch, else the number of an own part.

    `trees` are the set and the reset condition of a latch (reset None: not set), or the part alone.
    """

    rule: Rule
    part: int | None
    trees: tuple[Truth, Truth | None]

    @property
    def value(self) -> Quantity | None:
        """The quantity a want of the latch works out."""
        value = self.rule.value
        return None if self.part is not None or isinstance(value, int | float) else value


def latch(rule: Rule) -> Item:
    """The item of a rule over readings alone."""
    plain = rule.clear_when is None and rule.schedule is None
    return Item(rule, None, (rule.sets, None if plain else rule.resets))
