"""The launcher as a whole, with stand-ins for the services."""

import asyncio
import signal
import socket
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.readiness import http_readiness
from deploy.local.tests.stand_in import SERVICES, Launcher, launched, left_of, make_tree
from tests.seconds import allowed

pytestmark = pytest.mark.integration

SERVERS = ("postgres", "bus", "cache")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    make_tree(tmp_path)
    return tmp_path


async def ready(launcher: Launcher, within: float = 20.0) -> None:
    await launcher.line_with("ready after", within)


async def test_second_start_finds_the_data_of_the_first(tree: Path) -> None:
    """A stop by SIGTERM ends with status 0 in under 5 s and leaves no process; the data is there at the next start."""
    keys = set()
    for number in (1, 2):
        async with launched(tree) as launcher:
            await launcher.line_with(f"start number {number} for services.strategy services.backtest")
            await ready(launcher)
            keys.add(launcher.processes()["gateway"].environ()["SECRET_KEY"])
            family = launcher.family()
            launcher.signal(signal.SIGTERM)
            assert await launcher.end(within=5) == 0
            assert left_of(family, within=0.5) == []
    assert keys == {(tree / "data/secret_key").read_text()}


async def test_tells_what_to_try_next(tree: Path) -> None:
    """Once ready it names the addresses and a command to copy."""
    async with launched(tree) as launcher:
        await ready(launcher)
        await launcher.line_with("Ctrl-C")
        shown = "\n".join(launcher.lines)
    base = f"http://127.0.0.1:{launcher.port}"
    for text in (f"{base}/api/v1", f"{base}/docs", f"{base}/health", f"{base}/metrics", f"curl -s {base}"):
        assert text in shown


async def test_demo_that_cannot_be_made(tree: Path) -> None:
    """The platform, and the bars, are ready before it is begun; one line says why there is none, and all goes on."""
    async with launched(tree, {"DEMO": "1"}) as launcher:
        await ready(launcher)
        assert (tree / "data/demo/AAPL.csv").exists()
        shown = await launcher.line_with("Demo user")
        said = await launcher.line_with(
            "demo could not be made, everything else runs: POST /auth/login was answered 403"
        )
        assert set(launcher.processes()) == {*SERVICES, *SERVERS}
    assert said.startswith("launcher    | ")
    assert f"demo@example.com, password {(tree / 'data/demo/password').read_text()} " in shown


@pytest.mark.parametrize(
    ("line", "number"), [("postgres", signal.SIGINT), ("migrations", signal.SIGTERM), ("gateway", signal.SIGINT)]
)
async def test_stop_while_starting(tree: Path, line: str, number: signal.Signals) -> None:
    """Ctrl-C before it is ready is a stop like any other."""
    async with launched(tree) as launcher:
        await launcher.line_with(f"{line} ")
        family = launcher.family()
        launcher.signal(number)
        assert await launcher.end(within=5) == 0
        assert left_of(family, within=0.5) == []


async def test_whatever_is_killed_is_started_again(tree: Path) -> None:
    """kill -9 of any service or server: another takes its place on the same port, ready within 5 s."""
    async with launched(tree) as launcher:
        await ready(launcher)
        before = launcher.processes()
        assert set(before) == {*SERVICES, *SERVERS}
        for name in before:
            before[name].kill()
            await launcher.line_with(f"{name} was ended by SIGKILL; starting it again now", within=5)
        for name, variable in SERVICES.items():
            await answers(launcher.processes()[name], variable, within=5)
        await asyncio.wait_for(back(launcher, before), allowed(5))


async def answers(process: psutil.Process, variable: str, within: float) -> None:
    async with asyncio.timeout(allowed(within)):
        port = int(process.environ()[variable])
        while await http_readiness("127.0.0.1", port, "/health/ready") is not None:
            await asyncio.sleep(0.02)


async def back(launcher: Launcher, before: dict[str, psutil.Process]) -> None:
    """Every one is there again under another pid."""
    while True:
        now = launcher.processes()
        if set(now) == set(before) and all(now[name].pid != before[name].pid for name in before):
            return
        await asyncio.sleep(0.02)


async def test_stubborn_services_do_not_delay_the_stop(tree: Path) -> None:
    """Services that ignore SIGTERM, and what they started, are gone within 5 s all the same."""
    async with launched(tree, {"STAND_IN_GATEWAY": "stubborn", "STAND_IN_BACKTEST": "stubborn"}) as launcher:
        await ready(launcher)
        family = launcher.family()
        launcher.signal(signal.SIGTERM)
        assert await launcher.end(within=5) == 0
        assert left_of(family, within=0.5) == []
    assert any("gateway" in line and "killed" in line for line in launcher.lines)


