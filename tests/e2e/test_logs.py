"""What the whole system writes at its most talkative: every line of one request is found, and no secret in any."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx
import msgspec
import pytest

from shared.contracts.ids import new_id
from tests.e2e.journey import EXECUTION, SMA_CROSS, User, uploaded
from tests.e2e.platform import Platform, platform, until_healthy

pytestmark = pytest.mark.e2e

PASSWORD = f"pass phrase {new_id()}"
TRACE = "0af7651916cd43dd8448eb211c80319c"
TALKATIVE = {"LOG_LEVEL": "DEBUG", "AURELIUS_ENV": "production", "SECRET_KEY": "0123456789abcdef" * 4}
_SERVICE_LINE = re.compile(r"^(?:gateway|strategy|backtest|invalidator|metrics) +\| (.*)$")


def lines_of(log: str) -> list[dict[str, str]]:
    """Return the services' lines: each is a JSON object."""
    found = [match[1] for line in log.splitlines() if (match := _SERVICE_LINE.match(line))]
    return [msgspec.json.decode(line, type=dict[str, str]) for line in found]


async def registered(client: httpx.AsyncClient) -> tuple[User, set[str]]:
    """Return a logged-in account, and what nobody else may know of it."""
    email, anybody = f"{new_id()}@example.com", User(client, {})
    await anybody.call("POST", "/auth/register", 201, json={"email": email, "password": PASSWORD, "name": "A"})
    login = await anybody.call("POST", "/auth/login", 200, json={"email": email, "password": PASSWORD})
    fresh = await anybody.call("POST", "/auth/refresh", 200, json={"refresh_token": login.json()["refresh_token"]})
    tokens = {answer.json()[name] for answer in (login, fresh) for name in ("access_token", "refresh_token")}
    return User(client, {"Authorization": f"Bearer {login.json()['access_token']}"}), {PASSWORD, *tokens}


async def fail_in_every_way(client: httpx.AsyncClient, system: Platform, user: User) -> set[str]:
    """Have requests refused, and servers killed under their services; return the secrets that were sent meanwhile."""
    wrong = {"email": "nobody@example.com", "password": f"wrong {new_id()}"}
    await User(client, {}).call("POST", "/auth/login", 401, json=wrong)
    forged = f"forged.{new_id()}.token"
    for header in (f"Bearer {forged}", f"Basic {forged}", forged):
        await User(client, {"Authorization": header}).call("GET", "/strategies", 401)
    await client.get("/api/v1/strategies", params={"access_token": forged}, headers=user.headers)
    for server in system.processes("valkey-server"):
        server.kill()
    for _ in range(20):
        await client.get("/api/v1/strategies", headers=user.headers)
    await until_healthy(system.base_url, 60)
    return {wrong["password"], forged}


def kept(system: Platform) -> Iterator[str]:
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


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory, aapl: Path) -> tuple[str, set[str], dict[str, Any]]:
    """Run a system through a journey and through faults; return all it wrote, its secrets, and the run it did."""
    async with platform(tmp_path_factory.mktemp("talkative"), TALKATIVE) as system, system.client() as client:
        user, secrets = await registered(client)
        dataset_id = await uploaded(user, aapl)
        user.headers |= {"X-Request-ID": "journey-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
        await user.call("POST", "/strategies", 201, json={"name": "SMA cross", "spec": SMA_CROSS})
        body = {"spec": SMA_CROSS, "dataset_id": dataset_id, "execution": EXECUTION}
        run = await user.call("POST", "/backtests", 200, json=body, headers={"Prefer": "wait=30"})
        del user.headers["X-Request-ID"]
        secrets |= set(kept(system)) | await fail_in_every_way(client, system, user)
    log = await asyncio.to_thread(system.log.read_text)
    return log, secrets, run.json()


def test_a_request_is_found_in_every_process_that_worked_on_it(told: tuple[str, set[str], dict[str, Any]]) -> None:
    """By the id that the client was answered with: the gateway, the service it asked, and the one asked in turn."""
    lines = [line for line in lines_of(told[0]) if line.get("request_id") == "journey-1"]
    assert {(line["service"], line.get("method", "")) for line in lines} >= {
        ("gateway", ""),
        ("strategy", "strategy.create"),
        ("backtest", "spec.accept"),
        ("backtest", "backtest.create"),
    }
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert all(line["instance"].startswith(line["service"]) for line in lines)


def test_a_run_is_found_by_the_trace_of_its_request(told: tuple[str, set[str], dict[str, Any]]) -> None:
    """In the worker's lines too, which come of no request any more."""
    log, _, run = told
    lines = [line for line in lines_of(log) if line.get("job") == run["id"]]
    assert [line["message"] for line in lines] == ["the job begins", "the job succeeded"]
    assert {(line["trace_id"], line["method"]) for line in lines} == {(TRACE, "backtest.run")}


def test_every_line_says_whose_it_is(told: tuple[str, set[str], dict[str, Any]]) -> None:
    """Time, level, service, logger and message; and those of failures were told, or this would prove nothing."""
    lines = lines_of(told[0])
    assert all({"time", "level", "service", "logger", "message"} <= line.keys() for line in lines)
    assert {line["level"] for line in lines} >= {"debug", "info", "warning"}
    assert {line["service"] for line in lines} == {"gateway", "strategy", "backtest", "invalidator", "metrics"}
    assert any("Connection refused" in line["message"] or "closed" in line["message"] for line in lines)


def test_no_secret_is_in_any_line(told: tuple[str, set[str], dict[str, Any]]) -> None:
    """Of the system or of its users, in any spelling, at any level, whoever wrote it."""
    log, secrets, _ = told
    assert len(secrets) > 15
    for secret in secrets:
        for spelling in (secret, quote(secret), quote(secret, safe=""), repr(secret)[1:-1]):
            assert spelling not in log, f"in the log: {log[log.index(spelling) - 200 :][:200]}"
