"""Who says whether a spec is valid: the backtest service, which owns the language."""

from typing import Protocol

from shared.contracts.errors import DeadlineExceeded, Unavailable
from shared.contracts.messages import AcceptSpec
from shared.contracts.values import JsonObject, SpecReport
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.server import Call

# Kept back of the caller's time, so that it still hears why its request failed.
REPLY_SECONDS = 0.2


class SpecValidator(Protocol):
    """Parses and type-checks a spec."""

    async def validate(self, spec: JsonObject, call: Call) -> SpecReport:
        """Report on `spec` within the time left to `call`. Raises Unavailable."""
        ...


class BusSpecValidator:
    """Asks the backtest service, which has the specs that it finds valid tested as well."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def validate(self, spec: JsonObject, call: Call) -> SpecReport:
        """Report on `spec` within the time left to `call`. Raises Unavailable."""
        try:
            report, _ = await self._caller.call(
                AcceptSpec(spec=spec),
                call.principal,
                seconds=call.seconds_left - REPLY_SECONDS,
            )
        except DeadlineExceeded as error:
            # Nothing has been written: unlike a time-out, this may safely be tried again.
            raise Unavailable("The spec cannot be checked at the moment; nothing was stored") from error
        return report
