"""What a change makes of an account, and who may make it."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from services.strategy.core.accounts import changed_account, changed_fields, leaves_an_administrator
from shared.contracts.errors import Conflict, Invalid
from shared.contracts.values import User

ANA = User(
    id="a",
    email="ana@example.com",
    name="Ana",
    role="admin",
    is_active=True,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    revision=4,
)


def test_a_change_is_one_revision_on_and_names_what_is_different() -> None:
    """Whatever number of fields it has; a name is trimmed as it is at registration."""
    after = changed_account(ANA, name="  Anna ", role="user")
    assert after == msgspec.structs.replace(ANA, name="Anna", role="user", revision=5)
    assert changed_fields(ANA, after) == ["name", "role"]
    assert changed_fields(ANA, changed_account(ANA, is_active=False)) == ["is_active"]


def test_what_changes_nothing_is_no_change() -> None:
    """The account itself comes back: no revision, nothing to announce."""
    assert changed_account(ANA) is ANA
    assert changed_account(ANA, name=" Ana ", role="admin", is_active=True) is ANA


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "a\nb"])
def test_a_name_that_cannot_be_taken_is_refused(name: str) -> None:
    """By the pointer of its field."""
    with pytest.raises(Invalid) as caught:
        changed_account(ANA, name=name)
    assert [error.pointer for error in caught.value.errors] == ["/name"]


@given(
    administrators=st.sets(st.sampled_from("abc"), min_size=1),
    target=st.sampled_from("abcd"),
    role=st.sampled_from(["user", "admin"]),
    is_active=st.booleans(),
)
def test_somebody_can_always_administer(administrators: set[str], target: str, role: str, is_active: bool) -> None:
    """A change is refused exactly when nobody would be left, worked out by making the change."""
    after = msgspec.convert({**msgspec.to_builtins(ANA), "id": target, "role": role, "is_active": is_active}, User)
    left = administrators - {target} | ({target} if is_active and role == "admin" else set())
    if left:
        leaves_an_administrator(after, administrators)
    else:
        with pytest.raises(Conflict, match="last active administrator"):
            leaves_an_administrator(after, administrators)


def test_unset_is_not_false() -> None:
    """What a patch does not name stays, also where it could be taken for a no."""
    assert changed_account(ANA, name=UNSET, role=UNSET, is_active=UNSET) is ANA
