"""Bars that were damaged in the object store: told by whoever was to use them, and mended by an upload."""

import pytest

from services.backtest.files.dataset_file import DAMAGED
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.jobs import Jobs
from services.backtest.tests.fakes import apple, csv_of
from services.backtest.tests.steps import ingested, queued, read, work_off
from services.backtest.tests.sweep_steps import queued_sweep, read_sweep
from services.backtest.tests.test_handlers_datasets import files_under
from shared.contracts.messages import VerifyBacktest
from shared.contracts.values import Dataset
from shared.runtime.bus.server import Call
from shared.runtime.objects import Objects

pytestmark = pytest.mark.integration


async def test_nothing_is_computed_from_damaged_bars(
    dataset: Dataset,
    datasets: DatasetHandlers,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    sweeps: SweepHandlers,
    jobs: Jobs,
    objects: Objects,
    ana: Call,
) -> None:
    """One close is another: a run, a sweep and a verification say so and what to do, and after an upload they work."""
    sound = await queued(backtests, ana, dataset)
    await work_off(jobs)
    (file,) = files_under(objects, "datasets")
    content = bytearray(file.read_bytes())
    content[content.index(apple().close.tobytes()) + 8 * 100] ^= 1
    file.write_bytes(content)

    run = await queued(backtests, ana, dataset, params={"fast": 7})
    sweep = await queued_sweep(sweeps, ana, dataset)
    await endings.verify(VerifyBacktest(id=sound.id), ana)
    await work_off(jobs)
    failed, unswept = await read(backtests, run, ana), await read_sweep(sweeps, sweep, ana)
    assert [(each.status, each.error) for each in (failed, unswept)] == [("failed", DAMAGED)] * 2
    verification = (await read(backtests, sound, ana)).verification
    assert verification is not None
    assert (verification.status, verification.error) == ("failed", DAMAGED)

    await ingested(datasets, objects, ana, csv_of(apple()))
    again = await queued(backtests, ana, dataset, params={"fast": 7})
    await endings.verify(VerifyBacktest(id=sound.id), ana)
    await work_off(jobs)
    assert (await read(backtests, again, ana)).status == "succeeded"
    verification = (await read(backtests, sound, ana)).verification
    assert verification is not None
    assert verification.status == "matched"
