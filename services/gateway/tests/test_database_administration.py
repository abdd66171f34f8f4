"""What administrators may ask of the database, and have done to it."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.fake import FakeCacheStore
from shared.contracts.database_messages import (
    DATABASE_SERVICES,
    DescribeIndexes,
    DescribeTables,
    IndexPage,
    IndexState,
    ListSlowQueries,
    SlowQuery,
    SlowQueryPage,
    TablePage,
    TableState,
    Upkeep,
    UpkeepBegun,
)
from shared.contracts.errors import Conflict, Forbidden
from shared.contracts.values import Principal

ADMIN = token_of("1", role="admin")
READS = ("/tables", "/indexes", "/slow-queries")
WRITES = ("/analyze", "/vacuum")


def table(schema: str, name: str, size: int) -> TableState:
    """Return a table of this size."""
    return TableState(
        schema=schema, name=name, rows_estimate=None, rows=None, total_bytes=size, table_bytes=size, toast_bytes=0,
        index_bytes=0, dead_rows=0, changed_rows=0, spare_bytes_estimate=None, vacuumed_at=None, analyzed_at=None,
        running=None, hints=[],
    )  # fmt: skip


def index(schema: str) -> IndexState:
    """Return an index."""
    return IndexState(
        schema=schema, table="t", name="i", condition="valid", definition="USING btree (a)",
        declared="USING btree (a)", unique=False, bytes=1, spare_bytes_estimate=None, scans=0, last_scan_at=None,
        counted_since=None, unused=True, hints=[],
    )  # fmt: skip


def query(role: str, name: str, total: float, calls: int) -> SlowQuery:
    """Return a statement."""
    return SlowQuery(
        id=name, role=role, query="SELECT 1", calls=calls, total_ms=total, mean_ms=total / calls, max_ms=total,
        stddev_ms=0.0, rows=calls, blocks_hit=0, blocks_read=0, blocks_spilled=0,
    )  # fmt: skip


TABLES = {
    "strategy": TablePage(items=[table("strategy", "users", 30), table("strategy", "sessions", 10)]),
    "backtest": TablePage(items=[table("backtest", "jobs", 20)]),
}
QUERIES = {
    "strategy": [query("shared", "1", 30.0, 1), query("a", "2", 10.0, 9)],
    "backtest": [query("shared", "1", 30.0, 1), query("b", "3", 20.0, 4)],
}


@pytest.fixture
def services() -> FakeServices:
    """Two with tables."""
    fake = FakeServices()

    def begin(service: str, message: Upkeep, _: Principal | None) -> tuple[object, dict[str, int]]:
        waited = message.wait > 0
        left_out = [f"{service}.t"] if waited else []
        return UpkeepBegun(command=message.command, tables=[f"{service}.t"], finished=waited, left_out=left_out), {}

    for service in DATABASE_SERVICES:
        counted = SlowQueryPage(available=True, advice=None, counted_since=None, items=QUERIES[service])
        told = {DescribeTables.METHOD: TABLES[service], ListSlowQueries.METHOD: counted}
        for method, value in (*told.items(), (DescribeIndexes.METHOD, IndexPage(items=[index(service)]))):
            fake.handlers[f"{service}/{method}"] = partial(lambda value, *_: (value, {}), value)
        fake.handlers[f"{service}/{Upkeep.METHOD}"] = partial(begin, service)
    return fake


@pytest.fixture
async def client(services: FakeServices, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway, an administrator's."""
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        client.base_url = httpx.URL("http://gateway/api/v1/admin/database")
        client.headers.update(ADMIN)
        yield client


async def test_tables_of_all_services_are_one_page(client: httpx.AsyncClient, services: FakeServices) -> None:
    """The largest first, whoever's; their rows are counted when that is asked for."""
    answer = await client.get("/tables")
    assert answer.status_code == 200
    page = msgspec.json.decode(answer.content, type=TablePage)
    assert [each.name for each in page.items] == ["users", "jobs", "sessions"]
    await client.get("/tables?exact=true")
    assert services.asked == [
        DescribeTables(),
        DescribeTables(),
        DescribeTables(exact=True),
        DescribeTables(exact=True),
    ]


async def test_indexes_of_all_services_are_one_page(client: httpx.AsyncClient) -> None:
    """Each with its schema."""
    page = msgspec.json.decode((await client.get("/indexes")).content, type=IndexPage)
    assert [each.schema for each in page.items] == ["strategy", "backtest"]


@pytest.mark.parametrize(
    ("parameters", "expected"), [("", "132"), ("?sort=calls", "231"), ("?sort=mean&limit=1", "1"), ("?limit=2", "13")]
)
async def test_slow_queries_of_all_services_are_one_list(
    client: httpx.AsyncClient, parameters: str, expected: str
) -> None:
    """In the order asked for, each once, though services that share a role both tell of it."""
    answer = await client.get(f"/slow-queries{parameters}")
    page = msgspec.json.decode(answer.content, type=SlowQueryPage)
    assert (page.available, page.advice, "".join(each.id for each in page.items)) == (True, None, expected)


