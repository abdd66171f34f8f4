"""How much waits in the outbox and for how long, as its relay sees it."""

import contextlib
import time
from datetime import datetime

from shared.runtime.database import Connection

# A longer one is long enough.
COUNTED = 10_000

# What has no sequence yet is the newest, but for a stream of which all is new.
_WAITING = """
SELECT
    (SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL LIMIT $1) AS waiting) AS number,
    least(
        (SELECT time FROM outbox WHERE sequence IS NULL ORDER BY id LIMIT 1),
        (SELECT min((
            SELECT time FROM outbox
            WHERE outbox.stream = given.stream AND published_at IS NULL AND sequence IS NOT NULL
            ORDER BY sequence LIMIT 1
        )) FROM stream_sequence AS given)
    ) AS oldest
"""


class Backlog:
    """`rows` that are not published, COUNTED at most, and the `seconds` since the oldest of all was announced.

    Nothing for a relay that does not hold the lease: the one that does tells it.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.seconds = 0.0

    async def look(self, connection: Connection) -> None:
        """Count anew."""
        row = await connection.fetchrow(_WAITING, COUNTED)
        self.rows, self.seconds = (row["number"], _since(row["oldest"])) if row else (0, 0.0)

    def unknown(self) -> None:
        """Leave it to another to tell."""
        self.rows, self.seconds = 0, 0.0


def _since(text: str | None) -> float:
    """Return the seconds since a time in RFC 3339."""
    with contextlib.suppress(TypeError, ValueError):
        return max(0.0, time.time() - datetime.fromisoformat(text).timestamp())  # type: ignore[arg-type]
    return 0.0
