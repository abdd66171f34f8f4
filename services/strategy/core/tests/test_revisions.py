"""Optimistic concurrency."""

import pytest

from services.strategy.core.revisions import check_revision
from shared.contracts.errors import PreconditionFailed


@pytest.mark.parametrize("allowed", [None, (3,), (1, 3)])
def test_a_current_revision_passes(allowed: tuple[int, ...] | None) -> None:
    """No condition, or one that names the current revision, lets the change through."""
    check_revision(3, allowed)


@pytest.mark.parametrize("allowed", [(), (2,), (1, 2, 4)])
def test_a_stale_revision_is_refused_with_the_current_one(allowed: tuple[int, ...]) -> None:
    """Whoever lost the race learns where things stand; an empty condition allows nothing."""
    with pytest.raises(PreconditionFailed, match="revision 3"):
        check_revision(3, allowed)
