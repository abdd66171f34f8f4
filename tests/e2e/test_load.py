"""`aurelius load` against the running system."""

import asyncio
import os
import sys

import asyncpg
import pytest
import pytest_asyncio

from cli.load.results import Report
from cli.load.scenarios import NAMES
from cli.load.tests.reports import decoded
from tests.e2e.platform import ROOT, Platform

pytestmark = [pytest.mark.e2e, pytest.mark.integration]

USERS = 3
JUDGED = (0, 1, 3)
"""Exit statuses of a run that came to its end: how fast a busy machine is, is no matter here."""


@pytest_asyncio.fixture(scope="module")
async def told(system: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, str]:
    """What a run of every scenario, a second each, and of the ramp has found, and what it printed."""
    file = tmp_path_factory.mktemp("load") / "found.json"
    command = (sys.executable, "-m", "cli", "load", "--url", system.base_url, "--seconds", "1", "--warm-up", "0")
    process = await asyncio.create_subprocess_exec(
        *(*command, "--users", str(USERS), "--json", str(file), "--ramp", "--ramp-seconds", "1", "--ramp-most", "60"),
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, told = (text.decode() for text in await process.communicate())
    assert process.returncode in JUDGED, told
    return decoded(file.read_bytes()), printed


async def test_every_scenario_gets_right_answers_and_cleans_up(system: Platform, told: tuple[Report, str]) -> None:
    """Every request that is due is sent and rightly answered; of what was made only empty accounts stay."""
    found, printed = told
    assert [each.scenario for each in found.results] == list(NAMES)
    for each in found.results:
        assert (each.total, each.failed, each.failures) == (round(each.rate), 0, {}), printed
    assert found.ramp is not None
    assert found.ramp.steps[0].success_rate == 1.0
    assert found.left == [f"{USERS} empty accounts stay, load-...@example.com: there is no way to delete an account"]
    assert await _rows(system) == (0, 0, 0, 0)


def test_the_platforms_processes_are_told(told: tuple[Report, str]) -> None:
    """Each by its name, servers among them, with processor time and memory; not the load itself."""
    found, printed = told
    server = next(each.server for each in found.results if each.scenario == "mixed")
    assert server is not None, printed
    names = {use.name: use.number for use in server.processes}
    assert names["gateway"] == names["backtest.worker"] == 1
    assert {"strategy", "backtest", "invalidator", "metrics", "deploy.local", "postgres"} <= set(names)
    assert "cli" not in names
    assert 0 < server.cpu_percent <= 100
    assert found.memory is not None
    assert found.memory.asked
    assert found.memory.pss_mb > 50


async def _rows(system: Platform) -> tuple[int, int, int, int]:
    """How many strategies, open sessions, backtests and datasets the accounts of a load have."""
    strategy = await asyncpg.connect(system.given("strategy", "DATABASE_URL"))
    backtest = await asyncpg.connect(system.given("backtest", "DATABASE_URL"))
    try:
        owners = [
            each["id"] for each in await strategy.fetch("SELECT id FROM users WHERE email LIKE 'load-%@example.com'")
        ]
        assert owners
        strategies = await strategy.fetchval("SELECT count(*) FROM strategies WHERE owner_id = ANY($1)", owners)
        sessions = await strategy.fetchval(
            "SELECT count(*) FROM sessions WHERE user_id = ANY($1) AND revoked_at IS NULL", owners
        )
        runs, datasets = [
            await backtest.fetchval(f"SELECT count(*) FROM {table} WHERE owner_id = ANY($1)", owners)
            for table in ("backtests", "datasets")
        ]
        return strategies, sessions, runs, datasets
    finally:
        await strategy.close()
        await backtest.close()
