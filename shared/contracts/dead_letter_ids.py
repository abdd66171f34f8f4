"""The ids of dead letters: `<stream without aurelius.>:<its entry's id in the dead-letter stream>`."""

import re
from typing import NamedTuple

from shared.contracts.streams import PREFIX

_ID = re.compile(r"([a-z.]{1,100}):([0-9]{1,20})-([0-9]{1,20})")
_LARGEST = 2**64 - 1


class LetterId(NamedTuple):
    """When a letter was put aside (milliseconds, and a number within them), and the stream it came of.

    They sort by time; two of the same moment by their streams.
    """

    milliseconds: int
    number: int
    stream: str

    @property
    def entry(self) -> str:
        """The entry's id in the dead-letter stream."""
        return f"{self.milliseconds}-{self.number}"

    def __str__(self) -> str:
        """Return it as clients see it."""
        return f"{self.stream.removeprefix(f'{PREFIX}.')}:{self.entry}"


def letter_id(text: str) -> LetterId:
    """Read an id. Raises ValueError for a text that is none."""
    found = _ID.fullmatch(text)
    if found is not None:
        read = LetterId(int(found[2]), int(found[3]), f"{PREFIX}.{found[1]}")
        if str(read) == text and max(read.milliseconds, read.number) <= _LARGEST:
            return read
    raise ValueError(f"{text!r} is no id of a dead letter")
