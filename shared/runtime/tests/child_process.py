"""`python -m shared.runtime.tests.child_process`: leaves a file named like its pid, and ends with its parent.

With a file `cannot-work` beside it, it does not say that it works but that it is warming up; with `cannot-start` it
ends with an error. With STUBBORN it does not obey SIGTERM.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from shared.runtime.children import parent_gone, tell_parent


async def live() -> None:
    """Until the parent is gone."""
    if "STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder = Path(os.environ["PIDS"])
    (folder / str(os.getpid())).touch()
    if (folder / "cannot-start").exists():
        sys.exit(1)
    tell_parent("warming up")
    if not (folder / "cannot-work").exists():
        tell_parent()
    await parent_gone()


if __name__ == "__main__":
    asyncio.run(live())
