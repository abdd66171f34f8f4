"""For administrators: the tables of the services, their indexes and slow queries, and having them looked after."""

import asyncio
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, QueryParameter

from services.gateway.core.database_pages import all_begun, all_indexes, all_slow_queries, all_tables, services_of
from services.gateway.core.prefer import wait_seconds
from services.gateway.notes import notes_of
from services.gateway.problems import ADMIN_PROBLEMS
from services.gateway.read_path import Gateway, answer
from shared.contracts import database_messages as messages
from shared.contracts.request import Request as Message
from shared.contracts.request import answer_type
from shared.runtime.bus.caller import DEFAULT_DEADLINE

A = TypeVar("A")

COUNT_WITHIN = 30.0
"""Seconds for counting rows; tables that take longer are left uncounted."""
TableQuery = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$", description="`schema.table`; all without"
    ),
]


def database_administration_routes(gateway: Gateway) -> Router:
    """Return the routes under /admin/database, to be put where administrators alone are let in."""

    async def ask_all(
        request: Request[Any, Any, Any],
        message: Message[A],
        table: str | None = None,
        seconds: float = DEFAULT_DEADLINE,
    ) -> list[A]:
        """Ask every service that has tables, or the one that has a table. Raises NotFound for a table of nobody's."""
        caller, answers = notes_of(request).caller, answer_type(type(message))
        replies = await asyncio.gather(
            *(gateway.ask(request, message, caller, service=service, seconds=seconds) for service in services_of(table))
        )
        return [msgspec.json.decode(reply.body, type=answers) for reply in replies]

    @get("/tables", responses=ADMIN_PROBLEMS, summary="Describe every table: sizes, rows, upkeep", description=_TABLES)
    async def tables(request: Request[Any, Any, Any], exact: FromQuery[bool] = False) -> Response[messages.TablePage]:
        within = COUNT_WITHIN if exact else DEFAULT_DEADLINE
        pages = await ask_all(request, messages.DescribeTables(exact=exact), seconds=within)
        return answer(request, msgspec.json.encode(all_tables(pages)))

    @get("/indexes", responses=ADMIN_PROBLEMS, summary="Describe every index, and what is wrong", description=_INDEXES)
    async def indexes(request: Request[Any, Any, Any]) -> Response[messages.IndexPage]:
        pages = await ask_all(request, messages.DescribeIndexes())
        return answer(request, msgspec.json.encode(all_indexes(pages)))

    @get("/slow-queries", responses=ADMIN_PROBLEMS, summary="List what took most", description=_SLOW_QUERIES)
    async def slow_queries(
        request: Request[Any, Any, Any],
        sort: FromQuery[messages.SlowQuerySort] = "total",
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 20,
    ) -> Response[messages.SlowQueryPage]:
        pages = await ask_all(request, messages.ListSlowQueries(sort=sort, limit=limit))
        return answer(request, msgspec.json.encode(all_slow_queries(pages, sort, limit)))

    @post(
        "/analyze", responses=_BEGUN, summary="Make the planner's statistics anew", description=_UPKEEP, status_code=202
    )
    async def analyze(request: Request[Any, Any, Any], table: TableQuery = None) -> Response[messages.UpkeepBegun]:
        return await begun(request, "analyze", table)

    @post("/vacuum", responses=_BEGUN, summary="Free the space of dead rows", description=_UPKEEP, status_code=202)
    async def vacuum(request: Request[Any, Any, Any], table: TableQuery = None) -> Response[messages.UpkeepBegun]:
        return await begun(request, "vacuum", table)

    async def begun(
        request: Request[Any, Any, Any], command: messages.UpkeepCommand, table: str | None
    ) -> Response[messages.UpkeepBegun]:
        wait = wait_seconds(request.headers.get("prefer", ""))
        message = messages.Upkeep(command=command, table=table, wait=wait)
        whole = all_begun(await ask_all(request, message, table, DEFAULT_DEADLINE + wait))
        headers = {"Cache-Control": "no-store"}
        if not whole.finished:
            headers["Location"] = "/api/v1/admin/database/tables"
        return Response(whole, status_code=200 if whole.finished else 202, headers=headers)

    return Router("/database", route_handlers=[tables, indexes, slow_queries, analyze, vacuum])


_BEGUN = {
    200: ResponseSpec(messages.UpkeepBegun, description="It was done while the client waited", generate_examples=False),
    **ADMIN_PROBLEMS,
}
_TABLES = """\
Sizes are in bytes. Rows are Postgres's own estimate; with `exact=true` they are counted, for half a minute at most, the
small tables first. `running` shows how far a VACUUM or ANALYZE is.
"""
_INDEXES = """\
Each that the release declares, and each that is there. What is wrong is mended by `aurelius db indexes --create`, with
the rights of the tables' owner, which no service has. `unused` counts from `counted_since` on.
"""
_SLOW_QUERIES = """\
Those of the services' own roles, as `pg_stat_statements` counts them, constants replaced by parameters. Where the
server does not count them, `available` is false and `advice` says what to do.
"""
_UPKEEP = """\
One table, or all of the services one after the other; reads and writes go on meanwhile. With `Prefer: wait=N` the
answer waits for the end; after that `GET /admin/database/tables` shows how far it is. `left_out` names tables that were
not done because somebody else had them locked. 409 when somebody is at it.
"""
