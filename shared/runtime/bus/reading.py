"""A FastStream broker that says which streams it cannot read, and reads a bus that refuses it without haste.

FastStream repeats a read that was refused (READONLY, NOPERM) at once, thousands of times a second, and without a word;
so it does with the PING with which a reader starts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from faststream.redis import RedisBroker
from faststream.redis.configs import RedisConnectionState
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from shared.runtime.bus.batches import Entries, read_batch
from shared.runtime.bus.pool import Pool
from shared.wire import Wire

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5
"""How long a reader pauses when the bus does not answer."""

Room = Callable[[], Awaitable[int]]
"""Waits until one more entry may be taken, and says how many."""


def complaint(error: BaseException | None) -> str:
    """Say in words for strangers what the bus did: nothing, or the code with which it refused."""
    code = getattr(error, "status_code", None) or str(error).partition(" ")[0]
    return f"refuses: {code}" if isinstance(error, RedisError) and code.isupper() else "does not answer"


async def begun_anew(client: Redis, stream: str, last_id: bytes | str) -> bool:
    """Say whether a stream ends before an id that was read from it: it was lost, and went on from a clock set back.

    Who remembers that id would wait for a higher one, for ever perhaps. Raises RedisError or OSError.
    """
    try:
        about = await client.xinfo_stream(stream)
    except ResponseError as error:
        if "no such key" in str(error):
            return False
        raise
    return _place(about["last-generated-id"]) < _place(last_id)


async def _begun_anew(wire: Wire, stream: str, last_id: bytes | str) -> bool:
    """Say the same by the connection that has just been read from: another one may be broken without a word."""
    (about,) = await wire.ask(("XINFO", "STREAM", stream))
    if isinstance(about, ResponseError) and "no such key" in str(about):
        return False
    if isinstance(about, Exception):
        raise about
    told = cast("list[bytes]", about)
    return _place(told[told.index(b"last-generated-id") + 1]) < _place(last_id)


def _is_ended() -> bool:
    """Say whether this task was cancelled, though redis-py lost the word of it and failed of the closed connection.

    As an error it would end in the log: FastStream asks no task that it has stopped how it ended.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _place(entry_id: bytes | str) -> tuple[int, int]:
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number or 0)


class Broker(RedisBroker):
    """What cannot be read at the moment, and why, is in `faults`, by stream.

    A stream is read no further than its entry in `room` allows, if it has one: what its reader could not begin yet
    stays on the bus, for others to take.
    """

    def __init__(self, url: str, **options: Any) -> None:  # noqa: ANN401  # those of RedisBroker
        self.faults: dict[str, str] = {}
        self.room: dict[str, Room] = {}
        super().__init__(url, **options)

    def _make_connection_state(
        self, connection_options: dict[str, Any], kwargs: dict[str, Any]
    ) -> RedisConnectionState:
        del kwargs
        return _State(connection_options, self.faults, self.room)


class _State(RedisConnectionState):
    __slots__ = ("_faults", "_room")

    def __init__(self, options: dict[str, Any], faults: dict[str, str], room: dict[str, Room]) -> None:
        super().__init__(options)
        self._faults = faults
        self._room = room

    async def connect(self) -> "Redis[bytes]":  # type: ignore[type-arg]  # generic in the library's stubs alone
        made = await super().connect()
        self._client = _Reading(made, self._faults, self._room)
        return self._client


class _Reading(Redis):
    """Notes how each read went, and tells one that is refused as a lost connection, after which FastStream pauses."""

    def __init__(self, made: Redis, faults: dict[str, str], room: dict[str, Room]) -> None:
        self._pool = Pool.like(made.connection_pool)
        super().__init__(connection_pool=self._pool)
        self.auto_close_connection_pool = True
        self._faults = faults
        self._room = room
        self._idle: list[Wire] = []  # one for each reader, while it does not read
        self._over = False

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # as in the base class
        if args[0] == "PING":
            return await self._greet()
        if args[0] not in ("XREAD", "XREADGROUP"):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        stream = str(args[args.index(b"STREAMS") + 1])
        most = await self._room[stream]() if stream in self._room else None
        try:
            answer = await self._read(stream, args, most)
        except (RedisError, OSError) as error:
            if "NOGROUP" in str(error):  # FastStream stops the reader, and the watch starts it again
                raise
            if stream not in self._faults:
                log.warning("%s cannot be read: %s", stream, error)
            self._faults[stream] = complaint(error)
            if isinstance(error, ResponseError):
                raise RedisConnectionError(str(error)) from error
            raise
        if self._faults.pop(stream, None) is not None:
            log.warning("%s can be read again", stream)
        return answer

    async def _greet(self) -> Any:  # noqa: ANN401  # as in the base class
        try:
            return await super().execute_command("PING")  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            if _is_ended():
                raise asyncio.CancelledError from error
            await asyncio.sleep(PAUSE_SECONDS)
            raise

    async def _read(self, stream: str, command: tuple[Any, ...], most: int | None) -> list[tuple[bytes, Entries]]:
        wire = self._idle.pop() if self._idle else None
        if wire is None or wire.closed:
            wire = await Wire.connect(self._pool)
        try:
            answer = await read_batch(wire, command, most)
            if answer or command[0] != "XREAD" or not await _begun_anew(wire, stream, command[-1]):
                return answer
            log.warning("%s has begun anew and is read from its beginning", stream)
            return await read_batch(wire, (*command[:-1], "0"), most)
        except RedisConnectionError:
            await self._pool.distrust()
            raise
        finally:
            if self._over:  # the cancellation that ends a reader can be lost in a connect, and the reader go on
                wire.close()
            elif not wire.closed:
                self._idle.append(wire)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the readers' connections too."""
        self._over = True
        for wire in self._idle:
            wire.close()
        await super().aclose(close_connection_pool)
