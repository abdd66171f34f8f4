"""Exchanges with the cache server: commands and scripts over the one connection, and a breaker before it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, ParamSpec, TypeVar

from redis.exceptions import AuthenticationError, ResponseError

from shared.cache.breaker import Breaker
from shared.cache.connection import Connector, Line, Lost, checked, packed
from shared.cache.results import CacheUnavailable
from shared.cache.scripts import Script
from shared.cache.settings import CacheSettings

log = logging.getLogger(__name__)

Argument = str | int | bytes
Call = tuple[tuple[str, ...], tuple[Argument, ...]]
"""Keys and arguments of a script, but for the first argument: the run id of the connection that it is sent over."""

AT_ONCE: Final = 100
"""So many calls are sent before their answers are awaited: all of them are to come within the deadline of one."""

P = ParamSpec("P")
T = TypeVar("T")


class Exchange:
    """With one server; `clock` is the breaker's, in seconds.

    After a failure `usable` is False, so that nobody else waits for a server that is gone; a PING in the background
    finds it back.
    """

    def __init__(self, settings: CacheSettings, clock: Callable[[], float]) -> None:
        self._connector = Connector(settings)
        self._breaker = Breaker(clock)
        self._refusals: set[str] = set()
        self.probe: asyncio.Task[bool] | None = None

    @property
    def working(self) -> bool:
        """Whether the last exchange with the server succeeded."""
        return self._breaker.working

    def usable(self) -> bool:
        """Whether it is worth asking; if not, see to it that somebody finds out when it is."""
        if self._breaker.closed:
            return True
        if (self.probe is None or self.probe.done()) and self._breaker.claim_probe():
            self.probe = asyncio.create_task(self.ping())
        return False

    async def line(self) -> Line:
        """Return the connection. Raises Lost."""
        return self._connector.line or await self._connector.connected()

    async def ping(self) -> bool:
        """Ask the server whether it is there, whatever the breaker says."""
        try:
            await self.ask(self._ping)
        except (CacheUnavailable, ResponseError):
            return False
        return True

    async def close(self) -> None:
        """End the probe and the connection."""
        if self.probe is not None:
            self.probe.cancel()
            await asyncio.wait([self.probe])
        await self._connector.close()

    async def ask(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one exchange and tell the breaker how it went. Raises CacheUnavailable or ResponseError."""
        try:
            answer = await step(*args, **kwargs)
        except ResponseError as error:  # it answers, so nobody need keep off it
            self._note_refusal(str(error))
            raise
        except (Lost, TimeoutError) as error:
            raise CacheUnavailable(self._note_failure(error)) from error
        if not self._breaker.working:
            if not self._breaker.closed:
                log.warning("reading with the cache again")
            self._breaker.succeeded()
        return answer

    async def run(self, script: Script, calls: Sequence[Call]) -> Sequence[object]:
        """Run a script for each of the calls, AT_ONCE in one go. Raises Lost or ResponseError."""
        if len(calls) <= AT_ONCE:
            return await self._run(script, calls)
        answers: list[object] = []
        for start in range(0, len(calls), AT_ONCE):
            answers += await self._run(script, calls[start : start + AT_ONCE])
        return answers

    async def _run(self, script: Script, calls: Sequence[Call]) -> Sequence[object]:
        line = await self.line()
        commands = b"".join(
            packed(("EVALSHA", script.sha, len(keys), *keys, line.run_id, *arguments)) for keys, arguments in calls
        )
        answers = await line.ask(commands, len(calls))
        if any(isinstance(answer, ResponseError) and str(answer).startswith("NOSCRIPT") for answer in answers):
            # The server forgot its scripts (restart, flush). All calls go again: each may be repeated.
            load = packed(("SCRIPT", "LOAD", script.source))
            _, *answers = await line.ask(load + commands, 1 + len(calls))
        return checked(answers)

    async def _ping(self) -> None:
        line = await self.line()
        checked(await line.ask(packed(("PING",)), 1))

    def _note_refusal(self, text: str) -> None:
        if text.startswith("NOPERM") and text not in self._refusals:
            self._refusals.add(text)
            log.error("the cache server refuses the user of REDIS_URL: %s", text)

    def _note_failure(self, error: Exception) -> str:
        refused = isinstance(error.__cause__, AuthenticationError | ResponseError)
        does = "refuses the user of REDIS_URL" if refused else "does not answer"
        trouble = f"the cache server {does}: {str(error) or type(error).__name__}"
        if self._breaker.closed:
            log.warning("reading without the cache: %s", trouble)
        self._breaker.failed()
        return trouble
