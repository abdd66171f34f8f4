"""`python -m bench.tests.begun asyncio|uvloop`: a bench program in small, which goes on until it is ended.

It starts what the others start, a server and a program, and says `begun` on standard output when both work.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import uvloop

from bench.caching.servers import program
from bench.ending import undone_when_ended
from tests.servers import valkey_server


async def measure(folder: Path) -> None:
    """Measure nothing."""
    (folder / "written").touch()
    served = program("http.server", "0", "--bind", "127.0.0.1", environ={**os.environ})
    async with valkey_server(kind="cache"), served:
        print("begun", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with undone_when_ended(), tempfile.TemporaryDirectory() as name:
        (uvloop.run if sys.argv[1:] == ["uvloop"] else asyncio.run)(measure(Path(name)))
