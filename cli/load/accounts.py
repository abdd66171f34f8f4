"""The accounts that a load is made as, with what they have; all of it is deleted at the end, but for the accounts.

Who deletes goes by the account's own lists, so that what was created without that its answer came is found as well.
"""

import math
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.demo.api import Api, NoAnswer, Refused

STRATEGIES = 10
BACKTESTS = 3
"""Of each account."""
BARS = 500
AT_ONCE = 4
TOKEN_SECONDS = 200.0
"""After so long there is a new login before a scenario, which takes up to 660; an access token is good for 900."""
SETTLED_SECONDS = 60.0

SPEC = {
    "params": {
        "fast": {"type": "int", "min": 2, "max": 50, "default": 10},
        "slow": {"type": "int", "min": 5, "max": 200, "default": 20},
    },
    "constraints": ["fast < slow"],
    "let": {"f": "sma(close, fast)", "s": "sma(close, slow)"},
    "entry_long": "f > s and f[1] < s[1]",
    "exit_long": "f < s and f[1] > s[1]",
}
_WAIT = 30

Say = Callable[[str], None]


class CannotLoad(Exception):
    """The platform cannot be used by the load suite; the text says why."""


@dataclass(slots=True)
class Account:
    """One user with what it has. `authorization` is the header's value."""

    api: Api
    email: str
    password: str
    user_id: str = ""
    authorization: str = ""
    logged_in: float = 0.0
    strategies: list[str] = field(default_factory=list)
    backtests: list[str] = field(default_factory=list)

    def log_in(self) -> None:
        """Get a new token. Raises Refused, NoAnswer."""
        self.user_id = self.api.log_in(self.email, self.password)
        self.authorization = self.api.authorization
        self.logged_in = time.monotonic()

    def freshen(self) -> None:
        """Get a new token when this one is old, on a connection that has not been idle."""
        self.api.close()
        if time.monotonic() - self.logged_in > TOKEN_SECONDS:
            self.log_in()


@contextmanager
def accounts(address: str, number: int, say: Say, left: list[str]) -> Iterator[list[Account]]:
    """Make so many accounts, and delete in the end what they have.

    Raises CannotLoad. What stays is added to `left`, not raised: it must not hide what was found.
    """
    made = [
        Account(Api(address), f"load-{secrets.token_hex(8)}@example.com", secrets.token_urlsafe(18))
        for _ in range(number)
    ]
    try:
        say(f"making {number} accounts with {STRATEGIES} strategies and {BACKTESTS} backtests each")
        with tempfile.TemporaryDirectory() as folder:
            bars = write_bars(Path(folder, "bars.csv"))
            _each(made, lambda account: _fill(account, bars))
        yield made
    except (Refused, NoAnswer) as error:
        raise CannotLoad(str(error)) from error
    finally:
        say("deleting what was made")
        try:
            left += _left_of(made)
        except KeyboardInterrupt:
            left.append("interrupted while it deleted: accounts load-...@example.com keep some of what they have")
            raise


def freshen(accounts: Sequence[Account]) -> None:
    """See that every token is good for a while. Raises CannotLoad."""
    try:
        _each(accounts, Account.freshen)
    except (Refused, NoAnswer) as error:
        raise CannotLoad(str(error)) from error


def write_bars(file: Path) -> Path:
    """Write hourly bars, a random walk that is the same each time."""
    dice, price, moment = random.Random(7), 100.0, datetime(2020, 1, 1, tzinfo=UTC)  # noqa: S311  # no secret
    lines = ["date,open,high,low,close,volume"]
    for _ in range(BARS):
        opened, price = price, price * math.exp(dice.gauss(0, 0.004))
        high, low = max(opened, price) * 1.001, min(opened, price) * 0.999
        lines.append(f"{moment:%Y-%m-%dT%H:%M:%SZ},{opened:.4f},{high:.4f},{low:.4f},{price:.4f},1000")
        moment += timedelta(hours=1)
    file.write_text("\n".join(lines))
    return file


def _fill(account: Account, bars: Path) -> None:
    api = account.api
    api.register(account.email, account.password, "Load")
    account.log_in()
    for number in range(STRATEGIES):
        strategy = {"name": f"Load {number:02}", "description": "Made by the load suite.", "spec": SPEC}
        account.strategies.append(api.post("/strategies", strategy)["id"])
    dataset = api.upload("/datasets", bars, {"name": "Load", "symbol": "LOAD", "interval": "1h"})["id"]
    for number in range(BACKTESTS):
        wanted = {"spec": SPEC, "dataset_id": dataset, "params": {"fast": 5 + number}}
        run = api.post("/backtests", wanted, wait=_WAIT)
        if run["status"] != "succeeded":
            raise CannotLoad(f"a backtest that is to be read is {run['status']}: {run.get('error')}")
        account.backtests.append(run["id"])
    _until_settled(account)


def _until_settled(account: Account) -> None:
    """Wait until the worker has done what a new strategy gives it to do, which would be a load of its own."""
    give_up = time.monotonic() + SETTLED_SECONDS
    while account.api.read(f"/strategies/{account.strategies[0]}/prefix-test")["status"] == "queued":
        if time.monotonic() > give_up:
            raise CannotLoad(f"the prefix test of a new strategy has not ended within {SETTLED_SECONDS:g} s")
        time.sleep(0.1)


def _left_of(made: Sequence[Account]) -> list[str]:
    """Delete what the accounts have and end their sessions; return what stays."""
    known = [account for account in made if account.user_id]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        failures = [each for each in pool.map(_emptied, known) if each]
    found = []
    if known:
        found.append(f"{len(known)} empty accounts stay, load-...@example.com: there is no way to delete an account")
    if failures:
        found.append(f"what {len(failures)} of them had could not all be deleted; the first: {failures[0]}")
    return found


def _emptied(account: Account) -> str:
    """Delete what it has; return why that failed, or nothing."""
    try:
        account.freshen()
        # A dataset goes last: what refers to it is gone by then.
        for kind in ("backtests", "strategies", "datasets"):
            # Until there is nothing: what nobody waited for any more may have been made meanwhile.
            while found := list(account.api.read_all(f"/{kind}")):
                for each in found:
                    account.api.delete(f"/{kind}/{each['id']}")
        # Every session ends, those of the logins that were the load as well.
        account.api.change_password(account.password, secrets.token_urlsafe(18))
        account.api.log_out()
    except (Refused, NoAnswer) as error:
        return f"{account.email}: {error}"
    return ""


def _each(accounts: Sequence[Account], do: Callable[[Account], None]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # list() has the first error raised here.
        list(pool.map(do, accounts))
