"""What the journal of a run says, read back. Times are seconds of one clock; a value is known by its revision."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

Source = Literal["l1", "l2", "miss", "bypass", ""]
"""Where an answer came from, by its `Cache-Status`."""

ABSENT = 0
"""In place of a revision: it was not found, or not in the list."""


class Line(msgspec.Struct, frozen=True, tag_field="what", tag=str.lower):
    """One line of a journal."""


class Write(Line, frozen=True):
    """A change of one strategy. `revision` is None when it was not acknowledged: then it may have happened or not."""

    op: str
    owner: str
    key: str
    mark: str
    begin: float
    end: float
    status: int
    revision: int | None

    def lines(self) -> dict[str, Any]:
        """What a violation shows of it."""
        return msgspec.structs.asdict(self)


class Read(Line, frozen=True):
    """An answer about one strategy or a list of them: `found` has by key the revision and the name that it showed.

    `due` are the revisions that its token covers; without a token there are none. `owned` are the keys that belong into
    the answer. `status` is 0 when there was no answer.
    """

    op: str
    owner: str
    gateway: str
    path: str
    begin: float
    end: float
    status: int
    source: Source
    owned: tuple[str, ...]
    found: dict[str, tuple[int, str]]
    due: dict[str, int]

    @property
    def answered(self) -> bool:
        """Whether the answer says something about data."""
        return self.status in {200, 304, 404}

    def revision(self, key: str) -> int:
        """What it showed of a key."""
        return self.found.get(key, (ABSENT, ""))[0]

    def lines(self) -> dict[str, Any]:
        """What a violation shows of it."""
        return msgspec.structs.asdict(self)


class Applied(Line, frozen=True):
    """By `time` the invalidator had acknowledged the event that brought `key` to `revision`."""

    time: float
    key: str
    revision: int


class Hop(Line, frozen=True):
    """A message took so many seconds from a publisher to a subscriber of the cache server, both of the harness."""

    time: float
    seconds: float


class Quiet(Line, frozen=True):
    """From `begin` to `end` nothing was broken, and what was broken before had healed."""

    begin: float
    end: float


class Row(Line, frozen=True):
    """What the database held of a strategy when all was quiet, and the version of its object in the cache protocol."""

    key: str
    owner: str
    revision: int
    mark: str
    version: int


_DECODER = msgspec.json.Decoder(Write | Read | Applied | Hop | Quiet | Row)


class History:
    """All that a journal says, each kind in the order in which it was written down."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.writes: list[Write] = []
        self.reads: list[Read] = []
        self.applied: list[Applied] = []
        self.hops: list[Hop] = []
        self.quiet: list[Quiet] = []
        self.rows: list[Row] = []
        by_kind: dict[type[Line], list[Any]] = {
            Write: self.writes, Read: self.reads, Applied: self.applied, Hop: self.hops, Quiet: self.quiet,
            Row: self.rows,
        }  # fmt: skip
        for line in lines:
            by_kind[type(line)].append(line)

    def is_quiet(self, read: Read) -> bool:
        """Whether nothing was broken while it was made."""
        return any(each.begin <= read.begin and read.end <= each.end for each in self.quiet)


def read_journal(path: Path) -> History:
    """Return what the journal in a file says; its last line may be cut off."""
    return History(read_lines(path))


def read_lines(path: Path) -> Iterator[Line]:
    """Return the lines of a journal, as far as they are whole."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _DECODER.decode(line)
