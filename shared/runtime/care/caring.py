"""Wires the care for a service's tables: what it answers to administrators, and what it does by itself."""

from collections.abc import Sequence
from functools import partial

from shared.contracts import messages
from shared.runtime.bus.server import RequestServer
from shared.runtime.care.declared import Index
from shared.runtime.care.expiry import Expiry, Rule
from shared.runtime.care.handlers import CareHandlers
from shared.runtime.care.session import care_session
from shared.runtime.care.statistics import Statistics
from shared.runtime.database import Database
from shared.runtime.service import Service
from shared.runtime.settings import DatabaseSettings


def care_for(
    service: Service,
    requests: RequestServer,
    database: Database,
    settings: DatabaseSettings,
    *,
    declared: Sequence[Index],
    rules: Sequence[Rule],
) -> None:
    """Have a service care for the schema of its name, by these rules of what is too old."""
    url = settings.database_direct_url or settings.database_url
    session = partial(care_session, url, f"aurelius-{service.name}-care")
    handlers = CareHandlers(database, service.name, declared, session)
    requests.handle(messages.DescribeTables, handlers.tables)
    requests.handle(messages.DescribeIndexes, handlers.indexes)
    requests.handle(messages.ListSlowQueries, handlers.slow_queries)
    requests.handle(messages.Upkeep, handlers.upkeep)
    service.closing(handlers.close)
    expiry = Expiry(rules, service.timings, seconds=settings.retention_seconds, batch=settings.retention_batch)
    service.background(expiry.run)
    if settings.database_analyze_hours:
        service.background(Statistics(service.name, session, service.clock, settings.database_analyze_hours).run)
