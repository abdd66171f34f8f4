"""The users of a server as lines of an ACL file, which are also lines of redis.conf and valkey.conf."""

import hashlib
from collections.abc import Mapping

from shared.runtime.acl.rights import OPERATOR, USERS, Grant, Right, Server, grants

SHORTEST_PASSWORD = 16

# What a client needs to connect and stay connected; AUTH and HELLO are never refused. CLIENT is let in as a whole, but
# for what rules or watches others: SETINFO, which client libraries send first, cannot be named, because Redis 7.0 does
# not know it and does not start with a line that names an unknown command.
_CONNECT = "+ping +select +client -client|tracking -@admin"


class UnusablePassword(ValueError):
    """A user that the server does not have, or a password that protects nothing: give another. It names the user."""


def acl_lines(server: Server, passwords: Mapping[str, str]) -> list[str]:
    """Return one `user` line for each user of `server`, with the digest of its password; without one it is off.

    Each line resets its user first, so that it says all there is. The last one shuts out `default`, which is who a
    client without a name would be. Raises UnusablePassword for a name that is no user, a password under
    SHORTEST_PASSWORD characters, or one that two users share.
    """
    _check(server, passwords)
    rights = grants(server)
    lines = [
        _line(user, passwords[user], [grant for grant in rights if grant.user == user])
        if user in passwords
        else f"user {user} reset off"
        for user in USERS[server]
    ]
    return [*lines, "user default reset off"]


def _check(server: Server, passwords: Mapping[str, str]) -> None:
    names: dict[str, str] = {}
    for user, password in passwords.items():
        if user not in USERS[server]:
            raise UnusablePassword(f"the {server} has no user {user}: it has {', '.join(USERS[server])}")
        # The digest is quick to compute and stands in a file, so that a short password could be tried out.
        if len(password) < SHORTEST_PASSWORD:
            raise UnusablePassword(
                f"the password of {user} is too short: give at least {SHORTEST_PASSWORD} characters, "
                "for example the output of `openssl rand -hex 32`"
            )
        if password in names:
            raise UnusablePassword(f"{names[password]} and {user} have the same password: give each its own")
        names[password] = user


def _line(user: str, password: str, granted: list[Grant]) -> str:
    try:
        digest = hashlib.sha256(password.encode()).hexdigest()
    except UnicodeEncodeError:
        raise UnusablePassword(f"the password of {user} is no UTF-8 text: give another") from None
    if user == OPERATOR:
        return f"user {user} reset on #{digest} ~* &* +@all"
    selectors: dict[Right, list[Grant]] = {}
    for grant in granted:
        selectors.setdefault(grant.right, []).append(grant)
    rules = [f"({' '.join(_rules(right, given))})" for right, given in selectors.items()]
    return f"user {user} reset on #{digest} resetchannels {_CONNECT} {' '.join(rules)}"


def _rules(right: Right, granted: list[Grant]) -> list[str]:
    mark = "~" if right.access == "RW" else f"%{right.access}~"
    keys = [f"{mark}{grant.keys}" for grant in granted if grant.keys]
    channels = [f"&{grant.channel}" for grant in granted if grant.channel]
    return [*keys, *channels, *(f"+{command}" for command in right.commands)]
