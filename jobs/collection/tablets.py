"""The rounds in force, told to the tablets in the trucks: one retained document each, and only where it is news."""

from datetime import datetime

from engine.rounds import Round, encode_round
from engine.store import Unit
from engine.wire import round_topic
from jobs.bootstrap import Territory
from jobs.collection.rounds.in_force import rounds_ahead


class Tablets:
    """Remembers what was told. One that begins anew tells all once more: the same round twice does no harm."""

    def __init__(self) -> None:
        self._told: dict[str, bytes] = {}

    def news(self, unit: Unit, territory: Territory, at: datetime) -> dict[str, bytes]:
        """By topic, the document of each truck whose round is another than was told."""
        ahead = rounds_ahead(unit, territory, at)
        messages = dict(_message(one, territory) for one in ahead.rounds) if ahead is not None else {}
        return {topic: payload for topic, payload in messages.items() if self._told.get(topic) != payload}

    def remember(self, news: dict[str, bytes]) -> None:
        """The broker has taken these."""
        self._told |= news


def _message(found: Round, territory: Territory) -> tuple[str, bytes]:
    asset = territory.by_id[found.vehicle]
    return round_topic(asset.gateway or asset.parent or asset.id, asset.id), encode_round(found)
