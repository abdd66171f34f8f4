"""A service more is a folder more: what all services have, it has without a line of its own."""

import msgspec
import pytest
from redis.asyncio import Redis

from shared.contracts.errors import ServiceError
from shared.contracts.events import CloudEvent, StrategyUpdated
from shared.contracts.messages import CheckHealth
from shared.contracts.streams import TIMINGS, event_stream, rpc_stream
from shared.contracts.timings import TimingBatch
from shared.runtime.bus.caller import Caller
from shared.runtime.health import Readiness
from shared.runtime.tests.bus_state import entries
from shared.runtime.tests.echo import asking
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.processes import START, program
from tests.sixth.messages import CountChanges

pytestmark = pytest.mark.integration

EVENTS = event_stream("strategy")


def change(sequence: int, owner: str) -> dict[str, str | bytes]:
    """Return a change as the strategy service's relay appends it."""
    return CloudEvent(
        id=f"e{sequence}",
        source="/aurelius/strategy",
        type=StrategyUpdated.TYPE,
        subject="strategy:1",
        time="2026-01-01T00:00:00Z",
        sequence=sequence,
        owner=owner,
        traceparent="",
        data=msgspec.json.encode(StrategyUpdated(id="1", owner=owner, version=sequence)),
    ).to_entry()


async def count(caller: Caller, owner: str) -> int:
    """Ask the service."""
    number, _ = await caller.call(CountChanges(owner=owner), seconds=START)
    return number


async def timed(redis: Redis, method: str) -> bool:
    """Say whether the service has reported how long an answer took."""
    batches = [msgspec.json.decode(entry.fields[b"batch"], type=TimingBatch) for entry in await entries(redis, TIMINGS)]
    measured = [each for batch in batches if batch.service == "sixth" for each in batch.histograms]
    return any(each.name == "rpc_server_duration" and each.labels["method"] == method for each in measured)


async def test_a_sixth_service_is_one_folder(bus_url: str) -> None:
    """It answers on the bus, follows events, tells its health, its timings and its errors, and stops when told."""
    async with (
        Redis.from_url(bus_url, protocol=2) as redis,
        asking(bus_url) as caller,
        program("tests.sixth", "SIXTH_PORT", {"BUS_URL": bus_url, "AURELIUS_ENV": "production"}) as sixth,
    ):
        for sequence, owner in enumerate(("me", "you", "me"), start=1):
            await redis.xadd(EVENTS, change(sequence, owner), id=f"{sequence}-0")  # type: ignore[arg-type]  # a wider dict

        async def counted() -> bool:
            return await count(caller, "me") == 2

        await eventually(counted, within=START)
        assert await count(caller, "you") == 1
        assert await sixth.says("/health/live", 200)
        assert await sixth.says("/health/ready", 200)
        health = await caller.ask(CheckHealth(), service="sixth")
        assert msgspec.json.decode(health.body, type=Readiness).checks.keys() == {"process", "bus", "subscribers"}
        with pytest.raises(ServiceError, match="does not fit"):
            await caller.ask(_Nameless(), service="sixth")
        await eventually(lambda: timed(redis, "changes.count"))
        sixth.process.terminate()
        assert await sixth.ended(10) == 0
        for stream in (EVENTS, rpc_stream("sixth")):
            (group,) = await redis.xinfo_groups(stream)
            assert (group["name"], group["pending"], group["consumers"]) == (b"sixth", 0, 0)
    lines = [msgspec.json.decode(line, type=dict[str, str]) for line in sixth.output.splitlines()]
    assert {line["service"] for line in lines} == {"sixth"}
    assert [line["message"] for line in lines] == ["started", "stopping"]


class _Nameless(CountChanges, frozen=True, kw_only=True):
    """The same question from a caller that forgets to say of whom."""

    owner: str | None = None  # type: ignore[assignment]  # the mistake
