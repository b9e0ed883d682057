"""The reference inference: what the conclusions mean, in plain Python."""

from collections.abc import Iterator, Sequence

from engine.rulebook.inference import Conclusion, Implied, Program, Transaction


class ReferenceInference:
    """The semantics itself. Every other inference is held to its answers."""

    def __init__(self) -> None:
        self._program = Program()

    def load(self, program: Program) -> None:
        self._program = program

    def decide(self, transactions: Sequence[Transaction]) -> list[frozenset[Implied]]:
        return [frozenset(self._implied(transaction)) for transaction in transactions]

    def take_faults(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing runs behind it."""

    def _implied(self, transaction: Transaction) -> Iterator[Implied]:
        standing = {(condition.rule, condition.asset) for condition in transaction}
        for rule, asset, parent, fresh in transaction:
            if rule in self._program.alarms:
                yield Implied(Conclusion.ALARM, rule, asset)
                if parent and (self._program.silencers.get(rule), parent) in standing:
                    yield Implied(Conclusion.SUPPRESSED, rule, asset)
            elif rule in self._program.wants and fresh:
                yield Implied(Conclusion.WANT, rule, asset)
