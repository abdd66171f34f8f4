"""What the strategy service's role may do with its tables: what the SQL of `services/strategy/store/` does."""

from shared.runtime.migrations import shared_tables
from shared.runtime.migrations.privileges import Grants

# A cascade is the table's own doing, with its owner's rights: deleting a strategy needs none on its versions.
GRANTS: Grants = {
    **shared_tables.GRANTS,
    "users": ("SELECT", "INSERT", "UPDATE"),
    "sessions": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "used_refresh_tokens": ("SELECT", "INSERT", "DELETE"),
    "strategies": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "strategy_versions": ("SELECT", "INSERT"),
}
