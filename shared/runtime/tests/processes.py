"""Programs of ours as processes: started, their output kept, ended with the test."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import msgspec

from deploy.local.ports import free_ports
from tests.seconds import allowed

ROOT = Path(__file__).parents[3]
# Two busy cores can take seconds to start an interpreter.
START = 30.0


class Program:
    """One running process. What it writes to standard error is in `output`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.output = ""
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            async with self._news:
                self.output += line.decode()
                self._news.notify_all()

    async def said(self, text: str, within: float = START) -> None:
        """Return once the output holds a text."""
        async with asyncio.timeout(allowed(within)), self._news:
            await self._news.wait_for(lambda: text in self.output)

    async def ended(self, within: float) -> int:
        """Return the exit code, negative for a signal, with the whole output read. Raises TimeoutError."""
        async with asyncio.timeout(allowed(within)):
            code = await self.process.wait()
            await self._reading
        return code

    async def kill(self) -> None:
        """End it now, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self._reading

    async def get(self, path: str) -> tuple[int, dict[str, object]]:
        """Return status and JSON of one of its HTTP routes; 0 when there is no answer."""
        async with httpx.AsyncClient(timeout=5, verify=False) as client:  # it would read 140 certificates each time
            try:
                answer = await client.get(f"http://127.0.0.1:{self.port}{path}")
            except httpx.TransportError:
                return 0, {}
        return answer.status_code, msgspec.json.decode(answer.content, type=dict[str, object])

    async def is_ready(self) -> bool:
        """Say whether it says that it is."""
        return (await self.get("/health/ready"))[0] == 200

    async def says(self, path: str, status: int) -> bool:
        """Say whether a route answers with this status."""
        return (await self.get(path))[0] == status


@contextlib.asynccontextmanager
async def program(module: str, port_variable: str, environ: Mapping[str, str]) -> AsyncIterator[Program]:
    """Run `python -m module` on a free port; whatever the test does, nothing is left of it."""
    (port,) = free_ports(1, "127.0.0.1")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=ROOT, env={**os.environ, port_variable: str(port), **environ},
        stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    started = Program(process, port)
    try:
        yield started
    finally:
        await started.kill()
