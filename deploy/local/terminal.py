"""Ctrl-C under `make`: for the launcher alone, because make would report the interrupt as a failure of its own."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def own_foreground(environ: Mapping[str, str]) -> Iterator[None]:
    """Under make, lead a process group that has the terminal; on leaving make's group has it back.

    Where there is no make, no terminal, or it is somebody else's at the moment (`make run &`), nothing is changed.
    """
    group = os.getpgrp()
    terminal = _terminal_of(group) if "MAKELEVEL" in environ else None
    if terminal is None:
        yield
        return
    # To stop (Ctrl-Z) would stop this group only, and the shell, which watches make's, would never know.
    for number in (signal.SIGTSTP, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    try:
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpgrp())
        yield
    finally:
        with contextlib.suppress(OSError):  # the terminal may have been closed
            os.tcsetpgrp(terminal, group)
        os.close(terminal)


def _terminal_of(group: int) -> int | None:
    """A descriptor of this session's terminal if it is the group's at the moment."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None
    if os.tcgetpgrp(terminal) == group:
        return terminal
    os.close(terminal)
    return None
