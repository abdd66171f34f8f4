"""The identity of a run and the digest of its result."""

import hashlib
import struct
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
from services.backtest.core.tests.reference import run
from shared.contracts.values import Execution

IDENTITY: dict[str, Any] = {
    "spec_hash": "a" * 64, "params": {"fast": 10, "slow": 20.0}, "dataset_sha256": "b" * 64,
    "start": date(2000, 3, 1), "end": None, "execution": Execution(initial_cash=10_000.0),
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
        {"execution": Execution(initial_cash=10_000.0, fee_bps=1.0)},
        {"seed": 1},
    ],
)
def test_whatever_decides_a_result_changes_the_digest(change: dict[str, Any]) -> None:
    """Each part counts."""
    assert identity_digest(run_identity(**{**IDENTITY, **change})) != identity_digest(run_identity(**IDENTITY))


def test_a_digest_can_be_worked_out_by_hand() -> None:
    """The documented columns, one after the other, as little-endian int64 and float64."""
    day = 86_400 * 10**9
    opens, closes = [10.0, 10.0, 20.0, 25.0], [10.0, 12.0, 20.0, 30.0]
    time = np.arange(4, dtype=np.int64) * day
    bars = Bars(time, np.array(opens), np.array(closes), np.array(opens), np.array(closes), np.ones(4))
    spec = check_spec({"entry_long": "close > 11", "exit_long": "close < 11"})
    result = run_backtest(spec, bars, None, Execution(initial_cash=100.0))
    columns: list[tuple[str, list[float]]] = [
        ("q", [0, day, 2 * day, 3 * day]), ("d", [100.0, 100.0, 100.0, 150.0]), ("d", [0.0, 0.0, 0.0, 0.0]),
        ("d", [0.0, 0.0, 5.0, 5.0]),
        ("q", [1]), ("d", [5.0]), ("q", [2 * day]), ("d", [20.0]), ("q", [3 * day]), ("d", [30.0]), ("d", [50.0]),
        ("d", [0.5]), ("d", [0.0]), ("q", [1]), ("q", [0]), ("q", [0]),
    ]  # fmt: skip
    written = b"".join(struct.pack(f"<{len(values)}{code}", *values) for code, values in columns)
    assert result.result_digest == hashlib.sha256(written).hexdigest()


def test_the_digest_is_the_same_in_another_process() -> None:
    """Real bars, costs and reversals: two processes agree on every bit."""
    program = (
        "from services.backtest.core.tests.reference import run; "
        "print(run('bollinger_20_2', fee_bps=10.0).result_digest)"
    )
    root = Path(__file__).parents[4]
    other = subprocess.run([sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True)
    assert other.stdout.strip() == run("bollinger_20_2", fee_bps=10.0).result_digest


def test_the_numbers_of_this_engine_version() -> None:
    """When this digest changes, numbers have changed, and so must ENGINE_VERSION."""
    assert ENGINE_VERSION == 1
    assert run("sma_10_20", fee_bps=10.0).result_digest == (
        "d898059e96ded797f6f37095e991efa2bdf17afd7e4f2438d10100908842ef6d"
    )
