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

CACHE_KEYS = "{aurelius:cache}*"
"""Every key of the cache protocol (`shared.cache.keys`; the cache and the runtime do not know each other)."""

CACHE_STATES = "{aurelius:cache}#state:*"
"""Whether the cache is open."""

CACHE_HEADS = "{aurelius:cache}:*"
"""What the cache knows of each object."""

CACHE_ENTRIES = ("{aurelius:cache}/*", "{aurelius:cache}#variants:*")
"""What it has stored of each, and the lists of that."""

CACHE_FEED = "{aurelius:cache}#feed"
"""The channel on which raised floors are told."""


@dataclass(frozen=True, slots=True)
class Right:
    """What may be done with keys: its name, what it is for, whether they are read or written, and by which commands."""

    name: str
    meaning: str
    access: Literal["", "R", "W", "RW"]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """One right of one user, on keys of one pattern or on one channel; without either the right touches none."""

    user: str
    right: Right
    keys: str = ""
    channel: str = ""


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
KNOW = Right("know", "ask how the server is: its memory, its clients, when it began to run", "", ("info",))
READ = Right("read", "read without a group", "R", ("xread", "xrange", "xinfo|stream"))
_IN_A_GROUP = (
    *("xgroup|create", "xinfo|groups", "xreadgroup", "xack", "xpending", "xclaim"),
    *("evalsha", "script|load", "xinfo|consumers", "xgroup|delconsumer"),
)
FOLLOW = Right(
    "follow",
    "read through a group, acknowledge, take over from a dead consumer, forget those that are gone; see what is owed",
    "RW",
    (*_IN_A_GROUP, "xrange"),
)
TAKE = Right(
    "take",
    "read through a group, acknowledge, take over from a dead consumer, forget those that are gone; delete",
    "RW",
    (*_IN_A_GROUP, "xdel"),
)
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
    "measure",
    "ask for lengths, groups, lags, consumers and what is owed",
    "R",
    ("xinfo|stream", "xinfo|groups", "xinfo|consumers", "xpending"),
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

CALL = Right(
    "call scripts",
    "call a script of the protocol, which may do what its user may; learn which process the server is",
    "RW",
    ("evalsha", "script|load", "info"),
)
SEE_STATE = Right("see the state", "whether the cache is open, and on which process", "R", ("hmget",))
LOOK_UP_AND_FILL = Right(
    "look up and fill",
    "what the scripts GET and FILL call, and a hit without a script",
    "RW",
    (
        *("hmget", "hset", "pexpire"),
        *("zadd", "zcard", "zpopmin", "zscore", "unlink"),
    ),
)
RAISE = Right(
    "raise floors", "what the scripts RAISE and UNRAISE do with heads", "RW", ("hmget", "hset", "pexpire", "unlink")
)
INVALIDATE = Right("invalidate", "what the script INVALIDATE does with heads", "RW", ("hmget", "hset", "pexpire"))
REMOVE = Right(
    "remove", "what the script INVALIDATE does with entries", "RW", ("unlink", "zrangebyscore", "zremrangebyscore")
)
OPEN = Right("open", "what the scripts BEGIN and FINISH call", "RW", ("hmget", "hset"))
TELL_TIME = Right("see the time", "the server's, which scripts compare", "", ("time",))
TELL = Right("tell the feed", "of raised floors", "", ("publish",))
HEAR = Right("hear the feed", "of raised floors", "", ("subscribe", "unsubscribe"))
LIST = Right("list", "the names of all keys, when an administrator has many forgotten", "", ("scan",))
LOOK = Right("look", "at what would be served of an object, and change nothing", "R", ("hmget", "zrange"))
COUNT = Right("count", "ask for memory and the number of keys", "", ("info", "dbsize"))

USERS: dict[Server, tuple[str, ...]] = {
    "bus": (*PROCESSES, OUTSIDE, OPERATOR),
    "cache": ("gateway", "strategy", "backtest", "invalidator", "metrics", OPERATOR),
}


def grants(server: Server) -> list[Grant]:
    """Return every right on `server`, but for the operator's, who may do everything."""
    if server == "bus":
        relays = dict.fromkeys(writer for stream in STREAMS if stream.ids != "*" for writer in stream.writers)
        on_streams = [grant for stream in STREAMS for grant in _on_stream(stream)]
        return [*on_streams, *(Grant(user, KNOW) for user in (*relays, "metrics"))]
    return [
        *_called("gateway", LOOK_UP_AND_FILL, CACHE_HEADS, *CACHE_ENTRIES),
        Grant("gateway", HEAR, channel=CACHE_FEED),
        *(
            grant
            for writer in ("strategy", "backtest")
            for grant in (
                *_called(writer, RAISE, CACHE_HEADS),
                Grant(writer, OPEN, CACHE_STATES.replace("*", writer)),
                Grant(writer, TELL, channel=CACHE_FEED),
            )
        ),
        *_called("invalidator", INVALIDATE, CACHE_HEADS),
        *(Grant("invalidator", REMOVE, keys) for keys in CACHE_ENTRIES),
        Grant("invalidator", TELL, channel=CACHE_FEED),
        Grant("invalidator", LIST),
        Grant("metrics", COUNT),
        *(Grant("metrics", LOOK, keys) for keys in (CACHE_STATES, CACHE_HEADS, *CACHE_ENTRIES)),
    ]


def stream_keys(stream: Stream) -> str:
    """Return the pattern of the stream's keys: its name, or for one of each process what all their names match."""
    return stream.name.replace("<process>", "*")


def _called(user: str, right: Right, *keys: str) -> list[Grant]:
    """Scripts, by which a user may do with keys what this right says.

    Any script is called with the key of the state, which only those may change who open the cache.
    """
    return [
        Grant(user, CALL, CACHE_KEYS),
        Grant(user, TELL_TIME),
        Grant(user, SEE_STATE, CACHE_STATES),
        *(Grant(user, right, pattern) for pattern in keys),
    ]


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
