"""What is too much is refused at once, through a real gateway, a bus and a service."""

import asyncio
from collections import Counter
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

import pytest

from services.gateway.core import admission
from services.gateway.core.admission import ANSWERS, BURST
from services.gateway.problems import Overloaded
from services.gateway.shedding import Shedding
from services.gateway.tests.fakes import FakeServices, client_of
from services.gateway.tests.overload import ask, bound_service, metronome, offer
from shared.cache.disabled import DisabledCacheStore
from shared.contracts.errors import DeadlineExceeded, NotFound
from shared.contracts.messages import ListStrategies, ReadStrategy, Request
from shared.runtime.bus.caller import Reply
from shared.runtime.tests.eventually import eventually
from tests.frozen import frozen_server
from tests.servers import valkey_server

A = TypeVar("A")
SECONDS = 6.0


@pytest.mark.alone
@pytest.mark.integration
async def test_five_times_too_much_is_refused_at_once(
    bus_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 250 a second a service does the 50 that it can, in good time; each other is 503 with Retry-After in 100 ms."""
    # A machine that is slow itself must have done the first burst before its deadline is over.
    monkeypatch.setattr(admission, "BURST", BURST // 2)
    async with bound_service(bus_url, tmp_path) as gateway, metronome() as beats:
        told = await offer(gateway.http, 250, SECONDS)
    assert Counter(each.status for each in told).keys() == {200, 503}
    refused = [each for each in told if each.status == 503]
    assert len(refused) > len(told) / 2
    assert {each.headers[b"retry-after"] for each in refused} == {b"1"}
    assert {each.headers[b"content-type"] for each in refused} == {b"application/problem+json"}
    assert quantiles([each.seconds for each in refused], n=100)[98] < 0.1
    accepted = [each for each in told if each.status == 200]
    # What was taken before the overload was noticed waits for all of it.
    begin = max(each.asked + each.seconds for each in accepted if each.asked < refused[0].asked)
    settled = [each for each in accepted if each.asked > begin]
    # Without a limit each would wait as the last of those did, and longer.
    assert median(each.seconds for each in settled) < max(each.seconds for each in accepted) / 3
    # The service is kept at work: the floor is what this machine did of the same work meanwhile, one after the other.
    floor = sum(begin < beat < told[-1].asked for beat in beats)
    assert floor > 20
    assert len(settled) > floor / 2


@pytest.mark.integration
async def test_a_bus_that_does_not_answer_is_told_at_once(tmp_path: Path) -> None:
    """Of those who ask while it is away only the first wait to hear so; and it is missed no more when it is back."""
    async with valkey_server(kind="bus") as bus, bound_service(bus.url, tmp_path) as gateway:
        assert (await ask(gateway.http)).status == 200

        async def known() -> bool:
            return gateway.writer.silent

        async def answered() -> bool:
            return (await ask(gateway.http)).status == 200

        async with frozen_server(bus.url):
            first = asyncio.create_task(ask(gateway.http))
            await eventually(known)
            told = await asyncio.gather(*(ask(gateway.http) for _ in range(20)))
            assert {(each.status, each.headers[b"retry-after"]) for each in told} == {(503, b"1")}
            assert median(each.seconds for each in told) < 0.1
        await first
        await eventually(answered)


async def test_what_is_never_answered_counts() -> None:
    """A service that has fallen silent holds one request at a time; the others need not wait for its deadline."""
    now = 0.0

    class Silent(FakeServices):
        async def ask(self, *_: object, **__: object) -> Reply:
            """Let the deadline pass."""
            nonlocal now
            await asyncio.sleep(0)
            now += 5.0
            raise DeadlineExceeded("no answer")

    shedding = Shedding(Silent(), lambda: now)
    for _ in range(ANSWERS):
        with pytest.raises(DeadlineExceeded):
            await shedding.ask(ReadStrategy(id="1"))
    first = asyncio.create_task(shedding.ask(ReadStrategy(id="1")))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await shedding.ask(ReadStrategy(id="1"))
    with pytest.raises(DeadlineExceeded):
        await first


async def test_what_fails_does_not_count() -> None:
    """An error is no measure of the time that work takes; each ends what it began."""
    services = FakeServices()
    shedding = Shedding(services)
    for _ in range(300):
        with pytest.raises(NotFound):
            await shedding.ask(ReadStrategy(id="1"))
    services.handlers["strategy.read"] = lambda *_: ("", {})
    await shedding.ask(ReadStrategy(id="1"))


async def test_each_kind_of_request_has_a_limit_of_its_own_at_each_service() -> None:
    """What is slow holds up nothing else."""
    released = asyncio.Event()

    class Stuck(FakeServices):
        async def ask(self, message: Request[A], *args: object, **options: object) -> Reply:
            """Answer what is no read, and what another service is asked."""
            if isinstance(message, ReadStrategy) and not options["service"]:
                await released.wait()
            return Reply(b"", {}, 0.0)

    shedding = Shedding(Stuck())
    asking = [asyncio.create_task(shedding.ask(ReadStrategy(id="1"))) for _ in range(BURST)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await shedding.ask(ReadStrategy(id="1"))
    await shedding.ask(ListStrategies())
    await shedding.ask(ReadStrategy(id="1"), service="other")
    released.set()
    await asyncio.gather(*asking)
    await shedding.ask(ReadStrategy(id="1"))


async def test_the_document_says_when_to_come_again(tmp_path: Path) -> None:
    """Wherever a request may be refused for now, with the header that tells for how long."""
    async with client_of(FakeServices(), DisabledCacheStore(), tmp_path) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    refusals = [operation["responses"][status] for operation in operations for status in ("429", "503")]
    assert len(refusals) > 50
    assert all(refusal["headers"]["Retry-After"]["schema"]["type"] == "integer" for refusal in refusals)
