"""What the backtest service's role may do with its tables: what the SQL of `services/backtest/store/` does."""

from shared.runtime.migrations import shared_tables
from shared.runtime.migrations.privileges import Grants

GRANTS: Grants = {
    **shared_tables.GRANTS,
    "datasets": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "backtests": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "jobs": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "prefix_tests": ("SELECT", "INSERT", "UPDATE"),
    "sweeps": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "validations": ("SELECT", "INSERT", "UPDATE"),
    "gate_results": ("SELECT", "INSERT", "UPDATE"),
}
