"""The coalescing writer: every command that waits goes out in one write, none waits for the answers to others.

FastStream publishes one message per round trip.
"""

import asyncio
import logging
from functools import partial
from typing import cast

from redis.asyncio import Redis

from shared.contracts.errors import Unavailable
from shared.runtime.bus.pool import Pool
from shared.wire import Command, Heard, Wire

log = logging.getLogger(__name__)

MAX_WAITING = 20_000
SILENT_SECONDS = 0.75
AGAIN_SECONDS = 0.5
"""How long after a failure to connect it is tried again, though nobody sends anything."""

Answer = bytes | int | str | None


class StreamWriter:
    """Sends commands in the order they were submitted, over one connection that is made again when it was lost."""

    def __init__(self, client: Redis) -> None:
        self._pool = cast("Pool", client.connection_pool)
        self._wire: Wire | None = None
        self._early: list[tuple[Command, Heard]] = []
        self._away = False
        self._wanted = asyncio.Event()

    def send(self, command: Command, heard: Heard) -> None:
        """Send a command; `heard` is told of its answer, or of the exception for which there is none.

        Raises Unavailable at once when MAX_WAITING commands wait for their answers already.
        """
        if self._waiting() >= MAX_WAITING:
            raise Unavailable("The bus takes no more messages at the moment")
        if self._wire is None or self._wire.closed:
            self._early.append((command, heard))
            self._wanted.set()
        else:
            self._wire.send(command, heard)

    def submit(self, *command: str | bytes | int) -> asyncio.Future[Answer]:
        """Send a command; the future holds its answer, or Unavailable when the bus refused it or is away.

        Raises Unavailable as `send` does.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.send(command, partial(_settle, future))
        return future

    def post(self, *command: str | bytes | int) -> None:
        """Send a command whose answer nobody waits for; a failure is logged."""
        try:
            self.send(command, _log_failure)
        except Unavailable as error:
            log.warning("dropped %s: %s", command[0], error)

    async def run(self) -> None:
        """Connect once there is something to send, and again after each loss: who asks whether it is `silent` waits for
        that. Until cancelled.
        """
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                if self._wire is None or self._wire.closed:  # or it has been wanted again while it was made
                    await self._connect()
        finally:
            if self._wire is not None:
                self._wire.close()

    async def drain(self, seconds: float) -> None:
        """Wait until everything was answered or has failed, `seconds` at most."""
        try:
            async with asyncio.timeout(seconds):
                while self._waiting():
                    await self.submit("PING")  # its answer is the last
        except Unavailable:
            pass  # as all before it: each was told
        except TimeoutError:
            log.warning("%d messages were not sent before the stop", self._waiting())

    @property
    def silent(self) -> bool:
        """Whether the bus is away, or has owed an answer for SILENT_SECONDS: what is sent now would wait for it."""
        return self._away or (self._wire is not None and self._wire.silent_for >= SILENT_SECONDS)

    def _waiting(self) -> int:
        return len(self._early) + (self._wire.waiting if self._wire is not None else 0)

    async def _connect(self) -> None:
        looking = asyncio.get_running_loop().call_later(SILENT_SECONDS, self._note_away)
        try:
            if self._wire is not None:
                await self._pool.distrust()
            wire = await Wire.connect(self._pool, self._wanted.set)
        except Exception as error:  # whatever it is, go on
            self._note_away()
            early, self._early = self._early, []
            for _, heard in early:
                heard(error)
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._wanted.set)
        else:
            self._wire, self._away = wire, False
            early, self._early = self._early, []
            for command, heard in early:
                wire.send(command, heard)
        finally:
            looking.cancel()

    def _note_away(self) -> None:
        self._away = True


def unavailable(cause: Exception) -> Unavailable:
    """Return what to tell who asked something of the bus that it refused or did not answer."""
    failure = Unavailable("The message bus does not answer")
    failure.__cause__ = cause
    return failure


def _settle(future: asyncio.Future[Answer], answer: object) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(unavailable(answer))
    else:
        future.set_result(answer)  # type: ignore[arg-type]  # what these commands answer


def _log_failure(answer: object) -> None:
    if isinstance(answer, Exception):
        log.warning("a message was not sent: %s", answer)
