"""Waiting until something is ready."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.errors import StartError
from deploy.local.ports import free_ports
from deploy.local.process import Process
from deploy.local.program import Program
from deploy.local.readiness import http_readiness, reachable_address, wait_ready
from deploy.local.supervisor import Supervisor


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[int]:
    """Gives the same bytes to every request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


async def look(port: int) -> str | None:
    return await http_readiness("127.0.0.1", port, "/health/ready")


async def test_status_200_is_ready() -> None:
    """Whatever the body; a server on all addresses is asked on this machine's own."""
    async with server(b"HTTP/1.1 200 OK\r\n\r\n{}") as port:
        assert await look(port) is None
        assert await http_readiness("0.0.0.0", port, "/health/ready") is None


async def test_other_answers_are_reasons() -> None:
    """Status and body tell why."""
    async with server(b"HTTP/1.1 503 Service Unavailable\r\n\r\nbus: down") as port:
        assert await look(port) == "/health/ready answers 503 bus: down"
    async with server(b"garbage") as port:
        assert "no answer" in str(await look(port))
    (nobody,) = free_ports(1, "127.0.0.1")
    assert f"no answer from port {nobody}" in str(await look(nobody))


def test_address_for_people() -> None:
    """A server on all addresses is shown by one that a browser can open; IPv6 is put in brackets."""
    assert reachable_address("0.0.0.0", 8000) == "http://127.0.0.1:8000"
    assert reachable_address("::", 8000) == "http://[::1]:8000"


def supervisor(text: str) -> Supervisor:
    def ignore(_: str) -> None:
        pass

    return Supervisor(Process(Program("tiny", [sys.executable, "-c", text]), ignore), ignore)


async def never() -> str | None:
    return "warming up"


async def test_gives_up_after_the_time_allowed() -> None:
    """With the reason and the last thing the process said."""
    watched = supervisor("import time; print('loading', flush=True); time.sleep(600)")

    async def once_loading() -> str | None:
        return "warming up" if watched.process.tail else "nothing said yet"

    watched.start()
    with pytest.raises(StartError, match=r"(?s)tiny is not ready after 0\.7 s: warming up.*loading"):
        await wait_ready(watched, once_loading, within=0.7)
    await watched.stop(grace=1)


async def test_gives_up_on_what_keeps_dying() -> None:
    """Three deaths are enough: waiting out the time would only hide the reason."""
    watched = supervisor("exit('PORT=x: must be a port')")
    watched.start()
    with pytest.raises(StartError, match=r"(?s)tiny died 3 times while starting.*PORT=x: must be a port"):
        await wait_ready(watched, never, within=60)
    await watched.stop(grace=1)


async def test_known_reasons_are_told_with_what_to_do() -> None:
    """A service that lacks a package: the sentence comes before its traceback."""
    watched = supervisor("import no_such_package")
    watched.start()
    with pytest.raises(StartError, match=r"tiny died 3 times while starting\. .* lacks no_such_package: .*make run"):
        await wait_ready(watched, never, within=60)
    await watched.stop(grace=1)
