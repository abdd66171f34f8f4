"""Ending sessions before their time; each end is announced with whatever else its transaction changes."""

from services.strategy.store.sessions import delete_surplus_sessions, revoke_other_sessions
from shared.contracts.clock import Clock
from shared.contracts.events import SessionRevoked
from shared.contracts.objects import session_object
from shared.runtime.database import Connection
from shared.runtime.outbox import Announcement


async def end_sessions(
    connection: Connection, user_id: str, clock: Clock, *, but: str | None = None
) -> list[Announcement]:
    """End every session of a locked account, but for the one named; returns what is to be announced of that."""
    ended = await revoke_other_sessions(connection, user_id, but, clock.now())
    return [session_end(session_id, user_id) for session_id in ended]


async def end_surplus_sessions(connection: Connection, user_id: str) -> list[Announcement]:
    """End those of a locked account that were unused longest, when it has more than it keeps; returns the same."""
    return [session_end(session_id, user_id) for session_id in await delete_surplus_sessions(connection, user_id)]


def session_end(session_id: str, user_id: str) -> Announcement:
    """Return what is to be announced of the end of one session."""
    return Announcement(SessionRevoked(id=session_id, owner=user_id, version=0), [session_object(session_id)])
