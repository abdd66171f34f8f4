"""The end of every write: raise the versions of what it changed, then record the event, in the same transaction."""

import uuid
from collections.abc import Iterable

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

# Wakes the relay at COMMIT; its one-second poll covers a lost notification.
_WAKE = "SELECT pg_notify($1, '')"


async def announce(
    connection: Transaction, event: Event, objects: Iterable[str], *, clock: Clock, traceparent: str = ""
) -> dict[str, int]:
    """Raise `objects` and record `event` with their new versions, as the last statements of a transaction.

    `objects` begins with the event's own entity. Rows are raised in sorted order and stay locked to COMMIT, so that
    versions follow commit order and two writers cannot deadlock. The transaction tells the cache of them before it
    commits. Returns the new version of every object.
    """
    named = list(dict.fromkeys(objects))
    entity = named[0]
    rows = await connection.fetch(_RAISE, named)
    versions = {row["object"]: row["version"] for row in rows}
    connection.raised |= versions
    event = msgspec.structs.replace(event, version=versions[entity], objects=versions)
    await record(
        connection,
        stream=event_stream(event.SOURCE),
        event_type=event.TYPE,
        subject=entity,
        owner=event.owner,
        time=rfc3339(clock.now()),
        traceparent=traceparent,
        data=msgspec.json.encode(event),
    )
    return versions


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
