"""Optimistic concurrency: a change that names the revisions it may replace is refused once they are gone."""

from collections.abc import Collection

from shared.contracts.errors import PreconditionFailed


def check_revision(current: int, allowed: Collection[int] | None) -> None:
    """Pass when `allowed` is None or names `current`. Raises PreconditionFailed."""
    if allowed is not None and current not in allowed:
        raise PreconditionFailed(f"It is at revision {current} by now; read it again and repeat the change")
