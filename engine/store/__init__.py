"""The store: readings, slots, commands, alarms, plans and audit, on SQLite or PostgreSQL. The only speaker of SQL."""

from engine.store.intake import Intake
from engine.store.ledger import JobRun
from engine.store.store import Store
from engine.store.unit import Unit

__all__ = ["Intake", "JobRun", "Store", "Unit"]
