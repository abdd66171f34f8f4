"""One connection to a server of the Redis protocol on which commands go out without waiting for earlier answers.

redis-py connects and logs in (TLS, user, database). After that its asyncio client would pack each command in Python,
make a task for each thing it sends and a timeout for each answer it awaits: several times what the rest of a request
costs. Here hiredis packs and parses, and answers are told to callbacks in the order of the commands.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import cast

import hiredis
from redis.asyncio.connection import Connection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError

Command = tuple[str | bytes | int, ...]
Heard = Callable[[object], None]
"""Told of an answer: bytes, int, None or lists of them, or the exception for which there is none. Must not raise."""

LOOKS = 16
"""How often one looks, while something is unanswered, before the server is taken for lost."""

_NOT_YET = object()


class Wire(asyncio.Protocol):
    """A connection, made by `connect`. It never sends twice: what is unanswered when it is lost has failed.

    `server` names the other end in what failures say. `silent_for` is for how many seconds something has been
    unanswered without a word from it; after `silence` it is taken for lost, never without a `silence`.
    `when_lost()` is called when it is lost, after all that was unanswered has been told so.
    """

    def __init__(
        self,
        connection: Connection,
        silence: float | None,
        when_lost: Callable[[], None] | None = None,
        server: str = "the bus",
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._silence = silence
        self._when_lost = when_lost
        self._server = server
        self._look = 0.0 if silence is None else silence / LOOKS
        self._unsent: list[bytes] = []
        self._unheard: deque[Heard] = deque()
        self.silent_for = 0.0
        self._watching = False
        self._failure: Exception = RedisConnectionError(f"{server} closed the connection")
        self._parser = hiredis.Reader(protocolError=InvalidResponse, replyError=ResponseError, notEnoughData=_NOT_YET)
        # Out of redis-py's hands, which would close it with a warning; newer Pythons' writers would close it too.
        self._writer = cast("asyncio.StreamWriter", connection._writer)  # noqa: SLF001
        connection._reader = connection._writer = None  # noqa: SLF001
        self._transport = self._writer.transport
        self._transport.set_protocol(self)
        self.closed = self._transport.is_closing()

    @classmethod
    async def connect(
        cls, pool: ConnectionPool, when_lost: Callable[[], None] | None = None, server: str = "the bus"
    ) -> "Wire":
        """Connect as the connections of `pool` do, but beside it. Raises RedisError and OSError.

        A server that answers nothing for the pool's `socket_timeout`, if it has one, while something is asked is
        taken for lost.
        """
        connection: Connection = pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:  # one that a stop cuts off would stay until it is collected
            await connection.disconnect(nowait=True)
            raise
        return cls(connection, pool.connection_kwargs["socket_timeout"], when_lost, server)

    @property
    def waiting(self) -> int:
        """How many commands are not answered yet."""
        return len(self._unheard)

    def send(self, command: Command, heard: Heard) -> None:
        """Send a command, in one write with all that comes before the event loop's next turn."""
        self.send_packed(hiredis.pack_command(command), (heard,))  # type: ignore[arg-type]  # the stubs mean a pair

    def send_packed(self, commands: bytes, heard: Iterable[Heard]) -> None:
        """Send commands as they go over the wire, with one `heard` for each of them."""
        if self.closed:
            for told in heard:
                self._loop.call_soon(told, self._failure)
            return
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(commands)
        self._unheard.extend(heard)

    async def ask(self, *commands: Command) -> list[object]:
        """Send commands and return their answers; an answer may be an exception.

        Who gives up waiting ends the connection: the server must not answer, or hand entries, to nobody.
        """
        answers: list[object] = []
        all_heard = self._loop.create_future()

        def heard(answer: object) -> None:
            answers.append(answer)
            if len(answers) == len(commands) and not all_heard.done():
                all_heard.set_result(None)

        for command in commands:
            self.send(command, heard)
        try:
            await all_heard
        except asyncio.CancelledError:
            self.close()
            raise
        return answers

    def close(self, failure: Exception | None = None) -> None:
        """End the connection now; what is unanswered fails, with `failure` if that says why."""
        if failure is not None:
            self._failure = failure
        self.closed = True
        self._transport.abort()

    def _flush(self) -> None:
        if self._transport.is_closing():
            return  # what is unanswered has failed, or is about to
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        if not self._watching and self._silence is not None:
            self._watching, self.silent_for = True, 0.0
            self._loop.call_later(self._look, self._watch, self._silence)

    def _watch(self, silence: float) -> None:
        """While something is unanswered see that the server is not silent for too long.

        Looks are counted, not seconds: a process that was held up itself must not blame the server.
        """
        self._watching = bool(self._unheard)
        if not self._watching:
            return
        self.silent_for += self._look
        if self.silent_for < silence:
            self._loop.call_later(self._look, self._watch, silence)
            return
        self.close(RedisConnectionError(f"{self._server} did not answer for {silence:g} s"))

    def data_received(self, data: bytes) -> None:
        """Tell the answers that are complete."""
        self.silent_for = 0.0
        self._parser.feed(data)
        while (answer := self._parser.gets()) is not _NOT_YET:
            self._unheard.popleft()(answer)

    def eof_received(self) -> None:
        """Take no more: the transport closes itself."""
        self.closed = True

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what is unanswered."""
        self.closed = True
        if self._failure.__cause__ is None:
            self._failure.__cause__ = error
        while self._unheard:
            self._unheard.popleft()(self._failure)
        if self._when_lost is not None:
            self._when_lost()
