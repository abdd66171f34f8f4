"""Waiting until what was started can be used."""

import asyncio
from collections.abc import Awaitable, Callable

from deploy.local.diagnosis import explained
from deploy.local.errors import StartError
from deploy.local.supervisor import Supervisor

Probe = Callable[[], Awaitable[str | None]]
"""Looks once: None when ready, else the reason why not."""

_POLL_SECONDS = 0.05
_DEATHS_ALLOWED = 3
_PROBE_TIMEOUT = 2.0
_REASON_LENGTH = 300
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


async def wait_ready(supervisor: Supervisor, probe: Probe, within: float) -> None:
    """Poll until ready. Raises StartError with the reason and the last output, after `within` s or three deaths."""
    name, tail = supervisor.process.program.name, supervisor.process.tail
    deadline = asyncio.get_running_loop().time() + within
    while (reason := await probe()) is not None:
        if supervisor.deaths >= _DEATHS_ALLOWED:
            raise StartError(explained(f"{name} died {supervisor.deaths} times while starting", [*tail]))
        if asyncio.get_running_loop().time() > deadline:
            raise StartError(explained(f"{name} is not ready after {within:g} s: {reason}", [*tail]))
        await asyncio.sleep(_POLL_SECONDS)


def reachable_host(host: str) -> str:
    """Where to reach, from this machine, a server that listens on `host`."""
    return _WILDCARDS.get(host, host)


def reachable_address(host: str, port: int) -> str:
    """The same as the beginning of a URL."""
    reachable = reachable_host(host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


async def http_readiness(host: str, port: int, path: str) -> str | None:
    """A probe over HTTP: ready when the answer's status is 200."""
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT):
            status, body = await _get(reachable_host(host), port, path)
    except TimeoutError:
        return f"no answer from port {port} within {_PROBE_TIMEOUT:g} s"
    except (OSError, ValueError, IndexError) as error:
        return f"no answer from port {port} ({error})"
    return None if status == 200 else f"{path} answers {status} {body[:_REASON_LENGTH]}"


async def _get(host: str, port: int, path: str) -> tuple[int, str]:
    """A GET in HTTP/1.0, whose answer ends with the connection. A client library would cost 0.3 s to import."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read(-1)).decode(errors="replace")
    finally:
        writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body
