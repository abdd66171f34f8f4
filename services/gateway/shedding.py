"""Sheds load: a request for a service that has as much to do as it can is refused at once, with 503 and Retry-After.

Each kind of request has a limit of its own at each service, so that what is slow holds up nothing else.
"""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from services.gateway.core.admission import Admission
from services.gateway.fetching import Asking
from services.gateway.problems import Overloaded
from shared.contracts.errors import DeadlineExceeded
from shared.contracts.messages import Request
from shared.contracts.values import Principal
from shared.runtime.bus.caller import DEFAULT_DEADLINE, Reply

log = logging.getLogger(__name__)

A = TypeVar("A")


class Shedding:
    """Asks as `caller` does, or refuses. `clock` tells seconds of a monotonic clock."""

    def __init__(self, caller: Asking, clock: Callable[[], float] = time.monotonic) -> None:
        self._caller = caller
        self._clock = clock
        self._admissions: defaultdict[tuple[str, str], Admission] = defaultdict(Admission)

    async def ask(
        self,
        message: Request[A],
        principal: Principal | None = None,
        *,
        seconds: float = DEFAULT_DEADLINE,
        idempotency_key: str = "",
        service: str = "",
    ) -> Reply:
        """Ask a service. Raises Overloaded, and what the caller raises."""
        admission = self._admissions[service or message.SERVICE, message.METHOD]
        entered = admission.enter(self._clock(), principal.user_id if principal is not None else "")
        if entered is None:
            raise Overloaded("There is more to do than can be done in good time; try again later")
        took: float | None = None
        try:
            reply = await self._caller.ask(
                message, principal, seconds=seconds, idempotency_key=idempotency_key, service=service
            )
            took = reply.service_seconds
        except DeadlineExceeded:
            took = math.inf
            raise
        finally:
            known = admission.overloaded
            admission.leave(entered, self._clock(), took)
            if admission.overloaded and not known:
                log.warning("more is asked for by %s than is done: the rest is refused", message.METHOD)
        return reply
