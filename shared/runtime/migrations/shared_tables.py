"""The tables every service with a database has: versions of objects, outbox and relay, recorded answers."""

from shared.runtime.migrations import edited_rows
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

# Beside the tables above, which the first revisions made. `body` is NULL while the request that a key came with is
# being carried out, until `held_until` at most.
RECORDED_ANSWERS: tuple[str, ...] = (
    """
    CREATE TABLE request_answer (
        key         text PRIMARY KEY,
        request_id  text NOT NULL,
        fingerprint bytea,
        held_until  timestamptz,
        body        bytea,
        versions    json,
        expires_at  timestamptz NOT NULL,
        CHECK (body IS NOT NULL OR held_until IS NOT NULL)
    )
    """,
    "CREATE INDEX request_answer_by_expiry ON request_answer (expires_at)",
)

# What `outbox.py`, `relay.py` and `recorded_answers.py` do with them.
GRANTS: Grants = {
    **edited_rows.GRANTS,
    "object_version": ("SELECT", "INSERT", "UPDATE"),
    "outbox": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "stream_sequence": ("SELECT", "INSERT", "UPDATE"),
    "group_floor": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "relay_lease": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "request_answer": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
