"""All queries of the services, by the names they have in the documents."""

from bench.query_plans import (
    forgetting,
    lists_of_backtests,
    lists_of_strategies,
    lists_of_sweeps,
    other_lists,
    relaying,
    searches,
    statements_of_backtest,
    statements_of_strategy,
    statements_of_sweeps,
)
from bench.query_plans.query import Query, Service
from shared.runtime.database import Connection


async def queries(service: Service, connection: Connection) -> list[Query]:
    """Return the queries of one service, with trials on the rows that are there."""
    if service == "strategy":
        found = await lists_of_strategies.queries(connection)
        found += await searches.queries(connection)
        found += await other_lists.queries_of_strategy(connection)
        found += await statements_of_strategy.queries(connection)
    else:
        found = await lists_of_backtests.queries(connection)
        found += await other_lists.queries_of_backtest(connection)
        found += await statements_of_backtest.queries(connection)
        found += await lists_of_sweeps.queries(connection)
        found += await statements_of_sweeps.queries(connection)
    return [*found, relaying.sending(service), relaying.removing(service), *forgetting.queries(service)]
