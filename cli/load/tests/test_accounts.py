"""The accounts of a load, against a platform in memory. From end to end: test_command.py."""

import csv
from pathlib import Path

import pytest

from cli.load.accounts import BACKTESTS, BARS, STRATEGIES, CannotLoad, accounts, write_bars
from cli.load.tests.fake_platform import FakePlatform
from cli.load.tests.http_server import Given
from deploy.demo.api import Api, Refused


def nothing(_: str) -> None:
    """Say nothing."""


def test_each_account_has_what_is_read() -> None:
    """Of its own, and with a token."""
    platform = FakePlatform()
    with platform.serving() as url, accounts(url, 3, nothing, []) as made:
        assert len({account.authorization for account in made}) == 3
        assert len({account.password for account in made}) == 3
        for account in made:
            assert (len(account.strategies), len(account.backtests)) == (STRATEGIES, BACKTESTS)
            assert {platform.items[each]["owner_id"] for each in account.strategies} == {account.user_id}
    assert platform.items == {}


def test_a_backtest_that_fails_is_told() -> None:
    """There would be nothing to read."""
    platform = FakePlatform()
    platform.refused["POST /backtests"] = Given(201, b'{"id": "b", "status": "failed", "error": "no bars"}')
    with platform.serving() as url, pytest.raises(CannotLoad, match="failed: no bars"), accounts(url, 1, nothing, []):
        pass
    assert platform.items == {}


def test_what_is_gone_need_not_be_deleted() -> None:
    """Whoever deleted it; any other refusal is one."""
    platform = FakePlatform()
    with platform.serving() as url:
        api = Api(url)
        api.register("a@example.com", "a long pass phrase", "A")
        api.log_in("a@example.com", "a long pass phrase")
        api.delete("/strategies/none")
        platform.refused["DELETE /strategies/kept"] = Given(409, b'{"detail": "it is in use"}')
        with pytest.raises(Refused, match="in use"):
            api.delete("/strategies/kept")


def test_the_bars_are_whole_and_the_same_each_time(tmp_path: Path) -> None:
    """So that one run can be compared with another."""
    one, other = (write_bars(tmp_path / name) for name in ("one.csv", "other.csv"))
    assert one.read_bytes() == other.read_bytes()
    rows = list(csv.DictReader(one.open()))
    assert len(rows) == BARS
    for row in rows:
        opened, high, low, close = (float(row[name]) for name in ("open", "high", "low", "close"))
        assert low <= min(opened, close) <= max(opened, close) <= high
