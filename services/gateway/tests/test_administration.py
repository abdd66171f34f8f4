"""What administrators may ask."""

from datetime import UTC, datetime
from functools import partial

import httpx
import msgspec
import pytest

from services.gateway.tests.fakes import FakeServices, token_of
from shared.contracts.bus_messages import (
    DeadLetter,
    DeadLetterPage,
    ListDeadLetters,
    ReplayDeadLetter,
    Replayed,
    StreamPage,
    StreamState,
)
from shared.contracts.dead_letter_ids import letter_id
from shared.contracts.errors import Conflict, Unavailable
from shared.contracts.streams import DEAD_LETTERS
from shared.contracts.values import Principal

ADMIN = token_of("1", role="admin")
PATHS = [
    *(("GET", "/streams"), ("GET", "/dead-letters"), ("POST", "/dead-letters/rpc.strategy:1-0/replay")),
    *(("GET", "/cache"), ("DELETE", "/cache"), ("DELETE", "/cache/strategy"), ("DELETE", "/cache/strategy/1")),
    *(("GET", "/database/tables"), ("GET", "/database/indexes"), ("GET", "/database/slow-queries")),
    *(("POST", "/database/analyze"), ("POST", "/database/vacuum")),
]


def letter(name: str) -> DeadLetter:
    """Return a letter with this id."""
    found = letter_id(name)
    return DeadLetter(
        id=name, stream=found.stream, group="g", entry_id="1-0", reason="failed", error="no", traceback="",
        deliveries=1, history=[], about={}, replayable=True, put_aside_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


class Kept:
    """The dead letters of all services, each listed by its own."""

    def __init__(self, services: FakeServices, *names: str) -> None:
        self.names = list(names)
        for service in set(DEAD_LETTERS.values()):
            services.handlers[f"{service}/{ListDeadLetters.METHOD}"] = partial(self._list, service)

    def _list(self, service: str, message: ListDeadLetters, _: Principal | None) -> tuple[object, dict[str, int]]:
        return self._page(message, service), {}

    def _page(self, message: ListDeadLetters, service: str) -> DeadLetterPage:
        mine = [name for name in self.names if DEAD_LETTERS[letter_id(name).stream] == service]
        chosen = [name for name in mine if message.stream in (None, letter_id(name).stream)]
        older = [name for name in chosen if message.before is None or letter_id(name) < letter_id(message.before)]
        newest = sorted(older, key=letter_id, reverse=True)
        return DeadLetterPage(items=[letter(name) for name in newest[: message.limit]])


@pytest.fixture
def client(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Of the routes for administrators."""
    client.base_url = httpx.URL("http://gateway/api/v1/admin")
    return client


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_only_administrators_may(
    client: httpx.AsyncClient, services: FakeServices, method: str, path: str
) -> None:
    """Somebody else is told 403, a stranger 401; no service is asked for either."""
    refused = await client.request(method, path, headers=token_of("1"))
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert (await client.request(method, path)).status_code == 401
    assert services.asked == []


async def test_streams_are_described(client: httpx.AsyncClient, services: FakeServices) -> None:
    """As the metrics service tells."""
    state = StreamState(name="s", kept="k", length=1, first_id="1-0", last_id="1-0", groups=[])
    services.handlers["streams.describe"] = lambda *_: (StreamPage(items=[state]), {})
    answer = await client.get("/streams", headers=ADMIN)
    assert answer.status_code == 200
    assert msgspec.json.decode(answer.content, type=StreamPage).items == [state]


async def test_letters_of_all_services_are_one_list(client: httpx.AsyncClient, services: FakeServices) -> None:
    """Newest first, page by page, each letter once, while new ones come in."""
    names = [f"{stream.removeprefix('aurelius.')}:{n // 2}-{n}" for stream in DEAD_LETTERS for n in range(5)]
    kept = Kept(services, *names)
    seen: list[str] = []
    url = "/dead-letters?limit=4"
    for number in range(100):
        answer = await client.get(url, headers=ADMIN)
        assert answer.status_code == 200
        body = answer.json()
        assert len(body["items"]) <= 4
        seen += [item["id"] for item in body["items"]]
        kept.names.append(f"rpc.metrics:{1000 + number}-0")
        if body["next_cursor"] is None:
            assert "link" not in answer.headers
            break
        assert answer.headers["link"].endswith('; rel="next"')
        url = f"/dead-letters?limit=4&cursor={body['next_cursor']}"
    assert seen == sorted(names, key=letter_id, reverse=True)


async def test_a_list_is_narrowed_to_one_stream(client: httpx.AsyncClient, services: FakeServices) -> None:
    """Its service alone is asked, so that another that is away is no matter; a full page may be the last."""
    Kept(services, "rpc.strategy:1-0", "rpc.strategy:2-0", "rpc.backtest:3-0")
    answer = await client.get("/dead-letters?stream=aurelius.rpc.strategy&limit=2", headers=ADMIN)
    assert [item["id"] for item in answer.json()["items"]] == ["rpc.strategy:2-0", "rpc.strategy:1-0"]
    assert answer.json()["next_cursor"] is None
    assert len(services.asked) == 1


@pytest.mark.parametrize(
    "query", ["stream=aurelius.jobs.backtest", "stream=", "cursor=x", "cursor=W10", "limit=0", "x=1"]
)
async def test_a_query_that_means_nothing_is_refused(
    client: httpx.AsyncClient, services: FakeServices, query: str
) -> None:
    """With 400, before anybody is asked."""
    assert (await client.get(f"/dead-letters?{query}", headers=ADMIN)).status_code == 400
    assert services.asked == []


async def test_a_cursor_belongs_to_its_list(client: httpx.AsyncClient, services: FakeServices) -> None:
    """With another filter it would skip what it has not shown."""
    Kept(services, "rpc.strategy:1-0", "rpc.strategy:2-0")
    cursor = (await client.get("/dead-letters?limit=1", headers=ADMIN)).json()["next_cursor"]
    other = await client.get(f"/dead-letters?stream=aurelius.rpc.strategy&cursor={cursor}", headers=ADMIN)
    assert other.status_code == 400


async def test_a_list_that_would_lack_some_is_none(client: httpx.AsyncClient, services: FakeServices) -> None:
    """An administrator who is shown nothing must be able to believe it."""
    Kept(services)

    def away(*_: object) -> tuple[object, dict[str, int]]:
        raise Unavailable("away")

    services.handlers[f"metrics/{ListDeadLetters.METHOD}"] = away
    answer = await client.get("/dead-letters", headers=ADMIN)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_a_letter_is_replayed_by_its_own_service(client: httpx.AsyncClient, services: FakeServices) -> None:
    """In the name of who asked; the answer says what came of it."""
    who: list[Principal | None] = []

    def replay(message: ReplayDeadLetter, principal: Principal | None) -> tuple[object, dict[str, int]]:
        who.append(principal)
        return Replayed(id=message.id, outcome="ok"), {}

    services.handlers[f"invalidator/{ReplayDeadLetter.METHOD}"] = replay
    answer = await client.post("/dead-letters/events.backtest:5-1/replay", headers=ADMIN)
    assert answer.status_code == 200
    assert answer.json() == {"id": "events.backtest:5-1", "outcome": "ok", "detail": ""}
    assert [principal.role for principal in who if principal] == ["admin"]


async def test_a_replay_that_cannot_be_is_a_conflict(client: httpx.AsyncClient, services: FakeServices) -> None:
    """As its service says."""

    def refuse(*_: object) -> tuple[object, dict[str, int]]:
        raise Conflict("It is being replayed")

    services.handlers[f"strategy/{ReplayDeadLetter.METHOD}"] = refuse
    answer = await client.post("/dead-letters/rpc.strategy:1-0/replay", headers=ADMIN)
    assert (answer.status_code, answer.json()["detail"]) == (409, "It is being replayed")


@pytest.mark.parametrize("name", ["x", "rpc.strategy:1", "jobs.backtest:1-0", "rpc.strategy:01-0", "rpc.strategy:1-0:"])
async def test_an_id_that_is_none_is_not_found(client: httpx.AsyncClient, services: FakeServices, name: str) -> None:
    """And nobody is asked for it."""
    assert (await client.post(f"/dead-letters/{name}/replay", headers=ADMIN)).status_code == 404
    assert services.asked == []
