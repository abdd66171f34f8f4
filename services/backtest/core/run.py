"""One backtest from end to end: bind, evaluate, execute, measure, name."""

from collections.abc import Mapping

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Ints, Records, Rules
from services.backtest.core.engine.evaluate import signals
from services.backtest.core.engine.execute import Run, execute
from services.backtest.core.engine.warm import warm_kernels
from services.backtest.core.execution import check_execution, sides_of
from services.backtest.core.identity import result_digest
from services.backtest.core.language import CheckedSpec
from services.backtest.core.metrics import measure
from services.backtest.core.metrics.drawdown import drawdown
from services.backtest.core.result import BacktestResult, Trades
from shared.contracts.values import Execution

__all__ = ["run_backtest", "warm_kernels"]

BASIS_POINT = 1e4


def run_backtest(
    spec: CheckedSpec, bars: Bars, params: Mapping[str, object] | None, execution: Execution
) -> BacktestResult:
    """Run a strategy over bars that have been cut to the dates asked for.

    Raises InvalidParams or InvalidExecution when it cannot be run as asked.
    """
    check_execution(execution, spec)
    strategy = spec.bind(params)
    rules = Rules(
        initial_cash=float(execution.initial_cash),
        fraction=strategy.fraction,
        fee_rate=execution.fee_bps / BASIS_POINT,
        fee_fixed=float(execution.fee_fixed),
        lot_size=float(execution.lot_size or 0.0),
    )
    fired = signals(strategy, bars, sides_of(execution))
    run = execute(bars.open, bars.close, fired, strategy.warmup_bars, rules)
    trades = _trades(run.trades, bars.time)
    drawdowns = drawdown(run.equity, rules.initial_cash)
    return BacktestResult(
        time=bars.time,
        equity=run.equity,
        drawdown=drawdowns,
        position=run.position,
        trades=trades,
        metrics=measure(bars.time, run.equity, drawdowns, run.position, trades, rules.initial_cash),
        warmup_bars=strategy.warmup_bars,
        warnings=_warnings(run, len(bars), strategy.warmup_bars),
        ruined=run.ruin_bar >= 0,
        result_digest=result_digest(bars.time, run.equity, drawdowns, run.position, trades),
    )


def _trades(records: Records, time: Ints) -> Trades:
    return Trades(
        side=records["side"].copy(),
        quantity=records["quantity"].copy(),
        entry_time=time[records["entry_bar"]],
        entry_price=records["entry_price"].copy(),
        exit_time=time[records["exit_bar"]],
        exit_price=records["exit_price"].copy(),
        pnl=records["pnl"].copy(),
        return_=records["pnl"] / (records["quantity"] * records["entry_price"]),
        fees=records["fees"].copy(),
        bars=records["exit_bar"] - records["entry_bar"],
        exit_reason=records["exit_reason"].copy(),
        status=records["status"].copy(),
    )


def _warnings(run: Run, bars: int, warmup_bars: int) -> tuple[str, ...]:
    warnings: list[str] = []
    if bars <= warmup_bars:
        warnings.append(f"There are {bars} bars and the warm-up takes {warmup_bars}: no decision was taken.")
    if run.unfilled:
        warnings.append(f"{run.unfilled} entries were not filled: the equity did not pay for a single lot.")
    if run.ruin_bar >= 0:
        warnings.append(f"The equity fell to 0 on bar {run.ruin_bar + 1}: everything was liquidated there.")
    return tuple(warnings)
