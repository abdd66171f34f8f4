"""What the launcher runs: a command, its environment and how it wants to be ended."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import child

ROOT = Path(__file__).parents[2]
"""The folder from which `python -m services.x` and `python -m shared.x` work."""


@dataclass(frozen=True, slots=True)
class Program:
    """One command. `account` is in the form of `child.py`; `inherits` are descriptors that stay open in it.

    `stop_signal` asks it to end; `death_signal` is what it gets (on Linux) when the launcher dies without having
    asked.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    account: str = "same"
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    inherits: Sequence[int] = ()

    def wrapped(self) -> list[str]:
        """The command behind `child.py`, for a start by this very process."""
        wrapper = [sys.executable, "-I", "-S", child.__file__]
        return [*wrapper, str(os.getpid()), str(int(self.death_signal)), self.account, *self.command]


def describe_exit(status: int) -> str:
    """An exit status, in the form asyncio gives it, in words."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
