"""Each service is killed, and each is restarted as a deployment does it, under load: every promise is kept."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.run import Chaos, run
from tests.faults.schedule import REST_SECONDS, Fault

pytestmark = [pytest.mark.alone, pytest.mark.e2e]

KILLED = ("strategy-1", "backtest-1", "gateway", "gateway-copy", "invalidator", "metrics", "worker-2", "consumer")
# The name of a process, of the one in its place where that comes first, and of their service.
NEW_FIRST = (
    ("strategy-1", "strategy-3", "strategy"),
    ("backtest-1", "backtest-3", "backtest"),
    ("gateway", "gateway-2", "gateway"),
)
# Two at a time, a process and its service each: more that start would take the processor from those that answer.
OLD_FIRST = (
    (("strategy-2", "strategy"), ("invalidator", "invalidator")),
    (("backtest-2", "backtest"), ("metrics", "metrics")),
)


@pytest.mark.long
async def test_each_process_may_be_killed(tmp_path: Path) -> None:
    """Whichever dies, within five seconds everything works again, and nothing was lost or done twice."""

    async def kill(chaos: Chaos) -> None:
        for number, target in enumerate(KILLED, 1):
            await asyncio.sleep(REST_SECONDS)
            await chaos.suffer(Fault(number, 0, 0, "kill", target))

    report = await run(tmp_path, 1, 0, kill)
    assert report.passed, report.line()


async def test_each_service_may_be_restarted(tmp_path: Path) -> None:
    """By SIGTERM, with the new process ready before the old one is told to end or started after it has.

    No client is answered with anything but its answer, or with 503 and when to come again; nothing is lost.
    """

    async def restart(chaos: Chaos) -> None:
        for old, new, service in NEW_FIRST:
            await _new_first(chaos, old, new, service)
        for both in OLD_FIRST:
            await asyncio.gather(*(_old_first(chaos, name, service) for name, service in both))
            await asyncio.sleep(REST_SECONDS)

    report = await run(tmp_path, 1, 0, restart)
    assert report.passed, report.line()
    statuses = report.document["requests"]["statuses"]
    assert not [status for status in statuses if status == 0 or (status >= 500 and status != 503)], statuses


async def _new_first(chaos: Chaos, old: str, new: str, service: str) -> None:
    """As a rolling update does: there is never one less."""
    cluster = chaos.cluster
    await cluster.add(new, service)
    await cluster.until_ready(new)
    if service == "gateway":
        cluster.client_proxy.target = cluster.instances[new].port
    await _ended(chaos, old)
    await asyncio.sleep(REST_SECONDS)


async def _old_first(chaos: Chaos, name: str, service: str) -> None:
    """As where there is no room for one more."""
    await _ended(chaos, name)
    await chaos.cluster.add(name, service)
    await chaos.cluster.until_ready(name)


async def _ended(chaos: Chaos, name: str) -> None:
    chaos.cluster.tell(f"SIGTERM to {name}")
    assert await chaos.cluster.remove(name) == 0, f"{name} did not end well"
    chaos.cluster.tell(f"{name} has ended")
