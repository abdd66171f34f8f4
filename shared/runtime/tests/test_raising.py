"""The cache is told of a write before it commits, on a real database."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.contracts.clock import SystemClock
from shared.contracts.errors import Unavailable
from shared.contracts.events import SessionRevoked, StrategyUpdated, UserUpdated
from shared.contracts.objects import session_object, strategies_object, strategy_object, user_object
from shared.runtime.database import Database
from shared.runtime.once import AlreadyDone
from shared.runtime.outbox import Announcement, announce, announce_all
from shared.runtime.raising import Policy
from shared.runtime.settings import DatabaseSettings
from shared.runtime.tests.announcing import unpublished, write
from shared.runtime.tests.floors import ToldFloors, outcomes, raising_to
from shared.runtime.timings import Timings
from tests.databases import ask, execute, service_url

pytestmark = pytest.mark.integration

FLOORS = {"strategy:s1": 1, "strategies:me": 1}
_END_WRITER = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE relation = 'strategy.object_version'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
"""
_ENDS_ITSELF = """
CREATE TABLE strategy.thing (n int);
GRANT INSERT ON strategy.thing TO aurelius_strategy;
CREATE FUNCTION strategy.end_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER end_session AFTER INSERT ON strategy.thing DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION strategy.end_session();
"""


@pytest.fixture
def floors() -> ToldFloors:
    """A cache."""
    return ToldFloors()


@pytest.fixture
def policy() -> Policy:
    """By the type of what is written, unless a test says otherwise."""
    return ""


@pytest.fixture
async def telling(database_url: str, floors: ToldFloors, policy: Policy) -> AsyncIterator[tuple[Database, Timings]]:
    """A database that tells it, and what counts that."""
    raising, timings = raising_to(floors, policy)
    settings = DatabaseSettings(database_url=service_url(database_url, "strategy"))
    database = Database(settings, "strategy", raising=raising)
    await database.connect()
    yield database, timings
    await database.close()


async def write_account(database: Database) -> None:
    """Announce a change of an account, whose policy is strict."""
    async with database.transaction() as connection:
        event = UserUpdated(id="u1", owner="u1", version=0, changed=["role"])
        await announce(connection, event, [user_object("u1")], clock=SystemClock())


async def test_floors_are_raised_after_the_last_statement_and_before_the_commit(
    telling: tuple[Database, Timings], floors: ToldFloors, owner_url: str
) -> None:
    """When the cache hears of it nobody else sees the change yet, and its rows are locked."""
    database, timings = telling
    seen: list[object] = []

    async def look() -> None:
        seen.append(await ask(owner_url, "SELECT count(*) FROM strategy.object_version"))
        locked = "SELECT count(*) FROM pg_locks WHERE relation = 'strategy.object_version'::regclass"
        seen.append(await ask(owner_url, f"{locked} AND mode = 'RowExclusiveLock'"))

    floors.before = look
    assert await write(database) == FLOORS
    assert seen == [0, 1]
    assert floors.raised == [FLOORS]
    assert floors.taken_back == []
    assert outcomes(timings) == {"raised": 1}


async def test_a_transaction_tells_once_of_all_that_it_raises(
    telling: tuple[Database, Timings], floors: ToldFloors
) -> None:
    """However many events it has."""
    database, _ = telling
    told = [
        Announcement(StrategyUpdated(id=name, owner="me", version=0), [strategy_object(name), strategies_object("me")])
        for name in ("s1", "s2")
    ]
    async with database.transaction() as connection:
        await announce_all(connection, told, clock=SystemClock())
    assert floors.raised == [{"strategy:s1": 1, "strategies:me": 1, "strategy:s2": 1}]


async def test_each_transaction_has_a_name_of_its_own(telling: tuple[Database, Timings], floors: ToldFloors) -> None:
    """What one has raised is not another's to take back."""
    for _ in range(3):
        await write(telling[0])
    assert len(set(floors.writers)) == 3


async def test_who_changes_nothing_tells_nothing(telling: tuple[Database, Timings], floors: ToldFloors) -> None:
    """A transaction without an announcement costs no round trip."""
    async with telling[0].transaction() as connection:
        await connection.execute("SELECT 1")
    assert floors.raised == []


@pytest.mark.parametrize("failure", [LookupError, AlreadyDone])
async def test_what_fails_before_its_end_is_not_told(
    telling: tuple[Database, Timings], floors: ToldFloors, failure: type[Exception]
) -> None:
    """A repeat that finds its answer recorded raises nothing, and so has nothing to take back."""
    with pytest.raises(failure):
        await write_and_fail(telling[0], failure)
    assert floors.raised == []


async def write_and_fail(database: Database, failure: type[Exception]) -> None:
    """Announce, and then find that it cannot be."""
    async with database.transaction() as connection:
        event = StrategyUpdated(id="s1", owner="me", version=0)
        await announce(connection, event, [strategy_object("s1")], clock=SystemClock())
        raise failure


