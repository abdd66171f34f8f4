"""The port of those who open the cache: after a loss nothing is served until every writer who knew no state is done."""

from dataclasses import dataclass
from typing import Final, Protocol

from shared.contracts.objects import Keeper

OPENING_SECONDS: Final = 10.0
"""An opening that takes longer was given up, for all that anybody knows: the next may begin."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One attempt: for the objects of `keeper`, on the server process `run_id`, under a new `incarnation`."""

    keeper: Keeper
    run_id: str
    incarnation: str


class Openings(Protocol):
    """The state of the cache, one for the objects of each keeper: closed, opening or open.

    It is closed when the server has lost it or is another process than the one it was opened under. Between `begin`
    and `finish` the opener waits for the end of every transaction of its database that was running after `begin`:
    such a one may have found the cache closed and raised no floor. Each raises CacheUnavailable when the server does
    not answer, or refuses.
    """

    async def is_open(self, keeper: Keeper) -> bool:
        """Whether readers are served the objects of `keeper`; False as well where there is no cache to open."""

    async def begin(self, keeper: Keeper) -> Opening | None:
        """Set the state to opening, under a new incarnation: what was stored under another one counts as absent.

        None: it is open, or somebody began less than OPENING_SECONDS ago, or there is no cache to open.
        """

    async def finish(self, opening: Opening) -> bool:
        """Set the state to open. False: it is not this opening any more, begin again."""
