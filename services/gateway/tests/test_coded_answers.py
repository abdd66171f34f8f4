"""What is held in content codings is made plain again, and is another answer where it is not what it was made of."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.gateway import coded_answers
from services.gateway.coded_answers import AT_MOST, CodedAnswer, some_coded
from services.gateway.core.coded_headers import coded_headers
from services.gateway.core.codings import CODINGS, coded_tag, compress
from services.gateway.hit_path import Ready
from shared.cache.local import Held
from shared.cache.record import Entry
from shared.cache.stats import LocalCounts

ENTRY = Entry(7, '"7-abc"', "ana", b'{"revision":7}' * 100)
EACH = pytest.mark.parametrize("coding", CODINGS)


def held(entry: Entry = ENTRY) -> Held:
    """An entry in no coding yet."""
    return Held(("strategy:1", "doc"), entry, 100.0, 100.0, LocalCounts())


def coded(entry: Entry, coding: str) -> CodedAnswer:
    """As the gateway makes it."""
    return CodedAnswer("doc", entry, coding, coded_tag(entry.etag, coding), compress(entry.body, coding))


def sent(entry: Entry, coding: str) -> Ready:
    """As the gateway keeps it to be sent."""
    body = compress(entry.body, coding)
    return Ready.of(coded_headers([(b"etag", entry.etag.encode())], coding, len(body)), body)


@EACH
def test_what_is_right_is_the_entry_again(coding: str) -> None:
    """To the last byte, with its tag."""
    assert coded(ENTRY, coding).plain() == ENTRY


WRONG: dict[str, Callable[[CodedAnswer], CodedAnswer]] = {
    "cut off": lambda each: each._replace(body=each.body[:-1]),
    "followed by more": lambda each: each._replace(body=each.body + b"more"),
    "one bit": lambda each: each._replace(body=each.body[:-9] + bytes([each.body[-9] ^ 1]) + each.body[-8:]),
    "plain": lambda each: each._replace(body=ENTRY.body),
    "another entry's": lambda each: each._replace(body=compress(b"another", each.coding)),
    "empty": lambda each: each._replace(body=b""),
    "another coding": lambda each: each._replace(body=compress(ENTRY.body, "br" if each.coding != "br" else "gzip")),
    "tag of the plain bytes": lambda each: each._replace(etag=ENTRY.etag),
    "tag of another entry": lambda each: each._replace(etag=coded_tag('"6-abc"', each.coding)),
}


@EACH
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_another_answer(coding: str, wrong: str) -> None:
    """Whichever way its bytes or its tag have gone wrong."""
    assert WRONG[wrong](coded(ENTRY, coding)).plain() != ENTRY


def test_what_is_ready_to_be_sent_is_taken_before_what_is_kept_for_it() -> None:
    """Each coding once; what is ready in the plain bytes is the entry itself."""
    entry, wrong = held(), sent(replace(ENTRY, body=b"wrong"), "gzip")
    entry.coded = {coding: compress(ENTRY.body, coding) for coding in ("gzip", "br")}
    entry.ready = {"a": wrong, "b": sent(ENTRY, "zstd"), "c": sent(ENTRY, ""), "d": "of somebody else"}
    found = {each.coding: each.plain() == ENTRY for each in some_coded([entry])}
    assert found == {"gzip": False, "br": True, "zstd": True}


def test_a_few_are_drawn_and_none_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many; what is large is left alone."""
    entries = [held() for _ in range(4)]
    for each in entries:
        each.coded = {coding: compress(ENTRY.body, coding) for coding in CODINGS}
    assert len(some_coded(entries)) == AT_MOST
    assert some_coded([]) == []
    monkeypatch.setattr(coded_answers, "LARGEST", len(ENTRY.body) - 1)
    assert some_coded(entries) == []
