"""`python -m bench.jobs`: jobs through the queue of the workers, against the least a queue in Postgres can do.

Starts its own Postgres. A job goes in, one comes out and is ended, so that as many wait all the time: none besides, or
10,000 of one owner's. Ours takes turns among the owners, holds a job by a lease and ends it in a second transaction;
the bare one is `SELECT ... FOR UPDATE SKIP LOCKED` and an update in one. Five rounds, the order reversed in every other
one; a figure is the median over the rounds, a ratio the median of the rounds' own, with the least and the greatest. The
work itself is nothing.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from statistics import median

import uvloop

from bench.ending import undone_when_ended
from bench.spread import spread
from services.backtest.jobs import Jobs
from services.backtest.store.jobs import Kind, Urgency, enqueue
from services.backtest.tests.no_work import NoWork
from shared.contracts.clock import SystemClock
from shared.runtime.database import Connection, Database
from shared.runtime.migrations.runner import migrate_in
from tests.databases import connected, execute, fresh_database, service_url
from tests.servers import postgres_server

ROUNDS = 5
JOBS = 400
"""Of one round, all its workers together."""
WORKERS = (1, 4)
WAITING = (0, 10_000)
"""How many wait besides those that are measured."""

Step = Callable[[], Awaitable[None]]


def ours(database: Database) -> Step:
    """One worker of ours: a job of an owner's own goes in, whichever is next comes out."""
    jobs = Jobs(database, SystemClock(), [NoWork(Kind.BACKTEST)], served=str(uuid.uuid4()))
    owner = str(uuid.uuid4())

    async def step() -> None:
        async with database.transaction() as connection:
            await _enqueue(connection, owner, 1)
        if (taken := await jobs.take()) is not None:
            await jobs.succeed(taken, None)

    return step


async def _enqueue(connection: Connection, owner: str, parts: int) -> None:
    await enqueue(
        connection,
        subject=str(uuid.uuid4()),
        kind=Kind.BACKTEST,
        owner_id=owner,
        urgency=Urgency.SINGLE,
        now=SystemClock().now(),
        traceparent="",
        parts=parts,
    )


_BARE = """
CREATE TABLE backtest.bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ended boolean NOT NULL DEFAULT false);
CREATE INDEX bare_waiting ON backtest.bare (id) WHERE NOT ended;
GRANT SELECT, INSERT, UPDATE, DELETE ON backtest.bare TO PUBLIC
"""
_PUT, _PUT_MANY = "INSERT INTO bare DEFAULT VALUES", "INSERT INTO bare (ended) SELECT false FROM generate_series(1, $1)"
_NEXT = "SELECT id FROM bare WHERE NOT ended ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
_END = "UPDATE bare SET ended = true WHERE id = $1"


def bare(database: Database) -> Step:
    """One worker of the least there can be."""

    async def step() -> None:
        async with database.transaction() as connection:
            await connection.execute(_PUT)
        async with database.transaction() as connection:
            await connection.execute(_END, await connection.fetchval(_NEXT))

    return step


async def _rate(steps: list[Step]) -> float:
    """Jobs per second of these workers."""

    async def work(step: Step) -> None:
        for _ in range(JOBS // len(steps)):
            await step()

    started = time.perf_counter()
    await asyncio.gather(*map(work, steps))
    return JOBS / (time.perf_counter() - started)


async def _fill(database: Database, waiting: int) -> None:
    async with database.transaction() as connection:
        for table in ("jobs", "bare"):
            await connection.execute(f"DELETE FROM {table}")  # our own names
        if waiting:
            await _enqueue(connection, str(uuid.uuid4()), waiting)
            await connection.execute(_PUT_MANY, waiting)


async def measure() -> None:
    """Measure and print everything."""
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(postgres_server())
        url = await stack.enter_async_context(fresh_database(postgres))
        await migrate_in(url, "services.backtest", service_url(url, "backtest"))
        await execute(url, _BARE)
        database = await stack.enter_async_context(connected(url, "backtest"))
        for contender in (ours, bare):
            await _rate([contender(database)])
        for waiting in WAITING:
            await _fill(database, waiting)
            await execute(url, "VACUUM ANALYZE backtest.jobs, backtest.bare")
            for workers in WORKERS:
                found: dict[str, list[float]] = {"ours": [], "bare": []}
                contenders = {"ours": ours, "bare": bare}
                for number in range(ROUNDS):
                    for name in ("ours", "bare") if number % 2 == 0 else ("bare", "ours"):
                        found[name].append(await _rate([contenders[name](database) for _ in range(workers)]))
                ratio = spread(a / b for a, b in zip(found["ours"], found["bare"], strict=True))
                print(
                    f"{waiting:6,} wait, workers {workers}: ours {median(found['ours']):7,.0f} jobs/s, bare "
                    f"{median(found['bare']):7,.0f} jobs/s; ours {ratio.told()} x"
                )


if __name__ == "__main__":
    with undone_when_ended():
        uvloop.run(measure())
