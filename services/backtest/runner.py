"""Runs one job: from the dataset's file and the stored spec to the files of the result."""

import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.core.language import check_spec
from services.backtest.core.period import cut
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from services.backtest.files.dataset_file import dataset_key, read_bars
from services.backtest.files.result_file import curve_key, result_key, trades_key, write_curve, write_trades
from services.backtest.store.jobs import Job, Result
from services.backtest.threads import in_thread
from shared.contracts.errors import Invalid
from shared.contracts.values import RunIdentity
from shared.runtime.objects import Objects

OTHER_ENGINE = "This run was queued for another version of the engine; start it anew"


class Runner:
    """Computes off the event loop, so that the lease is renewed meanwhile."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def run(self, job: Job) -> Result:
        """Run the job and store its curve and trades under its lease.

        Raises Invalid when the run cannot be done as it was asked for, NotFound when the bars are not in the object
        store, and Unavailable when that does not answer.
        """
        identity = _identity(job)
        key = result_key(job.id, job.lease)
        async with self._objects.as_file(dataset_key(identity.dataset_sha256)) as dataset:
            with tempfile.TemporaryDirectory() as folder:
                curve, trades = Path(folder, "equity.arrow"), Path(folder, "trades.arrow")
                result = await in_thread(_compute, job, identity, dataset, curve, trades)
                await self._objects.put(curve_key(key), curve)
                await self._objects.put(trades_key(key), trades)
        return Result(
            metrics=dict(result.metrics),
            warnings=list(result.warnings),
            result_digest=result.result_digest,
            result_key=key,
        )

    async def discard(self, result: Result) -> None:
        """Delete the files of a result that was not accepted. Raises Unavailable."""
        await self._objects.delete(curve_key(result.result_key))
        await self._objects.delete(trades_key(result.result_key))


def _compute(job: Job, identity: RunIdentity, dataset: Path, curve: Path, trades: Path) -> BacktestResult:
    bars = cut(read_bars(dataset), identity.start, identity.end, ZoneInfo(job.timezone))
    result = run_backtest(check_spec(job.spec), bars, identity.params, identity.execution)
    write_curve(curve, result)
    write_trades(trades, result.trades)
    return result


def _identity(job: Job) -> RunIdentity:
    """What the run was asked to be, if this engine is the one it was asked of. Raises Invalid."""
    try:
        identity = msgspec.convert(job.run_identity, RunIdentity)
    except msgspec.ValidationError as error:
        raise Invalid(OTHER_ENGINE) from error
    if identity.engine_version != ENGINE_VERSION:
        raise Invalid(OTHER_ENGINE)
    return identity
