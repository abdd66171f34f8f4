"""`python -m shared.runtime.tests.child_process`: leaves a file named like its pid, and ends with its parent."""

import asyncio
import os
import signal
from pathlib import Path

from shared.runtime.children import parent_gone


async def live() -> None:
    """Until the parent is gone."""
    if "STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(os.environ["PIDS"], str(os.getpid())).touch()
    await parent_gone()


if __name__ == "__main__":
    asyncio.run(live())