async def test_what_cannot_commit_is_taken_back(
    telling: tuple[Database, Timings], floors: ToldFloors, owner_url: str
) -> None:
    """When Postgres answers a COMMIT with an error, nothing was committed: the old answers are served again."""
    database, timings = telling
    await execute(
        owner_url,
        "CREATE TABLE strategy.thing (n int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);"
        "GRANT INSERT ON strategy.thing TO aurelius_strategy",
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await write_twice_the_same(database)
    assert floors.raised == floors.taken_back == [{"strategy:s1": 1}]
    assert outcomes(timings) == {"raised": 1, "taken_back": 1}
    assert await unpublished(database) == 0


async def write_twice_the_same(database: Database) -> None:
    """Announce in a transaction that only its COMMIT finds impossible."""
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO thing VALUES (1), (1)")
        event = StrategyUpdated(id="s1", owner="me", version=0)
        await announce(connection, event, [strategy_object("s1")], clock=SystemClock())


async def test_a_commit_without_an_answer_is_not_taken_back(
    telling: tuple[Database, Timings], floors: ToldFloors, owner_url: str
) -> None:
    """It may have been done. The floor stays, and costs misses at most."""

    async def end_the_connection() -> None:
        assert await ask(owner_url, _END_WRITER)

    floors.before = end_the_connection
    with pytest.raises(Unavailable):
        await write(telling[0])
    assert (floors.raised, floors.taken_back) == ([FLOORS], [])


async def test_a_commit_that_ends_with_its_session_is_not_taken_back(
    telling: tuple[Database, Timings], floors: ToldFloors, owner_url: str
) -> None:
    """Postgres answers the COMMIT, and says that the session has ended: of others it says so after they are done."""
    await execute(owner_url, _ENDS_ITSELF)
    with pytest.raises(Unavailable):
        await write_once(telling[0])
    assert (floors.raised, floors.taken_back) == ([{"strategy:s1": 1}], [])


async def write_once(database: Database) -> None:
    """Announce, in a transaction whose COMMIT ends the session."""
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO thing VALUES (1)")
        event = StrategyUpdated(id="s1", owner="me", version=0)
        await announce(connection, event, [strategy_object("s1")], clock=SystemClock())


async def test_who_is_cancelled_while_the_cache_is_told_writes_nothing(
    telling: tuple[Database, Timings], floors: ToldFloors
) -> None:
    """And takes nothing back: what was not answered may arrive after that."""
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    floors.before = hang
    writing = asyncio.create_task(write(telling[0]))
    await reached.wait()
    writing.cancel()
    await asyncio.wait([writing])
    assert writing.cancelled()
    assert (await unpublished(telling[0]), floors.taken_back) == (0, [])


@pytest.mark.parametrize("policy", ["", "available"])
async def test_what_is_available_is_written_without_the_cache_and_counted(
    telling: tuple[Database, Timings], floors: ToldFloors
) -> None:
    """A cache that is away stops nobody who changes a strategy."""
    database, timings = telling
    floors.answers = False
    assert await write(database) == FLOORS
    assert await unpublished(database) == 1
    assert outcomes(timings) == {"unanswered": 1}
    floors.answers = True
    await write(database)
    assert outcomes(timings) == {"raised": 1}


async def test_what_is_strict_is_not_written_without_the_cache(
    telling: tuple[Database, Timings], floors: ToldFloors
) -> None:
    """Who lost a role is not shown as having it: the change is refused, to be asked for again in a second."""
    database, timings = telling
    floors.answers = False
    with pytest.raises(Unavailable) as raised:
        await write_account(database)
    assert raised.value.retry_after == 1
    assert await unpublished(database) == 0
    assert floors.taken_back == []
    assert outcomes(timings) == {"refused": 1}


async def test_one_strict_object_makes_a_write_strict(telling: tuple[Database, Timings], floors: ToldFloors) -> None:
    """As of an account that is closed, with sessions that end."""
    database, _ = telling
    floors.answers = False
    with pytest.raises(Unavailable):
        await end_account(database)
    assert await unpublished(database) == 0


async def end_account(database: Database) -> None:
    """Announce the end of a session, and a change of its account."""
    told = [
        Announcement(SessionRevoked(id="x1", owner="u1", version=0), [session_object("x1")]),
        Announcement(UserUpdated(id="u1", owner="u1", version=0, changed=["is_active"]), [user_object("u1")]),
    ]
    async with database.transaction() as connection:
        await announce_all(connection, told, clock=SystemClock())


@pytest.mark.parametrize("policy", ["strict"])
async def test_the_policy_can_be_strict_for_all(telling: tuple[Database, Timings], floors: ToldFloors) -> None:
    """Then nothing at all is written that the cache has not heard of."""
    floors.answers = False
    with pytest.raises(Unavailable):
        await write(telling[0])
    assert await unpublished(telling[0]) == 0


@pytest.mark.parametrize("policy", ["available"])
async def test_the_policy_can_be_available_for_all(telling: tuple[Database, Timings], floors: ToldFloors) -> None:
    """Accounts among them."""
    floors.answers = False
    await write_account(telling[0])
    assert await unpublished(telling[0]) == 1


@pytest.mark.parametrize("policy", ["", "strict"])
async def test_without_a_cache_nothing_waits_for_one(telling: tuple[Database, Timings], floors: ToldFloors) -> None:
    """Nor is anything counted or taken back."""
    database, timings = telling
    floors.there = False
    await write_account(database)
    assert await unpublished(database) == 1
    assert outcomes(timings) == {}
