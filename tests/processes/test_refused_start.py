"""A start with wrong settings: all that is wrong, a sentence each, and nothing else."""

from pathlib import Path

import msgspec
import pytest

from shared.runtime.tests.processes import START, program
from tests.processes.services import Servers, module_of

COMMON = {
    "AURELIUS_ENV": "production",
    "BUS_URL": "redis://me:hunter2@bus:637900/0",
    "HOST": "localhost",
    "LOG_LEVEL": "verbose",
    "DRAIN_SECONDS": "a minute",
    "OBJECT_STORE_URL": "ftp://me:hunter2@files",
}
COMMON_FAULTS = [
    "BUS_URL must have a port",
    "DRAIN_SECONDS must be",
    "HOST must be",
    "LOG_LEVEL must be",
    "OBJECT_STORE_URL must be",
]
DATABASE = {"DATABASE_URL": "mysql://me:hunter2@db/x", "DATABASE_POOL_SIZE": "8k"}
DATABASE_FAULTS = [
    "DATABASE_POOL_SIZE must be a whole number from 1 to 100",
    "DATABASE_URL must begin with postgresql://",
]
CACHE = {
    "REDIS_ENABLED": "maybe",
    "REDIS_URL": "http://me:hunter2@cache",
    "REDIS_PORT": "0",
    "CACHE_TTL_STRATEGY": "-1",
}
CACHE_FAULTS = [
    "CACHE_TTL_STRATEGY must be",
    "REDIS_ENABLED must be true or false",
    "REDIS_PORT must be",
    "REDIS_URL must begin",
]
KEY = {"SECRET_KEY": "hunter2"}
KEY_FAULTS = ["SECRET_KEY must be at least 32 random bytes"]
WORKERS = {"BACKTEST_WORKERS": "two", "BACKTEST_PORT": "http"}
WORKERS_FAULTS = ["BACKTEST_PORT must be", "BACKTEST_WORKERS must be a whole number from 0 to 256"]
GATEWAY = {
    "PORT": "65536",
    "GATEWAY_WORKERS": "0",
    "MAX_JSON_BYTES": "2048",
    "MAX_UPLOAD_BYTES": "1024",
    "CORS_ORIGINS": "*",
}
GATEWAY_FAULTS = [
    "CORS_ORIGINS must be",
    "GATEWAY_WORKERS must be",
    "MAX_JSON_BYTES must not be above MAX_UPLOAD_BYTES",
    "PORT must be",
]


@pytest.mark.parametrize(
    ("name", "environ", "faults"),
    [
        (
            "strategy",
            {**DATABASE, **KEY, "STRATEGY_PORT": "-1"},
            [*DATABASE_FAULTS, *KEY_FAULTS, "STRATEGY_PORT must be"],
        ),
        ("backtest", {**DATABASE, **WORKERS}, [*DATABASE_FAULTS, *WORKERS_FAULTS]),
        ("worker", {**DATABASE, **WORKERS}, [*DATABASE_FAULTS, *WORKERS_FAULTS]),
        ("invalidator", {**CACHE, "INVALIDATOR_PORT": "x"}, [*CACHE_FAULTS, "INVALIDATOR_PORT must be"]),
        ("metrics", {**CACHE, "METRICS_PORT": "x"}, [*CACHE_FAULTS, "METRICS_PORT must be"]),
        ("gateway", {**CACHE, **KEY, **GATEWAY}, [*CACHE_FAULTS, *KEY_FAULTS, *GATEWAY_FAULTS]),
    ],
)
async def test_a_service_says_all_that_is_wrong_at_once(name: str, environ: dict[str, str], faults: list[str]) -> None:
    """By the variables' names, with what is allowed; no traceback, no value, exit code 1. In production as JSON."""
    async with program(module_of(name), "UNUSED", {**COMMON, **environ}) as process:
        assert await process.ended(START) == 1
    lines = [msgspec.json.decode(line, type=dict[str, str]) for line in process.output.splitlines()]
    assert {(line["level"], line["service"]) for line in lines} == {
        ("critical", "backtest" if name == "worker" else name)
    }
    told, expected = sorted(line["message"] for line in lines), sorted([*COMMON_FAULTS, *faults])
    assert [message[: len(fault)] for message, fault in zip(told, expected, strict=True)] == expected
    assert "hunter2" not in process.output
    assert "exception" not in process.output


async def test_a_bus_that_refuses_its_user_is_not_waited_for(servers: Servers) -> None:
    """A wrong password in BUS_URL ends the start at once, in one sentence that names the variable and shows nothing."""
    wrong = servers.bus_url.replace("redis://", "redis://nobody").replace("nobody:", "nobody:not-the-one-")
    async with servers.run("metrics", BUS_URL=wrong) as process:
        assert await process.ended(START) == 1
    assert "the message bus refuses the user of BUS_URL" in process.output
    assert "Traceback" not in process.output
    assert "waiting" not in process.output
    assert "not-the-one" not in process.output


async def test_workers_that_cannot_start_end_their_service(servers: Servers, tmp_path: Path) -> None:
    """It would never be ready: it exits with 1 after the reason, rather than starting them again and again."""
    (tmp_path / "numba.py").write_text("raise ModuleNotFoundError(\"No module named 'numba'\")")
    async with servers.run("backtest", PYTHONPATH=str(tmp_path), BACKTEST_WORKERS="2") as backtest:
        assert await backtest.ended(2 * START) == 1
    assert "No module named 'numba'" in backtest.output
    assert "no process of services.backtest.worker can start" in backtest.output
