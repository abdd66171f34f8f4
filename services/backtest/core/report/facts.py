"""What a run was: its parameters, its execution, the strategy, and the digests it can be checked by."""

import json
from collections.abc import Iterable

from services.backtest.core.report.text import NOTHING, escaped
from shared.contracts.values import Backtest, JsonObject

ROWS = 100
"""Of more parameters or warnings, the first are shown."""
SPEC = 20_000
"""Of a longer strategy, this many characters are shown."""


def warnings_list(backtest: Backtest) -> str:
    """What the engine had to say, or nothing at all."""
    items = "".join(f"<li>{escaped(warning)}</li>" for warning in backtest.warnings[:ROWS])
    return (
        f'<section class="warnings" aria-label="Warnings"><h2>Warnings</h2><ul>{items}</ul></section>' if items else ""
    )


def parameters(backtest: Backtest) -> str:
    """The parameters the run was made with."""
    given = backtest.run_identity.params
    return _table("Parameters", given.items()) if given else "<p>The strategy has no parameters.</p>"


def execution(backtest: Backtest) -> str:
    """How orders were filled and what they cost."""
    chosen = backtest.run_identity.execution
    return _table("Execution", ((name, getattr(chosen, name)) for name in chosen.__struct_fields__))


def identity(backtest: Backtest) -> str:
    """All that decides the result, and the digest of what came out."""
    made = backtest.run_identity
    return _table(
        "Identity",
        (
            ("backtest", backtest.id),
            ("strategy", backtest.strategy_id and f"{backtest.strategy_id}, version {backtest.strategy_version}"),
            ("spec_hash", made.spec_hash),
            ("dataset", backtest.dataset_id),
            ("dataset_sha256", made.dataset_sha256),
            ("start", made.start),
            ("end", made.end),
            ("timezone", made.timezone),
            ("warmup_bars", backtest.warmup_bars),
            ("engine_version", made.engine_version),
            ("seed", made.seed),
            ("created_at", backtest.created_at.isoformat()),
            ("finished_at", backtest.finished_at and backtest.finished_at.isoformat()),
            ("result_digest", backtest.result_digest),
        ),
    )


def strategy(spec: JsonObject) -> str:
    """The strategy's document."""
    text = json.dumps(spec, indent=2, ensure_ascii=False)
    return f'<details><summary>The strategy</summary><pre tabindex="0">{escaped(text, SPEC)}</pre></details>'


def _table(caption: str, rows: Iterable[tuple[str, object]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{escaped(name, 100)}</th><td>{_shown(value)}</td></tr>'
        for name, value in list(rows)[:ROWS]
    )
    return f'<table class="facts"><caption>{caption}</caption><tbody>{body}</tbody></table>'


def _shown(value: object) -> str:
    if value is None:
        return NOTHING
    return escaped(str(value).lower() if isinstance(value, bool) else value)
