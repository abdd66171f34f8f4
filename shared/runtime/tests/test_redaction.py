"""Secrets in what is written."""

import signal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime import addresses
from shared.runtime.redaction import SHORTEST, Redactor
from tests.seconds import allowed

UUID = "0192f3a4-7b1c-7def-8123-456789abcdef"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_"
ARGON = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("cannot reach redis://:pa55@cache:6379/0", "cannot reach redis://***@cache:6379/0"),
        ("dsn postgresql://me:p%40ss@db/x?sslmode=require", "dsn postgresql://***@db/x?sslmode=require"),
        ("postgresql://db/x?user=me&password=pa55", "postgresql://db/x?user=me&password=***"),
        (f"Authorization: Bearer {JWT}", "Authorization: ***"),
        ("authorization: ApiKey one two", "authorization: ***"),
        (f"'authorization': 'Bearer {JWT}', 'accept': '*/*'", "'authorization': ***, 'accept': '*/*'"),
        (f"(b'authorization', b'Bearer {JWT}'), (b'host', b'h')", "(b'authorization', ***), (b'host', b'h')"),
        ("Cookie: aurelius_session=abc; theme=dark\nHost: h", "Cookie: ***\nHost: h"),
        (f"the token {JWT} has expired", "the token *** has expired"),
        ('{"password": "correct \\"horse\\"", "name": "A"}', '{"password": ***, "name": "A"}'),
        ("new_password='it\\'s' rest", "new_password=*** rest"),
        (f'"refresh_token":"{UUID}.{"a" * 43}"', '"refresh_token":***'),
        (f"reuse of {UUID}.{'Z' * 43}", f"reuse of {UUID}.***"),
        (f"invalid input for query argument $3: '{ARGON}'", "invalid input for query argument $3: '***'"),
        ("redis://user:password@cache:6379/0", "redis://***@cache:6379/0"),
        ("redis://user:hunter2@host:port/database", "redis://***@host:port/database"),
        ("SECRET_KEY=abcdef PORT=80", "SECRET_KEY=*** PORT=80"),
        ("GET /x?access_token=abc&limit=5", "GET /x?access_token=***&limit=5"),
        ("GET /x?q=password%3Dabc&limit=5", "GET /x?q=password%3D***&limit=5"),
        ("GET /x/%7B%22refresh_token%22%3A%22abc%22%7D", "GET /x/%7B%22refresh_token%22%3A***"),
        (f"GET /x?q=%22{JWT}%22", "GET /x?q=%22***%22"),
        ("GET https://o.example/b?sv=1&sig=a%2Fb&se=2", "GET https://o.example/b?sv=1&sig=***&se=2"),
        ("GET https://o.example/b?X-Amz-Signature=abc", "GET https://o.example/b?X-Amz-Signature=***"),
        (r'{"body": "{\"password\": \"a \\\"b\\\" c\", \"n\": 1}"}', r'{"body": "{\"password\": ***, \"n\": 1}"}'),
        ('invalid input {"password": "correct horse batt', 'invalid input {"password": ***'),
        ("headers[b'authorization'] == b'Basic abc'", "headers[b'authorization'] == ***"),
        ("Proxy-Authorization: Basic abc def\nHost: h", "Proxy-Authorization: ***\nHost: h"),
        ("ALTER ROLE me PASSWORD 'it''s' VALID", "ALTER ROLE me PASSWORD *** VALID"),
        ("DETAIL:  Key (token_hash)=(abc) already exists.", "DETAIL:  Key (token_hash)=(***) already exists."),
        (
            "passphrase=abc pwd=abc credentials: abc private_key=abc",
            "passphrase=*** pwd=*** credentials: *** private_key=***",
        ),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, clean: str) -> None:
    """Those of others, which no process knows by value: users' passwords, tokens, headers, addresses."""
    assert Redactor()(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "the access token is not valid; log in again",
        "SECRET_KEY is not set; it must be at least 32 random bytes",
        f"DATABASE_URL is not set; it {addresses.POSTGRES}",
        f"BUS_URL {addresses.REDIS}",
        "STRATEGY_BUS_URL must log in as strategy: redis://strategy:password@host:port/database",
        "Error 111 connecting to 127.0.0.1:6379. Connection refused.",
        f"strategy.read ok for {UUID}",
        "see https://example.com/@me and mail a@example.com",
        "services.gateway.core.tests.test_etags.something_with_a_very_long_name_indeed",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """A log that hides everything helps nobody."""
    assert Redactor()(text) == text


_SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=SHORTEST, max_size=40)


@given(_SECRETS, st.sampled_from(["{}", "at {} there", "x{}y", "{0} {0}", "redis://:{}@h", "['{}']"]))
def test_a_known_secret_is_in_no_text(secret: str, frame: str) -> None:
    """However it is escaped: as it is, as in a URL, as in a repr."""
    redact = Redactor([secret])
    for spelling in (secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1]):
        text = redact(frame.format(spelling))
        assert secret not in text or secret in frame.replace("{}", "***")


@given(st.lists(_SECRETS, max_size=5), st.text(max_size=200))
def test_masking_twice_masks_once(secrets: list[str], text: str) -> None:
    """A line that is passed on is not garbled further."""
    once = Redactor(secrets)(text)
    assert Redactor()(once) == Redactor()(Redactor()(once))


def test_a_longer_secret_is_masked_whole() -> None:
    """One that begins like another leaves no tail."""
    assert Redactor(["hunter", "hunter2"])("hunter2") == "***"


@pytest.mark.parametrize(
    "piece",
    [
        "password ", "://", "eyJ", '"', "a-", "-eyJ", "token", "token-", "token-=", "token='", 'token="\\', 'token=\\"',
        "eyJ.", "eyJa.b", "://a@", "bearer ", "$argon2", "password '", "cookie-", "authorization_", "%22eyJ",
        "token)=(", "token\\\\", "token ", "0123456789ab.", "sig=",
    ],
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    """A traceback is long, and a stranger's path may be 64 kB: of none is anything tried over and over.

    Before, three thousand characters of `token-` took twelve seconds, and three times as many half an hour.
    """
    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, allowed(10))
    try:
        assert Redactor(["a secret"])(piece * (65_536 // len(piece)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_long(*_: object) -> None:
    raise TimeoutError
