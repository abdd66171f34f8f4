"""How the indexes of a schema are beside those that the release declares, and which of them nobody uses."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.contracts.database_messages import IndexCondition, IndexState
from shared.runtime.care.declared import Index, names_of
from shared.runtime.care.spare import is_worth_a_word, spare_of_btree
from shared.runtime.database import Connection
from shared.runtime.search_path import SEARCH_PATH

ADVICE: Mapping[IndexCondition, str] = {
    "missing": "it is missing: aurelius db indexes --create",
    "invalid": "its making was interrupted, and no query uses it: aurelius db indexes --create makes it anew",
    "different": "it is not as this release declares it: aurelius db indexes --create replaces it",
}
LEFT_OVER = "the making of an index was interrupted and left it behind: aurelius db indexes --create removes it"
NOT_DONE = "it is being made at this moment, or another index is, of which this user is not told: look again later"
ANOTHERS = (
    "it is not valid, costs writes and serves no query; it is not the release's: whoever made it may drop it "
    "(DROP INDEX CONCURRENTLY) and make it anew"
)
UNUSED_BYTES = 2**20

# A crash loses the counts as a reset does, and only what belongs to the whole server says when that was. A plain role
# sees both; of what others are at now it sees hardly more than that. `last_idx_scan` is there from Postgres 16 on.
# Expressions have statistics under the index's own name, which its owner alone sees; of a column that nobody has
# analyzed there is no mean width.
_INDEXES = """
SELECT i.oid::bigint AS oid, n.nspname AS schema, t.relname AS table, i.relname AS name,
       format('%I.%I', n.nspname, i.relname) AS identifier,
       x.indisvalid AND x.indisready AND x.indislive AS valid, x.indisunique AS unique,
       EXISTS (SELECT FROM pg_stat_progress_create_index AS g
               WHERE g.datname = current_database() AND (g.index_relid = i.oid OR g.relid IS NULL)) AS being_made,
       (regexp_match(pg_get_indexdef(i.oid), ' (USING .*)$'))[1] AS definition,
       coalesce((SELECT CASE contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE contype::text END
                 FROM pg_constraint WHERE conindid = i.oid AND contype IN ('p', 'u', 'x')), '') AS constraint,
       pg_relation_size(i.oid) AS bytes,
       m.amname = 'btree' AS btree, CASE WHEN i.reltuples >= 0 THEN i.reltuples::bigint END AS keys,
       width.bytes AS key_bytes, width.nulls,
       coalesce((SELECT option_value::int FROM pg_options_to_table(i.reloptions) WHERE option_name = 'fillfactor'), 90)
           AS fillfactor,
       coalesce(s.idx_scan, 0) AS scans,
       (to_jsonb(s) ->> 'last_idx_scan')::timestamptz AS last_scan_at,
       greatest(
           (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
           (SELECT stats_reset FROM pg_stat_bgwriter)
       ) AS counted_since
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_am AS m ON m.oid = i.relam
CROSS JOIN LATERAL (
    SELECT CASE WHEN count(*) = count(p.avg_width) THEN sum((1 - p.null_frac) * p.avg_width) END AS bytes,
           coalesce(bool_or(p.null_frac > 0), false) AS nulls
    FROM pg_attribute AS a
    LEFT JOIN pg_attribute AS c ON (c.attrelid, c.attnum) = (x.indrelid, x.indkey[a.attnum - 1])
    LEFT JOIN pg_stats AS p ON NOT p.inherited AND (p.schemaname, p.tablename, p.attname)
        = (n.nspname, CASE WHEN c.attname IS NULL THEN i.relname ELSE t.relname END, coalesce(c.attname, a.attname))
    WHERE a.attrelid = i.oid
) AS width
LEFT JOIN pg_stat_user_indexes AS s ON s.indexrelid = i.oid
WHERE n.nspname = $1 AND t.relkind = 'r'
ORDER BY t.relname, i.relname
"""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An index as the catalogue has it."""

    name: str
    table: str
    definition: str
    valid: bool
    unique: bool
    constraint: str

    def is_as(self, declared: Index) -> bool:
        """Say whether it does what the declared one should, whatever it is called."""
        mine = (self.table, self.definition, self.unique, self.constraint)
        return mine == (declared.table, declared.definition, declared.unique, declared.constraint)


async def describe_indexes(connection: Connection, schema: str, declared: Sequence[Index]) -> list[IndexState]:
    """Return every index that is there or declared, in a transaction of the caller's."""
    await connection.execute(SEARCH_PATH, schema)
    rows = {str(row["name"]): dict(row) for row in await connection.fetch(_INDEXES, schema)}
    wanted, ours = {each.name: each for each in declared}, names_of(declared)
    states = [_state(row, wanted.get(name), ours=ours.fullmatch(name) is not None) for name, row in rows.items()]
    states += [_missing(schema, each) for name, each in wanted.items() if name not in rows]
    return sorted(states, key=lambda state: (state.table, state.name))


async def found_in(connection: Connection, schema: str) -> dict[str, Found]:
    """Return the schema's indexes by their names, in a transaction of the caller's."""
    await connection.execute(SEARCH_PATH, schema)
    rows = await connection.fetch(_INDEXES, schema)
    return {row["name"]: msgspec.convert(dict(row), Found) for row in rows}


def is_wrong(state: IndexState) -> bool:
    """Say whether there is something to be mended. What is somebody else's is not ours to judge."""
    return state.condition in ADVICE


def _condition(found: Found, declared: Index | None, ours: bool) -> IndexCondition:
    if not found.valid and ours:
        return "invalid"
    if declared is None:
        return "undeclared"
    return "valid" if found.is_as(declared) else "different"


def _state(row: Mapping[str, object], declared: Index | None, *, ours: bool) -> IndexState:
    found = msgspec.convert(row, Found)
    condition = _condition(found, declared, ours)
    unused = found.valid and not found.unique and not found.constraint and row["scans"] == 0
    if not found.valid and row["being_made"]:
        hints = [NOT_DONE]
    elif not found.valid and not ours:
        hints = [ANOTHERS]
    else:
        hints = [ADVICE[condition] if declared else LEFT_OVER] if condition in ADVICE else []
    if unused and int(str(row["bytes"])) >= UNUSED_BYTES:
        hints.append(_unused(declared is not None))
    spare, size = _spare_bytes(row), int(str(row["bytes"]))
    if spare is not None and is_worth_a_word(spare, size):
        hints.append(
            f"about {spare / 2**20:.0f} MiB of it are free and will be used by new keys; as its owner REINDEX INDEX "
            f"CONCURRENTLY {row['identifier']} gives them back to the disk, while the table is in use"
        )
    own = {
        "condition": condition, "declared": declared.definition if declared else None, "unused": unused, "hints": hints,
        "spare_bytes_estimate": spare,
    }  # fmt: skip
    return msgspec.convert({**row, **own}, IndexState)


def _spare_bytes(row: Mapping[str, object]) -> int | None:
    if not row["btree"] or row["keys"] is None or row["key_bytes"] is None:
        return None
    return spare_of_btree(
        int(str(row["keys"])),
        float(str(row["key_bytes"])),
        nulls=bool(row["nulls"]),
        fillfactor=int(str(row["fillfactor"])),
        index_bytes=int(str(row["bytes"])),
    )


def _unused(declared: bool) -> str:
    counted = "no query has used it since its scans are counted, on this server (a standby counts its own)"
    return counted + ("" if declared else "; it is not the release's: whoever made it may drop it")


def _missing(schema: str, declared: Index) -> IndexState:
    return IndexState(
        schema=schema, table=declared.table, name=declared.name, condition="missing", definition=declared.definition,
        declared=declared.definition, unique=declared.unique, bytes=0, spare_bytes_estimate=None, scans=0,
        last_scan_at=None, counted_since=None, unused=False, hints=[ADVICE["missing"]],
    )  # fmt: skip
