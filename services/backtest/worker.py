"""`python -m services.backtest.worker`: one worker process, which ends when its parent does."""

from typing import Any
from uuid import uuid4

import shared.runtime.tracing.unloaded  # noqa: F401  # before the libraries that look for it
from services.backtest.job_figures import JobFigures
from services.backtest.job_kinds import Work
from services.backtest.job_kinds.backtests import BacktestWork
from services.backtest.job_kinds.prefix_tests import PrefixTestWork
from services.backtest.job_kinds.ready_sweep import ReadySweeps
from services.backtest.job_kinds.removals import RemovalWork
from services.backtest.job_kinds.sweep_ends import SweepEndWork
from services.backtest.job_kinds.sweep_slices import SweepSliceWork
from services.backtest.job_kinds.sweep_starts import SweepStartWork
from services.backtest.job_kinds.verifications import VerificationWork
from services.backtest.job_loop import JobLoop
from services.backtest.jobs import Jobs
from services.backtest.progress import publisher
from services.backtest.settings import BacktestSettings
from services.backtest.threads import in_thread
from services.backtest.wake_ups import GROUP, WakeUps
from services.backtest.warm_up import warm_up
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.bus.unread import unread_entries
from shared.runtime.children import tell_parent
from shared.runtime.heap import give_back_code
from shared.runtime.objects import Objects
from shared.runtime.service import Service
from shared.runtime.serving import run
from shared.told_database import told_database

# One takes and ends runs in turns, one renews the lease meanwhile.
CONNECTIONS = 2


def compose(settings: BacktestSettings) -> Service:
    """Return one worker, wired."""
    objects = Objects(settings.objects_url())
    service = Service("backtest", settings, objects=objects)
    database = told_database(service, settings, pool_size=CONNECTIONS)

    sweeps = ReadySweeps(objects)
    works: list[Work[Any, Any]] = [
        BacktestWork(objects, service.clock),
        VerificationWork(objects, service.clock),
        RemovalWork(objects),
        PrefixTestWork(),
        SweepStartWork(objects, service.clock, sweeps),
        SweepSliceWork(objects, service.clock, sweeps),
        SweepEndWork(objects, service.clock, sweeps),
    ]
    # Each begins somewhere else, or all would go round together.
    jobs = Jobs(database, service.clock, works, served=str(uuid4()))
    loop = JobLoop(jobs, publisher(service), JobFigures(service.timings), tracer=service.tracer)

    wake_ups = WakeUps(service.client, service.writer)

    async def wake(entries: list[Entry]) -> None:
        # Before the work: the row remembers what there is to do, and while one works its siblings are woken.
        wake_ups.done(*(entry.id for entry in entries))
        while await loop.work():
            pass

    woken = subscribe(service.broker, JOBS_BACKTEST, wake, group=GROUP, consumer=service.instance, max_records=1)

    async def finish() -> None:
        if entries := await unread_entries(service.writer, woken):
            await wake(entries)

    service.watch(woken, finish)
    service.starting(lambda: in_thread(_warm_up))
    service.background(loop.poll)
    service.background(wake_ups.keep_tidy)
    service.stopping(loop.stop)
    return service


def _warm_up() -> None:
    warm_up(lambda: tell_parent("compiling the engine"))
    give_back_code("libllvmlite")  # 50 MB, which link the kernels and are not needed again


if __name__ == "__main__":
    run("backtest", BacktestSettings, compose, http=False)
