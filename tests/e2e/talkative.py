"""The whole system at its most talkative: every line and span of a journey and of faults, and what must be in none."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from shared.contracts.ids import new_id
from shared.runtime.tests.eventually import eventually
from shared.runtime.tracing.tests.receiver import Received, Receiver, receiver
from tests.e2e.journey import EXECUTION, SMA_CROSS, User, uploaded
from tests.e2e.platform import Platform, platform, until_healthy

PASSWORD = f"pass phrase {new_id()}"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
COLLECTOR_KEY = f"key-{new_id()}"
TALKATIVE = {
    "LOG_LEVEL": "DEBUG",
    "LOG_REQUESTS": "true",
    "AURELIUS_ENV": "production",
    "SECRET_KEY": "0123456789abcdef" * 4,
    "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={COLLECTOR_KEY}",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
}
_SERVICE_LINE = re.compile(r"^(?:gateway|strategy|backtest|invalidator|metrics) +\| (.*)$")


class Told(NamedTuple):
    """What a system has written and sent, what it must not have, and the run that it did."""

    log: str
    spans: list[Received]
    sent: bytes
    secrets: set[str]
    run: dict[str, Any]

    def lines(self) -> list[dict[str, Any]]:
        """Return the services' lines: each is a JSON object."""
        found = [match[1] for line in self.log.splitlines() if (match := _SERVICE_LINE.match(line))]
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in found]


async def tell_all(folder: Path, bars: Path) -> Told:
    """Run a system through a journey and through faults; it is stopped before what it told is read."""
    with receiver() as collector:
        environ = {**TALKATIVE, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        async with platform(folder, environ) as system, system.client() as client:
            user, secrets = await _registered(client)
            run = await _journey(user, bars)
            await eventually(lambda: _has_all_of_it(collector), within=20)
            secrets |= set(_kept(system)) | await _fail_in_every_way(client, system, user)
        log = await asyncio.to_thread(system.log.read_text)
        assert all(headers["x-key"] == COLLECTOR_KEY for headers in collector.headers)
        return Told(log, collector.spans, b"".join(collector.bodies), secrets | {COLLECTOR_KEY}, run)


async def _registered(client: httpx.AsyncClient) -> tuple[User, set[str]]:
    """Return a logged-in account, and what nobody else may know of it."""
    email, anybody = f"{new_id()}@example.com", User(client, {})
    await anybody.call("POST", "/auth/register", 201, json={"email": email, "password": PASSWORD, "name": "A"})
    login = await anybody.call("POST", "/auth/login", 200, json={"email": email, "password": PASSWORD})
    fresh = await anybody.call("POST", "/auth/refresh", 200, json={"refresh_token": login.json()["refresh_token"]})
    tokens = {answer.json()[name] for answer in (login, fresh) for name in ("access_token", "refresh_token")}
    return User(client, {"Authorization": f"Bearer {login.json()['access_token']}"}), {PASSWORD, *tokens}


async def _journey(user: User, bars: Path) -> dict[str, Any]:
    """Do a run under an id and a trace of its own."""
    dataset_id = await uploaded(user, bars)
    own = {"X-Request-ID": "journey-1", "traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"}
    strategy = await user.call("POST", "/strategies", 201, json={"name": "SMA cross", "spec": SMA_CROSS})
    body = {"strategy_id": strategy.json()["id"], "dataset_id": dataset_id, "execution": EXECUTION}
    run = await user.call("POST", "/backtests", 200, json=body, headers={"Prefer": "wait=30", **own})
    found: dict[str, Any] = run.json()
    return found


async def _has_all_of_it(collector: Receiver) -> bool:
    """Whether the run's last event has been handled, as far as spans tell, and its first request ended."""
    mine = [span for span in collector.spans if span.trace == TRACE]
    jobs = {span.span for span in mine if span.name.startswith("backtest.run ")}
    handled = any(span.service == "invalidator" and span.parent in jobs for span in mine)
    return handled and any(span.parent == SPAN for span in mine)


async def _fail_in_every_way(client: httpx.AsyncClient, system: Platform, user: User) -> set[str]:
    """Have requests refused, and servers killed under their services; return the secrets that were sent meanwhile."""
    wrong = {"email": "nobody@example.com", "password": f"wrong {new_id()}"}
    await User(client, {}).call("POST", "/auth/login", 401, json=wrong)
    forged, cookie, key, dsn_password = (f"{kind}.{new_id()}.token" for kind in ("forged", "cookie", "key", "dsn"))
    for header in (f"Bearer {forged}", f"Basic {forged}", forged):
        await User(client, {"Authorization": header}).call("GET", "/strategies", 401)
    doors = {"Cookie": f"session={cookie}", "X-API-Key": key, "Proxy-Authorization": f"Basic {key}"}
    for method, path in (("GET", "/strategies"), ("POST", "/strategies"), ("BREW", "/nowhere"), ("GET", "/datasets")):
        params = {"access_token": forged, "api_key": key}
        await client.request(method, f"/api/v1{path}", params=params, headers={**user.headers, **doors})
    dsn = f"postgresql://me:{dsn_password}@db:5432/x"
    bodies = (f'{{"name": "{dsn}", "spec": ', f'{{"name": 1, "password": "{dsn_password}", "spec": "{dsn}"}}')
    for body in bodies:
        headers = {**user.headers, **doors, "Content-Type": "application/json"}
        await client.post("/api/v1/strategies", content=body, headers=headers)
    await user.call("POST", "/strategies", 422, json={"name": "x", "spec": {**SMA_CROSS, "entry_long": f'"{dsn}" > f'}})
    for server in system.processes("valkey-server"):
        server.kill()
    for _ in range(20):
        await client.get("/api/v1/strategies", params={"token": forged}, headers={**user.headers, **doors})
    await until_healthy(system.base_url, 60)
    for server in system.processes("postgres"):
        server.kill()
    for _ in range(5):
        await User(client, {}).client.post("/api/v1/auth/login", json=wrong)
    await until_healthy(system.base_url, 60)
    return {wrong["password"], forged, cookie, key, dsn_password}


def _kept(system: Platform) -> Iterator[str]:
    """Every secret of a running system: those in its folder, and those its services were given."""
    for path in (path for path in system.data_dir.rglob("*") if "password" in str(path) or path.name == "secret_key"):
        if path.is_file():
            yield path.read_text().strip()
    for name in ("gateway", "strategy", "backtest", "invalidator", "metrics"):
        environ: dict[str, str] = system.processes(f"services.{name}")[0].environ()
        yield from (environ[variable] for variable in ("SECRET_KEY",) if variable in environ)
        for variable in ("BUS_URL", "REDIS_URL", "DATABASE_URL"):
            if (password := urlsplit(environ.get(variable, "")).password) is not None:
                yield password
                yield unquote(password)
