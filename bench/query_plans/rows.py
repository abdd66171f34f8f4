"""Fills both schemas with rows that are as wide as real ones, and as unequal.

Numbers go on where they ended, so that a database grows: 1,000 runs, then up to 100,000, then up to 1,000,000.
"""

from dataclasses import dataclass

import asyncpg

from bench.query_plans.population import DATASETS, OWNERS, VERSIONS

# A die with 2^31 faces for each number and use.
_DICE = ", ".join(f"hashint8extended(n, {use}) & 2147483647 AS d{use}" for use in range(1, 6))

# A tenth has 0, another 1 to 9, the rest the others.
_OWNER = "CASE WHEN d1 % 10 = 0 THEN 0 WHEN d1 % 10 = 1 THEN 1 + d1 / 10 % 9 ELSE 10 + d1 / 10 % 990 END"

# As new_id() makes them: they begin with the time.
_ID = "(lpad(to_hex(1735689600000 + n * 500), 12, '0') || '7' || substr(md5('{table}' || n), 1, 19))::uuid"

_SPEC = """{"params": {"fast": {"type": "int", "min": 2, "max": 50, "default": 10},
 "slow": {"type": "int", "min": 5, "max": 200, "default": 20}}, "let": {"f": "sma(close, fast)",
 "s": "sma(close, slow)"}, "entry_long": "f > s and f[1] < s[1]", "exit_long": "f < s and f[1] > s[1]"}"""

_IDENTITY = """{"spec_hash": "", "params": {"fast": 10, "slow": 20}, "dataset_sha256": "", "start": null, "end": null,
 "execution": {"initial_cash": 100000.0, "fill": "next_open", "side": null, "fee_bps": 0.0, "fee_fixed": 0.0,
 "slippage_bps": 0.0, "borrow_bps_per_year": 0.0, "lot_size": null, "stop_rule": "stop_first", "close_at_end": false},
 "engine_version": 1, "seed": 0}"""

_METRICS = "{" + ", ".join(f'"metric_{number}": 0.12345678901234567' for number in range(20)) + "}"


