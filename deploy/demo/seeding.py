"""What the demo consists of, made so that it can be interrupted anywhere: what is there already is not made again."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from deploy.demo.api import Api, Refused, Resource
from deploy.demo.bars import DemoBarsMissing, write_demo_bars

EMAIL = "demo@example.com"
NAME = "Demo"
EXECUTION = {"initial_cash": 100_000, "fee_bps": 5}

_STRATEGIES = Path(__file__).parent / "strategies"
_ENDED_WELL, _ENDED_BADLY = {"succeeded"}, {"failed", "cancelled"}
_RUN_WAIT = 30  # seconds one request waits for a run
_RUN_ENDS_WITHIN = 300.0
_POLL_SECONDS = 0.5


class Template(TypedDict):
    """A strategy as it is posted."""

    name: str
    description: str
    spec: dict[str, object]


class CannotSeed(Exception):
    """The demo cannot be made, and trying again would not help; the text says what would."""


def templates() -> list[Template]:
    """The strategies, in the order of their files' names."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(_STRATEGIES.glob("*.json"))]


def seed(api: Api, folder: Path) -> str | None:
    """Make what is missing of the demo; returns what there is now, or None when it was complete before.

    `folder` holds the account's `password`, gets the bars as CSV, and keeps in `seeded` which accounts are complete:
    what their user deletes later is not made again. Raises CannotSeed, NoAnswer.
    """
    complete = folder / "seeded"
    password_file = folder / "password"
    try:
        user_id = _logged_in(api, password_file)
        files = write_demo_bars(folder)
        if complete.exists() and user_id in complete.read_text().split():
            return None
        datasets = _datasets(api, files)
        strategies = _strategies(api)
        runs = _backtests(api, strategies, datasets)
    except (DemoBarsMissing, Refused) as error:
        raise CannotSeed(str(error)) from error
    with complete.open("a") as marker:
        marker.write(f"{user_id}\n")
    return f"{len(datasets)} datasets, {len(strategies)} strategies and {runs} finished backtests of {EMAIL}"


def _logged_in(api: Api, password_file: Path) -> str:
    """The id of the account, which is opened if there is none."""
    password = password_file.read_text(encoding="utf-8").strip()
    try:
        return api.log_in(EMAIL, password)
    except Refused as error:
        if error.status != 401:
            raise
    try:
        api.register(EMAIL, password, NAME)
    except Refused as error:
        if error.status != 409:
            raise
        raise CannotSeed(
            f"{EMAIL} exists with another password than {password_file} holds: write its password there, or start "
            "with DEMO=0"
        ) from error
    return api.log_in(EMAIL, password)


def _datasets(api: Api, files: dict[str, Path]) -> dict[str, str]:
    """The id of each symbol's dataset."""
    there = _by_name(api.read_all("/datasets"))
    for symbol, file in files.items():
        name = f"{symbol} daily"
        if name not in there:
            there[name] = api.upload("/datasets", file, {"name": name, "symbol": symbol, "interval": "1d"})["id"]
    return {symbol: there[f"{symbol} daily"] for symbol in files}


def _strategies(api: Api) -> dict[str, str]:
    """The id of each strategy, by its name."""
    wanted = templates()
    there = _by_name(api.read_all("/strategies"))
    for template in wanted:
        if template["name"] not in there:
            there[template["name"]] = api.post("/strategies", dict(template))["id"]
    return {template["name"]: there[template["name"]] for template in wanted}


def _by_name(resources: Iterable[Resource]) -> dict[str, str]:
    return {resource["name"]: resource["id"] for resource in resources}


def _backtests(api: Api, strategies: dict[str, str], datasets: dict[str, str]) -> int:
    """Run each strategy on each dataset, and wait for the end of all; returns how many there are."""
    there = {
        (run["strategy_id"], run["dataset_id"]): run
        for run in api.read_all("/backtests")
        if run["status"] not in _ENDED_BADLY
    }
    pairs = [(strategy, symbol) for strategy in strategies for symbol in datasets]
    for strategy, symbol in pairs:
        asked = {"strategy_id": strategies[strategy], "dataset_id": datasets[symbol]}
        run = there.get((asked["strategy_id"], asked["dataset_id"]))
        if run is None:
            run = api.post("/backtests", {**asked, "execution": EXECUTION}, wait=_RUN_WAIT)
        end = _end_of(api, run)
        if end["status"] not in _ENDED_WELL:
            raise CannotSeed(f"the backtest of {strategy} on {symbol} {end['status']}: {end['error']}")
    return len(pairs)


def _end_of(api: Api, run: Resource) -> Resource:
    """The run once it has ended, however. Raises CannotSeed when it does not."""
    give_up = time.monotonic() + _RUN_ENDS_WITHIN
    while run["status"] not in _ENDED_WELL | _ENDED_BADLY:
        if time.monotonic() > give_up:
            raise CannotSeed(f"the backtest {run['id']} has not ended within {_RUN_ENDS_WITHIN:g} s")
        time.sleep(_POLL_SECONDS)
        run = api.read(f"/backtests/{run['id']}")
    return run
