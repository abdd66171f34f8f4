"""What the users of the bus may do and may not: every stream of the table, every user, every way to touch a stream."""

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from shared.contracts.streams import CHECKS, STREAMS, Stream, checks_of, event_stream, rpc_stream
from shared.runtime.acl.rights import OPERATOR, USERS, grants
from shared.runtime.acl.tests.expected import EVERY_WAY, Expected
from shared.runtime.acl.tests.guarded import Guarded
from shared.runtime.bus.connection import make_client

pytestmark = pytest.mark.integration

LIMITED = [user for user in USERS["bus"] if user != OPERATOR]

OTHER_KEYS = (
    *("aurelius", "aurelius.events", "aurelius.rpc.strategy2", "aurelius.replies", "aurelius.replies.other-1", "x"),
    *("aurelius:cache:{strategy:1}", "Aurelius.timings"),
)

TO_THE_SERVER = (
    *("FLUSHALL", "FLUSHDB", "KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE", "SHUTDOWN NOSAVE", "SAVE", "BGSAVE"),
    *("CONFIG GET *", "CONFIG SET maxmemory 0", "ACL LIST", "ACL SETUSER default on", "ACL LOG", "BGREWRITEAOF"),
    *("REPLICAOF NO ONE", "MODULE LIST", "MONITOR", "SWAPDB 0 1", "SLOWLOG GET", "LATENCY LATEST", "CLIENT LIST"),
    *("CLIENT KILL TYPE normal", "CLIENT PAUSE 1", "CLIENT TRACKING ON", "SCRIPT FLUSH", "EVAL x 0", "FUNCTION LIST"),
    *("PUBLISH channel x", "SUBSCRIBE channel", "PSUBSCRIBE *", "COMMAND COUNT"),
)

every_user = pytest.mark.parametrize("user", LIMITED)
every_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


def ask(client: Redis, *words: str) -> object:
    """Send one command as it is."""
    return client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py types its named commands alone


def does(client: Redis, command: str) -> bool:
    """Do it; False when it is refused."""
    try:
        ask(client, *command.split())
    except NoPermissionError:
        return False
    return True


def would_allow(operator: Redis, user: str, command: str) -> bool:
    """Ask the server whether it would let `user` do this."""
    answer = ask(operator, "ACL DRYRUN", user, *command.split())
    assert isinstance(answer, bytes)
    assert answer == b"OK" or b"no permissions" in answer, answer
    return answer == b"OK"


@every_user
@every_stream
def test_a_stream_is_open_to_its_writers_and_readers_alone(bus: Guarded, user: str, stream: Stream) -> None:
    """Really done by the user: adding an entry, and reading in one way or another."""
    expected = Expected.of(user, stream)
    key = expected.key
    with bus.operator() as operator, Redis.from_url(bus.url(user), protocol=2) as client:
        operator.xgroup_create(key, "g", mkstream=True)
        operator.xadd(key, {"a": "b"}, id="1-0")
        ways = (f"XREAD STREAMS {key} 0", f"XRANGE {key} - +", f"XREADGROUP GROUP g c STREAMS {key} >")
        assert any(does(client, way) for way in ways) == (expected.reads or expected.relays)
        assert does(client, f"XADD {key} 7-0 a b") == expected.adds
        assert operator.xlen(key) == 1 + expected.adds


@pytest.mark.parametrize("service", CHECKS["metrics"])
def test_who_checks_cannot_ask_in_anybodys_name(bus: Guarded, service: str) -> None:
    """A request that names an administrator is refused by the bus; where checks go, names count for nothing."""
    forged = {"request": '{"id":"1","principal":{"user_id":"1","role":"admin"}}', "body": "{}"}
    with Redis.from_url(bus.url("metrics"), protocol=2) as client:
        with pytest.raises(NoPermissionError):
            client.xadd(rpc_stream(service), forged)
        client.xadd(rpc_stream(checks_of(service)), forged)
    assert bus.refusals() == [f"metrics: key {rpc_stream(service)}"]


@every_user
@every_stream
def test_every_way_to_touch_a_stream_is_open_to_whom_the_table_says(bus: Guarded, user: str, stream: Stream) -> None:
    """Groups to readers of groups, deleting to those who do what they delete, removing to owners, scripts to relays."""
    expected = Expected.of(user, stream).commands()
    with bus.operator() as operator:
        wrong = [command for command, open_ in expected.items() if would_allow(operator, user, command) != open_]
    assert wrong == []


@every_user
def test_other_keys_are_nobodys(bus: Guarded, user: str) -> None:
    """Names near those of the table, and anything else."""
    with bus.operator() as operator:
        for command in (way.format(key) for way in EVERY_WAY for key in OTHER_KEYS):
            assert not would_allow(operator, user, command), command


@every_user
def test_the_server_is_nobodys(bus: Guarded, user: str) -> None:
    """Each is really tried: wiping, configuring, listing keys, looking at others, publishing."""
    for command in TO_THE_SERVER:
        with Redis.from_url(bus.url(user), protocol=2) as client, pytest.raises(NoPermissionError):
            ask(client, *command.split())


@every_user
def test_the_server_tells_about_itself_to_relays_and_metrics_alone(bus: Guarded, user: str) -> None:
    """Whose memory it is that their streams may fill, and whether it is the server of before; and what is measured."""
    with Redis.from_url(bus.url(user), protocol=2) as client:
        relays = any(user in stream.writers and stream.ids != "*" for stream in STREAMS)
        assert does(client, "INFO memory") == (relays or user == "metrics")


def test_no_right_holds_what_the_server_calls_dangerous(bus: Guarded) -> None:
    """By its own categories; the one exception is how a server tells of its memory."""
    with bus.operator() as operator:
        dangerous = {name for category in ("dangerous", "admin") for name in operator.acl_cat(category)}
    held = {command for grant in [*grants("bus"), *grants("cache")] for command in grant.right.commands}
    assert held & dangerous == {"info"}


def test_a_script_reaches_no_further_than_its_user(bus: Guarded) -> None:
    """A relay that runs another script, on its own stream, is refused what it would be refused without one."""
    own, other = event_stream("strategy"), event_stream("backtest")
    with Redis.from_url(bus.url("strategy"), protocol=2) as client:
        for call in (f"'XADD', '{other}', '*', 'a', 'b'", f"'XRANGE', '{other}', '-', '+'", f"'DEL', '{own}'"):
            digest = client.script_load(f"return redis.call({call})")
            with pytest.raises(ResponseError):
                client.evalsha(digest, 1, own)
    assert set(bus.refusals()) == {f"strategy: key {other}", f"strategy: key {own}"}


@pytest.mark.parametrize("user", USERS["bus"])
async def test_a_user_enters_with_its_own_password_alone(bus: Guarded, user: str) -> None:
    """Not with another's; and nobody enters without a name, or without anything."""
    own, address = bus.url(user), f"127.0.0.1:{bus.port}/0"
    async with make_client(own) as client:
        assert await client.ping()
    password = own.partition(f"{user}:")[2].partition("@")[0]
    others = [other for other in USERS["bus"] if other != user]
    for login in [*(f"{other}:{password}@" for other in others), f":{password}@", f"default:{password}@", ""]:
        async with make_client(f"redis://{login}{address}") as client:
            with pytest.raises(AuthenticationError):
                await client.ping()
