"""Dead letters: entries that could not be done, put aside with their history, for people to look at and do once more.

FastStream has no place for them: what fails stays pending for ever, or is acknowledged as if it had been done.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError, WatchError
from redis.typing import EncodableT, FieldT

from shared.contracts.bus_messages import DeadLetter, DeadReason, Delivery, Replayed
from shared.contracts.dead_letter_ids import LetterId
from shared.contracts.errors import Conflict, NotFound
from shared.contracts.streams import dead_stream
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.groups import ensure_group

log = logging.getLogger(__name__)

KEPT = 1000
KEPT_SECONDS = 30 * 86_400
# A replay that was cut off, its process gone, may be tried again after this; no replay takes as long.
REPLAY_SECONDS = 60.0
REPLAYS = "replay"
# What says what an entry is, without what it carries.
_ABOUT = ("id", "method", "request_id", "traceparent", "type", "subject", "sequence", "source", "time")
_FIELD = b"field:"

Count = Callable[[str, str], None]
Replay = Callable[[Entry], Awaitable[tuple[str, str]]]


class Verdict(msgspec.Struct, frozen=True):
    """Why an entry is put aside; `traceback` is a digest of the failure's, if there was one."""

    reason: DeadReason
    error: str
    deliveries: int = 1
    history: Sequence[Delivery] = ()
    traceback: str = ""


class DeadLetters:
    """The dead letters of one stream, put aside by one group. `count(stream, reason)` is told of each.

    With `delete` a letter's entry is removed from its stream, which no other group reads.
    """

    def __init__(self, client: Redis, stream: str, group: str, *, delete: bool, count: Count) -> None:
        self.stream = stream
        self.name = dead_stream(stream)
        self._client = client
        self._group = group
        self._delete = delete
        self._count = count

    async def put(
        self,
        entry: Entry,
        verdict: Verdict,
        *,
        fields: Mapping[bytes, bytes] | None = None,
        replayable: bool = True,
    ) -> bool:
        """Move an entry here; False when it is pending no more, another process having done or moved it.

        `fields` are kept in place of the entry's own, where not all of them may be. One transaction: whoever dies
        meanwhile loses nothing, and of two who move the same entry one does. Raises RedisError or OSError.
        """
        letter = self._letter(entry.id, verdict, entry.fields if fields is None else fields, replayable=replayable)
        async with self._client.pipeline(transaction=True) as pipeline:
            while True:
                await pipeline.watch(self.name)
                # Asked after the watch: who moved it before has made the letter, who does it now breaks the watch.
                if not await _is_pending(pipeline, self.stream, self._group, entry.id):
                    return False
                pipeline.multi()  # type: ignore[no-untyped-call]  # the library's one without types
                pipeline.xadd(self.name, letter, maxlen=KEPT, approximate=False)
                pipeline.xtrim(self.name, minid=_oldest(), approximate=False)
                pipeline.xack(self.stream, self._group, entry.id)
                if self._delete:
                    pipeline.xdel(self.stream, entry.id)
                try:
                    await pipeline.execute()
                except WatchError:
                    continue
                break
        log.error("%s: %s is put aside (%s): %s", self.stream, entry.id.decode(), verdict.reason, verdict.error)
        self._count(self.stream, verdict.reason)
        return True

    def _letter(
        self, entry_id: bytes, verdict: Verdict, fields: Mapping[bytes, bytes], *, replayable: bool
    ) -> dict[FieldT, EncodableT]:
        return {
            "stream": self.stream,
            "group": self._group,
            "entry": entry_id,
            "reason": verdict.reason,
            "error": verdict.error,
            "traceback": verdict.traceback,
            "deliveries": verdict.deliveries,
            "history": msgspec.json.encode(verdict.history),
            "replayable": int(replayable),
            **{_FIELD + name: value for name, value in fields.items()},
        }

    async def newest(self, before: LetterId | None, limit: int) -> list[tuple[LetterId, DeadLetter]]:
        """Return at most `limit` letters older than `before`, newest first. Raises RedisError or OSError."""
        highest = "+" if before is None else before.entry
        rows = cast(
            "list[tuple[bytes, dict[bytes, bytes]]]",
            await self._client.xrevrange(self.name, highest, "-", count=limit + 1),
        )
        letters = [(_id_of(self.stream, entry_id), fields) for entry_id, fields in rows]
        older = [(found, fields) for found, fields in letters if before is None or found < before]
        return [(found, _read(found, fields)) for found, fields in older[:limit]]

    async def replay(self, letter: LetterId, run: Replay) -> Replayed:
        """Do what a letter asks for by `run`, and remove it; `run` answers an outcome and a sentence about it.

        Of several who replay it at once, one does. Raises NotFound, Conflict when it is being replayed or cannot be,
        what `run` raises (then the letter stays), RedisError or OSError.
        """
        rows = cast(
            "list[tuple[bytes, dict[bytes, bytes]]]",
            await self._client.xrange(self.name, letter.entry, letter.entry),
        )
        if not rows:
            raise NotFound(f"There is no dead letter {letter}")
        fields = rows[0][1]
        if fields[b"replayable"] != b"1":
            raise Conflict("It cannot be replayed: it could not be read, or it held a secret that was not kept")
        await ensure_group(self._client, self.name, REPLAYS)
        claimed = await self._client.xclaim(
            self.name, REPLAYS, REPLAYS, int(REPLAY_SECONDS * 1000), [letter.entry], force=True, justid=True
        )
        if not claimed:
            raise Conflict(
                f"It is being replayed, or was when a process ended; look again in {REPLAY_SECONDS:g} s, and at the log"
            )
        original = {name.removeprefix(_FIELD): value for name, value in fields.items() if name.startswith(_FIELD)}
        try:
            outcome, detail = await run(Entry(fields[b"entry"], original))
        except BaseException:
            await self._client.xack(self.name, REPLAYS, letter.entry)
            raise
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.xack(self.name, REPLAYS, letter.entry)
            pipeline.xdel(self.name, letter.entry)
            await pipeline.execute()
        log.warning("the dead letter %s was replayed: %s", letter, outcome)
        return Replayed(id=str(letter), outcome=outcome, detail=detail)

    async def trim(self) -> None:
        """Remove what is older than KEPT_SECONDS. Raises RedisError or OSError."""
        await self._client.xtrim(self.name, minid=_oldest(), approximate=False)