@dataclass(frozen=True, slots=True)
class _Load:
    """A statement for the rows numbered $1 to $2, of which there is one in `one_in` runs, but a thousand at least."""

    sql: str
    one_in: int = 1

    def number(self, runs: int) -> int:
        """Return how many rows go with so many runs."""
        return max(runs // self.one_in, min(runs, 1000))


# Some administrators, and many that are none any more.
_USERS = _Load(
    f"""
    INSERT INTO strategy.users (id, email, name, role, is_active, password_hash, created_at)
    SELECT md5('owner ' || n)::uuid, 'Owner' || n || '@example.com', 'Owner ' || n,
           CASE WHEN n < 20 OR d1 % 50 = 0 AND d2 % 4 = 0 THEN 'admin' ELSE 'user' END, d1 % 50 > 0, repeat('h', 97),
           timestamptz '2025-01-01' + n / 20 * interval '1 minute'
    FROM (SELECT n, {_DICE} FROM generate_series($1::bigint + {OWNERS} - 1, $2::bigint + {OWNERS} - 1) AS n) AS dice
    """,
    one_in=10,
)

_SESSIONS = _Load(
    """
    INSERT INTO strategy.sessions (id, user_id, refresh_hash, created_at, expires_at)
    SELECT md5('session ' || n)::uuid, md5('owner ' || CASE WHEN n % 10 = 1 THEN 0 ELSE n % 1000 END)::uuid,
           sha256(n::text::bytea), now(), now() + interval '20 days'
    FROM generate_series($1::bigint, $2::bigint) AS n
    """,
    one_in=10,
)

_TOKENS = _Load(
    """
    INSERT INTO strategy.used_refresh_tokens (hash, session_id, used_at)
    SELECT sha256(('used ' || n)::bytea), md5('session ' || CASE WHEN n % 10 = 2 THEN 1 ELSE n END)::uuid, now()
    FROM generate_series($1::bigint, $2::bigint) AS n
    """,
    one_in=10,
)

# One strategy has been changed again and again.
_VERSIONS_OF_ONE = f"CASE n WHEN 7 THEN {VERSIONS} ELSE 1 END"

_STRATEGIES = _Load(
    f"""
    INSERT INTO strategy.strategies (id, owner_id, name, description, spec, spec_hash, version, revision, status,
                                     created_at, updated_at)
    SELECT {_ID.format(table="strategies")}, md5('owner ' || {_OWNER})::uuid,
           CASE WHEN d2 % 200 = 0 THEN 'Zephyr #' || n || ' qx' WHEN d2 % 5 = 0 THEN 'Zigzag pivot ' || d3 % 500
                ELSE (ARRAY['SMA cross', 'RSI reversal', 'Donchian breakout', 'Gap fade'])[1 + d3 % 4] || ' '
                     || (ARRAY['AAPL', 'MSFT', 'EURUSD', 'Bund', 'Gold'])[1 + d4 % 5] || ' daily ' || n END,
           repeat('What it does, and why. ', 6), '{_SPEC}', md5(n::text) || md5(n::text), {_VERSIONS_OF_ONE}, 1,
           CASE WHEN d5 % 1000 = 0 THEN 'production' WHEN d5 % 50 = 1 THEN 'crv' WHEN d5 % 12 = 2 THEN 'dev'
                ELSE 'draft' END,
           timestamptz '2025-01-01' + n / 20 * interval '1 minute',
           timestamptz '2025-06-01' + d2 % 1000 * interval '1 hour'
    FROM (SELECT n, {_DICE} FROM generate_series($1::bigint, $2::bigint) AS n) AS dice
    """,
    one_in=10,
)

_VERSIONS = _Load(
    f"""
    INSERT INTO strategy.strategy_versions (strategy_id, version, spec, spec_hash, created_at)
    SELECT {_ID.format(table="strategies")}, version, '{_SPEC}', md5(n::text) || md5(n::text), now()
    FROM generate_series($1::bigint, $2::bigint) AS n, generate_series(1, {_VERSIONS_OF_ONE}) AS version
    """,
    one_in=10,
)

_DATASET = """
    INSERT INTO backtest.datasets (id, owner_id, name, symbol, interval, timezone, rows, first_at, last_at, sha256,
                                   gaps, split_like_jumps, zero_volume_bars, created_at)
    SELECT {id}, md5('owner ' || {owner})::uuid, 'AAPL, daily', 'AAPL', '1d', 'UTC', 3270, now() - interval '9 years',
           now(), md5(n::text) || md5(n::text), 0, 0, 0, timestamptz '2025-01-01' + n / 20 * interval '1 minute'
"""

_DATASETS_OF_RUNS = (
    _DATASET.format(id="md5('dataset ' || owner || '.' || n)::uuid", owner="owner")
    + f"""
    FROM generate_series(0, {OWNERS} - 1) AS owner, generate_series(0, {DATASETS} - 1) AS n WHERE owner = 0 OR n < 5
"""
)

_DATASETS = _Load(
    _DATASET.format(id="md5('more data ' || n)::uuid", owner=_OWNER)
    + f"FROM (SELECT n, {_DICE} FROM generate_series($1::bigint, $2::bigint) AS n) AS dice",
    one_in=100,
)

# A fifth of the runs is the biggest owner's, half of these of one strategy. Few are on some of the datasets, only the
# oldest were cancelled, and every tenth never traded: the same final value, and no Sharpe ratio.
_BACKTESTS = _Load(
    f"""
    INSERT INTO backtest.backtests (id, owner_id, strategy_id, strategy_version, dataset_id, spec, run_identity, status,
                                    error, metrics, final_value, total_return, sharpe, result_digest, result_key,
                                    created_at, identity_digest)
    SELECT {_ID.format(table="backtests")}, md5('owner ' || owner)::uuid,
           CASE WHEN strategy >= 0 THEN md5('strategy ' || owner || '.' || strategy)::uuid END, 1,
           md5('dataset ' || owner || '.' || dataset)::uuid, '{_SPEC}', '{_IDENTITY}', status,
           CASE status WHEN 'failed' THEN 'It ended in an error.' END, CASE WHEN done THEN '{_METRICS}'::json END,
           CASE WHEN done THEN CASE WHEN idle THEN 100000 ELSE 50000 + d5 % 3000 * 37 END END,
           CASE WHEN done THEN CASE WHEN idle THEN 0 ELSE d5 % 3000 / 1000.0 END END,
           CASE WHEN done AND NOT idle THEN d5 % 5000 / 1000.0 - 1 END,
           CASE WHEN done THEN md5(n::text) || md5(n::text) END, CASE WHEN done THEN 'results/' || md5(n::text) END,
           timestamptz '2025-01-01' + n / 20 * interval '10 s', md5('run ' || n / 3) || md5(n / 3 || ' run')
    FROM (
        SELECT *, status = 'succeeded' AS done, strategy = 3 OR d5 % 10 = 0 AS idle
        FROM (
            SELECT *, CASE WHEN n <= 20000 AND d4 % 20 = 0 THEN 'cancelled' WHEN n % 1000 = 500 THEN 'queued'
                           WHEN n % 125000 = 7 THEN 'running' WHEN d4 % 100 < 5 THEN 'failed'
                           WHEN owner = 0 AND strategy = 2 AND d4 % 50 > 5 THEN 'failed' ELSE 'succeeded' END AS status
            FROM (
                SELECT *, CASE WHEN d2 % 10 = 9 THEN -1 WHEN owner > 0 THEN d2 / 10 % 5 WHEN d2 % 10 < 5 THEN 0
                               ELSE 1 + d2 / 10 % 200 END AS strategy,
                          CASE WHEN d3 % 1000 < 600 THEN 0 WHEN d3 % 1000 < 990 THEN 1 + d3 % 3
                               WHEN owner > 0 OR d3 % 1000 < 999 THEN 4 ELSE 5 + d3 / 1000 % 15 END AS dataset
                FROM (
                    SELECT *, CASE WHEN d1 % 10 = 5 THEN 0 ELSE {_OWNER} END AS owner
                    FROM (SELECT n, {_DICE} FROM generate_series($1::bigint, $2::bigint) AS n) AS dice
                ) AS owned
            ) AS placed
        ) AS ended
    ) AS measured
    """
)

# One for each run, in the state that goes with the run's.
_JOBS = _Load(
    f"""
    INSERT INTO backtest.jobs (subject, kind, owner_id, urgency, created_at, traceparent, lease, lease_until, attempts,
                               ended, ended_at)
    SELECT {_ID.format(table="backtests")}, 'backtest', md5('owner ' || n % 1000)::uuid, 0,
           timestamptz '2025-01-01' + n / 20 * interval '10 s', '', (n % 1000 <> 500)::integer,
           CASE WHEN n % 125000 = 7 THEN now() + interval '1 day' END, 1, n % 1000 <> 500 AND n % 125000 <> 7,
           now()
    FROM generate_series($1::bigint, $2::bigint) AS n
    """
)

_REMOVALS = _Load(
    f"""
    INSERT INTO backtest.jobs (subject, kind, owner_id, urgency, created_at, traceparent)
    SELECT {_ID.format(table="backtests")}, 'removal', md5('owner ' || n % 1000)::uuid, 3,
           timestamptz '2025-01-01' + n / 20 * interval '10 s', ''
    FROM generate_series($1::bigint, $2::bigint) AS n WHERE n % 1000 = 250
    """
)

_VALIDATIONS = _Load(
    f"""
    INSERT INTO backtest.validations (id, owner_id, strategy_id, strategy_version, dataset_id, method, spec, request,
                                      status, error, created_at)
    SELECT {_ID.format(table="validations")}, md5('owner ' || owner)::uuid,
           md5('strategy ' || owner || '.' || d2 % 5)::uuid, 1, md5('dataset ' || owner || '.' || d3 % 5)::uuid,
           'walk_forward', '{_SPEC}', '{_IDENTITY}', 'failed', 'It ended in an error.',
           timestamptz '2025-01-01' + n / 20 * interval '1 minute'
    FROM (SELECT *, {_OWNER} AS owner
          FROM (SELECT n, {_DICE} FROM generate_series($1::bigint, $2::bigint) AS n) AS dice) AS owned
    """,
    one_in=10,
)

_SWEEPS = _Load(
    f"""
    INSERT INTO backtest.sweeps (id, owner_id, strategy_id, strategy_version, dataset_id, spec, run_identity, grid,
                                 objective, status, combinations, error, best, result_digest, result_key, created_at)
    SELECT {_ID.format(table="sweeps")}, md5('owner ' || owner)::uuid,
           md5('strategy ' || owner || '.' || strategy)::uuid, 1, md5('dataset ' || owner || '.' || dataset)::uuid,
           '{_SPEC}', '{_IDENTITY}', '{{"fast": [5, 10, 20]}}', 'sharpe', status, 3,
           CASE status WHEN 'failed' THEN 'It ended in an error.' END,
           CASE status WHEN 'succeeded' THEN '[]'::json END,
           CASE status WHEN 'succeeded' THEN md5(n::text) || md5(n::text) END,
           CASE status WHEN 'succeeded' THEN 'results/' || md5(n::text) END,
           timestamptz '2025-01-01' + n / 20 * interval '1 minute'
    FROM (
        SELECT *, CASE WHEN d2 % 10 < 5 THEN 0 ELSE d2 / 10 % 5 END AS strategy,
                  CASE WHEN d3 % 10 < 6 THEN 0 WHEN owner > 0 THEN d3 % 5 ELSE d3 / 10 % {DATASETS} END AS dataset,
                  CASE WHEN n % 100 = 50 THEN 'queued' WHEN n % 1000 = 7 THEN 'running' WHEN d4 % 100 < 5 THEN 'failed'
                       WHEN n <= 2000 AND d4 % 20 = 7 THEN 'cancelled' ELSE 'succeeded' END AS status
        FROM (SELECT *, {_OWNER} AS owner
              FROM (SELECT n, {_DICE} FROM generate_series($1::bigint, $2::bigint) AS n) AS dice) AS owned
    ) AS placed
    """,
    one_in=2,
)

# Of a sweep in three slices, one of which has been done.
_SLICES = _Load(
    f"""
    INSERT INTO backtest.jobs (subject, kind, part, owner_id, urgency, created_at, traceparent, lease, attempts, ended,
                               ended_at)
    SELECT {_ID.format(table="sweeps")}, 'sweep_slice', part, md5('owner ' || n % 1000)::uuid, 2,
           timestamptz '2025-01-01' + n / 20 * interval '1 minute', '', (part = 0)::integer, (part = 0)::integer,
           part = 0, now()
    FROM generate_series($1::bigint, $2::bigint) AS n, generate_series(0, 2) AS part WHERE n % 1000 = 7
    """,
    one_in=2,
)

_GATE_RESULTS = _Load(
    f"""
    INSERT INTO backtest.gate_results (id, owner_id, strategy_id, strategy_version, gate, policy_version, passed,
                                       checks, created_at)
    SELECT {_ID.format(table="gate_results")}, md5('owner ' || owner)::uuid,
           md5('strategy ' || owner || '.' || d2 % 5)::uuid, 1,
           CASE WHEN d3 % 1000 = 0 THEN 'product' WHEN d3 % 10 = 1 THEN 'crv' ELSE 'dev' END, 1, false, '{_METRICS}',
           timestamptz '2025-01-01' + n / 20 * interval '1 minute'
    FROM (SELECT *, {_OWNER} AS owner
          FROM (SELECT n, {_DICE} FROM generate_series($1::bigint, $2::bigint) AS n) AS dice) AS owned
    """,
    one_in=10,
)

_OBJECTS = tuple(
    _Load(
        f"""
        INSERT INTO {service}.object_version SELECT '{service}:' || md5('{service} ' || n)::uuid, 3
        FROM generate_series($1::bigint, $2::bigint) AS n
        """,
        one_in=10,
    )
    for service in ("strategy", "backtest")
)

_OUTBOXES = tuple(
    _Load(
        f"""
        INSERT INTO {service}.outbox (stream, sequence, event_id, type, subject, owner, time, traceparent, data,
                                      published_at)
        SELECT 'aurelius.events.{service}', n, md5('event ' || n)::uuid::text, 'aurelius.{service}.created.v1',
               '{service}:' || md5(n::text)::uuid, md5('owner ' || n % 1000)::uuid::text, '2025-01-01T00:00:00Z', '',
               repeat('d', 300)::bytea, now()
        FROM generate_series($1::bigint, $2::bigint) AS n
        """,
        one_in=one_in,
    )
    for service, one_in in (("strategy", 10), ("backtest", 1))
)

_ANSWERS = tuple(
    _Load(
        f"""
        INSERT INTO {service}.request_answer (key, request_id, body, versions, expires_at)
        SELECT md5('answer ' || n)::uuid::text, md5('answer ' || n)::uuid::text, repeat('d', 300)::bytea,
               '{{"{service}:0": 1}}', now() + interval '1 day' + n * interval '1 s'
        FROM generate_series($1::bigint, $2::bigint) AS n
        """,
        one_in=10,
    )
    for service in ("strategy", "backtest")
)

_SEQUENCES = """
INSERT INTO {service}.stream_sequence SELECT stream, max(sequence) FROM {service}.outbox GROUP BY stream
ON CONFLICT (stream) DO UPDATE SET last = excluded.last
"""

_LOADS = (
    _USERS,
    _SESSIONS,
    _TOKENS,
    _STRATEGIES,
    _VERSIONS,
    _DATASETS,
    _BACKTESTS,
    _JOBS,
    _REMOVALS,
    _SWEEPS,
    _SLICES,
    _VALIDATIONS,
    _GATE_RESULTS,
    *_OBJECTS,
    *_OUTBOXES,
    *_ANSWERS,
)

_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('strategy', 'backtest')
"""

INDEXES = """
SELECT relnamespace::regnamespace::text AS service, c.relname::text AS index, indexrelid::regclass::text AS name,
       pg_get_indexdef(indexrelid) AS definition
FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
WHERE relnamespace IN ('strategy'::regnamespace, 'backtest'::regnamespace)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
ORDER BY 1, 2
"""
"""The indexes of both schemas that no constraint stands on."""


async def load(
    connection: "asyncpg.Connection[asyncpg.Record]", first: int, last: int, *, analyze: bool = True
) -> None:
    """Add the runs numbered `first` to `last` and what goes with them, as the owner of both schemas.

    Indexes are made anew after the rows, which takes a fraction of the time. Without `analyze` there are no statistics
    for the planner, as after a restore; autovacuum makes none while something is measured.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL aurelius.announces = on")  # the rows come with their versions and events
        indexes = await connection.fetch(INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        if first == 1:
            await connection.execute(_USERS.sql, 1 - OWNERS, 0)
            await connection.execute(_DATASETS_OF_RUNS)
        for each in _LOADS:
            await connection.execute(each.sql, each.number(first - 1) + 1, each.number(last))
        for service in ("strategy", "backtest"):
            await connection.execute(_SEQUENCES.format(service=service))
        for index in indexes:
            await connection.execute(index["definition"])
        for table in await connection.fetch(_TABLES):
            await connection.execute(f"ALTER TABLE {table[0]} SET (autovacuum_enabled = false)")
    if analyze:
        await connection.execute("ANALYZE")
