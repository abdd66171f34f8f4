"""Collects what is wrong in the rows of an upload: everything is counted, the first rows' faults are told."""

from collections.abc import Callable

from services.backtest.core.engine.dtypes import Ints
from shared.contracts.errors import InputError, Invalid

MAX_TOLD = 20
MAX_COUNTED = 100_000
"""A file with more faults is not read to its end: there is nothing in it to be kept."""


class Faults:
    """The faults of one file. Rows are numbered from 1, the header and blank lines not counted."""

    def __init__(self) -> None:
        self.total = 0
        self._told: list[tuple[int, InputError]] = []

    def add(self, rows: Ints, field: str, message: Callable[[int], str]) -> None:
        """Note one fault for each of the numbers in `rows`, which rise; `message` is given an index into `rows`.

        `field` is empty when the whole row is at fault.
        """
        self.total += len(rows)
        for index, row in enumerate(rows[:MAX_TOLD].tolist()):
            pointer = f"/file/row/{row}/{field}" if field else f"/file/row/{row}"
            self._told.append((row, InputError(pointer, message(index))))

    def raise_if_many(self) -> None:
        """Raise Invalid as `raise_if_any` does when there are more than MAX_COUNTED already."""
        if self.total > MAX_COUNTED:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise Invalid with the first MAX_TOLD faults in order of rows, if there are any."""
        if not self.total:
            return
        told = [error for _, error in sorted(self._told, key=lambda entry: entry[0])[:MAX_TOLD]]
        number = "1 fault was" if self.total == 1 else f"{self.total} faults were"
        if self.total > MAX_COUNTED:
            number = f"More than {MAX_COUNTED:,} faults were"
        rest = f"; the first {len(told)} are listed" if self.total > len(told) else ""
        raise Invalid(f"{number} found in the bars{rest}", errors=tuple(told))
