"""Ending sessions before their time, and announcing each."""

from services.strategy.store.sessions import delete_surplus_sessions, revoke_other_sessions
from shared.contracts.clock import Clock
from shared.contracts.events import SessionRevoked
from shared.contracts.objects import session_object
from shared.runtime.bus.server import Call
from shared.runtime.database import Transaction
from shared.runtime.outbox import announce


async def end_sessions(
    connection: Transaction, user_id: str, call: Call, clock: Clock, *, but: str | None = None
) -> dict[str, int]:
    """End every session of a locked account, but for the one named; returns the versions that were raised.

    Before whatever else the transaction announces: `session:` sorts before `user:`, and objects are raised in order.
    """
    versions: dict[str, int] = {}
    for session_id in await revoke_other_sessions(connection, user_id, but, clock.now()):
        versions |= await announce_end(connection, session_id, user_id, call, clock)
    return versions


async def end_surplus_sessions(connection: Transaction, user_id: str, call: Call, clock: Clock) -> None:
    """End those of a locked account that were unused longest, when it has more than it keeps."""
    for session_id in await delete_surplus_sessions(connection, user_id):
        await announce_end(connection, session_id, user_id, call, clock)


async def announce_end(
    connection: Transaction, session_id: str, user_id: str, call: Call, clock: Clock
) -> dict[str, int]:
    """Announce the end of one session."""
    event = SessionRevoked(id=session_id, owner=user_id, version=0)
    return await announce(connection, event, [session_object(session_id)], clock=clock, traceparent=call.traceparent)
