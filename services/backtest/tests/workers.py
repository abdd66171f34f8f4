"""Worker processes for tests."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from redis.asyncio import Redis

from services.backtest.tests.steps import until
from shared.contracts.streams import JOBS_BACKTEST

ROOT = Path(__file__).parents[3]


class Workers:
    """Worker processes of one test."""

    def __init__(self, environ: dict[str, str], bus: Redis) -> None:
        self._environ = environ
        self._bus = bus
        self.running: list[Process] = []

    async def start(self) -> Process:
        """Start one more; it has its kernels and reads the stream when this returns."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.backtest.worker", stdin=PIPE, env=self._environ, cwd=ROOT
        )
        self.running.append(process)
        await until(self._reading, seconds=600)  # the first of all compiles the engine
        return process

    async def _reading(self) -> bool:
        groups = await self._bus.xinfo_groups(JOBS_BACKTEST) if await self._bus.exists(JOBS_BACKTEST) else []
        return [group["consumers"] for group in groups] == [len(self.running)]
