"""Lists of accounts, versions and datasets, and those whose handlers are still to come, as all lists are made."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.query_plans.pages import list_trial, walked
from bench.query_plans.population import BIGGEST, FOREIGN_STRATEGY, MAIN, NOBODY, SMALL, USUAL, VERSIONS
from bench.query_plans.query import VERSION, Query, Service, Trial, Use
from services.backtest.store.datasets import list_datasets
from services.strategy.core.version_cursor import MAX_VERSION
from services.strategy.store.account_lists import list_users
from services.strategy.store.versions import list_versions
from shared.contracts.messages import ListDatasets, ListUsers
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
    """Return the lists of accounts, for administrators, and of a strategy's versions."""
    accounts = [await _accounts(connection, name, index, pages) for name, index, pages in _ACCOUNTS]
    return [*accounts, await _versions(connection)]


_ACCOUNTS: Sequence[tuple[str, str, Sequence[ListUsers]]] = (
    ("accounts by created_at", "users_by_created_at", [ListUsers()]),
    (
        "accounts by is_active and created_at",
        "users_by_is_active_created_at",
        [ListUsers(is_active=True), ListUsers(is_active=False)],
    ),
    ("accounts of a role by created_at", "users_by_role_created_at", [ListUsers(role="user"), ListUsers(role="admin")]),
    (
        "accounts of a role by is_active and created_at",
        "users_by_is_active_role_created_at",
        [ListUsers(role="user", is_active=True), ListUsers(role="admin", is_active=False)],
    ),
)


async def _accounts(connection: Connection, name: str, index: str, lists: Sequence[ListUsers]) -> Query:
    trials = []
    for asked in lists:
        page, _ = await list_users(connection, asked)
        pages = [asked] + [msgspec.structs.replace(asked, limit=limit) for limit in (1, 200)]
        if page.next_cursor is not None:
            pages.append(msgspec.structs.replace(asked, cursor=page.next_cursor))
        trials += [Trial(_listed(each), walked(each.limit)) for each in pages]
    return Query(name, "strategy", frozenset({VERSION, index}), trials)


def _listed(asked: ListUsers) -> Use:
    async def run(connection: Connection) -> None:
        await list_users(connection, asked)

    return run


async def _versions(connection: Connection) -> Query:
    """Return the list of a strategy's versions, of which one strategy has many: the strategy is read as well."""
    rows = await connection.fetch(
        "(SELECT id, owner_id FROM strategies WHERE version = 1 LIMIT 1) UNION ALL "
        "SELECT id, owner_id FROM strategies WHERE version = $1",
        VERSIONS,
    )
    strategies = [(row["id"], owner) for row in rows for owner in (row["owner_id"], NOBODY)]
    pages = [(MAX_VERSION, 50), (MAX_VERSION, 1), (MAX_VERSION, 200), (VERSIONS // 2, 50), (1, 50)]
    trials = [
        Trial(_versions_listed(strategy_id, owner, newest, limit), walked(limit) + 1)
        for strategy_id, owner in strategies
        for newest, limit in pages
    ]
    return Query("the versions of a strategy", "strategy", frozenset({VERSION, *_VERSIONS_BY}), trials)


_VERSIONS_BY = ("strategies_pkey", "strategy_versions_pkey")


def _versions_listed(strategy_id: str, owner: str, newest: int, limit: int) -> Use:
    async def run(connection: Connection) -> None:
        await list_versions(connection, strategy_id, owner, newest, limit)

    return run


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
