"""The whole system: what starts before what, and what stops before what."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from deploy.local.account import postgres_account
from deploy.local.banner import banner
from deploy.local.demo import DemoDataMissingError, write_demo_bars
from deploy.local.embedded import EmbeddedServer
from deploy.local.errors import StartError
from deploy.local.kept_secret import kept_secret
from deploy.local.output import Output
from deploy.local.ports import free_ports, require_free
from deploy.local.postgres import Postgres
from deploy.local.process import Process, ProgramFailedError, run_to_end
from deploy.local.program import Program
from deploy.local.readiness import Probe, http_readiness, wait_ready
from deploy.local.services import GATEWAY, INNER_SERVICES, Service, Wiring, migrations_program, service_program
from deploy.local.settings import Settings
from deploy.local.supervisor import Supervisor
from deploy.local.together import together
from deploy.local.valkey import Valkey

_READY_WITHIN = 60.0  # Postgres may have a crash to recover from

# Together below the five seconds in which everything has to be gone.
_GATEWAY_GRACE = 1.2
_SERVICE_GRACE = 1.5
_SERVER_GRACE = 1.5


class System:
    """Starts everything once and stops it once. `servers_lock` is the descriptor that embedded servers inherit."""

    def __init__(self, settings: Settings, output: Output, servers_lock: int) -> None:
        self._settings = settings
        self._output = output
        self._servers_lock = servers_lock
        self._announce = output.writer("launcher")
        self._servers: list[Supervisor] = []
        self._inner: list[Supervisor] = []
        self._gateway: list[Supervisor] = []

    async def start(self) -> None:
        """Servers, migrations, services; returns when every one is ready. Raises StartError."""
        began = asyncio.get_running_loop().time()
        ports = self._service_ports()
        wiring = await self._start_servers(ports)
        demo_folder, _ = await asyncio.gather(asyncio.to_thread(self._write_demo_bars), self._migrate(wiring))
        await together(
            *(self._start_service(service, wiring, self._inner) for service in INNER_SERVICES),
            self._start_service(GATEWAY, wiring, self._gateway),
        )
        self._announce(f"ready after {asyncio.get_running_loop().time() - began:.1f} s")
        self._output.block(banner(self._settings.host, ports[GATEWAY.port_variable], demo_folder))

    async def stop(self) -> None:
        """The gateway first, so that what it still answers finds its services; then those; then the servers."""
        for supervisor in self._supervisors():
            await supervisor.stop_watching()
        for supervisors, grace in (
            (self._gateway, _GATEWAY_GRACE),
            (self._inner, _SERVICE_GRACE),
            (self._servers, _SERVER_GRACE),
        ):
            await asyncio.gather(*(supervisor.stop(grace) for supervisor in supervisors))

    def stop_now(self) -> None:
        """Kill what still runs; for a person who does not want to wait for `stop`."""
        for supervisor in self._supervisors():
            supervisor.kill_now()

    def _supervisors(self) -> list[Supervisor]:
        return [*self._gateway, *self._inner, *self._servers]

    def _service_ports(self) -> dict[str, int]:
        """By variable: those asked for, if they are free, and free ones for the others. Raises StartError."""
        host, asked = self._settings.host, self._settings.ports
        for variable, port in asked.items():
            if port:
                require_free(variable, host, port)
        free = iter(free_ports(len(asked), host, but_not=asked.values()))
        return {variable: port or next(free) for variable, port in asked.items()}

    async def _start_servers(self, ports: Mapping[str, int]) -> Wiring:
        settings, folder, inherits = self._settings, self._settings.data_dir, (self._servers_lock,)
        postgres_port, bus_port, cache_port = free_ports(3, "127.0.0.1", but_not=ports.values())
        database = settings.database_url or Postgres(folder / "postgres", postgres_port, postgres_account(), inherits)
        bus = settings.bus_url or Valkey("bus", folder / "bus", bus_port, inherits)
        cache = Valkey("cache", folder / "cache", cache_port, inherits) if settings.cache == "embedded" else None
        await together(
            *(self._start_server(each) for each in (database, bus, cache) if each and not isinstance(each, str))
        )
        return Wiring(
            database_url=_url(database),
            bus_url=_url(bus),
            redis_url=cache.url if cache else None,
            secret_key=settings.secret_key or kept_secret(folder / "secret_key"),
            ports=ports,
        )

    async def _start_server(self, server: EmbeddedServer) -> None:
        await server.prepare()
        await self._start(server.program(), server.probe, self._servers)

    async def _start_service(self, service: Service, wiring: Wiring, among: list[Supervisor]) -> None:
        port = wiring.ports[service.port_variable]
        program = service_program(service, self._settings, wiring)
        await self._start(program, partial(http_readiness, self._settings.host, port, "/health/ready"), among)

    async def _start(self, program: Program, probe: Probe, among: list[Supervisor]) -> None:
        supervisor = Supervisor(Process(program, self._output.writer(program.name)), self._output.error)
        among.append(supervisor)
        supervisor.start()
        await wait_ready(supervisor, probe, _READY_WITHIN)

    async def _migrate(self, wiring: Wiring) -> None:
        program = migrations_program(self._settings, wiring.database_url)
        try:
            await run_to_end(program, self._output.writer(program.name))
        except ProgramFailedError as error:
            raise StartError(f"the database schemas cannot be brought up to date:\n{error}") from error

    def _write_demo_bars(self) -> Path | None:
        folder = self._settings.data_dir / "demo"
        try:
            write_demo_bars(folder)
        except DemoDataMissingError:
            return None
        return folder


def _url(server: str | EmbeddedServer) -> str:
    return server if isinstance(server, str) else server.url
