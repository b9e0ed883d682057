"""One transaction, and everything that can be done in it."""

from engine.instants import from_us
from engine.store.alarms import Alarms
from engine.store.audit import Audit
from engine.store.batches import Batches
from engine.store.bulk import Bulk
from engine.store.commands import Commands
from engine.store.cursors import Cursors, States
from engine.store.deeds import Deeds
from engine.store.epochs import Epochs
from engine.store.forecasts import Forecasts
from engine.store.gauges import Gauges
from engine.store.holds import Holds
from engine.store.inventory import Inventory
from engine.store.leases import Fences, Leases
from engine.store.ledger import Ledger
from engine.store.newest import Newest
from engine.store.notifications import Notifications
from engine.store.plans import Plans
from engine.store.readings import Readings
from engine.store.renewals import Renewals
from engine.store.slots import Slots
from engine.store.workorders import WorkOrders


class Unit:
    """The gateways of one transaction. Useless once it has ended."""

    def __init__(self, bulk: Bulk, newest: Newest, fences: Fences | None = None) -> None:
        self._fences = fences or {}
        self.inventory = Inventory(bulk)
        self.readings = Readings(bulk, newest)
        self.cursors = Cursors(bulk)
        self.state = States(bulk)
        self.slots = Slots(bulk)
        self.commands = Commands(bulk)
        self.renewals = Renewals(bulk)
        self.batches = Batches(bulk)
        self.deeds = Deeds(bulk)
        self.epochs = Epochs(bulk)
        self.holds = Holds(bulk)
        self.alarms = Alarms(bulk)
        self.workorders = WorkOrders(bulk)
        self.notifications = Notifications(bulk)
        self.plans = Plans(bulk)
        self.forecasts = Forecasts(bulk)
        self.audit = Audit(bulk)
        self.ledger = Ledger(bulk)
        self.leases = Leases(bulk)
        self.gauges = Gauges(bulk)

    def conclude(self) -> None:
        """Before the commit: one line of the audit for what became of commands, whoever moved them.

        Raises Deposed where a lease that it writes under is another's by now.
        """
        self.leases.prove(self._fences)
        if self.commands.told:
            states = dict(sorted(self.commands.told.items()))
            self.audit.append("outbox", "move", "commands", states, from_us(self.commands.told_at))