async def test_where_statements_are_not_counted_the_advice_is_answered(
    client: httpx.AsyncClient, services: FakeServices
) -> None:
    """It says what to do, and is no error."""
    lacking = SlowQueryPage(available=False, advice="do this", counted_since=None, items=[])
    for service in DATABASE_SERVICES:
        services.handlers[f"{service}/{ListSlowQueries.METHOD}"] = lambda *_: (lacking, {})
    answer = await client.get("/slow-queries")
    assert answer.status_code == 200
    assert msgspec.json.decode(answer.content, type=SlowQueryPage) == lacking


@pytest.mark.parametrize("path", WRITES)
async def test_upkeep_of_all_is_begun(client: httpx.AsyncClient, services: FakeServices, path: str) -> None:
    """202 with where to look, or 200 when it was done while the client waited."""
    answer = await client.post(path)
    assert (answer.status_code, answer.headers["location"]) == (202, "/api/v1/admin/database/tables")
    assert answer.json() == {
        "command": path[1:],
        "tables": ["strategy.t", "backtest.t"],
        "finished": False,
        "left_out": [],
    }
    waited = await client.post(path, headers={"Prefer": "wait=20"})
    assert (waited.status_code, waited.json()["finished"]) == (200, True)
    assert waited.json()["left_out"] == waited.json()["tables"]
    assert "location" not in waited.headers
    command = services.asked[0].command  # type: ignore[attr-defined]  # an Upkeep
    assert services.asked == [*[Upkeep(command=command)] * 2, *[Upkeep(command=command, wait=20.0)] * 2]
    assert f"/{command}" == path


async def test_upkeep_of_one_table_asks_its_service(client: httpx.AsyncClient, services: FakeServices) -> None:
    """And no other; in the name of the administrator."""
    who: list[Principal | None] = []

    def begin(message: Upkeep, principal: Principal | None) -> tuple[object, dict[str, int]]:
        who.append(principal)
        return UpkeepBegun(command=message.command, tables=["backtest.jobs"], finished=False), {}

    services.handlers[f"backtest/{Upkeep.METHOD}"] = begin
    assert (await client.post("/vacuum?table=backtest.jobs")).status_code == 202
    assert services.asked == [Upkeep(command="vacuum", table="backtest.jobs")]
    assert [principal.role for principal in who if principal] == ["admin"]


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ("table=pg_catalog.pg_class", 404),
        ("table=users", 400),
        ("table=strategy.users;DROP TABLE strategy.users", 400),
        ('table=strategy."users"', 400),
        ("table=", 400),
        ("tables=strategy.users", 400),
    ],
)
async def test_a_name_that_is_none_reaches_nobody(
    client: httpx.AsyncClient, services: FakeServices, parameters: str, status: int
) -> None:
    """A statement, above all, or a table of another schema."""
    assert (await client.post(f"/vacuum?{parameters}")).status_code == status
    assert services.asked == []


@pytest.mark.parametrize(("error", "status"), [(Conflict("somebody is at it"), 409), (Forbidden("not before 17"), 403)])
async def test_what_a_service_refuses_is_told(
    client: httpx.AsyncClient, services: FakeServices, error: Exception, status: int
) -> None:
    """In its words."""

    def refuse(*_: object) -> tuple[object, dict[str, int]]:
        raise error

    services.handlers[f"strategy/{Upkeep.METHOD}"] = refuse
    answer = await client.post("/analyze?table=strategy.users")
    assert (answer.status_code, answer.json()["detail"]) == (status, str(error))


async def test_it_is_for_administrators(client: httpx.AsyncClient, services: FakeServices) -> None:
    """403 for everybody else, and 401 for nobody; no service is asked."""
    for role, status in (("user", 403), ("", 401)):
        headers = token_of("2", role=role) if role else {"Authorization": ""}
        for path in READS:
            assert (await client.get(path, headers=headers)).status_code == status
        for path in WRITES:
            assert (await client.post(path, headers=headers)).status_code == status
    assert services.asked == []


async def test_all_are_documented(client: httpx.AsyncClient) -> None:
    """With what is answered, 403 among it."""
    document = (await client.get("http://gateway/openapi.json")).json()["paths"]
    for path in READS:
        assert {"200", "401", "403", "503"} <= document[f"/api/v1/admin/database{path}"]["get"]["responses"].keys()
    for path in WRITES:
        described = document[f"/api/v1/admin/database{path}"]["post"]
        assert {"200", "202", "403", "404", "409"} <= described["responses"].keys()
        assert [each["name"] for each in described["parameters"] if each["in"] == "query"] == ["table"]
