"""The launcher's terminal: one line at a time, each behind the name of who wrote it."""

import os
from collections.abc import Callable, Iterable
from typing import TextIO

_WIDTH = 11  # of the longest name, "invalidator"
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_RED = 31


class Output:
    """Writes `name | text` to a stream, in one colour per name when the stream is a terminal and NO_COLOR is unset."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and not os.environ.get("NO_COLOR")
        self._colours: dict[str, int] = {}

    def writer(self, name: str) -> Callable[[str], None]:
        """A function that writes one line of `name`."""
        self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        return lambda text: self._write(name, text, self._colours[name])

    def error(self, text: str) -> None:
        """One line of the launcher's own that must not be missed."""
        self._write("launcher", text, _RED)

    def block(self, lines: Iterable[str]) -> None:
        """Lines to read and copy from, without a prefix."""
        self._put("".join(f"{line}\n" for line in lines))

    def _write(self, name: str, text: str, colour: int) -> None:
        prefix = f"{name:<{_WIDTH}} |"
        if self._coloured:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self._put(f"{prefix} {text}\n")

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the reader or the terminal has gone (`make run | head`, nohup): go on without it
            self._stream = open(os.devnull, "w")  # noqa: PTH123, SIM115 - kept open as long as the launcher runs
