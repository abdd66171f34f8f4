"""What answers show of each key: the revision, and a mark that tells whose doing it is."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.consistency.checker.history import THERE, Source

Found = dict[str, tuple[int, str]]
Shows = Callable[[Any], Found]

PRECISION = 10**7
"""A spec is known by a number that its strategies do not use: the default of a param between 0 and 1, times this."""


def strategies_in(value: Any) -> Found:
    """A strategy or a list of them: each by its name, and its spec as a key of its own."""
    found: Found = {}
    for item in items_of(value):
        found[f"strategy:{item['id']}"] = int(item["revision"]), str(item["name"])
        found[f"versions:{item['id']}"] = int(item["version"]), spec_mark(item["spec"])
    return found


def newest_version_in(value: Any) -> Found:
    """A list of a strategy's versions: the first of them."""
    newest = value["items"][0]
    return {f"versions:{newest['strategy_id']}": (int(newest["version"]), spec_mark(newest["spec"]))}


def version_in(value: Any) -> Found:
    """One of a strategy's versions, which tells that the strategy is there."""
    return {f"versions:{value['strategy_id']}": (THERE, spec_mark(value["spec"]))}


def runs_in(value: Any) -> Found:
    """A run or a list of them: each by its cash, which no other has, and by what has become of it."""
    return {f"backtest:{item['id']}": (int(item["revision"]), run_mark(item)) for item in items_of(value)}


def sweeps_in(value: Any) -> Found:
    """A sweep or a list of them, like runs."""
    return {f"sweep:{item['id']}": (int(item["revision"]), run_mark(item)) for item in items_of(value)}


def combinations_of(key: str) -> Shows:
    """The combinations of a sweep, which say that it is there, and nothing of whose it is."""
    return lambda value: {key: (THERE, "")} if value["items"] else {}


def curve_of(key: str) -> Shows:
    """The equity curve of a run, which begins with its cash."""
    return lambda value: {key: (THERE, str(int(value["items"][0]["equity"])))}


def trades_of(key: str) -> Shows:
    """The trades of a run, the first of which takes all of its cash; a run without any shows that it is there."""

    def shows(value: Any) -> Found:
        bought = [round(trade["quantity"] * trade["entry_price"]) for trade in value["items"][:1]]
        return {key: (THERE, "".join(map(str, bought)))}

    return shows


def datasets_in(value: Any) -> Found:
    """A dataset or a list of them: each by its name, and at the only revision that it has."""
    return {f"dataset:{item['id']}": (1, str(item["name"])) for item in items_of(value)}


def bars_of(key: str) -> Shows:
    """The bars of a dataset, of which each has the number that its name has."""
    return lambda value: {key: (THERE, bars_mark(value["items"][0]["volume"]))}


def accounts_in(value: Any) -> Found:
    """An account or a list of them."""
    return {f"user:{item['id']}": (int(item["revision"]), account_mark(item)) for item in items_of(value)}


def items_of(value: Any) -> list[Any]:
    """Those of a list, or the one thing itself."""
    return list(value.get("items", [value]))


def spec_mark(spec: Mapping[str, Any]) -> str:
    """What tells one spec from all others."""
    return f"spec.{round(spec['params']['stop']['default'] * PRECISION)}"


def bars_mark(volume: float) -> str:
    """What tells a dataset from all others."""
    return f"bars.{int(volume)}"


def run_mark(run: Mapping[str, Any]) -> str:
    """What tells a run from all others, and what has become of it."""
    return f"{int(run['run_identity']['execution']['initial_cash'])} {run['status']}"


def account_mark(account: Mapping[str, Any]) -> str:
    """Name, role and whether it is open."""
    return f"{account['name']} {account['role']} {'active' if account['is_active'] else 'closed'}"


def source_of(cache_status: str) -> Source:
    """Where an answer came from."""
    if "hit" in cache_status:
        return "l1" if "-l1" in cache_status else "l2"
    return "bypass" if "bypass" in cache_status else "miss" if "miss" in cache_status else ""
