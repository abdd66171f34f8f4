"""One method a message: load, decide, save, announce, record. A write locks its row first, records last."""

from datetime import datetime

import msgspec
from msgspec import UNSET

from services.strategy.core import refresh_tokens
from services.strategy.core.patches import changed_fields, patched
from services.strategy.core.refresh_tokens import Grant, Session, Verdict
from services.strategy.core.revisions import check_revision
from services.strategy.core.specs import accepted_hash
from services.strategy.core.text import is_storable, normal_email, required_text, storable_text
from services.strategy.core.version_cursor import MAX_VERSION
from services.strategy.ended_sessions import end_surplus_sessions, session_end
from services.strategy.passwords import Passwords
from services.strategy.spec_validator import SpecValidator
from services.strategy.store.accounts import (
    Account,
    find_account,
    insert_user,
    lock_credentials,
    renew_password_hash,
)
from services.strategy.store.lists import list_strategies
from services.strategy.store.sessions import insert_session, lock_session, revoke_session, rotate_session, was_used
from services.strategy.store.strategies import (
    delete_strategy,
    insert_strategy,
    lock_strategy,
    read_strategy,
    update_strategy,
)
from services.strategy.tokens import SessionTokens
from services.strategy.user_handlers import CLOSED
from shared.contracts.clock import Clock
from shared.contracts.errors import Conflict, Forbidden, NotFound, Unauthenticated
from shared.contracts.events import StrategyCreated, StrategyDeleted, StrategyUpdated, UserRegistered
from shared.contracts.ids import is_id, new_id
from shared.contracts.messages import (
    CreateStrategy,
    DeleteStrategy,
    ListStrategies,
    LogIn,
    PatchStrategy,
    ReadStrategy,
    RefreshTokens,
    RegisterUser,
)
from shared.contracts.objects import strategies_object, strategy_object, user_object, users_object
from shared.contracts.values import Principal, Strategy, Tokens, User
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Connection, Database, Transaction
from shared.runtime.gone import not_found
from shared.runtime.once import recorded
from shared.runtime.outbox import announce, announce_all
from shared.runtime.tokens import LIFETIME_SECONDS

WRONG = "The email or the password is wrong"


