"""What the journal of a run says, read back. Times are seconds of one clock; a value is known by its revision.

A key is the name of an object in the cache protocol (`strategy:<id>`), or of something that has revisions of its own.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

Source = Literal["l1", "l2", "miss", "bypass", ""]
"""Where an answer came from, by its `Cache-Status`."""

ABSENT = 0
"""In place of a revision: it was not found, or not in the list, and nobody had asked for its deletion."""
GONE = 2**53 - 1
"""In place of a revision: it is deleted, which is above every revision that it had, and for ever."""
THERE = GONE - 1
"""In place of a revision: an answer shows that it is there, and does not say at which."""


def kind_of(key: str) -> str:
    """What a key is one of, by its name: that of its object in the protocol."""
    return key.partition(":")[0]


def origin(mark: str) -> str:
    """The part of a value that one write alone gave: its first word. The rest is what became of it."""
    return mark.partition(" ")[0]


class Line(msgspec.Struct, frozen=True, tag_field="what", tag=str.lower):
    """One line of a journal."""

    def lines(self) -> dict[str, Any]:
        """What a violation shows of it."""
        return msgspec.structs.asdict(self)


class Write(Line, frozen=True):
    """A change of one key, or its creation, or that it `deletes` it.

    `revision` is None when it was not acknowledged: then it may have happened or not, as its `status` has it. `key` is
    empty when something was created and the answer with its id was lost. `mark` is what the change makes of the key.
    """

    op: str
    owner: str
    key: str
    mark: str
    begin: float
    end: float
    status: int
    revision: int | None
    deletes: bool = False

    @property
    def may_be_done(self) -> bool:
        """Whether it has happened, or perhaps has: nobody said that it would not."""
        return self.revision is not None or not 400 <= self.status < 500


class Read(Line, frozen=True):
    """An answer about keys that were asked for by name, or with `whole` about all of a kind that are the owner's.

    `found` has by key the revision and the mark that it showed. `due` are the revisions that its token covers; without
    a token there are none. `status` is 0 when there was no answer.
    """

    op: str
    owner: str
    gateway: str
    path: str
    begin: float
    end: float
    status: int
    source: Source
    keys: tuple[str, ...]
    whole: str
    found: dict[str, tuple[int, str]]
    due: dict[str, int]

    @property
    def answered(self) -> bool:
        """Whether the answer says something about data: to be refused says that a session has ended."""
        return self.status in {200, 304, 404} or (self.status == 401 and self.path.startswith("/auth/"))


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
    """What the database held of a key when all was quiet, and the version of its object in the cache protocol."""

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
