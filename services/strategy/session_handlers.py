"""What callers do to their own sessions: end the one at hand, or all others, with the password that opened them."""

from services.strategy.ended_sessions import end_sessions, session_end
from services.strategy.passwords import Passwords
from services.strategy.store.accounts import Account, lock_credentials, read_credentials, update_password_hash
from services.strategy.store.sessions import lock_session, revoke_session
from services.strategy.user_handlers import CLOSED, user_change
from shared.contracts.clock import Clock
from shared.contracts.errors import Conflict, InputError, Invalid, Unauthenticated
from shared.contracts.ids import is_id
from shared.contracts.messages import ChangePassword, LogOut
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Connection, Database
from shared.runtime.once import recorded
from shared.runtime.outbox import announce_all


class SessionHandlers:
    """Logging out, and changing the password."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    async def log_out(self, _: LogOut, call: Call) -> Answer:
        """End the caller's session; one that has ended already, or is none, stays as it is."""
        versions: dict[str, int] = {}
        caller = call.user
        async with self._database.transaction() as connection:
            session = await lock_session(connection, caller.session_id) if is_id(caller.session_id) else None
            if session is not None and session.user_id == caller.user_id and session.revoked_at is None:
                await revoke_session(connection, session.id, self._clock.now())
                ended = [session_end(session.id, caller.user_id)]
                versions = await announce_all(connection, ended, clock=self._clock, traceparent=call.traceparent)
            return await recorded(connection, call, Answer(None, versions))

    async def change_password(self, message: ChangePassword, call: Call) -> Answer:
        """Give the caller another password, and end every session but this one.

        Raises Invalid for a wrong or repeated password, Unauthenticated for an account or a session that has ended.
        """
        user_id = call.user.user_id
        async with self._database.reading() as connection:
            account = _open(await read_credentials(connection, user_id) if is_id(user_id) else None)
        # Outside of the transaction: no lock is held while passwords are hashed.
        if not await self._passwords.verify(account.password_hash, message.current_password):
            raise _invalid("/current_password", "is not this account's")
        if message.new_password == message.current_password:
            raise _invalid("/new_password", "is the one that the account has; choose another")
        password_hash = await self._passwords.hash(message.new_password)
        async with self._database.transaction() as connection:
            current = _open(await lock_credentials(connection, user_id))
            if current.password_hash != account.password_hash:
                raise Conflict("The password has been changed at the same moment; try again with the one it has now")
            await self._check_session(connection, call)
            await update_password_hash(connection, user_id, password_hash)
            ended = await end_sessions(connection, user_id, self._clock, but=call.user.session_id)
            told = [*ended, user_change(user_id, ["password"])]
            versions = await announce_all(connection, told, clock=self._clock, traceparent=call.traceparent)
            return await recorded(connection, call, Answer(None, versions))

    async def _check_session(self, connection: Connection, call: Call) -> None:
        """Pass for a session that goes on: whoever was logged out must not take the account over."""
        session_id = call.user.session_id
        session = await lock_session(connection, session_id) if is_id(session_id) else None
        if session is None or session.user_id != call.user.user_id or session.revoked_at is not None:
            raise Unauthenticated("This session has ended; log in again")


def _open(account: Account | None) -> Account:
    if account is None or not account.is_active:
        raise Unauthenticated(CLOSED)
    return account


def _invalid(pointer: str, fault: str) -> Invalid:
    field = pointer.removeprefix("/").replace("_", " ")
    return Invalid(f"The {field} {fault}", errors=(InputError(pointer, fault),))