async def _is_pending(client: Redis, stream: str, group: str, entry_id: bytes) -> bool:
    try:
        return bool(await client.xpending_range(stream, group, entry_id, entry_id, 1))
    except ResponseError as error:
        if "NOGROUP" in str(error):  # the bus was emptied, and the entry with it
            return False
        raise


def _oldest() -> int:
    return int((time.time() - KEPT_SECONDS) * 1000)


def _id_of(stream: str, entry_id: bytes) -> LetterId:
    milliseconds, _, number = entry_id.partition(b"-")
    return LetterId(int(milliseconds), int(number), stream)


def _read(letter: LetterId, fields: Mapping[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        id=str(letter),
        stream=_text(fields[b"stream"]),
        group=_text(fields[b"group"]),
        entry_id=_text(fields[b"entry"]),
        reason=cast("DeadReason", _text(fields[b"reason"])),
        error=_text(fields[b"error"]),
        traceback=_text(fields[b"traceback"]),
        deliveries=int(fields[b"deliveries"]),
        history=msgspec.json.decode(fields[b"history"], type=list[Delivery]),
        about=_about(fields),
        replayable=fields[b"replayable"] == b"1",
        put_aside_at=datetime.fromtimestamp(letter.milliseconds / 1000, UTC),
    )


def _about(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return what an entry says of itself: an event in fields, a request in its first one."""
    try:
        told = msgspec.json.decode(fields.get(_FIELD + b"request", b"{}"), type=dict[str, object])
    except (ValueError, msgspec.MsgspecError):
        told = {}
    named = {name: fields.get(_FIELD + name.encode()) for name in _ABOUT}
    told.update({name: _text(value) for name, value in named.items() if value})
    return {name: str(told[name])[:200] for name in _ABOUT if told.get(name)}


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
