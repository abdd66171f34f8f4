"""The verifier of a password."""

import base64
import hashlib
import hmac

import pytest

from shared.runtime.migrations.scram import prepared, verifier


def test_the_verifier_is_that_of_the_rfc() -> None:
    """The exchange of RFC 7677, section 3: with these keys a server accepts its proof and signs its answer."""
    salt, nonce = "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    scheme, iterations, rest = verifier("pencil", base64.b64decode(salt)).replace(":", "$", 1).split("$", 2)
    assert (scheme, iterations) == ("SCRAM-SHA-256", "4096")
    same_salt, _, keys = rest.partition("$")
    assert same_salt == salt
    stored_key, server_key = (base64.b64decode(key) for key in keys.split(":"))
    exchange = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s={salt},i=4096,c=biws,r={nonce}".encode()
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac.digest(stored_key, exchange, "sha256")
    client_key = bytes(one ^ other for one, other in zip(proof, signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored_key
    answer = base64.b64encode(hmac.digest(server_key, exchange, "sha256"))
    assert answer == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_salt_is_new_each_time() -> None:
    """Two roles with one password cannot be told by their verifiers."""
    assert verifier("pencil") != verifier("pencil")


@pytest.mark.parametrize(
    ("password", "form"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("\u0627\u00b9\u0628", "\u06271\u0628"),
    ],
)
def test_the_examples_of_the_rfc(password: str, form: str) -> None:
    """RFC 4013, section 3, and one from right to left."""
    assert prepared(password) == form


@pytest.mark.parametrize(
    "password",
    [
        "\a",  # ASCII is left as it is
        "\u2168\a",
        "\u00ad",  # of which nothing would be left
        "\u2168\u0378",  # not assigned
        "\u0627\u2168\u0627",  # right to left, and in between not
        "\u0627\u00b9",  # begins right to left, and ends otherwise
    ],
)
def test_what_the_rfc_forbids_is_hashed_as_it_is(password: str) -> None:
    """So do Postgres and its clients, which have to agree."""
    assert prepared(password) == password
