"""An administrator looks after the database of the running platform, over HTTP and by the command line."""

import asyncio
import os
import sys
import uuid
from collections.abc import Awaitable, Callable

import asyncpg
import httpx
import pytest

from tests.e2e.administrators import administrator
from tests.e2e.journey import User, registered
from tests.e2e.platform import ROOT, Platform

pytestmark = pytest.mark.e2e

READS = ("tables", "indexes", "slow-queries")
WRITES = ("analyze", "vacuum")


@pytest.fixture
async def admin(system: Platform, client: httpx.AsyncClient) -> User:
    """An administrator."""
    return await administrator(system, client)


async def test_nobody_else(client: httpx.AsyncClient) -> None:
    """A user is told that it is not allowed, and nobody to log in."""
    user = await registered(client)
    for method, paths in (("GET", READS), ("POST", WRITES)):
        for path in paths:
            await user.call(method, f"/admin/database/{path}", 403)
            await User(client, {}).call(method, f"/admin/database/{path}", 401)


async def test_tables_and_indexes(admin: User) -> None:
    """Of both services, as they are: rows counted, every index valid."""
    items = (await admin.call("GET", "/admin/database/tables", 200, params={"exact": "true"})).json()["items"]
    rows = {f"{table['schema']}.{table['name']}": table["rows"] for table in items}
    assert rows["strategy.users"] >= 1
    assert rows["backtest.jobs"] is not None
    indexes = (await admin.call("GET", "/admin/database/indexes", 200)).json()["items"]
    assert {index["condition"] for index in indexes} == {"valid"}
    assert {index["schema"] for index in indexes} == {"strategy", "backtest"}


async def test_slow_queries(admin: User) -> None:
    """`make run` has them counted: those of the services' own roles, without a value that was in them."""
    page = (await admin.call("GET", "/admin/database/slow-queries", 200, params={"limit": "200"})).json()
    assert (page["available"], page["advice"]) == (True, None)
    assert {query["role"] for query in page["items"]} == {"aurelius_strategy", "aurelius_backtest"}
    totals = [query["total_ms"] for query in page["items"]]
    assert totals == sorted(totals, reverse=True)
    assert not any("@example.com" in query["query"] for query in page["items"])


@pytest.mark.parametrize("command", WRITES)
async def test_upkeep(admin: User, command: str) -> None:
    """As the services' own roles may, of one table and of all; who does not wait is told where to look."""
    before = await looked_after(admin, command)
    waited = await admin.call(
        "POST", f"/admin/database/{command}", 200, params={"table": "strategy.users"}, headers={"Prefer": "wait=20"}
    )
    assert waited.json() == {"command": command, "tables": ["strategy.users"], "finished": True, "left_out": []}
    after = await looked_after(admin, command)
    assert after["strategy.users"] != before["strategy.users"]
    begun = await admin.call("POST", f"/admin/database/{command}", 202)
    assert {"strategy.outbox", "backtest.jobs"} <= set(begun.json()["tables"])

    async def all_are_done() -> bool:
        now = await looked_after(admin, command)
        return all(now[table] and now[table] != after[table] for table in begun.json()["tables"])

    await until(all_are_done)
    await admin.call("POST", f"/admin/database/{command}", 404, params={"table": "strategy.nothing"})


async def looked_after(admin: User, command: str) -> dict[str, str | None]:
    """Return when each table was vacuumed or analyzed."""
    items = (await admin.call("GET", "/admin/database/tables", 200)).json()["items"]
    column = {"analyze": "analyzed_at", "vacuum": "vacuumed_at"}[command]
    return {f"{table['schema']}.{table['name']}": table[column] for table in items}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it. Raises TimeoutError."""
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_the_command_line_finds_the_embedded_database(system: Platform) -> None:
    """By DATA_DIR alone, as its owner."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", "db", "indexes", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        env={**{name: value for name, value in os.environ.items() if not name.endswith("_URL")},
             "DATA_DIR": str(system.data_dir)},
    )  # fmt: skip
    out, _ = await process.communicate()
    assert (process.returncode, out.decode().splitlines()[-1]) == (0, "All are as they are declared.")


async def test_what_is_old_is_removed_by_the_running_services(system: Platform, client: httpx.AsyncClient) -> None:
    """At the latest at the next round, which a start begins with; what is young stays."""
    await registered(client)
    old, young = uuid.uuid4(), uuid.uuid4()
    connection = await asyncpg.connect(system.given("strategy", "DATABASE_URL"))
    try:
        for session, days in ((old, 3), (young, 0)):
            await connection.execute(
                "INSERT INTO sessions SELECT $1, id, '', now(), now() - $2 * interval '1 day' FROM users LIMIT 1",
                *(session, days),
            )

        async def gone() -> bool:
            return not await connection.fetchval("SELECT EXISTS (SELECT FROM sessions WHERE id = $1)", old)

        for process in system.processes("services.strategy"):
            process.terminate()
        await until(gone)
        assert await connection.fetchval("SELECT EXISTS (SELECT FROM sessions WHERE id = $1)", young)
    finally:
        await connection.close()
