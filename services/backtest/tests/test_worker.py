"""Worker processes on a real database and bus: woken by the stream, and replaced when they die."""

import asyncio
import signal
import time
from typing import cast

import msgspec
import pytest
from redis.asyncio import Redis

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.jobs import Jobs
from services.backtest.tests.steps import queued, read, until
from services.backtest.tests.workers import Workers
from shared.contracts.jobs import Progress
from shared.contracts.messages import VerifyBacktest
from shared.contracts.streams import JOBS_BACKTEST, PROGRESS
from shared.contracts.values import Backtest, Dataset, Execution
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.relay import Relay
from tests.seconds import allowed

pytestmark = pytest.mark.integration


def slow(averages: int) -> dict[str, str]:
    """A strategy of which each average costs a twentieth of a second on twenty thousand bars."""
    return {"entry_long": " and ".join(f"sma(close, {window}) > 0" for window in range(5000, 5000 - averages, -1))}


# Long enough to be met in the middle by a test that the machine keeps waiting.
HALF_A_SECOND, SECONDS = slow(10), slow(80)


async def reached(backtests: BacktestHandlers, run: Backtest, call: Call, status: str, *, seconds: float) -> Backtest:
    """The run when it has this status. Raises TimeoutError."""

    async def there() -> bool:
        return (await read(backtests, run, call)).status == status

    await until(there, seconds=seconds)
    return await read(backtests, run, call)


async def told_of(bus: Redis, run: Backtest) -> list[str]:
    """The states of a run on the progress stream, in order."""
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", await bus.xrange(PROGRESS))
    told = [msgspec.json.decode(fields[b"progress"], type=Progress) for _, fields in entries]
    return [entry.status for entry in told if entry.id == run.id]


async def test_a_run_goes_over_the_stream_to_a_worker_and_back(
    workers: Workers, bus: Redis, database: Database, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """The published reference run, done by a process that the stream woke; its entry is gone afterwards."""
    await workers.start()
    run = await queued(backtests, ana, dataset, execution=Execution(initial_cash=10_000, lot_size=1))
    await Relay(database, bus, "test").relay_once()
    done = await reached(backtests, run, ana, "succeeded", seconds=5)
    assert done.metrics is not None
    assert done.metrics["trades"] == 85
    assert done.metrics["final_value"] == pytest.approx(148_240.55951952402, rel=1e-9)

    async def told_and_acknowledged() -> bool:
        return await told_of(bus, run) == ["running", "succeeded"] and await bus.xlen(JOBS_BACKTEST) == 0

    await until(told_and_acknowledged, seconds=5)
    (group,) = await bus.xinfo_groups(JOBS_BACKTEST)
    assert group["pending"] == 0


async def test_a_run_that_nobody_was_woken_for_is_found(
    workers: Workers, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """The stream may lose an entry: the row is enough."""
    run = await queued(backtests, ana, dataset)
    await workers.start()
    await reached(backtests, run, ana, "succeeded", seconds=5)


async def test_a_killed_workers_run_is_done_by_another_within_five_seconds(
    workers: Workers,
    database: Database,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    long_dataset: Dataset,
    ana: Call,
) -> None:
    """kill -9 in the middle of a run costs seconds, and not a bit of the result."""
    victim, heir = await workers.start(), await workers.start()
    # While the heir sleeps, the run is the victim's.
    heir.send_signal(signal.SIGSTOP)
    run = await queued(backtests, ana, long_dataset, spec=HALF_A_SECOND)
    await reached(backtests, run, ana, "running", seconds=5)
    victim.send_signal(signal.SIGSTOP)
    assert (await read(backtests, run, ana)).status == "running"
    victim.kill()
    heir.send_signal(signal.SIGCONT)
    killed_at = time.monotonic()
    await reached(backtests, run, ana, "succeeded", seconds=10)
    assert time.monotonic() - killed_at < allowed(5)
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT attempts FROM jobs WHERE subject = $1", run.id) == 2
    await endings.verify(VerifyBacktest(id=run.id), ana)

    async def verified() -> bool:
        verification = (await read(backtests, run, ana)).verification
        return verification is not None and verification.status == "matched"

    await until(verified, seconds=10)


async def test_a_worker_ends_with_its_parent_and_hands_its_run_back(
    workers: Workers, jobs: Jobs, backtests: BacktestHandlers, long_dataset: Dataset, ana: Call
) -> None:
    """When the service is gone no worker stays behind, and the run it was at is free at once."""
    worker = await workers.start()
    run = await queued(backtests, ana, long_dataset, spec=SECONDS)
    await reached(backtests, run, ana, "running", seconds=5)
    assert worker.stdin is not None
    worker.stdin.close()
    async with asyncio.timeout(allowed(3)):
        assert await worker.wait() == 0
    taken = await jobs.take()
    assert taken is not None
    assert (taken.job.subject, taken.job.attempts) == (run.id, 1)
