"""Reading strategies, which the strategy service owns."""

from typing import Protocol

from shared.contracts.errors import DeadlineExceeded, Unavailable
from shared.contracts.messages import ReadStrategy
from shared.contracts.values import Strategy
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.server import Call

# Kept back of the caller's time, so that it still hears why its request failed.
REPLY_SECONDS = 0.2


class Strategies(Protocol):
    """Where stored strategies come from."""

    async def read(self, strategy_id: str, version: int | None, call: Call) -> Strategy:
        """Return the caller's strategy, with the spec of `version` if one is named. Raises NotFound, Unavailable."""
        ...


class BusStrategies:
    """Asks the strategy service in the caller's name."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def read(self, strategy_id: str, version: int | None, call: Call) -> Strategy:
        """Return the caller's strategy, with the spec of `version` if one is named. Raises NotFound, Unavailable."""
        try:
            strategy, _ = await self._caller.call(
                ReadStrategy(id=strategy_id, version=version),
                call.principal,
                seconds=call.seconds_left - REPLY_SECONDS,
            )
        except DeadlineExceeded as error:
            # Nothing has been written: unlike a time-out, this may safely be tried again.
            raise Unavailable("The strategy cannot be read at the moment; nothing was started") from error
        return strategy
