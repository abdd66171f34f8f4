"""Reads of a stream that bring in whole what was written in one go.

A read that waits is answered as soon as there is one entry, before the server has looked at the rest of the pipeline
that brought it: each batch would come in two, the first of them a single entry, and half of what a batch costs would be
for nothing. A second read right behind the first is carried out after that pipeline, and answered in the same write.
"""

from typing import Any, cast

from shared.wire import Wire

MANY = 1_000_000
Entries = list[tuple[bytes, dict[bytes, bytes]]]


async def read_batch(wire: Wire, command: tuple[Any, ...], most: int | None = None) -> list[tuple[bytes, Entries]]:
    """Carry out an XREAD or XREADGROUP of one stream, with its COUNT and BLOCK, and return what redis-py does.

    No more than `most` entries, if that is less than COUNT.

    Raises what the bus answers when it refuses, or redis-py's ConnectionError.
    """
    grouped, count, block = command[0] == "XREADGROUP", command.index(b"COUNT") + 1, command.index(b"BLOCK")
    most = min(int(command[count]), most or MANY)
    waiting, behind = list(command), list(command)
    waiting[count], behind[count] = 1, most - 1 if grouped else most  # without a group both begin at the same place
    del behind[block : block + 2]
    first, *rest = await wire.ask(*(tuple(read) for read in (waiting, behind)[:most]))
    if isinstance(first, Exception):
        raise first
    entries = [entry for answer in rest if not isinstance(answer, Exception) for entry in entries_read(answer)]
    if grouped or not entries:
        entries = entries_read(first) + entries
    return [(str(command[-2]).encode(), entries)] if entries else []


def entries_read(answer: object) -> Entries:
    """Return the entries of an answer to a read of one stream, or of nil, without those that were deleted meanwhile."""
    streams = cast("list[tuple[bytes, list[tuple[bytes, list[bytes] | None]]]]", answer or [])
    return [
        (entry_id, dict(zip(fields[::2], fields[1::2], strict=True)))  # names and values come in turn
        for _, entries in streams
        for entry_id, fields in entries
        if fields
    ]
