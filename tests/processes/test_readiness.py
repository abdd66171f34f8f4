"""Readiness of processes: what only they can lose."""

import psutil
import pytest

from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.processes import START, Program
from tests.processes.services import FIRST_START, Servers

pytestmark = pytest.mark.integration


def workers_of(backtest: Program) -> list[psutil.Process]:
    """Return the worker processes of the service."""
    return psutil.Process(backtest.process.pid).children()


async def told(backtest: Program, detail: str) -> bool:
    """Say whether readiness says this of the workers."""
    _, body = await backtest.get("/health/ready")
    return f"'detail': '{detail}'" in str(body) if detail else "'workers': {'status': 'ok'" in str(body)


async def test_dead_workers(servers: Servers) -> None:
    """Killed: the service says how many are left, until their successors work; it lives all the while."""
    async with servers.run("backtest", BACKTEST_WORKERS="2") as backtest:
        await eventually(backtest.is_ready, within=FIRST_START)
        for worker in workers_of(backtest):
            worker.kill()
        await eventually(lambda: told(backtest, "0 of 2 processes of services.backtest.worker are up"), within=2)
        assert await backtest.says("/health/ready", 503)
        assert await backtest.says("/health/live", 200)
        await eventually(backtest.is_ready, within=2 * START)
        assert len(workers_of(backtest)) == 2


async def test_workers_that_cannot_work(servers: Servers) -> None:
    """They are started again and again, and nothing gets done: not ready, however often one of them runs."""
    async with servers.run("backtest", BACKTEST_WORKERS="1") as backtest:
        await eventually(backtest.is_ready, within=FIRST_START)
        (worker,) = workers_of(backtest)
        worker.suspend()
        assert await backtest.is_ready()
        worker.kill()
        await eventually(lambda: told(backtest, "0 of 1 processes of services.backtest.worker are up"), within=2)

        async def successor() -> bool:
            return any(child.pid != worker.pid for child in workers_of(backtest))

        await eventually(successor, within=5)
        assert await told(backtest, "0 of 1 processes of services.backtest.worker are up")
        await eventually(backtest.is_ready, within=2 * START)
