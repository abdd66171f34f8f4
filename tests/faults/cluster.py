"""The system as `make run` starts it, with a proxy before each server for each process, and two of what can be two.

The programs, their environments, accounts and passwords are the launcher's own; only where a server is differs.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TextIO

import psutil

from deploy.local.access import Access, embedded
from deploy.local.account import postgres_account
from deploy.local.kept_secret import kept_secret
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres
from deploy.local.process import Process, run_to_end
from deploy.local.program import Program
from deploy.local.readiness import http_readiness, wait_ready
from deploy.local.services import SERVICES, Server, Service
from deploy.local.settings import read_settings
from deploy.local.supervisor import Supervisor
from deploy.local.valkey import Valkey
from deploy.local.wiring import Wiring, migrations_program, service_program
from tests.e2e.platform import runs
from tests.faults.proxy import Proxy

ServerName = Literal["postgres", "bus", "cache"]
SERVER_NAMES: dict[Server, ServerName] = {"DATABASE_URL": "postgres", "BUS_URL": "bus", "REDIS_URL": "cache"}
VARIABLES: dict[ServerName, Server] = {name: variable for variable, name in SERVER_NAMES.items()}

READY_SECONDS = 600.0  # the first start of all compiles the engine
SERVER_SECONDS = 60.0
DRAIN_SECONDS = 5.0
STOP_SECONDS = 8.0
_KEPT = re.compile(r"PATH|HOME|LANG|LC_.*|TMPDIR|NUMBA_.*|COVERAGE_.*|TZ|LOG_LEVEL")


@dataclass(frozen=True, slots=True)
class Layout:
    """How many processes there are of a service that has more than one, and settings of all of them.

    `own` are by service settings with which its processes start, until they are replaced.
    """

    instances: Mapping[str, int]
    settings: Mapping[str, str]
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


_EACH = {"BACKTEST_WORKERS": "1", "DRAIN_SECONDS": f"{DRAIN_SECONDS:g}"}
CHAOS = Layout({"strategy": 2, "backtest": 2}, {**_EACH, "GATEWAY_WORKERS": "2"})
TWO_GATEWAYS = Layout({"strategy": 2, "gateway": 2}, {**_EACH, "GATEWAY_WORKERS": "1"})
"""In place of copies of one gateway, which share a port, so that a client knows which one it asks."""


@dataclass
class Instance:
    """One process of a service, or the consumer, and the proxies through which it reaches its servers."""

    name: str
    service: str
    program: Program
    supervisor: Supervisor
    port: int
    proxies: dict[ServerName, Proxy] = field(default_factory=dict)

    @property
    def pid(self) -> int | None:
        """Of the process, or None while there is none."""
        return self.supervisor.process.pid


class Cluster:
    """The running system. `client_port` is where clients find the gateway, by way of a proxy too."""

    def __init__(self, folder: Path, layout: Layout = CHAOS) -> None:
        self.folder = folder
        self._layout = layout
        self._settings = read_settings({**_clean(), **layout.settings, "DATA_DIR": str(folder / "data"), "DEMO": "0"})
        self._log: TextIO = (folder / "platform.log").open("w")
        self._began = time.monotonic()
        postgres, bus, cache = free_ports(3, "127.0.0.1")
        data = self._settings.data_dir
        self.postgres = Postgres(data / "postgres", postgres, postgres_account())
        self.bus = Valkey("bus", data / "bus", bus)
        self.cache = Valkey("cache", data / "cache", cache)
        self.client_proxy = Proxy(0)
        self.servers: dict[ServerName, Supervisor] = {}
        self.instances: dict[str, Instance] = {}
        self._made: list[Supervisor] = []
        self._proxies: list[Proxy] = [self.client_proxy]
        self._wiring: Wiring | None = None
        self._accesses: dict[Server, Access] = {}
        # What this process had started already: servers of other tests, perhaps.
        self._others = set(psutil.Process().children())

    @property
    def address(self) -> str:
        """Where clients find the API."""
        return f"http://127.0.0.1:{self.client_proxy.port}"

    async def start(self) -> None:
        """Servers, migrations, services; returns when every one is ready. Raises StartError."""
        await asyncio.gather(*(self._start_server(name) for name in VARIABLES))
        self._accesses = {VARIABLES[name]: embedded(VARIABLES[name], self._server(name)) for name in VARIABLES}
        await run_to_end(migrations_program(self._settings, self._accesses["DATABASE_URL"]), self._writer("migrations"))
        secret = kept_secret(self._settings.data_dir / "secret_key")
        self._wiring = Wiring(self._accesses, secret, {service.port_variable: 0 for service in SERVICES})
        for service in SERVICES:
            for number in range(1, self._layout.instances.get(service.name, 1) + 1):
                name = f"{service.name}-{number}" if service.name in self._layout.instances else service.name
                await self.add(name, service)
        await asyncio.gather(*(self.until_ready(name) for name in list(self.instances)))
        self.client_proxy.target = next(each.port for each in self.instances.values() if each.service == "gateway")
        await self.client_proxy.start()

    async def add(self, name: str, service: Service | str) -> Instance:
        """Start one more process of a service, behind proxies of its own; it is not waited for."""
        kind = service if isinstance(service, Service) else next(each for each in SERVICES if each.name == service)
        assert self._wiring is not None
        program = service_program(kind, self._settings, self._wiring)
        proxies = {SERVER_NAMES[variable]: await self._proxy(SERVER_NAMES[variable]) for variable in kind.servers}
        (port,) = free_ports(1, "127.0.0.1", but_not=[each.port for each in self.instances.values()])
        # The launcher has settings of its own, a short time to drain among them; those of the layout come before them.
        given = {**program.environment, **self._layout.settings}
        environment = self._behind(given, proxies) | {kind.port_variable: str(port)}
        program = replace(program, name=name, environment=environment)
        first = replace(program, environment={**environment, **self._layout.own.get(kind.name, {})})
        instance = Instance(name, kind.name, program, self._supervisor(first), port, proxies)
        self.instances[name] = instance
        instance.supervisor.start()
        return instance

    async def replace(self, name: str, *, arguments: Sequence[str] = (), settings: Mapping[str, str]) -> None:
        """Run something else as one process of a service, with the same port and proxies; it is not waited for.

        `arguments` are the interpreter's, without any it is the service itself; `settings` are added to its own.
        """
        instance = self.instances[name]
        await instance.supervisor.kill()
        environment = {**instance.program.environment, **settings}
        command = [sys.executable, *arguments] if arguments else instance.program.command
        instance.supervisor = self._supervisor(replace(instance.program, environment=environment, command=command))
        instance.supervisor.start()

    async def add_program(self, name: str, command: Iterable[str], server: ServerName = "bus") -> Instance:
        """Start a program of the harness: of the bus it is an outside consumer, of the cache who may do everything.

        BUS_URL or REDIS_URL says where.
        """
        proxies: dict[ServerName, Proxy] = {server: await self._proxy(server)}
        url = self.bus.url_of("consumer") if server == "bus" else self.url_behind(server)
        given = {VARIABLES[server]: url, "PYTHONUNBUFFERED": "1"}
        program = Program(name, list(command), self._behind({**_clean(), **given}, proxies))
        instance = Instance(name, name, program, self._supervisor(program), 0, proxies)
        self.instances[name] = instance
        instance.supervisor.start()
        return instance

    async def remove(self, name: str) -> int | None:
        """SIGTERM one process, and kill it when it does not end; returns its exit status."""
        instance = self.instances.pop(name)
        await instance.supervisor.stop_watching()
        await instance.supervisor.process.stop(STOP_SECONDS)
        process = instance.supervisor.process._instance
        for proxy in instance.proxies.values():
            await proxy.close()
            self._proxies.remove(proxy)
        return None if process is None else process.returncode

    async def until_ready(self, name: str, within: float = READY_SECONDS) -> None:
        """Wait until a process says that it is ready. Raises StartError."""
        instance = self.instances[name]
        await wait_ready(instance.supervisor, lambda: self.unready(name), within)

    async def unready(self, name: str) -> str | None:
        """Why a process is not ready; None when it is."""
        instance = self.instances[name]
        if instance.port == 0:
            return None if instance.pid is not None else "it does not run"
        return await http_readiness("127.0.0.1", instance.port, "/health/ready")

    def url_behind(self, name: ServerName) -> str:
        """Where the harness itself finds a server, past every proxy, as who may do everything."""
        return self._server(name).url

    def proxies_of(self, process: str, server: str) -> list[Proxy]:
        """The proxies of one process or of `all` before one server; before the gateway, that of the clients."""
        if process == "client":
            return [self.client_proxy]
        chosen = self.instances.values() if process == "all" else [self.instances[process]]
        return [each.proxies[name] for each in chosen for name in each.proxies if name == server]

    def processes_of(self, target: str) -> list[psutil.Process]:
        """The processes a fault's target names: of a server all, of a service the one it was started as."""
        if target in self.servers:
            return _family(self.servers[target].process.pid)
        if target.startswith("worker-"):
            return _children(self.instances[f"backtest-{target[-1]}"].pid, "services.backtest.worker")
        if target == "gateway-copy":
            return _children(self.instances["gateway"].pid, "services.gateway")[:1]
        return _family(self.instances[target].pid)[:1]

    def has_replaced(self, target: str, killed: Collection[int]) -> bool:
        """Whether there is a process where those with these ids were killed; of the gateway's copies all are needed."""
        if target == "gateway-copy":
            copies = {each.pid for each in _children(self.instances["gateway"].pid, "services.gateway")}
            return len(copies) == int(self._layout.settings["GATEWAY_WORKERS"]) and not copies & set(killed)
        running = {each.pid for each in self.processes_of(target)}
        return bool(running) and not running & set(killed)

    async def stop_server(self, name: ServerName) -> None:
        """Kill a server; it stays down."""
        await self.servers[name].kill()

    async def start_server(self, name: ServerName) -> None:
        """Start a server that was killed; returns when it answers."""
        await self._server(name).prepare()
        self.servers[name].start()
        await wait_ready(self.servers[name], self._server(name).probe, SERVER_SECONDS)

    def copy_bus(self) -> None:
        """Keep the bus's append-only file as it is now."""
        copy = self.folder / "older"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._append_only, copy)

    def empty_bus(self) -> None:
        """Have the bus, which is down, come back with nothing."""
        shutil.rmtree(self._append_only)

    def roll_bus_back(self) -> None:
        """Have the bus, which is down, come back as it was when it was copied."""
        shutil.rmtree(self._append_only)
        shutil.copytree(self.folder / "older", self._append_only)

    @property
    def _append_only(self) -> Path:
        return self.bus.folder / "appendonlydir"

    async def stop(self) -> list[str]:
        """End everything, gateway first; returns what had to be killed or was left."""
        own = [each for supervisor in self._made for each in _family(supervisor.process.pid)]
        for supervisor in self._made:
            await supervisor.stop_watching()
        ordered = sorted(self.instances.values(), key=lambda each: each.service != "gateway")
        for group in (ordered[:1], ordered[1:]):
            await asyncio.gather(*(each.supervisor.stop(STOP_SECONDS) for each in group))
        await asyncio.gather(*(server.stop(STOP_SECONDS) for server in self.servers.values()))
        for supervisor in self._made:
            await supervisor.process.kill()
        for proxy in self._proxies:
            await proxy.close()
        left = [each for each in {*own, *psutil.Process().children()} - self._others if runs(each)]
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._log.close()
        shutil.rmtree((self._settings.data_dir / "postgres").resolve(), ignore_errors=True)
        return [str(each) for each in left]

    def tell(self, text: str) -> None:
        """Put a line of the harness's own into the log of the platform."""
        self._writer("chaos")(text)

    async def _start_server(self, name: ServerName) -> None:
        server = self._server(name)
        await server.prepare()
        self.servers[name] = self._supervisor(server.program())
        self.servers[name].start()
        await wait_ready(self.servers[name], server.probe, SERVER_SECONDS)

    def _server(self, name: ServerName) -> Postgres | Valkey:
        servers: dict[ServerName, Postgres | Valkey] = {"postgres": self.postgres, "bus": self.bus, "cache": self.cache}
        return servers[name]

    async def _proxy(self, server: ServerName) -> Proxy:
        proxy = Proxy(self._server(server).port)
        await proxy.start()
        self._proxies.append(proxy)
        return proxy

    def _behind(self, environment: Mapping[str, str], proxies: Mapping[ServerName, Proxy]) -> dict[str, str]:
        """The environment with the proxies' ports in place of the servers' own."""
        result = dict(environment)
        for name, proxy in proxies.items():
            variable = VARIABLES[name]
            result[variable] = result[variable].replace(f":{self._server(name).port}/", f":{proxy.port}/")
        return result

    def _supervisor(self, program: Program) -> Supervisor:
        supervisor = Supervisor(Process(program, self._writer(program.name)), self._writer("launcher"))
        self._made.append(supervisor)
        return supervisor

    def _writer(self, name: str) -> "_Writer":
        return _Writer(self._log, name, self._began)


