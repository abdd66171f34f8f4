"""What an address must look like."""

import pytest
from redis.asyncio.connection import parse_url

from shared.runtime import addresses

PORT = "must have a port from 1 to 65535, or none"
ESCAPE = "must have %2F for each / in its password, %23 for #, %3F for ?, %40 for @"
SCHEME = "must begin with redis://, rediss:// or unix://"


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://cache",
        "redis://cache/",
        "redis://[::1]:6379/15",
        "redis://user:p%40ss%2Fword@cache:1/2",
        "redis://:only-a-password@cache",
        "rediss://cache:6380/0?ssl_cert_reqs=none&ssl_ca_certs=/ca.pem",
        "unix:///run/redis.sock",
    ],
)
def test_what_redis_py_reads_as_it_is_meant_passes(url: str) -> None:
    """Every form of address it takes."""
    assert list(addresses.redis_url(url)) == []
    parse_url(url)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://cache:6379", SCHEME),
        ("redis:cache", SCHEME),
        ("cache:6379", SCHEME),
        ("//cache", SCHEME),
        ("redis://cache:63790000/0", PORT),
        ("redis://cache:0/0", PORT),
        ("redis://cache:/0", PORT),
        ("redis://cache:6379x/0", PORT),
        ("redis://:6379/0", "must name a host"),
        ("redis://cache/zero", "must end with the number of a database, as in redis://host:6379/0"),
        ("redis://cache/0/1", "must end with the number of a database, as in redis://host:6379/0"),
        ("redis://cache/0?timeout=3", "may have only these options, with rediss://:"),
        ("rediss://cache/0?verify=no", "may have only these options, with rediss://:"),
        ("redis://:p/ss@cache/0", ESCAPE),
        ("redis://:p#ss@cache/0", ESCAPE),
        ("redis://:p@ss@cache/0", ESCAPE),
        ("redis://cache /0", "must not hold spaces"),
        ("unix://run/redis.sock", "must name the socket's whole path, as in unix:///run/redis.sock"),
    ],
)
def test_a_slip_in_a_redis_url_is_told(url: str, fault: str) -> None:
    """Some of these redis-py would take, and connect elsewhere."""
    assert next(addresses.redis_url(url)).startswith(fault)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@db:5432/aurelius",
        "postgres://db/aurelius",
        "postgresql://me:p%40ss@db/aurelius?sslmode=verify-full",
        "postgresql://me@one:5432,two:5433/aurelius?target_session_attrs=read-write",
        "postgresql:///aurelius?host=/var/run/postgresql",
        "postgresql://me@[::1]:5432/aurelius",
    ],
)
def test_what_asyncpg_reads_as_it_is_meant_passes(url: str) -> None:
    """Every form of address it takes."""
    assert list(addresses.postgres_url(url)) == []


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("mysql://me:secret@db/x", "must begin with postgresql:// or postgres://"),
        ("postgresql+asyncpg://me:secret@db/x", "must begin with postgresql:// or postgres://"),
        ("host=db dbname=x", "must not hold spaces"),
        ("postgresql://me:sec@ret@db/x", ESCAPE),
        ("postgresql://me:sec/ret@db/x", ESCAPE),
        ("postgresql:///x", "must name a host"),
        ("postgresql://me@db:54320000/x", PORT),
        ("postgresql://me@one:5432,two:x/x", PORT),
        ("postgresql://db/x?host=two&port=many", PORT),
        ("postgresql://db/x?sslmode=yes", "must have as its sslmode one of disable, allow"),
    ],
)
def test_a_slip_in_a_postgres_url_is_told(url: str, fault: str) -> None:
    """Before it looks like a server that is away."""
    assert next(addresses.postgres_url(url)).startswith(fault)


@pytest.mark.parametrize("url", ["file:///data/objects", "s3://bucket", "s3://bucket/prefix", "gs://b", "az://c/p"])
def test_an_object_store_is_a_folder_or_a_bucket(url: str) -> None:
    """Of one of the providers."""
    assert list(addresses.objects_url(url)) == []


@pytest.mark.parametrize(
    "url", ["file://data", "file:data", "/data", "memory:///", "ftp://h/x", "s3://", "https://h/x"]
)
def test_what_every_process_cannot_share_is_no_object_store(url: str) -> None:
    """A relative folder, the memory of one process, a server that takes no files."""
    assert next(addresses.objects_url(url)).startswith("must ")


@pytest.mark.parametrize("text", ["127.0.0.1", "0.0.0.0", "::", "::1"])
def test_an_ip_address_is_listened_on(text: str) -> None:
    """The HTTP server takes no name."""
    assert list(addresses.listening_address(text)) == []


@pytest.mark.parametrize("text", ["localhost", "999.1.1.1", "127.0.0.1:80", "http://127.0.0.1", "*"])
def test_a_name_is_not_listened_on(text: str) -> None:
    """It would end in an error that nobody understands."""
    assert list(addresses.listening_address(text)) == [addresses.LISTENING]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        *((text, True) for text in ("cache", "cache.internal", "10.0.0.1", "::1")),
        *((text, False) for text in ("cache:6379", "redis://cache", ":pw@cache", "a b", "[::1]")),
    ],
)
def test_a_host_is_a_host_alone(text: str, right: bool) -> None:
    """What belongs around it has variables of its own."""
    assert list(addresses.host_name(text)) == ([] if right else [addresses.HOST_NAME])


@pytest.mark.parametrize(
    "text", ["https://a.example", "http://localhost:3000", " https://a.example, ,https://b.example"]
)
def test_origins_are_as_browsers_send_them(text: str) -> None:
    """Several by commas; spaces and empty parts name nobody."""
    assert list(addresses.origins(text)) == []


@pytest.mark.parametrize(
    "text", ["*", "https://*.example", "https://a.example/", "https://a.example/app", "a.example", "null", "ftp://a",
    "https://a.example, *", "https://a.example:99999", "https://me@a.example"],
)  # fmt: skip
def test_what_no_browser_sends_is_no_origin(text: str) -> None:
    """It would allow everybody, or with a slash at the end nobody."""
    assert list(addresses.origins(text)) == [addresses.ORIGINS]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("redis://h", "redis://:pw@h:6379/3", True),
        ("redis://h:1", "redis://h:2", False),
        ("redis://a", "redis://b", False),
        ("unix:///a", "unix:///a?x", True),
        ("unix:///a", "redis://h", False),
    ],
)
def test_a_server_is_known_by_where_it_is(one: str, other: str, same: bool) -> None:
    """Whatever the database in it, and who logs in."""
    assert (addresses.server_of(one) == addresses.server_of(other)) is same
