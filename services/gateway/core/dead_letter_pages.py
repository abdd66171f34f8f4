"""Pages of dead letters, of several services' lists one: newest first, each beginning where the last one ended."""

import base64
import heapq
from collections.abc import Iterable

import msgspec

from shared.contracts.bus_messages import DeadLetter, DeadLetterPage
from shared.contracts.dead_letter_ids import letter_id
from shared.contracts.errors import InputError, Malformed
from shared.contracts.streams import DEAD_LETTERS


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    stream: str | None
    after: str


_CURSOR = msgspec.json.Decoder(_Cursor)


def services_of(stream: str | None) -> list[str]:
    """Return who has the dead letters of a stream, or of any. Raises Malformed for a stream that has none."""
    if stream is None:
        return list(dict.fromkeys(DEAD_LETTERS.values()))
    if stream not in DEAD_LETTERS:
        fault = InputError("/query/stream", f"is none of these: {', '.join(DEAD_LETTERS)}")
        raise Malformed(f"There are no dead letters of {stream}", errors=(fault,))
    return [DEAD_LETTERS[stream]]


def place_of(cursor: str | None, stream: str | None) -> str | None:
    """Return the id of the letter after which a page begins. Raises Malformed for a cursor of another list."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        read = _CURSOR.decode(base64.urlsafe_b64decode(padded))
        letter_id(read.after)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Malformed("The cursor is not one that this list gave out; start without it") from error
    if read.stream != stream:
        raise Malformed("The cursor belongs to another filter; start without it")
    return read.after


def merged(pages: Iterable[DeadLetterPage], limit: int, stream: str | None) -> DeadLetterPage:
    """Return the newest `limit` letters of pages that were asked for one more than that."""
    letters = [letter for page in pages for letter in page.items]
    newest = heapq.nlargest(limit, letters, key=_order)
    cursor = None
    if len(letters) > limit:
        raw = msgspec.json.encode(_Cursor(stream, newest[-1].id))
        cursor = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return DeadLetterPage(items=newest, next_cursor=cursor)


def _order(letter: DeadLetter) -> tuple[int, int, str]:
    return letter_id(letter.id)
