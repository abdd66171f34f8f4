"""What the sixth service does."""

from collections import Counter

from shared.contracts.events import CloudEvent
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.server import Answer, Call
from tests.sixth.messages import CountChanges


class Changes:
    """Counts in memory."""

    def __init__(self) -> None:
        self._by_owner: Counter[str] = Counter()

    async def take(self, entries: list[Entry]) -> None:
        """Count a batch of events."""
        self._by_owner.update(CloudEvent.from_entry(entry.fields).owner for entry in entries)

    async def count(self, message: CountChanges, _: Call) -> Answer:
        """Answer the count."""
        return Answer(self._by_owner[message.owner])
