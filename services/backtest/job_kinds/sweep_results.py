"""The results of a sweep: one file of all combinations, and the best of them run once more for all their metrics."""

import threading
from pathlib import Path

import msgspec

from services.backtest.core.run import run_backtest
from services.backtest.core.sweep.work import BEST
from services.backtest.files.sweep_file import SweepTable, SweepWriter
from services.backtest.job_kinds.ready_sweep import ReadySweep
from services.backtest.store.sweep_runs import SweepEnd, SweepTask
from services.backtest.threads import unless
from shared.contracts.errors import Invalid
from shared.contracts.sweep_values import SweepBest, SweepSample

INCOMPLETE = "The parts of this sweep do not make up a whole; start it anew"


def sweep_end(
    task: SweepTask, ready: ReadySweep, writer: SweepWriter, path: Path, key: str, stop: threading.Event
) -> SweepEnd:
    """Return what a sweep whose rows are all in the file at `path` leaves in its row. Raises Invalid when some lack."""
    if writer.rows != task.combinations:
        raise Invalid(INCOMPLETE)
    best = _best(task, ready, path, stop)
    return SweepEnd(
        best=best,
        warnings=_warnings(task, writer, best),
        result_digest=writer.digest(),
        result_key=key,
    )


def _best(task: SweepTask, ready: ReadySweep, path: Path, stop: threading.Event) -> list[SweepBest]:
    """The best by the objective, of those where it is defined. Raises Stopped when nobody wants them."""
    table = SweepTable(path)
    numbers = [rank.number for rank in table.best(task.objective, BEST) if rank.value == rank.value]
    found: list[SweepBest] = []
    for row in table.rows(numbers):
        run = run_backtest(ready.spec, ready.bars, row.params, ready.identity.execution, unless(stop))
        found.append(
            SweepBest(
                number=row.number,
                params=row.params,
                metrics=dict(run.metrics),
                warmup_bars=run.warmup_bars,
                result_digest=run.result_digest,
            )
        )
    return found


def _warnings(task: SweepTask, writer: SweepWriter, best: list[SweepBest]) -> list[str]:
    warnings: list[str] = []
    sample = msgspec.convert(task.sample, SweepSample | None)
    if sample is not None and sample.n > writer.rows:
        warnings.append(f"There are {writer.rows:,} combinations, fewer than the {sample.n:,} of the sample.")
    if writer.invalid:
        warnings.append(
            f"{writer.invalid:,} of {writer.rows:,} combinations are not valid: their params make a length, a stop "
            "or an operation of the strategy impossible."
        )
    if not best:
        warnings.append(f"No combination has a {task.objective}: it is not defined for any of them.")
    return warnings
