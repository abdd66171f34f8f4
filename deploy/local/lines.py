"""Reads what a process writes to its pipe, line by line."""

import asyncio
from collections.abc import Callable

_LONGEST_LINE = 64 * 1024


async def pass_on_lines(descriptor: int, receive: Callable[[str], None]) -> None:
    """Give each line to `receive` until every writer has closed the pipe; longer lines come in pieces of 64 KiB."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    pipe = open(descriptor, "rb")  # noqa: ASYNC230, SIM115 - wraps a descriptor; the transport closes it
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    rest = b""
    try:
        while chunk := await reader.read(_LONGEST_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                receive(_text(line))
        if rest:
            receive(_text(rest))
    finally:
        transport.close()


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
