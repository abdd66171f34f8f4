"""Accounts as they are shown and changed: one's own by everybody, all by administrators.

An access token says who asks and in which role for a quarter of an hour after it was made, whatever has become of the
account since. What is done here is done for the account as it is now.
"""

from services.strategy.core.accounts import changed_account, changed_fields, leaves_an_administrator
from services.strategy.core.revisions import check_revision
from services.strategy.ended_sessions import end_sessions
from services.strategy.store.account_lists import list_users, some_administrators
from services.strategy.store.accounts import is_administrator, lock_administration, lock_user, read_user, update_user
from shared.contracts.clock import Clock
from shared.contracts.errors import Forbidden, NotFound, Unauthenticated
from shared.contracts.events import UserUpdated
from shared.contracts.ids import is_id
from shared.contracts.messages import AdministerUser, ListUsers, PatchUser, ReadUser
from shared.contracts.objects import user_object, users_object
from shared.contracts.values import User
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database, Transaction
from shared.runtime.once import recorded
from shared.runtime.outbox import Announcement, announce_all

CLOSED = "This account is closed; ask an administrator to open it again"
NOT_AN_ADMINISTRATOR = "This is for administrators"


class UserHandlers:
    """Accounts, without what belongs to logging in."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(self, _: ReadUser, call: Call) -> Answer:
        """Answer the caller's account. Raises Unauthenticated for one that is closed."""
        user_id = call.user.user_id
        async with self._database.reading() as connection:
            found = await read_user(connection, user_id) if is_id(user_id) else None
        user, version = found or (None, 0)
        return Answer(open_account(user), {user_object(user_id): version})

    async def patch(self, message: PatchUser, call: Call) -> Answer:
        """Change the caller's account. Raises Unauthenticated, Invalid for a name, PreconditionFailed."""
        user_id = call.user.user_id
        async with self._database.transaction() as connection:
            current = open_account(await lock_user(connection, user_id) if is_id(user_id) else None)
            check_revision(current.revision, message.if_revision)
            after = changed_account(current, name=message.name)
            return await recorded(connection, call, await self._stored(connection, current, after, call))

    async def list_all(self, message: ListUsers, call: Call) -> Answer:
        """Answer a page of accounts. Raises Forbidden, Malformed for a cursor that does not belong here."""
        async with self._database.reading() as connection:
            page, version = await list_users(connection, message)
            # Afterwards: who was one still when the page was read has lost nothing, and a page that was read after the
            # loss is answered to nobody and cached for nobody.
            if not await is_administrator(connection, call.user.user_id):
                raise Forbidden(NOT_AN_ADMINISTRATOR)
        return Answer(page, {users_object(): version})

    async def administer(self, message: AdministerUser, call: Call) -> Answer:
        """Change anybody's account. Raises Forbidden, NotFound, PreconditionFailed.

        Raises Conflict rather than leave nobody who could undo it.
        """
        async with self._database.transaction() as connection:
            await lock_administration(connection)
            if not await is_administrator(connection, call.user.user_id):
                raise Forbidden(NOT_AN_ADMINISTRATOR)
            current = await lock_user(connection, message.id) if is_id(message.id) else None
            if current is None:
                raise NotFound(f"There is no account {message.id}")
            check_revision(current.revision, message.if_revision)
            after = changed_account(current, role=message.role, is_active=message.is_active)
            leaves_an_administrator(after, await some_administrators(connection))
            return await recorded(connection, call, await self._stored(connection, current, after, call))

    async def _stored(self, connection: Transaction, current: User, after: User, call: Call) -> Answer:
        """Store what has changed and announce it; of what has not, answer the state that is shown."""
        if after is current:
            shown = await read_user(connection, current.id)
            return Answer(current, {user_object(current.id): shown[1] if shown else 0})
        await update_user(connection, after)
        is_closed = current.is_active and not after.is_active
        ended = await end_sessions(connection, after.id, self._clock) if is_closed else []
        told = [*ended, user_change(after.id, changed_fields(current, after))]
        versions = await announce_all(connection, told, clock=self._clock, traceparent=call.traceparent)
        return Answer(after, versions)


def user_change(user_id: str, changed: list[str]) -> Announcement:
    """Return what is to be announced of a change of an account, which is in the list of all as well."""
    return Announcement(
        UserUpdated(id=user_id, owner=user_id, version=0, changed=changed), (user_object(user_id), users_object())
    )


def open_account(user: User | None) -> User:
    """Return an account that is there and not closed. Raises Unauthenticated."""
    if user is None:
        raise Unauthenticated("This account does not exist any more; register again")
    if not user.is_active:
        raise Unauthenticated(CLOSED)
    return user
