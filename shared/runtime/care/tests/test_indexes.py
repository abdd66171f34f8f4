"""The indexes that there are, beside those that there should be."""

import pytest

from services.strategy.migrations.indexes import INDEXES
from shared.contracts.database_messages import IndexState
from shared.runtime.care import spare
from shared.runtime.care.declared import declared_by
from shared.runtime.care.indexes import describe_indexes, is_wrong
from shared.runtime.care.session import Connection

pytestmark = pytest.mark.integration


async def described(connection: Connection, schema: str = "strategy") -> dict[str, IndexState]:
    """Return the indexes by name."""
    async with connection.transaction():
        found = await describe_indexes(connection, schema, declared_by(f"services.{schema}"))
    return {index.name: index for index in found}


@pytest.mark.parametrize("schema", ["strategy", "backtest"])
async def test_what_is_declared_is_what_the_migrations_make(owner: Connection, schema: str) -> None:
    """Each index, with its definition, and no other: a migration that makes one has to declare it too."""
    found = await described(owner, schema)
    assert {name: (index.condition, index.definition) for name, index in found.items()} == {
        index.name: ("valid", index.definition) for index in declared_by(f"services.{schema}")
    }


async def test_a_service_sees_them_as_the_owner_does(owner: Connection, plain: Connection) -> None:
    """Its role needs no more rights for that."""
    assert await described(plain) == await described(owner)


async def test_an_extension_may_be_anywhere(owner: Connection) -> None:
    """The same index is shown otherwise where its operators' schema is not looked in."""
    await owner.execute("CREATE SCHEMA elsewhere; ALTER EXTENSION pg_trgm SET SCHEMA elsewhere")
    assert (await described(owner))["strategies_by_part_of_name"].condition == "valid"


@pytest.mark.parametrize(
    ("statement", "name", "condition"),
    [
        ("DROP INDEX strategy.sessions_by_user", "sessions_by_user", "missing"),
        ("ALTER TABLE strategy.users DROP CONSTRAINT users_pkey CASCADE", "users_pkey", "missing"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'strategy.users_by_email'::regclass",
            "users_by_email",
            "invalid",
        ),
        (
            "DROP INDEX strategy.users_by_email; CREATE INDEX users_by_email ON strategy.users (lower(email))",
            "users_by_email",
            "different",
        ),
        (
            "DROP INDEX strategy.sessions_by_user; CREATE INDEX sessions_by_user ON strategy.sessions (user_id)",
            "sessions_by_user",
            "different",
        ),
        ("CREATE INDEX mine ON strategy.users (name)", "mine", "undeclared"),
    ],
)  # fmt: skip
async def test_each_condition_is_told(owner: Connection, statement: str, name: str, condition: str) -> None:
    """And only of the index that is so; what is somebody else's is not wrong."""
    before = await described(owner)
    await owner.execute(statement)
    after = await described(owner)
    assert after[name].condition == condition
    assert is_wrong(after[name]) == (condition != "undeclared")
    assert {each for each in after if each not in before or after[each].condition != "valid"} == {name}
    if condition != "undeclared":
        assert after[name].hints[0].endswith(("--create", "--create makes it anew", "--create replaces it"))


async def test_what_keeps_rows_unique_is_never_unused(owner: Connection) -> None:
    """Though no query has used it; of the others those are, with the time since when that is counted."""
    found = await described(owner)
    unused = {name for name, index in found.items() if index.unused}
    assert unused == {index.name for index in INDEXES if not index.unique and found[index.name].scans == 0}
    assert "users_by_email" not in unused
    assert "users_pkey" not in unused
    assert found["users_by_created_at"].counted_since is not None


async def test_a_scan_ends_it(owner: Connection) -> None:
    """It is counted, and when it was."""
    await owner.execute(
        "INSERT INTO strategy.sessions SELECT gen_random_uuid(), id, '', now(), now() FROM strategy.users"
    )
    await owner.execute("SET enable_seqscan = off")
    await owner.fetch("SELECT FROM strategy.sessions WHERE expires_at < now()")
    await owner.fetchval("SELECT pg_stat_force_next_flush()")
    index = (await described(owner))["sessions_by_expiry"]
    assert index.scans > 0
    assert index.last_scan_at is not None
    assert not index.unused


