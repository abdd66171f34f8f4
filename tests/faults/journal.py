"""What the clients did: one JSON line before a request is sent, one after its answer or its failure."""

import json
import time
from pathlib import Path
from typing import TextIO


class Journal:
    """Appends lines to a file. `at` is the clock that all of one run share, in seconds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO = path.open("a", buffering=1)

    def write(self, what: str, **fields: object) -> None:
        """Append one line, before anything else happens."""
        self._file.write(json.dumps({"what": what, "at": round(time.monotonic(), 4), **fields}) + "\n")

    def close(self) -> None:
        """Write no more."""
        self._file.close()
