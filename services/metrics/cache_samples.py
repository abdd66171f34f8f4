"""Some looks of the live checker are at objects that nobody has changed: what no event names may be wrong as well."""

import asyncio
import logging
import random as randomness
from collections.abc import Callable
from typing import Final, Protocol

from services.metrics.due_work import whenever_due
from shared.contracts.errors import Unavailable

log = logging.getLogger(__name__)

SECONDS: Final = 15.0
"""From one to the next: each costs a few entries on the bus, and four requests of each process of the gateway."""


class Knowing(Protocol):
    """Each process of the gateway."""

    async def names(self) -> list[str]:
        """Return the names of objects that they could answer about. Raises Unavailable."""
        ...


class CacheSamples:
    """Draws one of all that the gateway's processes name, and has each of `look_at` look at it. Run `run`."""

    def __init__(
        self, gateways: Knowing, *look_at: Callable[[str], None], random: Callable[[], float] = randomness.random
    ) -> None:
        self._gateways = gateways
        self._look_at = look_at
        self._random = random

    async def run(self) -> None:
        """Draw one every now and then, until cancelled."""
        await whenever_due(lambda: SECONDS, asyncio.Event(), self.draw, "no object could be drawn to look at")

    async def draw(self) -> None:
        """Draw one, if there is any."""
        try:
            names = await self._gateways.names()
        except Unavailable as error:
            log.info("no object is drawn to look at: %s", error)
            return
        if names:
            drawn = names[int(self._random() * len(names))]
            for look_at in self._look_at:
                look_at(drawn)
