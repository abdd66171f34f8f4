"""The lines of an ACL file."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.acl.lines import SHORTEST_PASSWORD, UnusablePassword, acl_lines
from shared.runtime.acl.rights import USERS, Server
from shared.runtime.acl.tests.guarded import passwords_of

SERVERS: tuple[Server, ...] = ("bus", "cache")
ANY_PASSWORD = st.text(st.characters(codec="utf-8"), min_size=SHORTEST_PASSWORD, max_size=64)


@pytest.mark.parametrize("server", SERVERS)
def test_the_same_passwords_make_the_same_lines(server: Server) -> None:
    """In the order of the users, however the passwords come: a deployment sees a change only where there is one."""
    passwords = passwords_of(server)
    lines = acl_lines(server, passwords)
    assert lines == acl_lines(server, dict(reversed(passwords.items())))
    assert [line.split()[1] for line in lines] == [*USERS[server], "default"]


@pytest.mark.parametrize("server", SERVERS)
@given(password=ANY_PASSWORD)
def test_a_line_holds_a_digest_and_nothing_that_needs_quoting(server: Server, password: str) -> None:
    """Whatever the password. An ACL file is split at single spaces and a configuration file knows quotes: a line with
    neither means the same in both.
    """
    for user in USERS[server]:
        lines = acl_lines(server, {user: password})
        (line,) = [line for line in lines if " on " in line]
        assert line.startswith(f"user {user} reset on #{hashlib.sha256(password.encode()).hexdigest()} ")
        for text in lines:
            assert re.fullmatch(r"[A-Za-z0-9_.:*~%&@#|+(){}/-]+( [A-Za-z0-9_.:*~%&@#|+(){}/-]+)*", text)


@pytest.mark.parametrize("server", SERVERS)
def test_who_has_no_password_is_off(server: Server) -> None:
    """And so is the user that a client without a name would be."""
    assert acl_lines(server, {}) == [f"user {user} reset off" for user in (*USERS[server], "default")]


def test_a_password_that_could_be_tried_out_is_refused() -> None:
    """With the user's name and without the password."""
    with pytest.raises(UnusablePassword, match=r"password of strategy is too short.*16") as refused:
        acl_lines("bus", {"strategy": "only fifteen ch"})
    assert "only" not in str(refused.value)
    assert len(acl_lines("bus", {"strategy": "just sixteen cha"})) == 8


def test_a_password_for_two_is_refused() -> None:
    """Whoever learnt it from one service could speak as the other."""
    with pytest.raises(UnusablePassword, match="gateway and metrics have the same password") as refused:
        acl_lines("bus", {"gateway": "the same for both", "metrics": "the same for both"})
    assert "for both" not in str(refused.value)


def test_a_user_that_a_server_does_not_have_is_refused() -> None:
    """A slip in a name would leave the service that was meant without a user."""
    with pytest.raises(UnusablePassword, match="cache has no user consumer: it has gateway, strategy"):
        acl_lines("cache", {"consumer": "a password long enough"})


def test_bytes_that_are_no_text_are_refused() -> None:
    """As the environment of a process may hold them."""
    with pytest.raises(UnusablePassword, match="gateway is no UTF-8"):
        acl_lines("bus", {"gateway": b"sixteen bytes \xff and more".decode(errors="surrogateescape")})


def test_who_only_adds_is_given_no_reading_and_who_only_reads_no_writing() -> None:
    """Of the keys themselves too, so that no later option of a command opens what the command was not given for."""
    (line,) = [line for line in acl_lines("bus", {"gateway": "a password long enough"}) if " on " in line]
    assert re.search(r"\(%W~\S+( %W~\S+)* \+xadd\)", line)
    assert "(%R~aurelius.progress %R~aurelius.cache.probes +xread +xrange +xinfo|stream)" in line
    assert "(~aurelius.replies.gateway-* +" in line
