"""What the documents say of users is so."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.typing import EncodableT, FieldT

from shared.contracts.streams import EVENT_SOURCES, event_stream
from shared.runtime.acl.document import rights_document
from shared.runtime.acl.tests.guarded import Guarded
from shared.runtime.tests.eventually import eventually

DOCS = Path(__file__).parents[4] / "docs"
EVENT: dict[FieldT, EncodableT] = {"sequence": "1", "type": "t", "subject": "s", "data": "{}"}


def test_the_table_of_rights_is_what_the_servers_are_told() -> None:
    """When this fails: `python -m shared.runtime.acl rights`, and its answer between the marks."""
    text = (DOCS / "redis-users.md").read_text()
    shown = re.search(r"<!-- rights -->\n(.*)<!-- /rights -->", text, re.DOTALL)
    assert shown is not None
    assert shown[1] == rights_document()


class Consumer:
    """The consumer of the document, run as it stands there."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        """Return the next line it prints; an empty one when it has ended."""
        assert self._process.stdout is not None
        return (await asyncio.wait_for(self._process.stdout.readline(), 10)).decode().strip()


@asynccontextmanager
async def consuming(url: str) -> AsyncIterator[Consumer]:
    """Run it until the block ends, then kill it."""
    block = re.search(r"```python\n(.*?)```", (DOCS / "outside-consumers.md").read_text(), re.DOTALL)
    assert block is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", block[1], env={**os.environ, "CONSUMER_BUS_URL": url}, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Consumer(process)
    finally:
        process.kill()
        await process.wait()


@pytest.mark.integration
async def test_the_documents_consumer_reads_every_event(unrefused_bus: Guarded) -> None:
    """Those of before its start and those of after; over a kill what was not acknowledged, and nothing else; and it
    goes on after its groups were lost.
    """
    first, second = (event_stream(source) for source in EVENT_SOURCES)
    with unrefused_bus.operator() as operator:

        async def all_acknowledged() -> bool:
            return all(operator.xpending(stream, "audit")["pending"] == 0 for stream in (first, second))

        async def all_there() -> bool:
            return bool(operator.exists(first, second) == 2)

        operator.xadd(first, EVENT, id="1-0")
        operator.xadd(second, EVENT, id="1-0")
        async with consuming(unrefused_bus.url("consumer")) as consumer:
            assert {await consumer.line(), await consumer.line()} == {f"{first} 1 t s {{}}", f"{second} 1 t s {{}}"}
            operator.xadd(first, {**EVENT, "sequence": "2"}, id="2-0")
            assert await consumer.line() == f"{first} 2 t s {{}}"
            await eventually(all_acknowledged)
        operator.xadd(second, {**EVENT, "sequence": "3"}, id="3-0")
        operator.xreadgroup("audit", "audit-1", {second: ">"})
        async with consuming(unrefused_bus.url("consumer")) as consumer:
            assert await consumer.line() == f"{second} 3 t s {{}}"
            await eventually(all_acknowledged)
            operator.flushall()
            await eventually(all_there)
            operator.xadd(first, {**EVENT, "sequence": "4"}, id="4-0")
            assert await consumer.line() == f"{first} 4 t s {{}}"
