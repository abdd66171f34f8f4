"""Names of cache objects: one entity or one collection, each with a version in `object_version`."""

from typing import Final, Literal

Keeper = Literal["strategy", "backtest"]
"""A service whose database keeps versions of objects."""

KEEPERS: Final[tuple[Keeper, ...]] = ("strategy", "backtest")

_OF_STRATEGY: Final = frozenset(
    {"strategy", "strategies", "user", "users", "session", "sessions", "api_key", "api_keys"}
)


def keeper_of(object_type: str) -> Keeper:
    """Return the service whose database keeps the versions of the objects of a type, the text before the colon."""
    return "strategy" if object_type in _OF_STRATEGY else "backtest"


def strategy_object(strategy_id: str) -> str:
    """One strategy."""
    return f"strategy:{strategy_id}"


def strategies_object(owner_id: str) -> str:
    """All strategies of one owner: every page, filter and sort of the list."""
    return f"strategies:{owner_id}"


def backtest_object(backtest_id: str) -> str:
    """One backtest with its equity curve and trades."""
    return f"backtest:{backtest_id}"


def backtests_object(owner_id: str) -> str:
    """All backtests of one owner."""
    return f"backtests:{owner_id}"


def sweep_object(sweep_id: str) -> str:
    """One sweep with its results."""
    return f"sweep:{sweep_id}"


def sweeps_object(owner_id: str) -> str:
    """All sweeps of one owner."""
    return f"sweeps:{owner_id}"


def dataset_object(dataset_id: str) -> str:
    """One dataset."""
    return f"dataset:{dataset_id}"


def datasets_object(owner_id: str) -> str:
    """All datasets of one owner."""
    return f"datasets:{owner_id}"


def user_object(user_id: str) -> str:
    """One account."""
    return f"user:{user_id}"


def users_object() -> str:
    """All accounts, as administrators list them."""
    return "users:all"


def session_object(session_id: str) -> str:
    """One login session of an account."""
    return f"session:{session_id}"


STRICT: frozenset[str] = frozenset({"user", "users", "gate", "gates"})
"""Types of objects that decide what somebody may do: accounts with their roles, results of gates.

They are not changed while the cache cannot be told of it, unless CACHE_POLICY says otherwise.
"""


def is_strict(obj: str) -> bool:
    """Whether the object is of such a type."""
    return obj.partition(":")[0] in STRICT


def objects_of_strategy(strategy_id: str) -> list[str]:
    """Every object that an answer about a strategy is of, but for the lists of its owner."""
    return [strategy_object(strategy_id)]


def objects_of_user(user_id: str) -> list[str]:
    """Every object that an answer about a user is of, and every list that is theirs or that they are in."""
    lists = (strategies_object, backtests_object, sweeps_object, datasets_object)
    return [user_object(user_id), users_object(), *(name(user_id) for name in lists)]
