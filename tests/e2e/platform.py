"""The whole system as `make run` starts it, on free ports and a folder of its own, and a client that uses it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from deploy.local.ports import free_ports
from deploy.local.program import Program
from tests.seconds import allowed

ROOT = Path(__file__).parents[2]
READY_SECONDS = 600.0  # the first start of all compiles the engine
STOP_SECONDS = 5.0
PASSWORD = "correct horse battery staple"

# What would make the launcher use somebody else's servers, or make it another than the one a test is about.
_FOREIGN = re.compile(
    r"(.*_)?(DATABASE_URL|DATABASE_DIRECT_URL|BUS_URL|REDIS_(URL|HOST|PORT|DB|PASSWORD|ENABLED)|PORT)"
    r"|HOST|SECRET_KEY(_PREVIOUS)?|AURELIUS_ENV|OBJECT_STORE_URL|DATA_DIR|DEMO|LOG_LEVEL|LOG_FORMAT|LOG_REQUESTS|METRICS_ENABLED|OTEL_.*"
)


@dataclass(frozen=True)
class Platform:
    """A running system."""

    launcher: psutil.Process
    base_url: str
    data_dir: Path
    log: Path
    _process: asyncio.subprocess.Process

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

    def given(self, service: str, variable: str) -> str:
        """Return what a service was told in an environment variable."""
        value: str = self.processes(f"services.{service}")[0].environ()[variable]
        return value

    def bus_url(self) -> str:
        """Return where the bus is, for its operator."""
        password = (self.data_dir / "bus" / "password").read_text()
        _, _, place = self.given("strategy", "BUS_URL").rpartition("@")
        return f"redis://operator:{password}@{place}"

    def client(self) -> httpx.AsyncClient:
        """Return a client of nobody in particular."""
        return httpx.AsyncClient(base_url=self.base_url, timeout=30)

    async def until_logged(self, text: str, seconds: float) -> str:
        """Wait for a line that holds `text` in what the launcher has written, and return it."""
        async with asyncio.timeout(allowed(seconds)):
            while True:
                found = [line for line in self.log.read_text(errors="replace").splitlines() if text in line]
                if found:
                    return found[0]
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        """Wait for the launcher's end; return its exit status."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop it as Ctrl-C does; it must end by itself with status 0 and leave no process."""
        await self._end(signal.SIGTERM, 0)

    async def kill(self) -> None:
        """Kill the launcher; what it started must end with it."""
        await self._end(signal.SIGKILL, -signal.SIGKILL)

    async def end(self) -> None:
        """End what is there of it, whatever state that is in, in good order if it can; nothing of it is left."""
        family = [self.launcher, *self.launcher.children(recursive=True)] if runs(self.launcher) else []
        with contextlib.suppress(TimeoutError, ProcessLookupError):
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), allowed(STOP_SECONDS))
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        await self._process.wait()

    async def _end(self, number: signal.Signals, expected: int) -> None:
        family = self.launcher.children(recursive=True)
        self._process.send_signal(number)
        async with asyncio.timeout(allowed(STOP_SECONDS)):
            status = await self._process.wait()
            while left := [each for each in family if runs(each)]:
                assert number == signal.SIGKILL, f"left running: {left}"
                await asyncio.sleep(0.02)
        assert status == expected, f"the launcher ended with status {status}:\n{_end_of(self.log)}"


@asynccontextmanager
async def platform(
    folder: Path, environ: Mapping[str, str] | None = None, python: str = sys.executable
) -> AsyncIterator[Platform]:
    """Run a system, without a demo, in `folder`; at the end it is stopped, unless the test has ended it.

    `python` is the interpreter of the environment that it runs in.
    """
    # However the process ends that has started it, it stops; on Linux.
    launcher = Program("launcher", [python, "-m", "deploy.local"], death_signal=signal.SIGTERM)
    (port,) = free_ports(1, "127.0.0.1")
    clean = {name: value for name, value in os.environ.items() if not _FOREIGN.fullmatch(name)}
    own = {"PORT": str(port), "DATA_DIR": str(folder / "data"), "BACKTEST_WORKERS": "1", "DEMO": "0"}
    own["CACHE_BODIES_ONE_IN"] = "1"  # whatever the tests read, its answers are compared
    log = folder / "platform.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *launcher.wrapped(),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**clean, **own, **(environ or {})},
            # What a terminal sends is for this process, which stops the launcher; a second signal would kill that.
            start_new_session=True,
        )
    running = Platform(psutil.Process(process.pid), f"http://127.0.0.1:{port}", folder / "data", log, process)
    try:
        await _until_started(running)
        yield running
        if process.returncode is None:
            await running.stop()
    finally:
        await running.end()


async def _until_started(running: Platform) -> None:
    """Wait until the whole says ok, and no longer than the launcher lives. Fails with the log's end."""
    healthy = asyncio.create_task(until_healthy(running.base_url, READY_SECONDS))
    ended = asyncio.create_task(running.ended())
    await asyncio.wait({healthy, ended}, return_when=asyncio.FIRST_COMPLETED)
    try:
        assert not ended.done(), f"the launcher ended with status {ended.result()}"
        await healthy
    except AssertionError as error:
        raise AssertionError(f"{error}\n{_end_of(running.log)}") from None
    finally:
        healthy.cancel()
        ended.cancel()


async def until_healthy(base_url: str, seconds: float) -> None:
    """Wait until the whole says ok."""
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
    raise AssertionError(f"not healthy within {seconds} s: {last}")


def runs(process: psutil.Process) -> bool:
    """Whether it still does anything; the dead whom their parent has not collected yet do not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]
