"""What is shown while a load runs."""

import shutil
from collections.abc import Callable
from typing import TextIO

from cli.load.tally import Tally


class Progress:
    """On a terminal one line that changes, elsewhere a line when something begins."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()

    def say(self, text: str) -> None:
        """Show what is being done."""
        if self._live:
            self._line(f"{text} ...")
        else:
            self._write(f"{text}\n")

    def of(self, what: str, seconds: float, rate: float, tally: Tally) -> Callable[[float], None] | None:
        """Return what shows how far a load is, given the seconds since its beginning; None where nothing is live."""
        self.say(f"{what}: {rate:g} requests/s for {seconds:g} s")
        if not self._live:
            return None

        def show(elapsed: float) -> None:
            whole = tally.whole()
            failed = f", {whole.wrong} FAILED" if whole.wrong else ""
            p95 = f", p95 {whole.latencies.quantile(0.95) * 1e3:.1f} ms" if whole.latencies.count else ""
            self._line(
                f"{what}: {_bar(elapsed / seconds)} {min(elapsed, seconds):4.1f}/{seconds:g} s, "
                f"{whole.right} right{failed}{p95}"
            )

        return show

    def done(self) -> None:
        """Leave nothing of it."""
        if self._live:
            self._write("\r\x1b[K")

    def _line(self, text: str) -> None:
        # A line that is wider than the terminal would stay.
        self._write(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _bar(share: float) -> str:
    full = round(20 * min(1.0, share))
    return "#" * full + "." * (20 - full)
