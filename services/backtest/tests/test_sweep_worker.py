"""Worker processes at one sweep: shared out, killed in the middle of it, cancelled under them."""

import signal
import time

import pytest

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.sweep_endings import SweepEndingHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.tests.fakes import SMA_CROSS
from services.backtest.tests.steps import files_of, queued, read, until
from services.backtest.tests.sweep_steps import queued_sweep, read_sweep
from services.backtest.tests.workers import Workers
from shared.contracts.messages import CancelSweep
from shared.contracts.sweep_values import Sweep
from shared.contracts.values import Dataset
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.seconds import allowed

pytestmark = pytest.mark.integration

# On twenty thousand bars eight slices.
SPEC = {
    **SMA_CROSS,
    "params": {**SMA_CROSS["params"], "k": {"type": "float", "default": 1.0}},  # type: ignore[dict-item]  # it is one
    "entry_long": "f > s * k and f[1] <= s[1] * k",
    "exit_long": "f < s * k and f[1] >= s[1] * k",
}
GRID = {
    "fast": {"min": 2, "max": 50},
    "slow": {"min": 5, "max": 200},
    "k": [0.999, 1.0, 1.001, 1.002],
}


async def ended(sweeps: SweepHandlers, sweep: Sweep, call: Call, *, seconds: float) -> Sweep:
    """The sweep once it has ended."""

    async def is_there() -> bool:
        return (await read_sweep(sweeps, sweep, call)).status not in {"queued", "running"}

    await until(is_there, seconds=seconds)
    return await read_sweep(sweeps, sweep, call)


async def begun(sweeps: SweepHandlers, sweep: Sweep, call: Call) -> None:
    """Wait until a slice of the sweep is done."""

    async def has_begun() -> bool:
        return (await read_sweep(sweeps, sweep, call)).done > 0

    await until(has_begun, seconds=30)


async def test_a_sweep_survives_a_killed_worker_to_the_bit(
    workers: Workers, sweeps: SweepHandlers, database: Database, objects: Objects, long_dataset: Dataset, ana: Call
) -> None:
    """kill -9 in the middle of a slice costs that slice: what two workers have made, one of them dead, is what one
    makes alone.
    """
    victim, heir = await workers.start(), await workers.start()
    sweep = await queued_sweep(sweeps, ana, long_dataset, spec=SPEC, grid=GRID)
    await begun(sweeps, sweep, ana)
    # Stopped where it is, in a slice or about to take one; the other works on.
    victim.send_signal(signal.SIGSTOP)
    victim.kill()
    done = await ended(sweeps, sweep, ana, seconds=60)
    assert (done.status, done.done) == ("succeeded", done.combinations)
    assert heir.returncode is None
    alone = await queued_sweep(sweeps, ana, long_dataset, spec=SPEC, grid=GRID)
    again = await ended(sweeps, alone, ana, seconds=60)
    assert (again.result_digest, again.best) == (done.result_digest, done.best)

    async def only_results_are_left() -> bool:
        return [name.split(".")[0] for name in files_of(objects)] == ["sweep_end", "sweep_end"]

    await until(only_results_are_left, seconds=10)
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT slices FROM sweeps WHERE id = $1", sweep.id) == 8


async def test_a_cancelled_sweep_frees_its_workers_within_a_second(
    workers: Workers,
    sweeps: SweepHandlers,
    sweep_endings: SweepEndingHandlers,
    backtests: BacktestHandlers,
    objects: Objects,
    long_dataset: Dataset,
    ana: Call,
) -> None:
    """They do what is next, and leave no file."""
    await workers.start()
    sweep = await queued_sweep(sweeps, ana, long_dataset, spec=SPEC, grid=GRID)
    await begun(sweeps, sweep, ana)
    await sweep_endings.cancel(CancelSweep(id=sweep.id), ana)
    run = await queued(backtests, ana, long_dataset)
    cancelled_at = time.monotonic()

    async def is_free() -> bool:
        return (await read(backtests, run, ana)).status != "queued"

    await until(is_free, seconds=10)
    assert time.monotonic() - cancelled_at < allowed(1.0)
    assert (await read_sweep(sweeps, sweep, ana)).status == "cancelled"

    async def nothing_is_left() -> bool:
        return not [name for name in files_of(objects) if name.startswith("sweep")]

    await until(nothing_is_left, seconds=10)