async def test_second_signal_ends_at_once(tree: Path) -> None:
    """Who presses Ctrl-C again does not wait for the stubborn."""
    async with launched(tree, {"STAND_IN_GATEWAY": "stubborn"}) as launcher:
        await ready(launcher)
        launcher.signal(signal.SIGINT)
        await launcher.line_with("stopping")
        asked_again = time.monotonic()
        launcher.signal(signal.SIGINT)
        assert await launcher.end(within=5) == 0
        assert time.monotonic() - asked_again < allowed(1)
    assert not any("starting it again" in line for line in launcher.lines)


async def test_killed_launcher_leaves_nothing_behind(tree: Path) -> None:
    """kill -9 of the launcher ends everything it started, and the next start on that folder works at once."""
    async with launched(tree) as launcher:
        await ready(launcher)
        family = launcher.family()
        launcher.signal(signal.SIGKILL)
        async with launched(tree) as successor:
            await successor.line_with("start number 2")
            await ready(successor)
            assert left_of(family, within=0.5) == []


async def test_servers_hold_the_lock_on_their_data(tree: Path) -> None:
    """However the launcher ends, no other starts servers on this data before these have ended."""
    async with launched(tree) as launcher:
        await ready(launcher)
        processes = launcher.processes()
        lock = str(tree / "data/servers.lock")
        holders = {name for name in processes if lock in {file.path for file in processes[name].open_files()}}
        assert holders == set(SERVERS)


async def test_busy_port(tree: Path) -> None:
    """A PORT that is taken is refused before anything starts, naming the port and the variable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with launched(tree, {"PORT": str(port)}) as launcher:
            assert await launcher.end() == 1
    assert f"cannot start: port {port} on 127.0.0.1 is in use" in launcher.lines[0]
    assert "PORT=" in launcher.lines[0]
    assert not (tree / "data" / "postgres").exists()


async def test_one_launcher_per_folder(tree: Path) -> None:
    """A second launcher on the same DATA_DIR is refused, naming the first; the first is not disturbed."""
    async with launched(tree) as first:
        await ready(first)
        async with launched(tree) as second:
            assert await second.end() == 1
        assert f"in use by another launcher (pid {first.pid})" in second.lines[0]
        assert set(first.processes()) == {*SERVICES, *SERVERS}


async def test_service_that_cannot_start(tree: Path) -> None:
    """A service that dies at every start ends the launcher with that service's own words, and nothing is left."""
    async with launched(tree, {"STAND_IN_METRICS": "broken"}) as launcher:
        await launcher.line_with("metrics died 3 times while starting")
        assert await launcher.end() == 1
    assert any(line.strip() == "FEE_RATE=abc: must be a number" for line in launcher.lines)


async def test_migrations_that_fail(tree: Path) -> None:
    """No service is started on a database that is not up to date."""
    async with launched(tree, {"STAND_IN_MIGRATIONS": "broken"}) as launcher:
        await launcher.line_with("cannot start: the database schemas cannot be brought up to date")
        assert await launcher.end() == 1
    assert not any("up as" in line for line in launcher.lines)


async def test_own_servers_replace_the_embedded_ones(tree: Path) -> None:
    """With DATABASE_URL, BUS_URL and REDIS_URL given, only the services are started; who shares an account is told."""
    given = {
        "DATABASE_URL": "postgresql://db.example/a",
        "STRATEGY_DATABASE_URL": "postgresql://strategy@db.example/a",
        "BUS_URL": "redis://bus.example",
        "REDIS_URL": "redis://cache.example",
        "STAND_IN_MIGRATIONS": "skipped",
    }
    async with launched(tree, given) as launcher:
        shared = await launcher.line_with("your servers know all services by one account")
        await ready(launcher)
        processes = launcher.processes()
        assert set(processes) == set(SERVICES)
        strategy, gateway = (processes[name].environ() for name in ("strategy", "gateway"))
    assert "BACKTEST_DATABASE_URL, GATEWAY_BUS_URL" in shared
    assert "STRATEGY_DATABASE_URL" not in shared
    assert (strategy["DATABASE_URL"], strategy["BUS_URL"]) == (given["STRATEGY_DATABASE_URL"], given["BUS_URL"])
    assert (gateway["BUS_URL"], gateway["REDIS_URL"]) == (given["BUS_URL"], given["REDIS_URL"])


async def test_without_a_cache(tree: Path) -> None:
    """REDIS_ENABLED=false: no cache server, no REDIS_URL."""
    async with launched(tree, {"REDIS_ENABLED": "false"}) as launcher:
        await ready(launcher)
        processes = launcher.processes()
        assert "cache" not in processes
        assert "REDIS_URL" not in processes["gateway"].environ()
