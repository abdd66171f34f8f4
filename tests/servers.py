"""Postgres and Valkey for integration tests: the launcher's embedded servers, in a temporary folder, on free ports."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from redis.asyncio import Redis

from deploy.local.account import postgres_account
from deploy.local.embedded import EmbeddedServer
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres
from deploy.local.process import Process
from deploy.local.readiness import wait_ready
from deploy.local.supervisor import Supervisor
from deploy.local.valkey import Kind, Valkey

_READY_WITHIN = 30.0
_STOP_GRACE = 3.0
PLENTY = 16 * 2**30
"""Bytes of memory. The million runs of `make query-plans`, their indexes and the log of writing them take 7 GB."""


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """A running Valkey. A bus keeps its data over `kill` and `restart`, but for what it was sent in the last second."""

    url: str
    _valkey: Valkey
    _supervisor: Supervisor

    @property
    def _files(self) -> Path:
        return self._valkey.folder / "appendonlydir"

    async def kill(self) -> None:
        """End it as a crash would; it stays down until `restart`."""
        await self._supervisor.kill()

    async def restart(self) -> None:
        """Start it again on the same port; returns when it answers."""
        await self._supervisor.kill()
        await _start(self._supervisor, self._valkey)

    def configure(self, line: str) -> None:
        """Add a line to its configuration, for the next start."""
        with (self._valkey.folder / "valkey.conf").open("a") as file:
            file.write(f"{line}\n")

    async def copy(self) -> Path:
        """Return a copy of what it keeps its data in, all that it was sent before among them."""
        async with Redis.from_url(self.url, protocol=2) as client:
            await client.execute_command("WAITAOF", 1, 0, 0)  # type: ignore[no-untyped-call]
        copy = Path(tempfile.mkdtemp(dir=self._valkey.folder))
        return shutil.copytree(self._files, copy, dirs_exist_ok=True)

    async def roll_back(self, copy: Path | None = None) -> None:
        """Kill it, and start it with the data of a copy, or with none."""
        await self._supervisor.kill()
        shutil.rmtree(self._files)
        if copy is not None:
            shutil.copytree(copy, self._files)
        await _start(self._supervisor, self._valkey)


@asynccontextmanager
async def postgres_server() -> AsyncIterator[str]:
    """The URL of an empty Postgres whose user may do everything.

    Quick rather than durable: fsync is off, and its files are in memory where there is plenty of it. A database is four
    hundred files, and most tests want one of their own.
    """
    with tempfile.TemporaryDirectory(prefix="aurelius-postgres-", dir=_in_memory()) as temporary:
        folder = Path(temporary, "postgres")
        postgres = Postgres(folder, _free_port(), postgres_account(), durable=False)
        try:
            async with running_server(postgres):
                yield postgres.url
        finally:
            _remove(folder)


@asynccontextmanager
async def valkey_server(*, kind: Kind) -> AsyncIterator[ValkeyServer]:
    """An empty Valkey, set up as the bus or as the cache is."""
    with tempfile.TemporaryDirectory(prefix=f"aurelius-{kind}-") as temporary:
        valkey = Valkey(kind, Path(temporary), _free_port())
        async with running_server(valkey) as supervisor:
            yield ValkeyServer(valkey.url, valkey, supervisor)


@asynccontextmanager
async def running_server(server: EmbeddedServer) -> AsyncIterator[Supervisor]:
    """Run one on the folder and the port it names; it is stopped at the end, and its folder stays."""
    await server.prepare()
    supervisor = Supervisor(Process(server.program(), _nowhere), _nowhere)
    try:
        await _start(supervisor, server)
        yield supervisor
    finally:
        await supervisor.stop(_STOP_GRACE)


async def _start(supervisor: Supervisor, server: EmbeddedServer) -> None:
    supervisor.start()
    await wait_ready(supervisor, server.probe, _READY_WITHIN)


def _remove(folder: Path) -> None:
    """Remove what the folder leads to: for another account it is a link to a place outside the temporary one."""
    shutil.rmtree(folder.resolve())


def _in_memory() -> Path | None:
    """A folder in memory, if the largest database of the tests leaves half of it free."""
    folder = Path("/dev/shm")  # a folder with a name of its own is made in it
    if not os.access(folder, os.W_OK | os.X_OK):
        return None
    room = min(shutil.disk_usage(folder).free, psutil.virtual_memory().available)
    return folder if room >= PLENTY else None


def _free_port() -> int:
    (port,) = free_ports(1, "127.0.0.1")
    return port


def _nowhere(_: str) -> None:
    """Takes the lines nobody reads; `wait_ready` shows the last ones when a start fails."""
