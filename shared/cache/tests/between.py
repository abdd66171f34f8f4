"""A store whose hit path goes out command by command, with something done before each: what a pipeline allows."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import hiredis

from shared.cache.connection import Line, packed
from shared.cache.redis_store import RedisCacheStore

Step = Callable[[], Awaitable[object]]


def commands_of(whole: bytes) -> list[tuple[bytes, ...]]:
    """Return the commands that were packed into one text."""
    reader = hiredis.Reader(notEnoughData=None)
    reader.feed(whole)
    found = []
    while (command := reader.gets()) is not None:
        found.append(tuple(cast("list[bytes]", command)))
    return found


class HaltingLine:
    """A line that runs `before[n]` before the n-th command that is sent over it, counted from 0."""

    def __init__(self, line: Line, before: dict[int, Step]) -> None:
        self.run_id = line.run_id
        self.sent: list[tuple[bytes, ...]] = []
        self._line = line
        self._before = before

    def ask(self, commands: bytes, number: int) -> "asyncio.Task[list[object]]":
        """Send what was packed one by one."""
        return asyncio.create_task(self._one_by_one(commands_of(commands)))

    async def _one_by_one(self, commands: list[tuple[bytes, ...]]) -> list[object]:
        answers: list[object] = []
        for command in commands:
            if step := self._before.get(len(self.sent)):
                await step()
            self.sent.append(command)
            answers += await self._line.ask(packed(command), 1)
        return answers


async def halting(store: RedisCacheStore, before: dict[int, Step] | None = None) -> HaltingLine:
    """Make the store use such a line from now on."""
    line = HaltingLine(await store._server.line(), before or {})

    async def only() -> Line:
        return cast("Line", line)

    store._server.line = only  # type: ignore[method-assign]  # the one way to get between two commands
    return line
