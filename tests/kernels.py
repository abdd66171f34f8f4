"""The engine's kernels for tests side by side: compiled once for all processes, of which each has a copy of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
ONCE = "once"
WARM_UP = (sys.executable, "-c", "from services.backtest.warm_up import warm_up; warm_up(lambda: None)")


class Kernels:
    """Has the folder of one process filled. Of the warm-ups of all processes one compiles, and the others wait.

    A process compiles more by itself when a test wants it. Two that do in one folder could put the machine code of one
    under the types of the other, so none may have the folder of another.
    """

    def __init__(self, kept: Path, process: str, warm_up: Sequence[str] = WARM_UP) -> None:
        self._once, self._own = kept / ONCE, kept / process
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process runs
        self.process = subprocess.Popen(
            warm_up,
            cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(self._once)},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def fill(self) -> None:
        """Wait for the kernels, and copy them unless they are there. Raises RuntimeError when there will be none."""
        status = self.process.wait()
        if status:
            self._output.seek(0)
            told = self._output.read().decode(errors="replace")
            raise RuntimeError(f"the engine's kernels could not be compiled for the tests (status {status}):\n{told}")
        if _whole(self._own) == _whole(self._once):
            return
        new = self._own.with_suffix(".new")
        for folder in (new, self._own):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._once, new)
        new.rename(self._own)

    def end(self) -> None:
        """Nobody waits for them any more."""
        self.process.kill()
        self.process.wait()
        self._output.close()


def _whole(folder: Path) -> dict[Path, str]:
    """Of which version all kernels are in a folder, as the warm-up has written it down for each Python."""
    return {path.relative_to(folder): path.read_text() for path in folder.rglob("kernels-*.state")}
