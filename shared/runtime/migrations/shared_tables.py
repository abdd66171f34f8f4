"""The tables every service with a database has: object versions, outbox, sequences, relay lease, floors of groups."""

from shared.runtime.migrations.privileges import Grants

STATEMENTS: tuple[str, ...] = (
    # Rows are never deleted: they are the tombstones that keep a deleted object's version from being reused.
    """
    CREATE TABLE object_version (
        object  text PRIMARY KEY,
        version bigint NOT NULL CHECK (version > 0)
    )
    """,
    """
    CREATE TABLE outbox (
        id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        stream       text NOT NULL,
        sequence     bigint,
        event_id     text NOT NULL,
        type         text NOT NULL,
        subject      text NOT NULL,
        owner        text NOT NULL,
        time         text NOT NULL,
        traceparent  text NOT NULL,
        data         bytea NOT NULL,
        published_at timestamptz,
        UNIQUE (stream, sequence)
    )
    """,
    "CREATE INDEX outbox_unsequenced ON outbox (id) WHERE sequence IS NULL",
    "CREATE INDEX outbox_unsent ON outbox (stream, sequence) WHERE published_at IS NULL",
    """
    CREATE TABLE stream_sequence (
        stream text PRIMARY KEY,
        last   bigint NOT NULL
    )
    """,
    """
    CREATE TABLE relay_lease (
        name       text PRIMARY KEY,
        holder     text NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
)

# For databases made before there was one: those of STATEMENTS are as they were in the first release. A name is what the
# bus has, which need be no text.
GROUP_FLOOR = """
CREATE TABLE group_floor (
    stream text NOT NULL,
    name   bytea NOT NULL,
    floor  bigint NOT NULL CHECK (floor >= 0),
    PRIMARY KEY (stream, name)
)
"""

# What `outbox.py` and `relay.py` do with them.
GRANTS: Grants = {
    "object_version": ("SELECT", "INSERT", "UPDATE"),
    "outbox": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "stream_sequence": ("SELECT", "INSERT", "UPDATE"),
    "group_floor": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "relay_lease": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
