"""The list of datasets, and lists whose handlers are still to come: made as all are, on the tables that are there."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.query_plans.pages import list_trial, walked
from bench.query_plans.population import BIGGEST, FOREIGN_STRATEGY, MAIN, NOBODY, SMALL, USUAL
from bench.query_plans.query import VERSION, Query, Service, Trial
from services.backtest.store.datasets import list_datasets
from shared.contracts.messages import ListDatasets
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey
from shared.runtime.page_query import Page, PageQuery

Scope = dict[str, object]

_KEYS = {"created_at": SortKey("created_at", "timestamptz")}
_LIMIT = 50
_OWNERS: Sequence[Scope] = [{"owner_id": owner} for owner in (BIGGEST, SMALL, NOBODY)]
_STRATEGIES: Sequence[Scope] = [{"strategy_id": each, "owner_id": BIGGEST} for each in (USUAL, FOREIGN_STRATEGY)]


@dataclass(frozen=True, slots=True)
class _Coming:
    """A list by created_at, to be filtered by each of `scopes`."""

    name: str
    service: Service
    index: str
    columns: str
    scopes: Sequence[Scope]

    async def query(self, connection: Connection) -> Query:
        trials = []
        for scope in self.scopes:
            for sort in ("-created_at", "created_at"):
                first = await self._page(connection, scope, sort, None)
                trials.append(self._trial(scope, sort, None))
                if first.next_cursor is not None:
                    trials.append(self._trial(scope, sort, first.next_cursor))
        return Query(self.name, self.service, frozenset({VERSION, self.index}), trials)

    def _trial(self, scope: Scope, sort: str, cursor: str | None) -> Trial:
        async def run(connection: Connection) -> None:
            await self._page(connection, scope, sort, cursor)

        return Trial(run, walked(_LIMIT))

    async def _page(self, connection: Connection, scope: Scope, sort: str, cursor: str | None) -> Page:
        table = self.index.partition("_by_")[0]
        query = PageQuery(Keyset(_KEYS, sort, [self.name]), self.name, cursor, _LIMIT)
        return await query.fetch(connection, query.walk(table, self.columns, scope))


_ACCOUNTS = _Coming(
    "accounts by is_active and created_at",
    "strategy",
    "users_by_created_at",
    "id, email, name, role, is_active, created_at, revision",
    [{"is_active": True}, {"is_active": False}],
)
_VALIDATIONS = _Coming(
    "validations by created_at",
    "backtest",
    "validations_by_created_at",
    "id, owner_id, strategy_id, method, status, created_at",
    _OWNERS,
)
_VALIDATIONS_OF_A_STRATEGY = _Coming(
    "validations of a strategy by created_at", "backtest", "validations_by_strategy", _VALIDATIONS.columns, _STRATEGIES
)
_GATE_RESULTS = _Coming(
    "results of a strategy's gate by created_at",
    "backtest",
    "gate_results_by_strategy",
    "id, owner_id, strategy_id, gate, passed, checks, created_at",
    [{**strategy, "gate": gate} for strategy in _STRATEGIES for gate in ("dev", "crv", "product")],
)


async def queries_of_strategy(connection: Connection) -> list[Query]:
    """Return the list of accounts, for administrators."""
    return [await _ACCOUNTS.query(connection)]


async def queries_of_backtest(connection: Connection) -> list[Query]:
    """Return the lists of datasets, of validations and of gate results."""
    coming = [await each.query(connection) for each in (_VALIDATIONS, _VALIDATIONS_OF_A_STRATEGY, _GATE_RESULTS)]
    in_use = Query(
        "whether a dataset has validations", "backtest", frozenset({"validations_by_dataset"}), [Trial(_is_in_use, 1)]
    )
    return [await _datasets(connection), *coming, in_use]


async def _datasets(connection: Connection) -> Query:
    trials = []
    for owner in (BIGGEST, SMALL, NOBODY):
        page, _ = await list_datasets(connection, owner, ListDatasets())
        pages = [ListDatasets(), ListDatasets(limit=200), ListDatasets(cursor=page.next_cursor)]
        trials += [list_trial(list_datasets, owner, asked, walked(asked.limit)) for asked in pages]
    return Query("datasets by created_at", "backtest", frozenset({VERSION, "datasets_by_created_at"}), trials)


async def _is_in_use(connection: Connection) -> None:
    await connection.fetchval("SELECT EXISTS (SELECT FROM validations WHERE dataset_id = $1)", MAIN)
