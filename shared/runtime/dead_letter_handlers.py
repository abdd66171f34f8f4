"""What every service answers about its dead letters: which there are, and to do one once more. For admins alone."""

import asyncio
import contextlib
import heapq
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from shared.contracts.bus_messages import DeadLetterPage, ListDeadLetters, ReplayDeadLetter
from shared.contracts.dead_letter_ids import LetterId, letter_id
from shared.contracts.errors import Forbidden, Malformed, NotFound, Unavailable
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.dead_letters import DeadLetters
from shared.runtime.bus.server import Answer, Call

TRIM_SECONDS = 3600.0

Replay = Callable[[Entry, float], Awaitable[tuple[str, str]]]


class DeadLetterHandlers:
    """The dead letters of all streams that one service reads, each with how an entry of it is done once more.

    The service does that itself rather than write to its stream: nobody else is given the entry, no other user needs
    the right to, and the admin hears what came of it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[DeadLetters, Replay]] = {}

    def add(self, letters: DeadLetters, replay: Replay) -> None:
        """Answer for these too."""
        self._kept[letters.stream] = (letters, replay)

    async def trim(self) -> None:
        """Until cancelled remove what is too old, where nothing new comes that would push it out."""
        while True:
            for letters, _ in self._kept.values():
                with contextlib.suppress(RedisError, OSError):
                    await letters.trim()
            await asyncio.sleep(TRIM_SECONDS)

    async def list_all(self, message: ListDeadLetters, call: Call) -> Answer:
        """List dead letters, newest first. Raises Forbidden, Malformed for a `before`, Unavailable."""
        _check_admin(call)
        before = None if message.before is None else _place(message.before)
        chosen = [letters for name, (letters, _) in self._kept.items() if message.stream in (None, name)]
        try:
            found = [await letters.newest(before, message.limit) for letters in chosen]
        except (RedisError, OSError) as error:
            raise Unavailable("The dead letters cannot be read at the moment") from error
        newest = heapq.nlargest(message.limit, (pair for page in found for pair in page), key=lambda pair: pair[0])
        return Answer(DeadLetterPage(items=[letter for _, letter in newest]))

    async def replay(self, message: ReplayDeadLetter, call: Call) -> Answer:
        """Do a dead letter once more and remove it. Raises Forbidden, NotFound, Conflict, Unavailable."""
        _check_admin(call)
        try:
            wanted = letter_id(message.id)
        except ValueError as error:
            raise NotFound("There is no such dead letter") from error
        if wanted.stream not in self._kept:
            raise NotFound("There is no such dead letter")
        letters, replay = self._kept[wanted.stream]
        try:
            return Answer(await letters.replay(wanted, lambda entry: replay(entry, call.seconds_left)))
        except (RedisError, OSError) as error:
            raise Unavailable("The dead letters cannot be reached at the moment") from error


def _place(text: str) -> LetterId:
    try:
        return letter_id(text)
    except ValueError as error:
        raise Malformed("The cursor is not one that this list gave out; start without it") from error


def _check_admin(call: Call) -> None:
    if call.user.role != "admin":
        raise Forbidden("This is for administrators")
