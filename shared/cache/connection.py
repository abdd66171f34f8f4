"""The connection to the cache server: one for all calls, made when it is needed, and sure of whom it speaks to."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import hiredis
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from shared.cache.settings import CacheSettings
from shared.wire import Command, Heard, Wire

SERVER: Final = "the cache server"

LOOKS: Final = 8
"""How often one looks, while something is unanswered, before the server is taken for lost."""


class Lost(Exception):
    """The server did not answer: it cannot be reached, was silent for too long, or is gone."""


def make_pool(settings: CacheSettings) -> ConnectionPool:
    """Return what makes connections, without retries or time-outs of its own; nothing is connected yet.

    RESP2 with maintenance notifications off: with them redis-py 8.1 speaks a protocol that not every server knows.
    """
    return ConnectionPool.from_url(
        settings.url,
        protocol=2,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        retry=Retry(NoBackoff(), 0),
        socket_timeout=None,
        socket_connect_timeout=settings.deadline,
    )


def packed(command: Command) -> bytes:
    """Return a command as it goes over the wire."""
    whole: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # the stubs mean a pair
    return whole


class Line:
    """One connection: to one process of the server, whose `run_id` it learnt when it was made.

    Whatever it is told therefore comes of that process. It ends when an answer takes longer than `deadline` seconds.
    """

    def __init__(self, wire: Wire, run_id: bytes, deadline: float) -> None:
        self.run_id = run_id
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._deadline = deadline
        self._sent = 0
        self._looking = False
        self._sent_at_looks: deque[int] = deque()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._wire.closed

    def ask(self, commands: bytes, number: int) -> asyncio.Future[list[object]]:
        """Send packed commands and return what will be their answers, in their order; one may be an exception."""
        answers: list[object] = []
        all_heard: asyncio.Future[list[object]] = self._loop.create_future()

        def last_heard(answer: object) -> None:
            answers.append(answer)
            if not all_heard.done():  # who asked may have gone away
                all_heard.set_result(answers)

        heard: list[Heard] = [answers.append] * number
        heard[-1] = last_heard
        self._wire.send_packed(commands, heard)
        self._sent += number
        if not self._looking:
            self._looking = True
            self._loop.call_later(self._deadline / LOOKS, self._look)
        return all_heard

    def close(self) -> None:
        """End it; what is unanswered fails."""
        self._wire.close()

    def _look(self) -> None:
        """End the connection when what had been sent LOOKS looks ago is still not answered.

        Looks are counted, not seconds: a process that was held up itself must not blame the server.
        """
        answered = self._sent - self._wire.waiting
        if answered == self._sent:
            self._looking = False
            self._sent_at_looks.clear()
            return
        self._sent_at_looks.append(self._sent)
        if len(self._sent_at_looks) > LOOKS and self._sent_at_looks.popleft() > answered:
            self._wire.close(RedisError("TimeoutError"))
        else:
            self._loop.call_later(self._deadline / LOOKS, self._look)


class Connector:
    """Keeps one line, and makes another when that is lost."""

    def __init__(self, settings: CacheSettings) -> None:
        self._pool = make_pool(settings)
        self._deadline = settings.deadline
        self._line: Line | None = None
        self._connecting: asyncio.Task[Line] | None = None

    @property
    def line(self) -> Line | None:
        """The line, if there is one."""
        return self._line if self._line is not None and not self._line.closed else None

    async def connected(self) -> Line:
        """Return the line, made now if there is none; who comes meanwhile waits for the same one. Raises Lost."""
        if self.line is not None:
            return self.line
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(_looked_at)
        return await asyncio.shield(self._connecting)

    async def close(self) -> None:
        """End the line."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._line is not None:
            self._line.close()

    async def _connect(self) -> Line:
        try:
            async with asyncio.timeout(self._deadline):
                wire = await Wire.connect(self._pool, server=SERVER)
                self._line = Line(wire, await _run_id(wire), self._deadline)
                return self._line
        # uvloop has a RuntimeError for a connection that has been closed since it was last used.
        except (RedisError, OSError, TimeoutError, RuntimeError) as error:
            raise Lost(str(error) or type(error).__name__) from error


def _looked_at(connecting: asyncio.Task[Line]) -> None:
    """See how it ended, though all who waited may have gone away."""
    if not connecting.cancelled():
        connecting.exception()


async def _run_id(wire: Wire) -> bytes:
    """Ask which process is at the other end. Raises RedisError."""
    (answer,) = await wire.ask(("INFO", "server"))
    if isinstance(answer, Exception):
        wire.close()
        raise answer
    if isinstance(answer, bytes):
        for line in answer.splitlines():
            if line.startswith(b"run_id:"):
                return line.removeprefix(b"run_id:")
    wire.close()
    raise RedisError("it does not say which process it is")


def checked(answers: Sequence[object]) -> Sequence[object]:
    """Return answers of which none is an exception. Raises ResponseError for a refusal, Lost for no answer."""
    for answer in answers:
        if isinstance(answer, ResponseError):
            raise answer
        if isinstance(answer, Exception):
            raise Lost(str(answer) or type(answer).__name__) from answer
    return answers
