"""Refresh tokens."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from services.strategy.core.refresh_tokens import (
    Session,
    Verdict,
    fingerprint,
    judge,
    new_grant,
    refresh_token_of,
    session_of,
)
from shared.contracts.ids import new_id
from shared.contracts.values import Principal

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SESSION = Session(
    id=new_id(),
    user_id=new_id(),
    role="user",
    is_active=True,
    refresh_hash=fingerprint("current"),
    expires_at=NOW + timedelta(seconds=1),
    revoked_at=None,
)


KEY = b"0123456789abcdef" * 2


def test_a_token_names_its_session_and_is_never_the_same() -> None:
    """The session is found by the token alone; 256 random bits keep tokens apart."""
    session_id = new_id()
    principal = Principal(user_id=new_id(), session_id=session_id)
    one, other = (refresh_token_of(new_grant(principal, NOW), KEY) for _ in range(2))
    assert session_of(one) == session_of(other) == session_id
    assert one != other
    assert len(one.partition(".")[2]) == 43
    assert fingerprint(one) != fingerprint(other)


def test_a_token_can_be_made_again_with_grant_and_key_alone() -> None:
    """An answer that was lost is given once more; what is kept for that is worth nothing without the key."""
    grant = new_grant(Principal(user_id=new_id(), session_id=new_id()), NOW)
    again = msgspec.json.decode(msgspec.json.encode(grant), type=type(grant))
    assert refresh_token_of(again, KEY) == refresh_token_of(grant, KEY)
    assert refresh_token_of(grant, KEY[::-1]) != refresh_token_of(grant, KEY)


@pytest.mark.parametrize("text", ["", ".", "abc", "abc.def", new_id(), f"{new_id().upper()}.x", "\0.\0"])
def test_what_is_no_token_names_no_session(text: str) -> None:
    """Nothing of it reaches the database."""
    assert session_of(text) is None


def test_the_current_token_is_exchanged() -> None:
    """One token at a time opens the next."""
    assert judge(SESSION, fingerprint("current"), used_before=False, now=NOW) is Verdict.ROTATE


def test_a_token_used_before_ends_the_session() -> None:
    """It is in two hands, and one of them is not the owner's."""
    assert judge(SESSION, fingerprint("old"), used_before=True, now=NOW) is Verdict.REVOKE


def test_an_invented_token_ends_nothing() -> None:
    """Who knows a session's id, but none of its tokens, cannot log its owner out."""
    assert judge(SESSION, fingerprint("invented"), used_before=False, now=NOW) is Verdict.REFUSE


@pytest.mark.parametrize("ended", [{"revoked_at": NOW}, {"expires_at": NOW}, {"is_active": False}])
@pytest.mark.parametrize(("token", "used_before"), [("current", False), ("old", True)])
def test_an_ended_session_takes_no_token(ended: dict[str, object], token: str, used_before: bool) -> None:
    """Revoked, expired or of a closed account: nothing more happens to it."""
    session = msgspec.structs.replace(SESSION, **ended)
    assert judge(session, fingerprint(token), used_before=used_before, now=NOW) is Verdict.REFUSE
