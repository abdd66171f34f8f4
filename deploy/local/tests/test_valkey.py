"""The embedded Valkeys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from deploy.local.ports import free_ports
from deploy.local.process import Process
from deploy.local.readiness import wait_ready
from deploy.local.supervisor import Supervisor
from deploy.local.valkey import Kind, Valkey
from shared.runtime.acl.rights import USERS

pytestmark = pytest.mark.integration


@asynccontextmanager
async def running(valkey: Valkey) -> AsyncIterator[Redis]:
    """A client of a running server that is stopped at the end."""

    def ignore(_: str) -> None:
        pass

    await valkey.prepare()
    supervisor = Supervisor(Process(valkey.program(), ignore), ignore)
    supervisor.start()
    try:
        await wait_ready(supervisor, valkey.probe, within=10)
        async with Redis.from_url(valkey.url, protocol=2, decode_responses=True) as client:
            yield client
    finally:
        await supervisor.stop(grace=5)


def some_valkey(kind: Kind, folder: Path) -> Valkey:
    (port,) = free_ports(1, "127.0.0.1")
    return Valkey(kind, folder, port)


@pytest.mark.parametrize(("kind", "kept"), [("bus", "1"), ("cache", None)])
async def test_bus_keeps_what_the_cache_forgets(tmp_path: Path, kind: Kind, kept: str | None) -> None:
    """After a stop and a start the bus has its entries; the cache, which may be stale by then, is empty."""
    async with running(some_valkey(kind, tmp_path)) as client:
        await client.set("entry", "1")
    async with running(some_valkey(kind, tmp_path)) as client:
        assert await client.get("entry") == kept


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("bus", {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}),
        ("cache", {"appendonly": "no", "save": "", "maxmemory-policy": "allkeys-lru"}),
    ],
)
async def test_settings_of_each_kind(tmp_path: Path, kind: Kind, settings: dict[str, str]) -> None:
    """A bus must not evict, a cache must; both have a limit, and listen to this machine only."""
    async with running(some_valkey(kind, tmp_path)) as client:
        actual = await client.config_get("*")
    assert {name: actual[name] for name in settings} == settings
    assert actual["maxmemory"] not in {None, "0"}
    assert actual["bind"] == "127.0.0.1"


@pytest.mark.parametrize("kind", ["bus", "cache"])
async def test_password_is_needed(tmp_path: Path, kind: Kind) -> None:
    """Another user of this machine cannot get in, and finds no password in a file or in the process list."""
    valkey = some_valkey(kind, tmp_path)
    async with running(valkey):
        files = [tmp_path / "password", *(tmp_path / "passwords").iterdir(), tmp_path / "valkey.conf"]
        assert all(path.stat().st_mode & 0o077 == 0 for path in files)
        passwords = {path.read_text() for path in files[:-1]}
        assert len(passwords) == len(files) - 1
        assert not any(password in word for password in passwords for word in valkey.program().command)
        for stranger in (f"redis://127.0.0.1:{valkey.port}", f"redis://gateway:guess@127.0.0.1:{valkey.port}"):
            async with Redis.from_url(stranger, protocol=2) as client:
                with pytest.raises(AuthenticationError):
                    await client.ping()


@pytest.mark.parametrize("kind", ["bus", "cache"])
async def test_each_user_has_a_way_in(tmp_path: Path, kind: Kind) -> None:
    """Under a password of its own, with its own rights: only the operator may do everything."""
    valkey = some_valkey(kind, tmp_path)
    async with running(valkey) as operator:
        await operator.set("everything", "1")
        for user in USERS[kind]:
            async with Redis.from_url(valkey.url_of(user), protocol=2) as client:
                assert await client.ping()
                if user != "operator":
                    with pytest.raises(NoPermissionError):
                        await client.flushall()


async def test_folder_from_before_there_were_users(tmp_path: Path) -> None:
    """Its one password becomes the operator's, the others are made, and what it keeps is still there."""
    (tmp_path / "password").write_text("0" * 64)
    (tmp_path / "valkey.conf").write_text("requirepass x\n")
    valkey = some_valkey("bus", tmp_path)
    async with running(valkey):
        assert valkey.url == f"redis://operator:{'0' * 64}@127.0.0.1:{valkey.port}/0"
        assert len({valkey.url_of(user) for user in USERS["bus"]}) == len(USERS["bus"])


async def test_folder_with_an_awkward_name(tmp_path: Path) -> None:
    """Spaces, quotes and backslashes in DATA_DIR do no harm."""
    async with running(some_valkey("bus", tmp_path / 'a "b" \\c')) as client:
        assert await client.ping()


async def test_probe_says_why_not(tmp_path: Path) -> None:
    """No server: the reason is the connection's."""
    valkey = some_valkey("cache", tmp_path)
    await valkey.prepare()
    assert "Connect call failed" in str(await valkey.probe())
