"""Cursors of a strategy's versions."""

import base64
from itertools import count

import msgspec
import pytest

from services.strategy.core.version_cursor import MAX_VERSION, cursor_after, newest_of_page
from shared.contracts.errors import Malformed
from shared.contracts.ids import new_id

STRATEGY = new_id()


@pytest.mark.parametrize("last", [2, 3, 1000, MAX_VERSION])
def test_a_cursor_goes_on_below_what_was_shown(last: int) -> None:
    """The page after it begins with the version below the last one of the page before; the first, with any."""
    assert newest_of_page(cursor_after(STRATEGY, last), STRATEGY) == last - 1
    assert newest_of_page(None, STRATEGY) == MAX_VERSION


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "%%%",
        "\u00e9",
        cursor_after(STRATEGY, 5)[:-4],
        cursor_after(new_id(), 5),
        cursor_after(STRATEGY, 1),
        cursor_after(STRATEGY, 0),
        cursor_after(STRATEGY, -7),
        cursor_after(STRATEGY, MAX_VERSION + 1),
        base64.urlsafe_b64encode(msgspec.json.encode([STRATEGY, "5"])).decode(),
    ],
    ids=count(),  # the cursors are of ids that each process of the tests makes for itself
)
def test_what_this_list_did_not_give_out_is_refused(cursor: str) -> None:
    """Rather than answered with a page of something else; nothing reaches the database that it cannot read."""
    with pytest.raises(Malformed, match="start without it"):
        newest_of_page(cursor, STRATEGY)
