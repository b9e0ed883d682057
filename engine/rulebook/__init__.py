"""Rules: their language, their conditions over readings, and what they imply together."""

from engine.rulebook.almanac import Almanac
from engine.rulebook.decisions import AlarmChange, Asking, Decisions, Request, RuleFault, Want
from engine.rulebook.definitions import Rule, Rulebook
from engine.rulebook.durable import DurableInference, durable_available
from engine.rulebook.evaluation import READINGS, RuleEngine
from engine.rulebook.inference import Inference
from engine.rulebook.loading import load_rules
from engine.rulebook.plain import PlainEngine
from engine.rulebook.reference import ReferenceInference

__all__ = [
    "READINGS",
    "AlarmChange",
    "Almanac",
    "Asking",
    "Decisions",
    "DurableInference",
    "Inference",
    "PlainEngine",
    "ReferenceInference",
    "Request",
    "Rule",
    "RuleEngine",
    "RuleFault",
    "Rulebook",
    "Want",
    "durable_available",
    "load_rules",
]
