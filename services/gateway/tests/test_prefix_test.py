"""Whether decisions depend on later bars, read through the gateway."""

from pathlib import Path

import pytest

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.fake import FakeCacheStore
from shared.contracts.ids import new_id
from shared.contracts.messages import ReadPrefixTest

ALICE, STRATEGY = new_id(), new_id()
PATH = f"/api/v1/strategies/{STRATEGY}/prefix-test"
QUEUED = {"strategy_id": STRATEGY, "strategy_version": 2, "status": "queued"}
HELD = {**QUEUED, "status": "held", "cuts": 48}


@pytest.fixture
def services() -> FakeServices:
    """A service whose test waits when it is first asked, and holds from then on."""
    services = FakeServices()
    services.handlers["prefix_test.read"] = lambda _, __: (QUEUED if len(services.asked) == 1 else HELD, {})
    return services


async def test_every_answer_is_the_services_own(services: FakeServices, tmp_path: Path) -> None:
    """A test that waited a moment ago may be done: nothing is kept, and a strong tag saves what has not changed."""
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        assert (await client.get(PATH, headers=token_of(ALICE))).json() == QUEUED
        done = await client.get(f"{PATH}/?version=2", headers=token_of(ALICE))
        assert (done.status_code, done.json(), done.headers["cache-control"]) == (200, HELD, "private, no-cache")
        known = token_of(ALICE) | {"If-None-Match": done.headers["etag"]}
        assert (await client.get(PATH, headers=known)).status_code == 304
    assert services.asked == [ReadPrefixTest(id=STRATEGY, version=version) for version in (None, 2, None)]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (PATH, {}, 401),
        (f"{PATH}?version=0", token_of(ALICE), 400),
        (f"{PATH}?version=x", token_of(ALICE), 400),
        (f"{PATH}?engine=1", token_of(ALICE), 400),
        ("/api/v1/strategies/x/prefix-test", token_of(ALICE), 404),
    ],
)
async def test_what_cannot_be_asked_is_refused_at_the_edge(
    services: FakeServices, tmp_path: Path, path: str, headers: dict[str, str], status: int
) -> None:
    """Without a token, with a version or a parameter that is none, for an id that is none."""
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        assert (await client.get(path, headers=headers)).status_code == status
    assert services.asked == []
