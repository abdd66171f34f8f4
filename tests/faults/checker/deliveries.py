"""What the consumer wrote down of each event it was given."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivery:
    """One entry as it was delivered; the same entry may be delivered again."""

    at: float
    stream: str
    entry: str
    fields: Mapping[str, str]

    @property
    def sequence(self) -> int:
        """The number in the entry's own id."""
        return int(self.entry.partition("-")[0])

    @property
    def data(self) -> Mapping[str, Any]:
        """The event's data."""
        value: Mapping[str, Any] = json.loads(self.fields["data"])
        return value


def read_deliveries(lines: Iterable[str]) -> list[Delivery]:
    """In the order in which they were written; a line that a crash cut off was not acknowledged, and came again."""
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        # One that was deleted while it was in the consumer's hands comes without fields.
        if entry["what"] == "event" and entry["fields"]:
            found.append(Delivery(entry["at"], entry["stream"], entry["entry"], entry["fields"]))
    return found


def read_log(path: Path) -> list[Delivery]:
    """The deliveries in a file; none when the consumer has not written any."""
    if not path.exists():
        return []
    with path.open() as file:
        return read_deliveries(file)
