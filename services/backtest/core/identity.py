"""What a run is, and what came out of it, each as one SHA-256 that anybody can work out again."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from shared.contracts.values import Execution, ParamValue, RunIdentity

if TYPE_CHECKING:
    from services.backtest.core.engine.dtypes import Floats, Ints
    from services.backtest.core.result import Trades

ENGINE_VERSION = 3
"""Raised only when the numbers of a run may change."""


def run_identity(
    *,
    spec_hash: str,
    params: Mapping[str, ParamValue],
    dataset_sha256: str,
    start: date | None,
    end: date | None,
    timezone: str,
    execution: Execution,
    seed: int = 0,
) -> RunIdentity:
    """All that decides the numbers of a run on this engine. `params` must be whole: a bound strategy's.

    `timezone` is the dataset's: the same bars may be known in several, and a day begins at another bar in each.
    """
    return RunIdentity(
        spec_hash=spec_hash,
        params=dict(sorted(params.items())),
        dataset_sha256=dataset_sha256,
        start=start,
        end=end,
        timezone=zone_of_days(start, end, timezone),
        execution=execution,
        engine_version=ENGINE_VERSION,
        seed=seed,
    )


def zone_of_days(start: date | None, end: date | None, timezone: str) -> str | None:
    """The zone as a part of an identity: None when no date depends on it."""
    return None if start is None and end is None else timezone


def identity_digest(identity: RunIdentity) -> str:
    """One name for `identity`, 64 hexadecimal digits: SHA-256 of its JSON with sorted keys and no white space.

    Money and costs are written as float64, so that 10000 and 10000.0 are one.
    """
    execution = {name: _plain(getattr(identity.execution, name)) for name in identity.execution.__struct_fields__}
    fields = {name: getattr(identity, name) for name in identity.__struct_fields__}
    text = json.dumps({**fields, "execution": execution}, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def result_digest(time: "Ints", equity: "Floats", drawdown: "Floats", position: "Floats", trades: "Trades") -> str:
    """The SHA-256 of a result's numbers, 64 hexadecimal digits.

    Hashed one after the other, each column whole, without lengths or separators:

    1. the equity curve: `time`, `equity`, `drawdown`, `position`, one value a bar;
    2. the trades in order of entry, the open one last: `side`, `quantity`, `entry_time`, `entry_price`, `exit_time`,
       `exit_price`, `pnl`, `return`, `fees`, `bars`, `exit_reason`, `status`.

    A number is a little-endian float64. Times are nanoseconds since 1970 UTC in little-endian int64, as are `bars` and
    the codes: `side` 1 long, -1 short; `exit_reason` 0 open, 1 signal, 2 reverse, 3 ruin, 4 stop_loss, 5 take_profit,
    6 trailing_stop, 7 end; `status` 0 open, 1 closed.
    An open trade has the last bar's time and close for its exit.
    """
    digest = hashlib.sha256()
    for column in (time, equity, drawdown, position, *trades.columns()):
        digest.update(column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()


def _plain(value: object) -> object:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