async def test_a_large_one_that_nobody_uses_is_pointed_at(owner: Connection) -> None:
    """A small one costs nothing worth a word."""
    await owner.execute("CREATE INDEX mine ON strategy.used_refresh_tokens (used_at)")
    assert (await described(owner))["mine"].hints == []
    await owner.execute("""
        SET aurelius.announces = on;
        INSERT INTO strategy.users VALUES (gen_random_uuid(), 'e', 'n', 'user', true, '', now());
        INSERT INTO strategy.sessions SELECT gen_random_uuid(), id, '', now(), now() FROM strategy.users;
        INSERT INTO strategy.used_refresh_tokens
        SELECT n::text::bytea, id, now() + n * interval '1 s' FROM strategy.sessions, generate_series(1, 60000) AS n
    """)
    (hint,) = (await described(owner))["mine"].hints
    assert hint.startswith("no query has used it")
    assert "whoever made it may drop it" in hint


KEYS = """
CREATE TABLE strategy.keys (n bigint, id uuid, maybe uuid, name text, same int) WITH (autovacuum_enabled = false);
INSERT INTO strategy.keys
SELECT n, gen_random_uuid(), CASE WHEN n % 2 = 0 THEN gen_random_uuid() END, md5(n::text), 7
FROM generate_series(1, {rows}) AS n;
CREATE INDEX by_n ON strategy.keys (n);
CREATE INDEX by_id ON strategy.keys (id) INCLUDE (n);
CREATE INDEX by_maybe ON strategy.keys (maybe) WITH (fillfactor = 50);
CREATE INDEX by_name_of_some ON strategy.keys (name, id) WHERE n % 2 = 0;
CREATE INDEX by_upper ON strategy.keys (upper(name));
CREATE INDEX by_same ON strategy.keys (same);
"""
BTREES = ("by_n", "by_id", "by_name_of_some", "by_upper")


async def test_spare_room_is_estimated(owner: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an index just made there is hardly any, of one whose keys went most of it: as much as making it anew saves."""
    monkeypatch.setattr(spare, "SPARE_BYTES", 2**16)
    await owner.execute("SET search_path = strategy, public")
    await owner.execute(KEYS.format(rows=20_000))
    assert (await described(owner))["by_n"].spare_bytes_estimate is None
    await owner.execute("VACUUM (ANALYZE) strategy.keys")
    new = await described(owner)
    for name in BTREES:
        assert abs(new[name].spare_bytes_estimate or 0) < 0.05 * new[name].bytes, name
    assert not any("REINDEX" in hint for index in new.values() for hint in index.hints)
    await owner.execute("DELETE FROM strategy.keys WHERE n % 20 > 1")
    await owner.execute("VACUUM (ANALYZE) strategy.keys")
    emptied = await described(owner)
    await owner.execute("REINDEX TABLE strategy.keys")
    anew = await described(owner)
    for name in BTREES:
        saved = emptied[name].bytes - anew[name].bytes
        assert emptied[name].spare_bytes_estimate == pytest.approx(saved, rel=0.05), name
        assert f"REINDEX INDEX CONCURRENTLY strategy.{name} " in emptied[name].hints[-1]
        assert not any("REINDEX" in hint for hint in anew[name].hints)


async def test_what_cannot_be_estimated_is_not(owner: Connection, plain: Connection) -> None:
    """Another kind of index; for a service one on an expression; and equal keys are never told as room that is not."""
    await owner.execute("SET search_path = strategy, public")
    await owner.execute(KEYS.format(rows=2000))
    await owner.execute("CREATE INDEX by_part ON strategy.keys USING gin (name gin_trgm_ops)")
    await owner.execute("GRANT SELECT ON strategy.keys TO PUBLIC")
    await owner.execute("VACUUM (ANALYZE) strategy.keys")
    mine, theirs = await described(owner), await described(plain)
    assert mine["by_part"].spare_bytes_estimate is None
    assert (mine["by_same"].spare_bytes_estimate, mine["by_maybe"].spare_bytes_estimate) == (0, 0)
    assert mine["by_upper"].spare_bytes_estimate is not None
    assert theirs["by_upper"].spare_bytes_estimate is None
    assert theirs["by_id"].spare_bytes_estimate == mine["by_id"].spare_bytes_estimate
