"""How long a transaction may live: a longer one would outlast the cache's protection of the objects it changes."""

TRANSACTION_TIMEOUT_MS = 5000


def time_limits(postgres_major: int) -> dict[str, str]:
    """Return the session settings that end a transaction in time; in milliseconds, as Postgres takes them.

    Before Postgres 17 they bound each statement and each pause between two, not the transaction as a whole.
    """
    limit = str(TRANSACTION_TIMEOUT_MS)
    if postgres_major >= 17:
        return {"transaction_timeout": limit}
    return {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}
