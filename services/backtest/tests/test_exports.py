"""Tables on their way into the object store."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from services.backtest.exports import AT_ONCE, Exports
from services.backtest.tests.steps import call_of
from shared.contracts.errors import DeadlineExceeded
from shared.runtime.bus.server import Call
from shared.runtime.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """An empty object store in a folder."""
    return Objects(tmp_path.as_uri())


async def test_the_pieces_are_one_file(objects: Objects) -> None:
    """In order, and under the key of the request that asked."""
    call = call_of(None)
    export = await Exports(objects).store(iter([b"a" * 3, b"", b"b" * 2_000_000, b"c"]), call)
    assert export.object_key == f"replies/{call.id}"
    assert await objects.get(export.object_key) == b"aaa" + b"b" * 2_000_000 + b"c"


async def test_no_file_is_made_for_who_has_stopped_waiting(objects: Objects, tmp_path: Path) -> None:
    """A request whose time is over is refused without a byte."""
    late: Call = msgspec.structs.replace(call_of(None), deadline=0.0)
    with pytest.raises(DeadlineExceeded):
        await Exports(objects).store(iter([b"a"]), late)
    assert list(tmp_path.rglob("replies/*")) == []


async def test_only_so_many_are_made_at_once(objects: Objects) -> None:
    """Of many requests a few keep a core busy, and all are answered in the end."""
    running, most, gate = set[int](), [0], threading.Event()

    def table(number: int) -> Iterator[bytes]:
        running.add(number)
        most[0] = max(most[0], len(running))
        if len(running) == AT_ONCE:
            gate.set()
        gate.wait(10)
        yield b"x"
        running.remove(number)

    exports = Exports(objects)
    await asyncio.gather(*(exports.store(table(number), call_of(None)) for number in range(6)))
    assert most == [AT_ONCE]
