"""Every index that the strategy service's tables have after the newest revision."""

from shared.runtime.care.declared import SHARED, Index, index, primary_key

INDEXES: tuple[Index, ...] = (
    *SHARED,
    primary_key("users", "id"),
    index("users_by_email", "users", "lower(email)", unique=True),
    index("users_by_created_at", "users", "created_at, id"),
    index("users_by_is_active_created_at", "users", "is_active, created_at, id"),
    index("users_by_role_created_at", "users", "role, created_at, id"),
    index("users_by_is_active_role_created_at", "users", "is_active, role, created_at, id"),
    primary_key("sessions", "id"),
    index("sessions_by_user", "sessions", "user_id, expires_at"),
    index("sessions_by_expiry", "sessions", "expires_at"),
    primary_key("used_refresh_tokens", "hash"),
    index("used_refresh_tokens_by_session", "used_refresh_tokens", "session_id, used_at"),
    primary_key("strategies", "id"),
    index("strategies_by_created_at", "strategies", "owner_id, created_at, id"),
    index("strategies_by_updated_at", "strategies", "owner_id, updated_at, id"),
    index("strategies_by_name", "strategies", "owner_id, name, id"),
    index("strategies_by_status_created_at", "strategies", "owner_id, status, created_at, id"),
    index("strategies_by_status_updated_at", "strategies", "owner_id, status, updated_at, id"),
    index("strategies_by_status_name", "strategies", "owner_id, status, name, id"),
    Index(
        "strategies_by_part_of_name",
        "strategies",
        "USING gin ((ARRAY[(owner_id)::text, ((owner_id)::text || status)]), lower(name) gin_trgm_ops) "
        "WITH (fastupdate=off)",
    ),
    primary_key("strategy_versions", "strategy_id, version"),
)
