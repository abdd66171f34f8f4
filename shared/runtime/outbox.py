"""The end of every write: raise the versions of what it changed, then record the events, in the same transaction."""

import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from shared.contracts.clock import Clock
from shared.contracts.events import Event, rfc3339
from shared.contracts.streams import event_stream
from shared.runtime.database import Connection, Transaction

_RAISE = """
INSERT INTO object_version AS v (object, version)
SELECT object, 1 FROM unnest($1::text[]) AS object ORDER BY object
ON CONFLICT (object) DO UPDATE SET version = v.version + 1
RETURNING object, version
"""

_RECORD = """
INSERT INTO outbox (stream, event_id, type, subject, owner, time, traceparent, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

# Numbered in the order in which they are named.
_RECORD_ALL = """
INSERT INTO outbox (stream, event_id, type, subject, owner, time, traceparent, data)
SELECT stream, event_id, type, subject, owner, $7, $8, data
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
    WITH ORDINALITY AS entry (stream, event_id, type, subject, owner, data, nth)
ORDER BY nth
"""

# Wakes the relay at COMMIT; its one-second poll covers a lost notification.
_WAKE = "SELECT pg_notify($1, '')"


class Announcement(NamedTuple):
    """An event, and the objects that show what has changed, which begin with the event's own entity."""

    event: Event
    objects: Sequence[str]


async def announce(
    connection: Transaction, event: Event, objects: Iterable[str], *, clock: Clock, traceparent: str = ""
) -> dict[str, int]:
    """Announce the one event of a transaction; see `announce_all`."""
    named = Announcement(event, tuple(objects))
    return await announce_all(connection, [named], clock=clock, traceparent=traceparent)


async def announce_all(
    connection: Transaction, announcements: Sequence[Announcement], *, clock: Clock, traceparent: str = ""
) -> dict[str, int]:
    """Raise all objects and record each event with their new versions, as the last statements of a transaction.

    Rows are raised in sorted order and stay locked to COMMIT, so that versions follow commit order and two writers
    cannot deadlock: a transaction announces once, or raises RuntimeError. It tells the cache of them before it commits.
    Returns the new version of every object, in the order in which they are named.
    """
    if connection.raised:
        raise RuntimeError("a transaction announces all that it changes at once: objects are locked in sorted order")
    if not announcements:
        return {}
    named = list(dict.fromkeys(obj for _, objects in announcements for obj in objects))
    found = {row["object"]: row["version"] for row in await connection.fetch(_RAISE, named)}
    versions = {obj: found[obj] for obj in named}
    connection.raised |= versions
    await connection.execute(
        _RECORD_ALL,
        [event_stream(event.SOURCE) for event, _ in announcements],
        [str(uuid.uuid4()) for _ in announcements],
        [event.TYPE for event, _ in announcements],
        [objects[0] for _, objects in announcements],
        [event.owner for event, _ in announcements],
        [_data(event, objects, versions) for event, objects in announcements],
        rfc3339(clock.now()),
        traceparent,
    )
    await connection.execute(_WAKE, WAKE_CHANNEL)
    return versions


def _data(event: Event, objects: Sequence[str], versions: dict[str, int]) -> bytes:
    shown = {obj: versions[obj] for obj in objects}
    return msgspec.json.encode(msgspec.structs.replace(event, version=versions[objects[0]], objects=shown))


async def record(
    connection: Connection,
    *,
    stream: str,
    event_type: str,
    subject: str,
    owner: str,
    time: str,
    data: bytes,
    traceparent: str = "",
) -> None:
    """Put one entry into the outbox for `stream` and wake the relay when the transaction commits."""
    event_id = str(uuid.uuid4())
    await connection.execute(_RECORD, stream, event_id, event_type, subject, owner, time, traceparent, data)
    await connection.execute(_WAKE, WAKE_CHANNEL)


WAKE_CHANNEL = "aurelius_outbox"