class AccountHandlers:
    """Opening accounts and sessions; what else is done with them is in `user_handlers` and `session_handlers`."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords, tokens: SessionTokens) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._tokens = tokens

    async def register(self, message: RegisterUser, call: Call) -> Answer:
        """Open an account. Raises Conflict when its email is taken."""
        user = User(
            id=new_id(),
            email=normal_email(storable_text("/email", message.email)),
            name=required_text("/name", message.name),
            role="user",
            is_active=True,
            created_at=self._clock.now(),
            revision=1,
        )
        password_hash = await self._passwords.hash(message.password)
        async with self._database.transaction() as connection:
            if not await insert_user(connection, user, password_hash):
                raise Conflict("There is an account with this email; log in, or register another email")
            event = UserRegistered(id=user.id, owner=user.id, version=user.revision)
            objects = (user_object(user.id), users_object())
            versions = await announce(connection, event, objects, clock=self._clock, traceparent=call.traceparent)
            return await recorded(connection, call, Answer(user, versions))

    async def log_in(self, message: LogIn, call: Call) -> Answer:
        """Open a session. Raises Unauthenticated, in the same words and time whether or not the email is known.

        Raises Forbidden for a closed account, to those alone who know its password.
        """
        account = await self._account(normal_email(message.email))
        right = await self._passwords.verify(account.password_hash if account else None, message.password)
        if account is None or not right:
            raise Unauthenticated(WRONG)
        if not account.is_active:
            raise Forbidden(CLOSED)
        renewed = await self._passwords.renewed(account.password_hash, message.password)
        principal = Principal(user_id=account.id, role=account.role, session_id=new_id())
        grant = refresh_tokens.new_grant(principal, self._clock.now())
        tokens = self._tokens_of(grant)
        async with self._database.transaction() as connection:
            # Whoever closes it, or gives it another password, ends its sessions: none of before is opened after that.
            is_unchanged = await lock_credentials(connection, account.id) == account
            if is_unchanged:
                if renewed is not None:
                    await renew_password_hash(connection, account.id, account.password_hash, renewed)
                fingerprint = refresh_tokens.fingerprint(tokens.refresh_token)
                await insert_session(connection, principal, fingerprint, grant.issued_at)
                ended = await end_surplus_sessions(connection, account.id)
                await announce_all(connection, ended, clock=self._clock, traceparent=call.traceparent)
                await recorded(connection, call, Answer(grant))
        return Answer(tokens) if is_unchanged else await self.log_in(message, call)

    async def _account(self, email: str) -> Account | None:
        if not is_storable(email):
            return None
        async with self._database.reading() as connection:
            return await find_account(connection, email)

    async def refresh(self, message: RefreshTokens, call: Call) -> Answer:
        """Exchange a refresh token. Raises Unauthenticated; for a token used before, it also ends the session."""
        grant = None
        session_id = refresh_tokens.session_of(message.refresh_token)
        if session_id is not None:
            presented = refresh_tokens.fingerprint(message.refresh_token)
            async with self._database.transaction() as connection:
                grant = await self._exchange(connection, session_id, presented, call)
        # Outside of the transaction, which keeps the end of a session.
        return Answer(self._tokens_if(grant))

    async def _exchange(self, connection: Transaction, session_id: str, presented: bytes, call: Call) -> Grant | None:
        session = await lock_session(connection, session_id)
        if session is None:
            return None
        now = self._clock.now()
        used_before = await was_used(connection, session_id, presented)
        verdict = refresh_tokens.judge(session, presented, used_before=used_before, now=now)
        if verdict is Verdict.ROTATE:
            return await self._rotate(connection, session, now, call)
        if verdict is Verdict.REVOKE:
            await revoke_session(connection, session_id, now)
            ended = [session_end(session_id, session.user_id)]
            await announce_all(connection, ended, clock=self._clock, traceparent=call.traceparent)
            await recorded(connection, call, Answer(None))
        return None

    async def _rotate(self, connection: Connection, session: Session, now: datetime, call: Call) -> Grant:
        principal = Principal(user_id=session.user_id, role=session.role, session_id=session.id)
        grant = refresh_tokens.new_grant(principal, now)
        fingerprint = refresh_tokens.fingerprint(self._tokens_of(grant).refresh_token)
        await rotate_session(connection, session.id, fingerprint, now)
        await recorded(connection, call, Answer(grant))
        return grant

    def tokens_again(self, recorded_grant: bytes) -> Tokens:
        """Return the tokens of a grant that a login or a refresh recorded. Raises Unauthenticated for none."""
        return self._tokens_if(msgspec.json.decode(recorded_grant, type=Grant | None))

    def _tokens_if(self, grant: Grant | None) -> Tokens:
        if grant is None:
            raise Unauthenticated("The refresh token is not valid any more; log in again")
        return self._tokens_of(grant)

    def _tokens_of(self, grant: Grant) -> Tokens:
        access_token = self._tokens.access_token(grant.principal, grant.issued_at)
        refresh_token = self._tokens.refresh_token(grant)
        return Tokens(access_token=access_token, refresh_token=refresh_token, expires_in=LIFETIME_SECONDS)


class StrategyHandlers:
    """Strategies. What is another owner's is not found."""

    def __init__(self, database: Database, clock: Clock, specs: SpecValidator) -> None:
        self._database = database
        self._clock = clock
        self._specs = specs

    async def create(self, message: CreateStrategy, call: Call) -> Answer:
        """Store a strategy. Raises InvalidSpec, Invalid for a text, Unavailable when the spec cannot be checked."""
        owner_id = call.user.user_id
        name = required_text("/name", message.name)
        description = storable_text("/description", message.description)
        spec_hash = accepted_hash(await self._specs.validate(message.spec, call))
        now = self._clock.now()
        strategy = Strategy(
            id=new_id(),
            name=name,
            description=description,
            spec=message.spec,
            spec_hash=spec_hash,
            version=1,
            revision=1,
            status="draft",
            owner_id=owner_id,
            created_at=now,
            updated_at=now,
        )
        async with self._database.transaction() as connection:
            await insert_strategy(connection, strategy)
            event = StrategyCreated(id=strategy.id, owner=owner_id, version=0)
            versions = await self._announce(connection, event, call)
            return await recorded(connection, call, Answer(strategy, versions))

    async def read(self, message: ReadStrategy, call: Call) -> Answer:
        """Read a strategy, or an earlier spec of it under today's name. Raises NotFound."""
        async with self._database.reading() as connection:
            return await self._read(connection, message.id, call.user.user_id, message.version)

    async def list_all(self, message: ListStrategies, call: Call) -> Answer:
        """Page through the caller's strategies. Raises Malformed for a cursor that does not belong here."""
        owner_id = call.user.user_id
        storable_text("/q", message.q or "")
        async with self._database.reading() as connection:
            page, version = await list_strategies(connection, owner_id, message)
        return Answer(page, {strategies_object(owner_id): version})

    async def patch(self, message: PatchStrategy, call: Call) -> Answer:
        """Change a strategy. Raises NotFound, PreconditionFailed, and what `create` raises."""
        owner_id = call.user.user_id
        spec_hash = None
        if message.spec is not UNSET:
            async with self._database.reading() as connection:
                await self._read(connection, message.id, owner_id)
            # Before the transaction: no lock is held while another service is asked.
            spec_hash = accepted_hash(await self._specs.validate(message.spec, call))
        async with self._database.transaction() as connection:
            current = await self._lock(connection, message.id, owner_id, message.if_revision)
            after = patched(current, message, spec_hash, self._clock.now())
            if after is current:
                return await recorded(connection, call, await self._read(connection, message.id, owner_id))
            await update_strategy(connection, after, new_version=after.version > current.version)
            changed = changed_fields(current, after)
            event = StrategyUpdated(id=after.id, owner=owner_id, version=0, changed=changed)
            versions = await self._announce(connection, event, call)
            return await recorded(connection, call, Answer(after, versions))

    async def delete(self, message: DeleteStrategy, call: Call) -> Answer:
        """Delete a strategy. Raises NotFound or PreconditionFailed."""
        owner_id = call.user.user_id
        async with self._database.transaction() as connection:
            current = await self._lock(connection, message.id, owner_id, message.if_revision)
            await delete_strategy(connection, current.id)
            versions = await self._announce(connection, StrategyDeleted(id=current.id, owner=owner_id, version=0), call)
            return await recorded(connection, call, Answer(None, versions))

    async def _read(
        self, connection: Connection, strategy_id: str, owner_id: str, version: int | None = None
    ) -> Answer:
        found = None
        if is_id(strategy_id) and (version is None or 1 <= version <= MAX_VERSION):
            found = await read_strategy(connection, strategy_id, owner_id, version)
            if found is None:
                said, obj = str(_not_found(strategy_id, version)), strategy_object(strategy_id)
                raise await not_found(connection, said, "strategies", strategy_id, obj)
        if found is None:
            raise _not_found(strategy_id, version)
        strategy, object_version = found
        return Answer(strategy, {strategy_object(strategy_id): object_version})

    async def _lock(
        self, connection: Connection, strategy_id: str, owner_id: str, if_revision: tuple[int, ...] | None
    ) -> Strategy:
        current = await lock_strategy(connection, strategy_id, owner_id) if is_id(strategy_id) else None
        if current is None:
            raise _not_found(strategy_id)
        check_revision(current.revision, if_revision)
        return current

    async def _announce(
        self, connection: Transaction, event: StrategyCreated | StrategyUpdated | StrategyDeleted, call: Call
    ) -> dict[str, int]:
        objects = (strategy_object(event.id), strategies_object(event.owner))
        return await announce(connection, event, objects, clock=self._clock, traceparent=call.traceparent)


def _not_found(strategy_id: str, version: int | None = None) -> NotFound:
    which = f"strategy {strategy_id}" if version is None else f"version {version} of strategy {strategy_id}"
    return NotFound(f"There is no {which}")
