"""Hostile bodies: what is no request at all, on every route that reads a strategy."""

import json

import pytest

from tests.hostile.requests import ROUTES
from tests.hostile.service import Service

pytestmark = pytest.mark.integration

CPU_SECONDS = 1.0
RULE = b'{"spec":{"entry_long":"close > open"},"name":"S","dataset_id":"x","grid":{}}'

BODIES = {
    "nothing": b"",
    "white space": b" \n\t",
    "no JSON": b"entry_long=close",
    "an array": b"[" + RULE + b"]",
    "a text": b'"' + b"x" * 1000 + b'"',
    "null": b"null",
    "cut off": RULE[:-2],
    "cut off in a text": RULE[:30],
    "more behind": RULE + b"}",
    "two documents": RULE + RULE,
    "a byte order mark": b"\xef\xbb\xbf" + RULE,
    "UTF-16": RULE.decode().encode("utf-16"),
    "no UTF-8": RULE.replace(b"close", b"\xff\xfe\xc3("),
    "half a surrogate": RULE.replace(b"close", b"\\ud800"),
    "half a surrogate, in bytes": RULE.replace(b"close", b"\xed\xa0\x80"),
    "NUL in a text": RULE.replace(b"open", b"\\u0000").replace(b'"S"', b'"\\u0000"'),
    "a bare NUL": RULE.replace(b"open", b"\0"),
    "NaN": RULE.replace(b"{}", b'{"a":NaN}'),
    "a number beyond any": RULE.replace(b"{}", b'{"a":[1e999,-1e999,1e-999]}'),
    "a number of 400 digits": RULE.replace(b"{}", b'{"a":[' + b"9" * 400 + b"]}"),
    "a number of 900,000 digits": RULE.replace(b"{}", b'{"a":[' + b"9" * 900_000 + b"]}"),
    "an exponent of 1,000 digits": RULE.replace(b"{}", b'{"a":[1e' + b"9" * 1000 + b"]}"),
    "keys twice": RULE[:-1] + b',"spec":{"entry_long":"open > close"},"spec":1}',
    "a key twice inside": RULE.replace(b'"entry_long"', b'"entry_long":1,"entry_long"'),
    "unknown keys": RULE[:-1] + b"," + b",".join(b'"k%d":1' % number for number in range(50_000)) + b"}",
    "unknown keys inside": RULE.replace(b'"entry_long"', b"".join(b'"k%d":1,' % n for n in range(50_000)) + b'"e"'),
    "a million brackets": b"[" * 900_000,
    "deep arrays": RULE.replace(b"{}", b'{"a":' + b"[" * 400_000 + b"]" * 400_000 + b"}"),
    "deep objects": b'{"spec":' * 90_000 + b"1" + b"}" * 90_000,
    "fairly deep": RULE.replace(b'"close > open"', b"[" * 900 + b"]" * 900),
    "a long expression": RULE.replace(b"close", b"(" * 900_000),
    "a long key": RULE.replace(b"entry_long", b"k" * 900_000),
    "a long text of escapes": RULE.replace(b"close", b"\\u00e9" * 150_000),
    "many texts": RULE.replace(b'"close > open"', json.dumps(["x"] * 200_000).encode()),
    "10 MB": RULE[:-1] + b" " * 10_000_000 + b"}",
}


async def test_hostile_bodies_are_the_clients_fault(asked: Service) -> None:
    """Whatever the bytes are, the answer is quick and says that it is the request."""
    for name, body in BODIES.items():
        for route in ROUTES:
            said = await asked.post(route, body)
            assert said.status < 500, (name, route, said.body)
            assert said.cpu_seconds < CPU_SECONDS, (name, route)


MEDIA_TYPES = (
    "", "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data",
    "multipart/form-data; boundary=x", "application/msgpack", "application/json; charset=utf-16",
    "application/json; charset=nonsense", "application/json; charset=", "application/json;;;=\xff", "APPLICATION/JSON",
    "application/json, text/plain", "*/*", "application/merge-patch+json", "x" * 10_000,
)  # fmt: skip


async def test_other_media_types_are_the_clients_fault(asked: Service) -> None:
    """A body of any sort, said to be of any sort."""
    for media_type in MEDIA_TYPES:
        for body in (RULE, b"a=b", b"--x\r\n\r\n\r\n--x--", b"\x81\xa1a\x01"):
            for route in ROUTES:
                said = await asked.post(route, body, media_type)
                assert said.status < 500, (media_type, body, route, said.body)
