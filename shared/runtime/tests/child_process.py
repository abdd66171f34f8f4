"""`python -m shared.runtime.tests.child_process`: leaves a file named like its pid, and ends with its parent.

With a file `cannot-work` beside it, it does not say that it works; with STUBBORN it does not obey SIGTERM.
"""

import asyncio
import os
import signal
from pathlib import Path

from shared.runtime.children import parent_gone, tell_parent


async def live() -> None:
    """Until the parent is gone."""
    if "STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(os.environ["PIDS"], str(os.getpid())).touch()
    if not Path(os.environ["PIDS"], "cannot-work").exists():
        tell_parent()
    await parent_gone()


if __name__ == "__main__":
    asyncio.run(live())
