"""What an address in the environment must look like. Each rule yields what is wrong with a text, the first cause first.

A rule never repeats the text, which may hold a password; it is asked before anything connects, so that a slip of the
keyboard is told from a server that is away.
"""

import ipaddress
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

_REDIS_SCHEMES = ("redis", "rediss", "unix")
_REDIS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile"})
_NO_OPTIONS: frozenset[str] = frozenset()
_POSTGRES_SCHEMES = ("postgresql", "postgres")
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OBJECT_SCHEMES = ("file", "s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss")

REDIS = "must be redis://[[user]:password@]host:port/database, rediss://... or unix:///path"
POSTGRES = "must be postgresql://user:password@host:port/database"
OBJECTS = "must be file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
LISTENING = "must be an IP address to listen on, such as 127.0.0.1 for this machine alone or 0.0.0.0 for all"
HOST_NAME = "must be a host name or an IP address alone; the port and the password have variables of their own"
COLLECTOR = "must be http://host:port or https://host:port, with a path where the collector wants one"
ORIGINS = "must be origins separated by commas, such as https://app.example.com, each without a path; * is not allowed"

_NO_SPACES = "must not hold spaces"
_UNESCAPED = "must have %2F for each / in its password, %23 for #, %3F for ?, %40 for @"
_PORT = "must have a port from 1 to 65535, or none"
_NO_HOST = "must name a host"


def redis_url(text: str) -> Iterator[str]:
    """Of a server that speaks Redis' protocol."""
    parts = urlsplit(text)
    if _has_space(text):
        yield _NO_SPACES
    if parts.scheme not in _REDIS_SCHEMES or not text.startswith(f"{parts.scheme}://"):
        yield "must begin with redis://, rediss:// or unix://"
    if parts.scheme == "unix" and (parts.hostname or not parts.path.startswith("/")):
        yield "must name the socket's whole path, as in unix:///run/redis.sock"
    if _is_unescaped(text):
        yield _UNESCAPED
    if parts.scheme != "unix":
        if not parts.hostname:
            yield _NO_HOST
        if not _is_port(parts.netloc.rpartition("@")[2]):
            yield _PORT
        if parts.path not in ("", "/") and not _is_number(parts.path[1:]):  # redis-py would take it for 0
            yield "must end with the number of a database, as in redis://host:6379/0"
    known = _REDIS_OPTIONS if parts.scheme == "rediss" else _NO_OPTIONS
    if any(name not in known for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        yield f"may have only these options, with rediss://: {', '.join(sorted(_REDIS_OPTIONS))}"


def server_of(url: str) -> str:
    """Return the one spelling of the server that a Redis URL leads to, whatever its database and its credentials."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


def postgres_url(text: str) -> Iterator[str]:
    """Of a Postgres server, or of several by commas, as asyncpg reads it."""
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query))
    hosts = parts.netloc.rpartition("@")[2]
    if _has_space(text):
        yield _NO_SPACES
    if parts.scheme not in _POSTGRES_SCHEMES or not text.startswith(f"{parts.scheme}://"):
        yield "must begin with postgresql:// or postgres://"
    if _is_unescaped(text):
        yield _UNESCAPED
    if not hosts and "host" not in options:
        yield _NO_HOST
    if not all(_is_port(host) for host in (*hosts.split(","), f":{options.get('port', '5432')}")):
        yield _PORT
    if options.get("sslmode", "prefer") not in _SSL_MODES:
        yield f"must have as its sslmode one of {', '.join(_SSL_MODES)}"


def objects_url(text: str) -> Iterator[str]:
    """Of an object store that every process sees: one in memory would be a different one in each."""
    parts = urlsplit(text)
    if parts.scheme not in _OBJECT_SCHEMES or not text.startswith(f"{parts.scheme}://"):
        yield OBJECTS
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        yield "must name a whole path, as in file:///folder"
    if parts.scheme != "file" and not parts.hostname:
        yield "must name a bucket or a container"


def collector_url(text: str) -> Iterator[str]:
    """Of what takes traces over HTTP."""
    parts = urlsplit(text)
    if _has_space(text):
        yield _NO_SPACES
    if parts.scheme not in ("http", "https") or not text.startswith(f"{parts.scheme}://"):
        yield COLLECTOR
    if not parts.hostname:
        yield _NO_HOST
    if _is_unescaped(text):
        yield _UNESCAPED
    if not _is_port(parts.netloc.rpartition("@")[2]):
        yield _PORT


def listening_address(text: str) -> Iterator[str]:
    """Of this machine, as the HTTP server takes it: no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        yield LISTENING


def host_name(text: str) -> Iterator[str]:
    """A name or an address, and nothing around it."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        if _has_space(text) or set(text) & set("/:@?#[]"):
            yield HOST_NAME


def origins(text: str) -> Iterator[str]:
    """What browsers send as `Origin`, several by commas. A wildcard would open credentials to any page."""
    if not all(_is_origin(part) for part in split_origins(text)):
        yield ORIGINS


def split_origins(text: str) -> list[str]:
    """Return the origins; spaces and empty parts name nobody."""
    return [origin for origin in (part.strip() for part in text.split(",")) if origin]


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    plain = parts.scheme in ("http", "https") and text == f"{parts.scheme}://{parts.netloc}"
    return plain and bool(parts.hostname) and "*" not in text and "@" not in text and _is_port(parts.netloc)


def _is_unescaped(text: str) -> bool:
    """Say whether a user or a password holds what ends that part of a URL, so that it would be read as another one."""
    return text.count("@") > 1 or ("@" in text and "@" not in urlsplit(text).netloc)


def _has_space(text: str) -> bool:
    return any(character.isspace() for character in text)


def _is_port(host: str) -> bool:
    """Say whether `host` ends in a port that can be connected to, or in none."""
    _, colon, port = host.rpartition("]")[2].rpartition(":")
    return not colon or (_is_number(port) and 1 <= int(port) <= 65_535)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
