"""A volume column without a single volume, as exports of indices and currencies have, counts as none."""

from services.backtest.core.engine.dtypes import Flags, Ints
from services.backtest.core.ingest.columns import NO_VOLUME
from services.backtest.core.ingest.faults import Faults

EMPTY = "is empty; write 0 where nothing was traded"


class EmptyVolumes:
    """The empty cells of a volume column: faults beside cells that are filled, and none when there is no such cell."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held_back: list[Ints] = []
        self._any_filled = False

    def see(self, rows: Ints, empty: Flags) -> None:
        """Take in which cells of the next rows of the file are empty."""
        self._any_filled = self._any_filled or not empty.all()
        if empty.any():
            self._held_back.append(rows[empty])
        if self._any_filled:
            for held_back in self._held_back:
                self._faults.add(held_back, "volume", lambda _: EMPTY)
            self._held_back.clear()

    @property
    def notes(self) -> list[str]:
        """What the owner should know, when all rows have been seen."""
        return [NO_VOLUME] if self._held_back else []
