"""Large answers that nobody came for: their callers gave up or died, and the object store keeps them for ever."""

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.contracts.clock import Clock
from shared.contracts.errors import Unavailable
from shared.runtime.timings import REMOVED, Timings

if TYPE_CHECKING:  # a service without large answers needs no object store library
    from shared.runtime.objects import Objects

log = logging.getLogger(__name__)

REPLIES = "replies/"
"""What their keys begin with."""

# Far above any deadline.
KEPT = timedelta(minutes=10)
LOOK_SECONDS = 600.0


async def remove_old_replies(objects: "Objects", clock: Clock, timings: Timings) -> None:
    """Until cancelled remove what is older than KEPT: one listing at the start, and one now and then."""
    while True:
        try:
            removed = await objects.delete_older(REPLIES, clock.now() - KEPT)
        except Unavailable as error:
            log.info("old answers stay in the object store: %s", error)
        else:
            if removed:
                timings.count(REMOVED, removed, what="replies")
                log.info("%d answers that nobody came for were removed from the object store", removed)
        await asyncio.sleep(LOOK_SECONDS)
