"""The versions of objects as the service's own database holds them, for who compares caches with it."""

from shared.contracts.cache_messages import ObjectVersions, ReadVersions
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database

_READ = "SELECT object, version FROM object_version WHERE object = ANY($1::text[])"


class Versions:
    """Answers for one schema. A version says nothing of what it is the version of, so nobody need be logged in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, message: ReadVersions, _: Call) -> Answer:
        """Answer the committed versions, in one statement. Raises Unavailable."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(_READ, message.objects)
        return Answer(ObjectVersions(versions={row["object"]: row["version"] for row in rows}))
