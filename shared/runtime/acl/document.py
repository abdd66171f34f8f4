"""Who may do what, as Markdown: tables of the bus and of the cache server, and what each right means."""

from collections.abc import Iterable

from shared.contracts.streams import STREAMS
from shared.runtime.acl.rights import OPERATOR, USERS, Grant, Right, grants, stream_keys


def rights_document() -> str:
    """Return the tables; `operator`, who may do everything, is in none of them."""
    bus, cache = grants("bus"), grants("cache")
    users = [user for user in USERS["bus"] if user != OPERATOR]
    streams = [[f"`{stream.name}`", *(_names(bus, user, stream_keys(stream)) for user in users)] for stream in STREAMS]
    keys = [[f"`{grant.user}`", grant.right.name, _touched(grant)] for grant in cache]
    rights = dict.fromkeys(grant.right for grant in [*bus, *cache])
    return "\n".join(
        [
            *_table(["stream of the bus", *(f"`{user}`" for user in users)], streams),
            "",
            *_table(["user of the cache", "may", "keys, or channel"], keys),
            "",
            *_table(["right", "meaning", "keys", "commands"], map(_right, rights)),
            "",
        ]
    )


def _names(granted: list[Grant], user: str, keys: str) -> str:
    return ", ".join(grant.right.name for grant in granted if (grant.user, grant.keys) == (user, keys))


def _touched(grant: Grant) -> str:
    touched = grant.keys or grant.channel
    return f"`{touched}`" if touched else "none"


def _right(right: Right) -> list[str]:
    access = {"": "none", "R": "read", "W": "written", "RW": "read and written"}[right.access]
    return [
        right.name,
        right.meaning,
        access,
        ", ".join(command.replace("|", " ").upper() for command in right.commands),
    ]


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]]
