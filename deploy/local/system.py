"""The whole system: what starts before what, and what stops before what."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import partial

from deploy.local.access import Access, embedded, external, refuse_own_urls_of_embedded
from deploy.local.account import postgres_account
from deploy.local.banner import banner
from deploy.local.demo import demo_password, make_demo, write_bars
from deploy.local.diagnosis import explained
from deploy.local.embedded import EmbeddedServer
from deploy.local.errors import StartError
from deploy.local.kept_secret import kept_secret
from deploy.local.output import Output
from deploy.local.ports import free_ports, require_free
from deploy.local.postgres import Postgres
from deploy.local.process import Process, ProgramFailedError, run_to_end
from deploy.local.program import Program
from deploy.local.readiness import Probe, http_readiness, reachable_address, wait_ready
from deploy.local.services import GATEWAY, INNER_SERVICES, Server, Service
from deploy.local.settings import Settings
from deploy.local.supervisor import Supervisor
from deploy.local.together import together
from deploy.local.valkey import Valkey
from deploy.local.wiring import Wiring, demo_program, migrations_program, service_program

_SERVER_READY_WITHIN = 60.0  # Postgres may have a crash to recover from

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
        self._demo: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Servers, migrations, services; returns when every one is ready. Raises StartError."""
        settings, began = self._settings, asyncio.get_running_loop().time()
        ports = self._service_ports()
        accesses = await self._start_servers(ports)
        secret_key = settings.secret_key or kept_secret(settings.data_dir / "secret_key")
        wiring = Wiring(accesses, secret_key, ports)
        await self._migrate(accesses["DATABASE_URL"])
        await together(
            *(self._start_service(service, wiring, self._inner) for service in INNER_SERVICES),
            self._start_service(GATEWAY, wiring, self._gateway),
            *([write_bars(settings.demo_folder)] if settings.demo else []),
        )
        self._announce(f"ready after {asyncio.get_running_loop().time() - began:.1f} s")
        self._show(reachable_address(settings.host, ports[GATEWAY.port_variable]))

    def _show(self, address: str) -> None:
        """Tell where to look, and begin with the demo: nobody has to wait for it."""
        if not self._settings.demo:
            self._output.block(banner(address, None))
            return
        folder = self._settings.demo_folder
        self._output.block(banner(address, (demo_password(folder), folder)))
        self._demo = asyncio.create_task(make_demo(demo_program(self._settings, address), self._announce))

    async def stop(self) -> None:
        """The gateway first, so that what it still answers finds its services; then those; then the servers."""
        if self._demo is not None:
            self._demo.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._demo
        for supervisor in self._supervisors():
            await supervisor.stop_watching()
        for supervisors, grace in (
            (self._gateway, _GATEWAY_GRACE),
            (self._inner, _SERVICE_GRACE),
            (self._servers, _SERVER_GRACE),
        ):
            await asyncio.gather(*(supervisor.stop(grace) for supervisor in supervisors))

    def stop_now(self) -> None:
        """Kill what still runs, but for the demo, which `stop` kills first; for a person who does not want to wait."""
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

    async def _start_servers(self, ports: Mapping[str, int]) -> dict[Server, Access]:
        """Start the embedded ones; returns how each server, of either kind, is reached."""
        environ, origins = self._settings.environ, self._settings.servers
        accesses = {server: external(server, environ) for server, origin in origins.items() if origin == "external"}
        if own := [variable for access in accesses.values() for variable in access.shared]:
            self._announce(f"your servers know all services by one account; to give each its own: {', '.join(own)}")
        started = self._embedded_servers(ports)
        for server in started:
            refuse_own_urls_of_embedded(server, environ)
        await together(*map(self._start_server, started.values()))
        return accesses | {server: embedded(server, running) for server, running in started.items()}

    def _embedded_servers(self, ports: Mapping[str, int]) -> dict[Server, EmbeddedServer]:
        folder, inherits = self._settings.data_dir, (self._servers_lock,)
        postgres_port, bus_port, cache_port = free_ports(3, "127.0.0.1", but_not=ports.values())
        made: dict[Server, Callable[[], EmbeddedServer]] = {
            "DATABASE_URL": lambda: Postgres(folder / "postgres", postgres_port, postgres_account(), inherits),
            "BUS_URL": lambda: Valkey("bus", folder / "bus", bus_port, inherits),
            "REDIS_URL": lambda: Valkey("cache", folder / "cache", cache_port, inherits),
        }
        return {server: make() for server, make in made.items() if self._settings.servers[server] == "embedded"}

    async def _start_server(self, server: EmbeddedServer) -> None:
        await server.prepare()
        await self._start(server.program(), server.probe, self._servers, _SERVER_READY_WITHIN)

    async def _start_service(self, service: Service, wiring: Wiring, among: list[Supervisor]) -> None:
        port = wiring.ports[service.port_variable]
        program = service_program(service, self._settings, wiring)
        probe = partial(http_readiness, self._settings.host, port, "/health/ready")
        await self._start(program, probe, among, service.ready_within)

    async def _start(self, program: Program, probe: Probe, among: list[Supervisor], within: float) -> None:
        supervisor = Supervisor(Process(program, self._output.writer(program.name)), self._output.error)
        among.append(supervisor)
        supervisor.start()
        await wait_ready(supervisor, probe, within)

    async def _migrate(self, database: Access) -> None:
        program = migrations_program(self._settings, database)
        try:
            await run_to_end(program, self._output.writer(program.name))
        except ProgramFailedError as error:
            what = "the database schemas cannot be brought up to date"
            raise StartError(explained(what, [*error.lines, error.end])) from error
