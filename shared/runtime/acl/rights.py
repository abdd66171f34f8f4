"""Who may do what on the bus and on the cache server: the one table from which users and documents are made.

On the bus it follows from the table of streams. Commands are those that Redis 7 and Valkey 8 share. What a script
calls is checked against its user as well, so those commands are listed with the script's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shared.contracts.streams import DEAD_LETTERS_KEPT, OUTSIDE, PROCESSES, STREAMS, UNTIL_ACKNOWLEDGED, Reader, Stream

Server = Literal["bus", "cache"]

OPERATOR = "operator"
"""The user of people: everything, on both servers."""

CACHE_KEYS = "aurelius:cache:*"
"""Every key of the cache protocol (`shared.cache.keys`; the cache and the runtime do not know each other)."""


@dataclass(frozen=True, slots=True)
class Right:
    """What may be done with keys: its name, what it is for, whether they are read or written, and by which commands."""

    name: str
    meaning: str
    access: Literal["", "R", "W", "RW"]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """One right of one user, on keys of one pattern; without a pattern the right touches no key."""

    user: str
    right: Right
    keys: str = ""


APPEND = Right("append", "add entries", "W", ("xadd",))
RELAY = Right(
    "relay",
    "add entries under given ids, in one script that compares repeats; keep the stream and its groups whole, and no "
    "longer than they are needed",
    "RW",
    (
        *("evalsha", "script|load", "xadd", "xrange", "xinfo|stream", "xinfo|groups", "xpending"),
        *("xgroup|create", "xgroup|destroy", "xtrim", "memory|usage"),
    ),
)
KNOW = Right("know", "ask for the server's memory and when it began to run", "", ("info",))
READ = Right("read", "read without a group", "R", ("xread", "xrange", "xinfo|stream"))
FOLLOW = Right(
    "follow",
    "read through a group, acknowledge, take over from a dead consumer, forget those that are gone",
    "RW",
    (
        *("xgroup|create", "xinfo|groups", "xreadgroup", "xack", "xpending", "xclaim"),
        *("evalsha", "script|load", "xinfo|consumers", "xgroup|delconsumer"),
    ),
)
TAKE = Right("take", "follow, and delete what is done", "RW", (*FOLLOW.commands, "xdel"))
BURY = Right(
    "bury",
    "put aside what cannot be done, in one transaction; list it, do it once more, shorten the stream",
    "RW",
    (
        *("watch", "unwatch", "multi", "exec", "xadd", "xtrim", "xrange", "xrevrange"),
        *("xgroup|create", "xclaim", "xack", "xdel"),
    ),
)
OWN = Right(
    "own",
    "make, read, shorten, keep alive and remove",
    "RW",
    ("multi", "exec", "xadd", "expire", "xread", "xinfo|stream", "xtrim", "del"),
)
MEASURE = Right(
    "measure", "ask for lengths, groups, lags and consumers", "R", ("xinfo|stream", "xinfo|groups", "xinfo|consumers")
)
SUBSCRIBE = Right(
    "subscribe",
    "read through any group or none, acknowledge, take over, look around",
    "RW",
    (
        *("xgroup|create", "xreadgroup", "xack", "xautoclaim", "xpending"),
        *("xread", "xrange", "xrevrange", "xlen", "xinfo|stream", "xinfo|groups", "xinfo|consumers"),
    ),
)

LOOK_UP_AND_FILL = Right(
    "look up and fill",
    "the scripts GET and FILL, and a hit without a script",
    "RW",
    (
        *("evalsha", "script|load", "hmget", "hset", "pexpire"),
        *("zadd", "zcard", "zpopmin", "zscore", "unlink"),
    ),
)
INVALIDATE = Right(
    "invalidate",
    "the script INVALIDATE",
    "RW",
    ("evalsha", "script|load", "hget", "hset", "pexpire", "unlink", "zrangebyscore", "zremrangebyscore"),
)
COUNT = Right("count", "ask for memory and the number of keys", "", ("info", "dbsize"))

USERS: dict[Server, tuple[str, ...]] = {
    "bus": (*PROCESSES, OUTSIDE, OPERATOR),
    "cache": ("gateway", "invalidator", "metrics", OPERATOR),
}


def grants(server: Server) -> list[Grant]:
    """Return every right on `server`, but for the operator's, who may do everything."""
    if server == "bus":
        relays = dict.fromkeys(writer for stream in STREAMS if stream.ids != "*" for writer in stream.writers)
        on_streams = [grant for stream in STREAMS for grant in _on_stream(stream)]
        return [*on_streams, *(Grant(writer, KNOW) for writer in relays)]
    return [
        Grant("gateway", LOOK_UP_AND_FILL, CACHE_KEYS),
        Grant("invalidator", INVALIDATE, CACHE_KEYS),
        Grant("metrics", COUNT),
    ]


def stream_keys(stream: Stream) -> str:
    """Return the pattern of the stream's keys: its name, or for one of each process what all their names match."""
    return stream.name.replace("<process>", "*")


def _on_stream(stream: Stream) -> Iterator[Grant]:
    keys = stream_keys(stream)
    if stream.kept == DEAD_LETTERS_KEPT:
        yield from (Grant(owner, BURY, keys) for owner in stream.writers)
    else:
        yield from (Grant(writer, APPEND if stream.ids == "*" else RELAY, keys) for writer in stream.writers)
        yield from (Grant(reader.name, _reading(stream, reader), keys) for reader in stream.readers)
    if keys == stream.name:
        yield Grant("metrics", MEASURE, keys)


def _reading(stream: Stream, reader: Reader) -> Right:
    if stream_keys(stream) != stream.name:
        return OWN
    if reader.name == OUTSIDE:
        return SUBSCRIBE
    if not reader.group:
        return READ
    return TAKE if stream.kept == UNTIL_ACKNOWLEDGED else FOLLOW
