"""The demo beside a running platform: its bars, its account, and the program that makes the rest."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path

from deploy.demo.bars import DemoBarsMissing, write_demo_bars
from deploy.local.kept_secret import kept_text
from deploy.local.process import ProgramFailedError, run_to_end
from deploy.local.program import Program

_PASSWORD_BYTES = 15
_PAUSES = (1.0, 2.0, 4.0, 8.0)  # a platform that was ready is back sooner than this
_FOR_GOOD = 1  # the exit status by which the program says that it would fail again


def demo_password(folder: Path) -> str:
    """The password of the demo account: random, made at the first start."""
    return kept_text(folder / "password", lambda: secrets.token_urlsafe(_PASSWORD_BYTES))


async def write_bars(folder: Path) -> None:
    """Have the files there by the time the platform is ready; where they cannot be, the program says why."""
    with contextlib.suppress(DemoBarsMissing, OSError):
        await asyncio.to_thread(write_demo_bars, folder)


async def make_demo(program: Program, announce: Callable[[str], None]) -> None:
    """Run the program, again where it was interrupted, and announce in one line how it went; never raises."""
    for pause in (*_PAUSES, None):
        lines: list[str] = []
        try:
            await run_to_end(program, lines.append)
        except (ProgramFailedError, OSError) as error:
            reason, for_good = _reason(error, lines)
        else:
            if lines:
                announce(f"demo: {lines[-1]}")
            return
        if for_good or pause is None:
            announce(f"the demo could not be made, everything else runs: {reason}")
            return
        await asyncio.sleep(pause)


def _reason(error: ProgramFailedError | OSError, lines: list[str]) -> tuple[str, bool]:
    """Why the program failed, in one line, and whether it would fail again."""
    if isinstance(error, OSError):
        return f"it cannot be started ({error})", False
    return lines[-1] if lines else error.end, error.status == _FOR_GOOD
