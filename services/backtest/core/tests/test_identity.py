"""The identity of a run and the digest of its result."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.backtest.core.bars import Bars
from services.backtest.core.identity import ENGINE_VERSION, identity_digest, run_identity
from services.backtest.core.language import check_spec
from services.backtest.core.run import run_backtest
from services.backtest.core.tests.reference import STRATEGIES, bars, run
from shared.contracts.values import Execution

ROOT = Path(__file__).parents[4]
IDENTITY: dict[str, Any] = {
    "spec_hash": "a" * 64, "params": {"fast": 10, "slow": 20.0}, "dataset_sha256": "b" * 64,
    "start": date(2000, 3, 1), "end": None, "timezone": "UTC", "execution": Execution(initial_cash=10_000.0),
}  # fmt: skip


def test_an_identity_says_which_engine_ran() -> None:
    """The engine's version is part of it, and the params are in order of their names."""
    identity = run_identity(**{**IDENTITY, "params": {"b": 1, "a": 2}})
    assert identity.engine_version == ENGINE_VERSION
    assert list(identity.params) == ["a", "b"]


def test_one_identity_has_one_digest() -> None:
    """The order of params, and 10000 for 10000.0, change nothing."""
    same = {**IDENTITY, "params": {"slow": 20.0, "fast": 10}, "execution": Execution(initial_cash=10_000)}
    assert identity_digest(run_identity(**same)) == identity_digest(run_identity(**IDENTITY))


@pytest.mark.parametrize(
    "change",
    [
        {"spec_hash": "c" * 64},
        {"params": {"fast": 11, "slow": 20.0}},
        {"dataset_sha256": "c" * 64},
        {"start": None},
        {"end": date(2001, 1, 1)},
        {"timezone": "Asia/Tokyo"},
        {"execution": Execution(initial_cash=10_000.0, fee_bps=1.0)},
        {"seed": 1},
    ],
)
def test_whatever_decides_a_result_changes_the_digest(change: dict[str, Any]) -> None:
    """Each part counts."""
    assert identity_digest(run_identity(**{**IDENTITY, **change})) != identity_digest(run_identity(**IDENTITY))


def test_a_time_zone_counts_only_with_a_date() -> None:
    """The same bars in another zone are the same run unless it is cut at a day."""
    whole = {**IDENTITY, "start": None}
    tokyo = run_identity(**{**whole, "timezone": "Asia/Tokyo"})
    assert tokyo == run_identity(**whole)
    assert run_identity(**{**whole, "timezone": "Asia/Tokyo", "end": date(2001, 1, 1)}).timezone == "Asia/Tokyo"


def test_a_digest_can_be_worked_out_by_hand() -> None:
    """The example in docs/results.md, with nothing but the standard library, is what the engine gives."""
    day = 86_400 * 10**9
    opens, closes = [10.0, 10.0, 20.0, 25.0], [10.0, 12.0, 20.0, 30.0]
    time = np.arange(4, dtype=np.int64) * day
    four = Bars(time, np.array(opens), np.array(closes), np.array(opens), np.array(closes), np.ones(4))
    spec = check_spec({"entry_long": "close > 11", "exit_long": "close < 11"})
    result = run_backtest(spec, four, None, Execution(initial_cash=100.0))
    document = (ROOT / "docs" / "results.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()
    assert printed == result.result_digest
    assert f"prints `{printed}`" in document


def test_the_digest_is_the_same_in_another_process() -> None:
    """Real bars, costs and reversals: two processes agree on every bit."""
    program = (
        "from services.backtest.core.tests.reference import run; "
        "print(run('bollinger_20_2', fee_bps=10.0).result_digest)"
    )
    other = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert other.stdout.strip() == run("bollinger_20_2", fee_bps=10.0).result_digest


STOPPED = {
    **STRATEGIES["ema_12_26"],
    "stop_loss": "2 * stddev(close, 20) / close",
    "take_profit": 0.2,
    "trailing_stop": 0.08,
    "sizing": {"method": "volatility_target", "value": 0.2},
}


def test_the_numbers_of_this_engine_version() -> None:
    """When one of these digests changes, numbers have changed, and so must ENGINE_VERSION."""
    assert ENGINE_VERSION == 3
    assert run("sma_10_20", fee_bps=10.0).result_digest == (
        "d898059e96ded797f6f37095e991efa2bdf17afd7e4f2438d10100908842ef6d"
    )
    everything = Execution(
        initial_cash=10_000.0, fill="close", fee_bps=10.0, fee_fixed=1.0, slippage_bps=5.0, borrow_bps_per_year=300.0,
        stop_rule="target_first", close_at_end=True,
    )  # fmt: skip
    result = run_backtest(check_spec(STOPPED), bars("AAPL_adj"), None, everything)
    assert {trade.exit_reason for trade in result.trades} == {"stop_loss", "take_profit", "trailing_stop", "reverse"}
    assert result.result_digest == "0add8dc0ac7b6a0d2a84a49a3b8b2c926d274f39050e6db85a4f756d3188e9a8"
