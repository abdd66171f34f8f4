"""`python -m services.backtest.worker`: one worker process, which ends when its parent does."""

import asyncio
import os
import signal
import sys

import msgspec
import uvloop

from services.backtest.core.run import warm_kernels
from services.backtest.job_loop import JobLoop
from services.backtest.jobs import Jobs
from services.backtest.runner import Runner
from services.backtest.settings import BacktestSettings
from services.backtest.threads import in_thread
from shared.contracts.jobs import Progress
from shared.contracts.streams import JOBS_BACKTEST, PROGRESS
from shared.runtime import logs
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.children import parent_gone
from shared.runtime.objects import Objects
from shared.runtime.service import Service
from shared.runtime.settings import SettingsError, load

GROUP = "workers"
PROGRESS_KEPT = 1000


def compose(settings: BacktestSettings) -> tuple[Service, JobLoop]:
    """Return the process's connections, ready to run, and the loop that works on them."""
    objects = Objects(settings.objects_url())
    service = Service("backtest", settings, objects=objects)
    database = service.database(settings, relay=False)

    def publish(progress: Progress) -> None:
        entry = msgspec.json.encode(progress)
        service.writer.post("XADD", PROGRESS, "MAXLEN", "~", PROGRESS_KEPT, "*", "progress", entry)

    loop = JobLoop(Jobs(database, service.clock), Runner(objects), publish)

    async def wake(entries: list[Entry]) -> None:
        # Before the work: the row remembers what there is to do, and while one works its siblings are woken.
        ids = [entry.id for entry in entries]
        service.writer.post("XACK", JOBS_BACKTEST, GROUP, *ids)
        service.writer.post("XDEL", JOBS_BACKTEST, *ids)
        await loop.work()

    service.watch(subscribe(service.broker, JOBS_BACKTEST, wake, group=GROUP, consumer=service.instance, max_records=1))
    service.background(loop.poll)
    return service, loop


async def run(settings: BacktestSettings) -> None:
    """Warm up, then work until SIGTERM, SIGINT or the end of the parent."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    orphaned = asyncio.create_task(parent_gone())
    orphaned.add_done_callback(lambda _: told.set())
    stop, warm = asyncio.create_task(told.wait()), asyncio.create_task(in_thread(warm_kernels))
    await asyncio.wait({stop, warm}, return_when=asyncio.FIRST_COMPLETED)
    if stop.done():
        # The compiler's thread cannot be interrupted and would hold up a regular end. Nothing is open yet.
        os._exit(0)
    warm.result()
    service, loop = compose(settings)
    async with service.running_with_broker():
        await stop
        await loop.stop()


def main() -> None:
    """Load the settings and run; exits 0 when told to stop."""
    try:
        settings = load(BacktestSettings)
    except SettingsError as error:
        sys.exit(f"backtest worker: {error}")
    logs.configure("backtest", settings.log_level, production=settings.aurelius_env == "production")
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
