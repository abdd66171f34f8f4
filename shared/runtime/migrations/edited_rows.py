"""What keeps hand-written SQL honest: triggers that raise the versions of what it changes, and record an event.

Our own code names what it changes by itself (`shared.runtime.outbox`), and says so to each session it opens; what any
other session changes is gathered per statement and announced when its transaction commits: not before, so that somebody
who thinks a change over holds up nobody, and once, however many rows it touches. The cache is told by the event.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from shared.runtime.migrations.privileges import Grants

ANNOUNCES: Final = "aurelius.announces"
"""The setting of a session that names by itself what it changes: `on`."""

OBJECTS_AN_EVENT: Final = 500

Edited = Mapping[str, str]
"""By table: a query of the objects that show its rows, and whose they are; `%1$s` stands for the changed rows."""


def rows_of(entity: str, collection: str) -> str:
    """Return the query for a table whose every row is an entity of its own, shown in its owner's collection."""
    columns = ", owner_id::text FROM %1$s"
    return f"SELECT '{entity}:' || id{columns} UNION SELECT '{collection}:' || owner_id{columns}"  # our own names


# Empty but for what is about to be committed: of each transaction its objects, and one row without an object, which is
# what has them announced. A trigger for each object would have 10,000 of them look at what the first has done.
_TABLE = """
CREATE TABLE edited_object (
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    object      text NOT NULL,
    owner       text NOT NULL,
    PRIMARY KEY (transaction, object)
)
"""

# With the rights of the tables' owner: who may change a row need not be let near versions and events.
_NOTE = """
CREATE FUNCTION note_edited_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp AS $$
DECLARE
    rows text;
BEGIN
    FOREACH rows IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY['rows_after']
        WHEN 'DELETE' THEN ARRAY['rows_before']
        WHEN 'UPDATE' THEN ARRAY['rows_before', 'rows_after']
        ELSE ARRAY[TG_RELID::regclass::text] END
    LOOP
        EXECUTE 'INSERT INTO edited_object (object, owner) ' || format(TG_ARGV[0], rows) || ' ON CONFLICT DO NOTHING';
    END LOOP;
    INSERT INTO edited_object (object, owner) VALUES ('', '') ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""

# In the order in which everybody raises versions.
_ANNOUNCE = """
CREATE FUNCTION announce_edited_objects() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp AS $$
BEGIN
    WITH edited AS (
        DELETE FROM edited_object WHERE transaction = pg_current_xact_id() RETURNING object, owner
    ), raised AS (
        INSERT INTO object_version AS v (object, version)
        SELECT object, 1 FROM edited WHERE object <> '' ORDER BY object
        ON CONFLICT (object) DO UPDATE SET version = v.version + 1
        RETURNING object, version
    ), numbered AS (
        SELECT object, version, owner, (row_number() OVER (PARTITION BY owner ORDER BY object) - 1) / {at_once} AS part
        FROM edited JOIN raised USING (object)
    )
    INSERT INTO outbox (stream, event_id, type, subject, owner, time, traceparent, data)
    SELECT 'aurelius.events.{schema}', gen_random_uuid(), 'aurelius.{schema}_rows.edited.v1', 'owner:' || owner, owner,
           to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '',
           convert_to(json_build_object('id', owner, 'owner', owner, 'version', 0, 'changed', '[]'::json,
                                        'objects', json_object_agg(object, version ORDER BY object))::text, 'UTF8')
    FROM numbered GROUP BY owner, part ORDER BY owner, part;
    IF FOUND THEN
        PERFORM pg_notify('aurelius_outbox', '');
    END IF;
    RETURN NULL;
END $$
"""

_AT_COMMIT = """
CREATE CONSTRAINT TRIGGER announce_edited_objects AFTER INSERT ON edited_object
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.object = '') EXECUTE FUNCTION announce_edited_objects()
"""

_BY_HAND = f"WHEN (current_setting('{ANNOUNCES}', true) IS DISTINCT FROM 'on')"
_TRIGGERS: Mapping[str, str] = {
    "inserted": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS rows_after",
    "updated": "AFTER UPDATE ON {table} REFERENCING OLD TABLE AS rows_before NEW TABLE AS rows_after",
    "deleted": "AFTER DELETE ON {table} REFERENCING OLD TABLE AS rows_before",
    # While they are still there.
    "emptied": "BEFORE TRUNCATE ON {table}",
}


def statements(schema: str, edited: Edited) -> Iterator[str]:
    """Yield what makes a service's schema announce edited rows of these tables, as alembic takes it."""
    yield _TABLE
    yield _NOTE.format(schema=schema)
    yield _without_parameters(_ANNOUNCE.format(schema=schema, at_once=OBJECTS_AN_EVENT))
    yield _AT_COMMIT
    for table, query in edited.items():
        yield from triggers(table, query)


def triggers(table: str, query: str) -> Iterator[str]:
    """Yield the triggers of one table, for one that comes later."""
    argument = query.replace("'", "''")
    for name, event in _TRIGGERS.items():
        yield _without_parameters(
            f"CREATE TRIGGER edited_rows_{name} {event.format(table=table)} "
            f"FOR EACH STATEMENT {_BY_HAND} EXECUTE FUNCTION note_edited_rows('{argument}')"
        )


def _without_parameters(statement: str) -> str:
    """A colon before a name is a parameter's to alembic, unless it is escaped."""
    return re.sub(r"(?<!:):(?=\w)", r"\:", statement)


# The functions have the rights of their owner: nobody else needs any.
GRANTS: Grants = {"edited_object": ()}
