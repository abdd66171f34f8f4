"""What is changed by hand is announced as well."""

from alembic import op

from shared.runtime.migrations import edited_rows

revision = "0012"
down_revision = "0011"

EDITED = {
    "datasets": edited_rows.rows_of("dataset", "datasets"),
    "backtests": edited_rows.rows_of("backtest", "backtests"),
    "sweeps": edited_rows.rows_of("sweep", "sweeps"),
}


def upgrade() -> None:
    for statement in edited_rows.statements("backtest", EDITED):
        op.execute(statement)
