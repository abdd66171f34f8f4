"""Sessions that nobody will use again are removed, and nothing else."""

import asyncio
import sys
from datetime import timedelta

import pytest

from services.strategy.retention import rules
from shared.contracts.ids import new_id
from shared.runtime.bus.server import Call
from shared.runtime.care.expiry import Expiry
from shared.runtime.database import Database
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.processes import ROOT
from shared.runtime.timings import Timings
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

_SESSION = """
INSERT INTO sessions (id, user_id, refresh_hash, created_at, expires_at, revoked_at) VALUES ($1, $2, '', $3, $3, $4)
"""
_TOKENS = """
INSERT INTO used_refresh_tokens
SELECT sha256(($1 || n)::bytea), $1::text::uuid, now() FROM generate_series(1, $2::int) AS n
"""


async def session(database: Database, user: Call, clock: FakeClock, *, days_ago: float, tokens: int = 0) -> str:
    """Store a session that has expired so long ago, and has taken so many tokens."""
    name, end = new_id(), clock.now() - timedelta(days=days_ago)
    async with database.reading() as connection:
        await connection.execute(_SESSION, name, user.user.user_id, end, end if tokens % 2 else None)
        await connection.execute(_TOKENS, name, tokens)
    return name


async def left(database: Database) -> dict[str, int]:
    """Return the sessions that are there, with how many tokens of each."""
    async with database.reading() as connection:
        rows = await connection.fetch("""
            SELECT s.id, count(hash) AS tokens FROM sessions AS s LEFT JOIN used_refresh_tokens ON session_id = s.id
            GROUP BY s.id
        """)
    return {row["id"]: row["tokens"] for row in rows}


async def apply(database: Database, clock: FakeClock, batch: int = 3) -> dict[str, int]:
    """Apply the rules as the service does, with small batches; returns how much was removed."""
    job = Expiry([], Timings("strategy", "strategy-1"), seconds=1, batch=batch)
    return {rule.what: await job.apply(rule) for rule in rules(database, clock, sessions_kept_days=2.0)}


async def test_sessions_go_so_long_after_their_end(database: Database, ana: Call, ben: Call, clock: FakeClock) -> None:
    """With the tokens they have taken, revoked or not, whoever's; those that have not ended, or ended lately, stay."""
    await session(database, ana, clock, days_ago=2.01, tokens=7)
    await session(database, ben, clock, days_ago=400)
    for _ in range(5):
        await session(database, ben, clock, days_ago=30)
    kept = {
        await session(database, ana, clock, days_ago=1.99, tokens=4): 4,
        await session(database, ben, clock, days_ago=0): 0,
        await session(database, ben, clock, days_ago=-1, tokens=3): 3,
    }
    assert await apply(database, clock) == {"refresh_tokens": 7, "sessions": 7}
    assert await left(database) == kept
    assert await apply(database, clock) == {"refresh_tokens": 0, "sessions": 0}
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM users") == 2


async def test_what_another_has_locked_is_left_to_it(database: Database, ana: Call, clock: FakeClock) -> None:
    """It waits for nobody; and two at a time remove each session once."""
    locked = await session(database, ana, clock, days_ago=9)
    for _ in range(20):
        await session(database, ana, clock, days_ago=9)
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM sessions WHERE id = $1 FOR UPDATE", locked)
        both = await asyncio.gather(apply(database, clock), apply(database, clock))
        assert sum(each["sessions"] for each in both) == 20
        assert list(await left(database)) == [locked]
    assert (await apply(database, clock))["sessions"] == 1


async def test_a_kill_in_the_middle_loses_nothing(
    database: Database, database_url: str, ana: Call, clock: FakeClock
) -> None:
    """What was removed is gone, what was not is there, and the next one removes it; what is young is untouched."""
    for _ in range(400):
        await session(database, ana, clock, days_ago=9, tokens=2)
    young = await session(database, ana, clock, days_ago=1, tokens=2)
    arguments = "-m", "services.strategy.tests.removing", database_url, clock.now().isoformat()
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT)
    try:

        async def begun() -> bool:
            return len(await left(database)) < 390

        await eventually(begun, within=30.0)
    finally:
        process.kill()
        await process.wait()

    rest = await left(database)
    assert 1 < len(rest) < 390
    assert set(rest.values()) <= {0, 2}
    removed = await apply(database, clock, batch=100)
    assert removed["sessions"] == len(rest) - 1
    assert await left(database) == {young: 2}
