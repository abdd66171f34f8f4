"""The command that operators run."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[4]


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended, and the lines it wrote to standard error."""

    status: int | None
    lines: list[str]


async def run(*packages: str, code: str = "", **environment: str) -> Done:
    """Run it with these variables and none of its own that this process has; or `code`, in its place."""
    ours = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    start = ["-c", code] if code else ["-m", "shared.runtime.migrations"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *start, *packages, cwd=_ROOT, env={**ours, **environment}, stderr=asyncio.subprocess.PIPE
    )
    _, written = await process.communicate()
    return Done(process.returncode, written.decode().splitlines())
