"""The symbols that the rows of a table name: a dataset has one."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from services.backtest.core.ingest.refusals import refused


class Symbols:
    """Sees the column of symbols, a batch at a time."""

    def __init__(self) -> None:
        self.only: str | None = None

    def see(self, cells: "pa.Array[Any]") -> None:
        """Note the symbols of some rows. Raises Invalid when there are several: their bars would be mixed up."""
        for symbol in pc.unique(cells).slice(0, 3).to_pylist():
            text = str(symbol).strip()[:64]
            if self.only not in (None, text):
                raise refused(f"holds the bars of several symbols, {self.only} and {text}; upload a file for each")
            self.only = text
