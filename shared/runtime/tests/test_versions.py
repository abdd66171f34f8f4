"""The committed versions of objects, read from a real database."""

import pytest

from shared.contracts.cache_messages import ObjectVersions, ReadVersions
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.settings import DatabaseSettings
from shared.runtime.versions import Versions

pytestmark = pytest.mark.integration

CALL = Call(id="1", principal=None, deadline=0.0, traceparent="", idempotency_key="")


async def test_what_is_committed_is_read_and_nothing_else(database_url: str) -> None:
    """Of objects that nobody ever changed there is nothing to say."""
    database = Database(DatabaseSettings(database_url=database_url), "strategy")
    await database.connect()
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO object_version VALUES ('strategy:1', 3), ('strategy:2', 4)")
    answers = Versions(database)
    async with database.transaction() as connection:
        await connection.execute("UPDATE object_version SET version = 9 WHERE object = 'strategy:2'")
        answer = await answers.read(ReadVersions(objects=["strategy:1", "strategy:2", "strategy:3"]), CALL)
    assert answer.value == ObjectVersions(versions={"strategy:1": 3, "strategy:2": 4})
    assert (await answers.read(ReadVersions(objects=[]), CALL)).value == ObjectVersions(versions={})
    await database.close()
