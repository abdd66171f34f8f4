"""All queries of a database, tried one after the other."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import get_args

import asyncpg

from bench.query_plans.catalogue import queries
from bench.query_plans.query import Query, Result, Service, measure
from shared.runtime.database import Database
from shared.runtime.migrations.runner import migrate_in
from shared.runtime.settings import DatabaseSettings
from tests.databases import fresh_database
from tests.servers import postgres_server

SERVICES: tuple[Service, ...] = get_args(Service)


@asynccontextmanager
async def empty_database() -> AsyncIterator[str]:
    """Run a Postgres with both schemas, and give the URL of their owner."""
    async with postgres_server() as server, fresh_database(server) as url:
        for service in SERVICES:
            await migrate_in(url, f"services.{service}")
        yield url


@asynccontextmanager
async def connection_to(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Lend a connection of the owner's."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def connected(url: str, service: Service) -> AsyncIterator[Database]:
    """Lend a service's schema as the service connects to it, for any user."""
    database = Database(DatabaseSettings(database_url=url), service)
    await database.connect()
    try:
        yield database
    finally:
        await database.close()


async def queries_of(url: str) -> list[Query]:
    """Return the queries of all services, with trials on the rows that are there."""
    found: list[Query] = []
    for service in SERVICES:
        async with connected(url, service) as database, database.reading() as connection:
            found += await queries(service, connection)
    return found


async def measured(url: str, chosen: Sequence[Query]) -> list[Result]:
    """Try these queries."""
    results: list[Result] = []
    for service in SERVICES:
        async with connected(url, service) as database:
            results += [await measure(database, query) for query in chosen if query.service == service]
    return results
