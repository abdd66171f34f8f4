"""Hostile requests through real HTTP, the bus and the workers: nothing breaks, and nobody hears of an error of ours."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from services.backtest.job_loop import BROKEN, GIVEN_UP, NO_MEMORY
from tests.e2e.journey import User, registered, uploaded
from tests.e2e.platform import Platform
from tests.hostile.requests import hostile

pytestmark = pytest.mark.e2e

AT_ONCE = 4
LAST = 10_000_000
"""Numbers of requests that the tests within one process have not."""


@pytest.mark.parametrize("count", [60, pytest.param(40_000, marks=pytest.mark.long)])
async def test_hostile_requests_leave_all_as_it_was(
    system: Platform, client: httpx.AsyncClient, aapl: Path, count: int
) -> None:
    """Every answer is below 500, every run that was accepted ends for a reason of its own, no process has ended."""
    user = await registered(client)
    dataset_id = await uploaded(user, aapl)
    before = _services(system)
    answers: list[httpx.Response] = []

    async def send(first: int) -> None:
        for number in range(first, LAST + count, AT_ONCE):
            request = hostile(number, dataset_id)
            headers = {**user.headers, "Content-Type": "application/json"}
            answer = await client.post(f"/api/v1{request.route}", content=request.body, headers=headers)
            assert answer.status_code < 500, (number, answer.text)
            answers.append(answer)

    async with asyncio.TaskGroup() as group:
        for first in range(LAST, LAST + AT_ONCE):
            group.create_task(send(first))
    counts = Counter(answer.status_code for answer in answers)
    assert {200, 202, 400, 422} <= counts.keys(), counts
    for answer in answers:
        if answer.status_code == 202:
            await _ended(user, answer.headers["location"].removeprefix("/api/v1"))
    assert _services(system) == before


def _services(system: Platform) -> set[int]:
    """The services and the workers, by their process ids."""
    names = ("services.gateway", "services.strategy", "services.backtest")
    return {process.pid for name in names for process in system.processes(f"-m {name}")}


async def _ended(user: User, path: str) -> None:
    """Wait until a run or a sweep has ended, well or for a reason that is its own."""
    async with asyncio.timeout(60):
        while (resource := (await user.call("GET", path, 200)).json())["status"] in {"queued", "running"}:
            await asyncio.sleep(0.02)
    assert resource["error"] not in {BROKEN, GIVEN_UP, NO_MEMORY}, resource
