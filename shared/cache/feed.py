"""The feed of a first level: one connection on which the cache server tells what is announced, and that it is heard.

The scripts RAISE and INVALIDATE publish `<version> <object>`. A PING travels the same connection, so that its PONG
comes after all that was published before the server read it: what is held is then at least as new as that PING.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, cast

import hiredis
from redis.asyncio.connection import Connection, ConnectionPool
from redis.exceptions import InvalidResponse, RedisError, ResponseError

from shared.cache.keys import FEED

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 2.0
CONNECT_SECONDS: Final = 2.0
PINGS: Final = 5
"""How often a PING is sent in the time that one is good for."""
SILENCE: Final = 4
"""After so many times that time without a word the connection is taken for lost."""

_NOT_YET: Final = object()


class Listener(Protocol):
    """Who is told; see LocalCache."""

    fresh_until: float

    def raised(self, obj: str, version: int) -> None:
        """The object has reached this version, or is about to."""

    def opened(self) -> None:
        """The feed is heard."""

    def lost(self) -> None:
        """The feed is not heard any more; anything may have been missed."""


class Feed:
    """Subscribes, again whenever it is lost, and renews the listener's lease of `lease` seconds with each PONG.

    `clock` must be the one that the listener is asked with. `pool` says how to connect; its connections are not used.
    """

    def __init__(
        self, pool: ConnectionPool, listener: Listener, lease: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._listener = listener
        self._lease = lease
        self._clock = clock
        self._proven = clock()
        self._line: _Line | None = None
        self._lost_before = False

    @property
    def age(self) -> float:
        """Seconds since the last PING that was answered; since the beginning when none was."""
        return self._clock() - max(self._listener.fresh_until - self._lease, self._proven)

    async def run(self) -> None:
        """Listen until cancelled."""
        pause = FIRST_PAUSE
        while True:
            heard_of = False
            try:
                line = await self._subscribe()
                heard_of = True
                if self._lost_before:
                    log.warning("the cache's feed is heard again")
                self._lost_before = False
                await line.lost
            except (RedisError, OSError, TimeoutError, RuntimeError) as error:  # RuntimeError: uvloop's, when closed
                if not self._lost_before:
                    why = str(error) or type(error).__name__
                    log.warning("nothing is answered from this process's own cache, its feed is lost: %s", why)
                self._lost_before = True
            finally:
                self._proven = max(self._proven, self._listener.fresh_until - self._lease)
                self._listener.lost()
                if self._line is not None:
                    self._line.close()
            pause = FIRST_PAUSE if heard_of else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  # so that not all come at once

    async def _subscribe(self) -> "_Line":
        connection: Connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.connect()  # type: ignore[no-untyped-call]
                self._line = _Line(connection, self._listener, self._lease, self._clock)
                await self._line.subscribed
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return self._line


class _Line(asyncio.Protocol):
    """One connection, taken out of redis-py's hands once it has logged in.

    `subscribed` is done when the server has confirmed, `lost` fails with the reason when the connection ends.
    """

    def __init__(self, connection: Connection, listener: Listener, lease: float, clock: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._lease = lease
        self._clock = clock
        self._pinged: deque[float] = deque()
        self._silent = 0
        self._parser = hiredis.Reader(protocolError=InvalidResponse, replyError=ResponseError, notEnoughData=_NOT_YET)
        self.subscribed: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        writer = cast("asyncio.StreamWriter", connection._writer)  # noqa: SLF001
        # redis-py would close it with a warning; newer Pythons' writers would close it too.
        connection._reader = connection._writer = None  # noqa: SLF001
        self._writer = writer
        self._transport = writer.transport
        self._transport.set_protocol(self)
        self._transport.write(hiredis.pack_command(("SUBSCRIBE", FEED)))  # type: ignore[arg-type]  # the stubs mean a pair

    def close(self) -> None:
        """End the connection; what still comes is heard by nobody."""
        self._end(ConnectionAbortedError("closed here"))

    def data_received(self, data: bytes) -> None:
        """Tell what has come whole."""
        self._silent = 0
        try:
            self._parser.feed(data)
            while (message := self._parser.gets()) is not _NOT_YET:
                self._hear(message)
        except RedisError as error:
            self._end(error)
        except (LookupError, TypeError) as error:
            self._end(InvalidResponse(f"what it says is no message of a subscription: {error!r}"))

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that it is over."""
        self._end(error or ConnectionResetError("the cache server closed the connection"))

    def _hear(self, message: object) -> None:
        if self.lost.done():
            return
        if isinstance(message, ResponseError):
            raise message
        kind, *rest = cast("list[bytes]", message)
        if kind == b"message":
            self._announce(rest[1])
        elif kind == b"pong":
            self._listener.fresh_until = self._pinged.popleft() + self._lease
        elif not self.subscribed.done():
            self._listener.opened()
            self.subscribed.set_result(None)
            self._ping()

    def _announce(self, text: bytes) -> None:
        version, _, obj = text.decode("ascii", "replace").partition(" ")
        try:
            self._listener.raised(obj, int(version))
        except ValueError:
            # Something was announced that this process cannot read: it may have been about anything.
            log.warning("the cache's feed says what cannot be read: %r", text[:100])
            self._listener.lost()
            self._listener.opened()

    def _ping(self) -> None:
        """Send a PING in turn. Turns are counted, not seconds: a process that was held up must not blame others."""
        if self.lost.done():
            return
        self._silent += 1
        if self._silent > PINGS * SILENCE:
            self._end(TimeoutError(f"the cache server did not answer for {SILENCE * self._lease:g} s"))
            return
        self._pinged.append(self._clock())
        self._transport.write(b"*1\r\n$4\r\nPING\r\n")
        self._loop.call_later(self._lease / PINGS, self._ping)

    def _end(self, error: Exception) -> None:
        for future in (self.subscribed, self.lost):
            if not future.done():
                future.set_exception(error)
                future.exception()  # who does not await it need not be told
        self._transport.abort()
