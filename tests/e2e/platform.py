"""The whole system as `make run` starts it, on free ports and a folder of its own, and a client that uses it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from deploy.local.ports import free_ports

ROOT = Path(__file__).parents[2]
READY_SECONDS = 120.0
PASSWORD = "correct horse battery staple"

# What would make the launcher use somebody else's servers.
_FOREIGN = (
    "DATABASE_URL", "DATABASE_DIRECT_URL", "BUS_URL", "REDIS_URL", "REDIS_HOST", "REDIS_ENABLED", "PORT", "HOST",
    "SECRET_KEY", "AURELIUS_ENV", "OBJECT_STORE_URL", "STRATEGY_PORT", "BACKTEST_PORT", "INVALIDATOR_PORT",
    "METRICS_PORT",
)  # fmt: skip


@dataclass(frozen=True)
class Platform:
    """A running system."""

    launcher: psutil.Process
    base_url: str
    data_dir: Path

    def processes(self, name: str) -> list[psutil.Process]:
        """Return the processes of one service or server, by a part of their command line."""
        found = []
        for process in self.launcher.children(recursive=True):
            try:
                if name in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def bus_url(self) -> str:
        """Return where the bus is, as the services were told."""
        url: str = self.processes("services.strategy")[0].environ()["BUS_URL"]
        return url

    def client(self) -> httpx.AsyncClient:
        """Return a client of nobody in particular."""
        return httpx.AsyncClient(base_url=self.base_url, timeout=30)


@asynccontextmanager
async def platform(folder: Path, environ: Mapping[str, str] | None = None) -> AsyncIterator[Platform]:
    """Run a system in `folder`; at the end it must stop by itself within five seconds and leave no process."""
    (port,) = free_ports(1, "127.0.0.1")
    clean = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    log = (folder / "platform.log").open("ab")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.local", cwd=ROOT, stdout=log, stderr=log,
        env={**clean, "PORT": str(port), "DATA_DIR": str(folder / "data"), "BACKTEST_WORKERS": "1", **(environ or {})},
    )  # fmt: skip
    running = Platform(psutil.Process(process.pid), f"http://127.0.0.1:{port}", folder / "data")
    try:
        await until_healthy(running.base_url, READY_SECONDS, folder)
        yield running
        await _stop(process, running)
    finally:
        log.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_healthy(base_url: str, seconds: float, folder: Path | None = None) -> None:
    """Wait until the whole says ok. Fails with the log's end when it does not in time."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    async with httpx.AsyncClient(timeout=5) as client:
        last = "no answer"
        while loop.time() < give_up:
            try:
                answer = await client.get(f"{base_url}/health")
                last = answer.text
                if answer.json()["status"] == "ok":
                    return
            except (httpx.HTTPError, ValueError) as error:
                last = repr(error)
            await asyncio.sleep(0.1)
    end = (folder / "platform.log").read_text(errors="replace")[-4000:] if folder else ""
    raise AssertionError(f"not healthy within {seconds} s: {last}\n{end}")


async def _stop(process: asyncio.subprocess.Process, running: Platform) -> None:
    family = [running.launcher, *running.launcher.children(recursive=True)]
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        assert await process.wait() == 0, "the launcher did not exit cleanly"
    left = [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert not left, f"left running: {left}"
