"""The first start of an installation: ready only when nothing is left to compile."""

import asyncio
import contextlib
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from services.backtest.core.engine.indicators import KERNELS
from services.backtest.tests.every_kernel import PARAMS, SIZINGS, STOPS, documents
from shared.runtime.tests.eventually import eventually
from tests.e2e.journey import SMA_CROSS, User, registered, stored, uploaded
from tests.e2e.platform import READY_SECONDS, Platform, platform

pytestmark = [pytest.mark.e2e, pytest.mark.long]

COMPILING = "compiling the engine, once per installation and version"
GRID = {"fast": {"start": 2, "stop": 20, "step": 2}, "slow": {"start": 25, "stop": 70, "step": 5}}
FAST_AND_SLOW: Any = SMA_CROSS["params"]
WAIT = {"Prefer": "wait=30"}


def kept(folder: Path) -> dict[Path, int]:
    """The kernels that were kept, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb[ic]")}


def has_compiler(process: psutil.Process) -> bool:
    """Whether it has loaded what compiles, which it must to run a kernel."""
    return any("llvmlite" in each.path for each in process.memory_maps())


async def done(user: User, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """A backtest or a sweep, when it has succeeded."""
    resource: dict[str, Any] = (await user.call("POST", f"/{kind}", 200, json=body, headers=WAIT)).json()
    assert resource["status"] == "succeeded", resource
    return resource


async def everything(running: Platform, bars: Path) -> None:
    """What a client can have computed: runs, sweeps, a verification and a report, of every function, stop and size."""
    async with running.client() as client:
        user = await registered(client)
        dataset = {"dataset_id": await uploaded(user, bars)}
        strategy = {"strategy_id": (await stored(user)).json()["id"], **dataset}
        run = await done(user, "backtests", strategy)
        sweep = await done(user, "sweeps", {**strategy, "grid": GRID})
        assert sweep["done"] == 100
        await user.call("POST", f"/backtests/{run['id']}/verify", 200, headers=WAIT)
        await user.call("GET", f"/backtests/{run['id']}/report", 200)
        for stops, sizing in product(STOPS, SIZINGS):
            spec = {**SMA_CROSS, "params": {**FAST_AND_SLOW, **PARAMS}, **stops, "sizing": sizing}
            await done(user, "backtests", {"spec": spec, **dataset})
            await done(user, "sweeps", {"spec": spec, **dataset, "grid": GRID})
        for spec in list(documents())[::4]:
            await done(user, "backtests", {"spec": spec, **dataset})
            await done(user, "sweeps", {"spec": spec, **dataset, "grid": {"n": [2, 3]}})


def members(folder: Path) -> list[psutil.Process]:
    """The processes of the platform in a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("DATA_DIR") == str(folder / "data"):
                found.append(process)
    return found


def compilations(folder: Path) -> int:
    """How often the engine's compilation has begun."""
    log = folder / "platform.log"
    return log.read_text(errors="replace").count(COMPILING) if log.exists() else 0


async def interrupted(folder: Path) -> str:
    """Kill the workers when the first begins to compile; return what readiness said of them before."""

    async def begun() -> bool:
        return compilations(folder) == 1

    await eventually(begun, within=READY_SECONDS)
    family = members(folder)
    (worker, *_) = (each for each in family if "services.backtest.worker" in each.cmdline())
    address = f"http://127.0.0.1:{worker.environ()['BACKTEST_PORT']}/health/ready"
    said = ""

    async def told() -> bool:
        nonlocal said
        with contextlib.suppress(httpx.HTTPError):
            said = (await client.get(address)).text
        return "compiling the engine" in said

    async with httpx.AsyncClient(timeout=5) as client:
        await eventually(told, within=READY_SECONDS)
    for process in family:
        if "services.backtest.worker" in process.cmdline():
            process.kill()
    return said


async def test_a_ready_platform_has_nothing_left_to_compile(tmp_path: Path, aapl: Path) -> None:
    """From nothing, its workers killed while they compile: they are followed by others, of which one compiles.

    Once the platform says that it is ready, no request makes a kernel, and no process but the workers can run one. The
    next start compiles nothing.
    """
    folder = tmp_path / "kernels"
    environ = {"NUMBA_CACHE_DIR": str(folder), "BACKTEST_WORKERS": "2"}
    interruption = asyncio.create_task(interrupted(tmp_path))
    async with platform(tmp_path, environ) as running:
        assert "0 of 2 processes of services.backtest.worker are up: compiling the engine" in await interruption
        assert compilations(tmp_path) == 2
        ready = kept(folder)
        assert len(ready) > 2 * len(KERNELS)
        await everything(running, aapl)
        assert kept(folder) == ready
        workers = running.processes("services.backtest.worker")
        compilers = [each for each in running.launcher.children(recursive=True) if has_compiler(each)]
        assert {each.pid for each in compilers} == {each.pid for each in workers}
        assert len(workers) == 2
    async with platform(tmp_path, environ):
        assert kept(folder) == ready
        assert compilations(tmp_path) == 0
