"""Waiting, at a start, for what the service cannot do without: everything comes up at once, in no order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from shared.runtime.logs import because

log = logging.getLogger(__name__)

CONNECT_SECONDS = 30.0
PAUSE_SECONDS = 0.25


class CannotStart(Exception):
    """What the service cannot do without did not answer in time, or refused; the text says what, and what it said."""


async def until_connected(
    what: str, connect: Callable[[], Awaitable[None]], *, refusals: tuple[type[Exception], ...] = ()
) -> None:
    """Try for CONNECT_SECONDS, and say what is waited for.

    Raises CannotStart, and any of `refusals` at once: to ask again would be no use.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + CONNECT_SECONDS
    said = ""
    while True:
        try:
            await connect()
        except refusals:
            raise
        except Exception as error:
            why = f"{error}{because(error)}"
            if loop.time() >= give_up:
                raise CannotStart(f"{what} did not answer within {CONNECT_SECONDS:g} s: {why}") from error
            if why != said:
                log.warning("waiting for %s: %s", what, why)
                said = why
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
