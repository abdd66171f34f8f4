"""What is held ready to be sent of an entry, made plain again: for who compares it with the entry that it is of."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from services.gateway.core.coded_headers import value_of
from services.gateway.core.codings import coded_tag, decompress
from services.gateway.hit_path import Ready
from shared.cache.local import Held
from shared.cache.record import Entry

AT_MOST: Final = 4
"""So many are made plain for one question: each costs about what compressing it has cost."""
LARGEST: Final = 4 * 1024 * 1024
"""Plain bytes of an entry whose codings are looked at: some tens of milliseconds of a core, beside the requests."""


class CodedAnswer(NamedTuple):
    """The bytes of an entry in a content coding, with the tag that they are sent with."""

    variant: str
    entry: Entry
    coding: str
    etag: str
    body: bytes

    def plain(self) -> Entry:
        """Return what its reader has: the entry, or another if something has gone wrong on the way."""
        try:
            body = decompress(self.body, self.coding)
        except ValueError as error:
            body = str(error).encode()  # which its reader has as well, in place of an answer
        is_its_tag = self.etag == coded_tag(self.entry.etag, self.coding)
        return replace(self.entry, body=body, etag=self.entry.etag if is_its_tag else f"{self.etag} of {self.coding}")


def some_coded(serving: Sequence[Held]) -> list[CodedAnswer]:
    """Return a few of the answers that are held in content codings, drawn from all of them."""
    coded = [each for held in serving if len(held.entry.body) <= LARGEST for each in _coded(held)]
    return random.sample(coded, min(AT_MOST, len(coded)))


def _coded(held: Held) -> Iterator[CodedAnswer]:
    """Give each coding once: as it is sent where it is ready to be, else as it is kept for that."""
    found: dict[str, tuple[str, bytes]] = {
        coding: (coded_tag(held.entry.etag, coding), body) for coding, body in held.coded.items()
    }
    for ready in held.ready.values():
        if isinstance(ready, Ready) and (coding := value_of(ready.modified, b"content-encoding")):
            found[coding] = ready.etag.decode("latin-1"), ready.body
    for coding, (etag, body) in found.items():
        yield CodedAnswer(held.key[1], held.entry, coding, etag, body)
