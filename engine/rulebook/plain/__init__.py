"""The rule language, plainly: the evaluator that defines it. Slow, one thing at a time; a faster one is held to it."""

from engine.rulebook.plain.engine import PlainEngine
from engine.rulebook.plain.explain import Explained, Part

__all__ = ["Explained", "Part", "PlainEngine"]
