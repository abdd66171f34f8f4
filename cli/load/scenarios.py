"""What is asked for, how often, and what the answers have to be.

The figures behind the names (/health 100, all others of the first six 50) are rates: so many requests are due in each
second, whatever the answers take. Users are accounts, that take turns. In the mixed load they are weights.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import msgspec

from cli.load import checks
from cli.load.accounts import SPEC, Account
from cli.load.wire import Request, get, wire_of

READ_WEIGHTS = {"health": 100, "metrics": 50, "strategies": 50, "strategy": 50, "backtests": 50, "backtest": 50}
LISTS = ("", "?limit=20", "?sort=-created_at")
"""Which pages of a list are asked for."""

Requests = Iterator[Request]
Maker = Callable[[], Request]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load. `rate` in requests a second."""

    name: str
    title: str
    rate: float


SCENARIOS = (
    Scenario("health", "GET /health", 100),
    Scenario("metrics", "GET /metrics as JSON", 50),
    Scenario("strategies", "GET /strategies", 50),
    Scenario("strategy", "GET /strategies/{id}", 50),
    Scenario("backtests", "GET /backtests", 50),
    Scenario("backtest", "GET /backtests/{id}", 50),
    # A login is meant to be slow: 25 ms of a processor and 19 MiB go into comparing a password.
    Scenario("login", "POST /auth/login", 4),
    Scenario("writes", "POST, PATCH and DELETE /strategies", 15),
    Scenario("mixed", "all of these, as often as people do", 50),
)
MIXED_WEIGHTS = {**READ_WEIGHTS, "login": 4, "writes": 12}
NAMES = tuple(scenario.name for scenario in SCENARIOS)


def requests_of(name: str, accounts: Sequence[Account], host: str) -> Requests:
    """Yield the requests of a scenario, without an end. `host` is the header's value."""
    makers = _Makers(accounts, host).by_name()
    if name == "mixed":
        dice = random.Random(7)  # noqa: S311  # no secret: the same order each time
        return _drawn(makers, dice)
    return iter(makers[name], None)


def _drawn(makers: Mapping[str, Maker], dice: random.Random) -> Requests:
    names, weights = list(MIXED_WEIGHTS), list(MIXED_WEIGHTS.values())
    while True:
        for name in dice.choices(names, weights, k=256):
            yield makers[name]()


class _Makers:
    """Makes requests of accounts in turn."""

    def __init__(self, accounts: Sequence[Account], host: str) -> None:
        self._accounts = cycle(accounts)
        self._host = {"Host": host}
        self._dice = random.Random(7)  # noqa: S311  # no secret: the same order each time
        self._writes = cycle((self._create, self._change, self._delete))
        self._created: deque[tuple[Account, str]] = deque()
        self._changed: deque[tuple[Account, str]] = deque()
        self._count = 0

    def by_name(self) -> dict[str, Maker]:
        """Return what makes a request of each scenario but the mixed one."""
        return {
            "health": lambda: get("/health", checks.health, self._host, "health"),
            "metrics": lambda: get("/metrics", checks.metrics, self._host | _JSON, "metrics"),
            "strategies": lambda: self._list("strategies", lambda account: account.strategies),
            "strategy": lambda: self._single("strategy", "strategies", lambda account: account.strategies),
            "backtests": lambda: self._list("backtests", lambda account: account.backtests),
            "backtest": lambda: self._single("backtest", "backtests", lambda account: account.backtests),
            "login": self._login,
            "writes": self._write,
        }

    def _list(self, kind: str, known: Callable[[Account], list[str]]) -> Request:
        account = next(self._accounts)
        check = checks.page_of(account.user_id, known(account))
        return get(f"/api/v1/{kind}{self._dice.choice(LISTS)}", check, self._as(account), kind)

    def _single(self, kind: str, collection: str, known: Callable[[Account], list[str]]) -> Request:
        account = next(self._accounts)
        item_id = self._dice.choice(known(account))
        check = checks.item(item_id, account.user_id)
        return get(f"/api/v1/{collection}/{item_id}", check, self._as(account), kind)

    def _login(self) -> Request:
        account = next(self._accounts)
        body = msgspec.json.encode({"email": account.email, "password": account.password})
        return Request(wire_of("POST", "/api/v1/auth/login", self._host, body), checks.login, "login")

    def _write(self) -> Request:
        return next(self._writes)()

    def _create(self) -> Request:
        account = next(self._accounts)
        self._count += 1
        body = msgspec.json.encode({"name": f"Written {self._count}", "spec": SPEC})
        check = checks.created(lambda found: self._created.append((account, found)))
        return Request(wire_of("POST", "/api/v1/strategies", self._as(account), body), check, "create a strategy")

    def _change(self) -> Request:
        # What was created may not have been answered yet.
        if not self._created:
            return self._create()
        account, item_id = self._created.popleft()
        self._count += 1
        description = f"Change {self._count}"
        body = msgspec.json.encode({"description": description})
        check = checks.changed(item_id, description, lambda: self._changed.append((account, item_id)))
        wire = wire_of("PATCH", f"/api/v1/strategies/{item_id}", self._as(account), body)
        return Request(wire, check, "change a strategy")

    def _delete(self) -> Request:
        if not self._changed:
            return self._change()
        account, item_id = self._changed.popleft()
        wire = wire_of("DELETE", f"/api/v1/strategies/{item_id}", self._as(account))
        return Request(wire, checks.deleted, "delete a strategy")

    def _as(self, account: Account) -> dict[str, str]:
        return {**self._host, "Authorization": account.authorization}


_JSON = {"Accept": "application/json"}
