"""The two records of the cache, head and entry, as fields of a hash, and the one rule for serving an entry."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

# Lua numbers and sorted-set scores are doubles: beyond this, neighbouring versions would compare as equal.
MAX_VERSION: Final = 2**53 - 1

STATE_FIELDS: Final = ("status", "run_id", "incarnation")
HEAD_FIELDS: Final = ("lineage", "floor")
ENTRY_FIELDS: Final = ("lineage", "version", "etag", "owner", "status", "media_type", "made", "body")


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer, ready to be sent: `body` is what the client gets, `version` the object's version it was read at.

    `made` is when, in Unix seconds of whoever read it: its age is only ever compared with its time to live.
    """

    version: int
    etag: str
    owner: str
    body: bytes
    status: int = 200
    media_type: str = "application/json"
    made: int = 0


def digest_of(entry: Entry) -> str:
    """Return a digest of all that makes the answer: whom it is for, its status and media type, its tag and bytes.

    Two entries of one variant at one version have the same, whenever each was made.
    """
    said = "\n".join((entry.owner, str(entry.status), entry.media_type, entry.etag, ""))
    digest = hashlib.blake2b(said.encode(), digest_size=16)
    digest.update(entry.body)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class State:
    """Whether the objects of one keeper are served: on the process `run_id` of the server, in this incarnation."""

    status: Literal["opening", "open"]
    run_id: str
    incarnation: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the cache knows of an object: the life its entries must belong to and the lowest version still served.

    `raised_by` is the writer who raised the floor, as long as no event has confirmed it. `touched_ms` is the server's
    time of the last raise, or of the last event that raised the floor.
    """

    lineage: str
    floor: int
    raised_by: str = ""
    touched_ms: int = 0

    def belongs_to(self, incarnation: str) -> bool:
        """Tell whether the head was made in this incarnation; one of another counts as absent."""
        return self.lineage.startswith(f"{incarnation}.")


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry together with the lineage under which it was stored."""

    lineage: str
    entry: Entry


def check_version(version: int) -> int:
    """Return `version`. Raises ValueError when it is not in 0..2**53-1."""
    if not 0 <= version <= MAX_VERSION:
        raise ValueError(f"version {version} is out of range: the cache compares versions from 0 to {MAX_VERSION}")
    return version


def servable(head: Head | None, stored: StoredEntry | None, min_version: int) -> bool:
    """Tell whether the entry may answer a reader who must see at least `min_version`."""
    return (
        head is not None
        and stored is not None
        and stored.lineage == head.lineage
        and stored.entry.version >= head.floor
        and stored.entry.version >= min_version
    )


def served(state: State, head: Head | None, stored: StoredEntry, min_version: int) -> bool:
    """Tell whether a reader is given the entry, by what was read of all three in this order: state, entry, head.

    Raises nothing: what is not there serves nobody.
    """
    return (
        state.status == "open"
        and head is not None
        and head.belongs_to(state.incarnation)
        and servable(head, stored, min_version)
    )


def decode_state(values: Sequence[bytes | None], run_id: bytes) -> State | None:
    """Read the values of STATE_FIELDS; None when it is closed: there is no state, or one of another process."""
    status, process, incarnation = values
    if process != run_id or incarnation is None:
        return None
    return State("open" if status == b"open" else "opening", run_id.decode(), incarnation.decode())


def decode_head(values: Sequence[bytes | None]) -> Head | None:
    """Read the values of HEAD_FIELDS; None when there is no head, or one that cannot be read."""
    try:
        lineage, floor = _present(values)
        return Head(lineage.decode(), int(floor))
    except ValueError:
        return None


def encode_entry(lineage: str, entry: Entry) -> list[str | int | bytes]:
    """Return field, value, field, value... as HSET takes them."""
    values: list[str | int | bytes] = [
        lineage,
        entry.version,
        entry.etag,
        entry.owner,
        entry.status,
        entry.media_type,
        entry.made,
        entry.body,
    ]
    return [part for pair in zip(ENTRY_FIELDS, values, strict=True) for part in pair]


def decode_entry(values: Sequence[bytes | None]) -> StoredEntry | None:
    """Read the values of ENTRY_FIELDS; None when there is no entry, or one that cannot be read."""
    try:
        lineage, version, etag, owner, status, media_type, made, body = _present(values)
        entry = Entry(int(version), etag.decode(), owner.decode(), body, int(status), media_type.decode(), int(made))
        return StoredEntry(lineage.decode(), entry)
    except ValueError:
        return None


def _present(values: Sequence[bytes | None]) -> list[bytes]:
    return [value for value in values if value is not None]
