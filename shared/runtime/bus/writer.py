"""The coalescing writer: every command that waits goes out in one pipeline.

FastStream publishes one message per round trip; a pipeline of a hundred costs each command a sixth of that.
"""

import asyncio
import logging
from collections import deque

from redis.asyncio import Redis

from shared.contracts.errors import Unavailable

log = logging.getLogger(__name__)

MAX_PIPELINE = 512
MAX_WAITING = 20_000

Command = tuple[str | bytes | int, ...]
Answer = bytes | int | str | None


class StreamWriter:
    """Sends commands in the order they were submitted, as many in one pipeline as wait."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._waiting: deque[tuple[Command, asyncio.Future[Answer]]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, *command: str | bytes | int) -> asyncio.Future[Answer]:
        """Queue a command; the future holds its answer, or Unavailable when the bus refused it or is away.

        Raises Unavailable at once when MAX_WAITING commands wait already.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable("The bus takes no more messages at the moment")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        self._idle.clear()
        self._wake.set()
        return future

    def post(self, *command: str | bytes | int) -> None:
        """Queue a command whose answer nobody waits for; a failure is logged."""
        try:
            self.submit(*command).add_done_callback(_log_failure)
        except Unavailable as error:
            log.warning("dropped %s: %s", command[0], error)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                size = min(len(self._waiting), MAX_PIPELINE)
                await self._send([self._waiting.popleft() for _ in range(size)])
            self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Wait until nothing is queued, `seconds` at most."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            log.warning("%d messages were not sent before the stop", len(self._waiting))

    async def _send(self, batch: list[tuple[Command, asyncio.Future[Answer]]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for command, _ in batch:
            pipeline.execute_command(*command)
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except Exception as error:  # whatever it is (uvloop has a RuntimeError for a closed transport), go on
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                failure = Unavailable("The message bus does not answer")
                failure.__cause__ = answer
                future.set_exception(failure)
            else:
                future.set_result(answer)


def _log_failure(future: asyncio.Future[Answer]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("a message was not sent: %s", error.__cause__ or error)