@dataclass(frozen=True, slots=True)
class _Writer:
    file: TextIO
    name: str
    began: float

    def __call__(self, text: str) -> None:
        if not self.file.closed:
            self.file.write(f"{time.monotonic() - self.began:8.3f} {self.name:<12} | {text}\n")
            self.file.flush()


@asynccontextmanager
async def cluster(folder: Path, layout: Layout = CHAOS) -> AsyncIterator[Cluster]:
    """Run one in `folder`; whatever happens, nothing is left of it. Raises AssertionError when something would be."""
    made = Cluster(folder, layout)
    try:
        await made.start()
        yield made
    finally:
        left = await asyncio.shield(asyncio.create_task(made.stop()))
    assert not left, f"left running: {left}"


def _clean() -> dict[str, str]:
    """The environment without anything that is meant for a service."""
    return {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}


def _family(pid: int | None) -> list[psutil.Process]:
    """A process and all that it started, itself first."""
    with contextlib.suppress(psutil.NoSuchProcess):
        if pid is not None:
            return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return []


def _children(pid: int | None, module: str) -> list[psutil.Process]:
    found = []
    for process in _family(pid)[1:]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if module in process.cmdline():
                found.append(process)
    return found


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> int:
    """Send a signal to each that still runs; returns to how many."""
    sent = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            sent += 1
    return sent
