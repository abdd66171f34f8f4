"""Accounts with their sessions; strategies with every version of their spec."""

from alembic import op

from shared.runtime.migrations import shared_tables

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE users (
        id            uuid PRIMARY KEY,
        email         text NOT NULL,
        name          text NOT NULL,
        role          text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
        is_active     boolean NOT NULL DEFAULT true,
        password_hash text NOT NULL,
        created_at    timestamptz NOT NULL,
        revision      integer NOT NULL DEFAULT 1 CHECK (revision > 0)
    )
    """,
    "CREATE UNIQUE INDEX users_by_email ON users (lower(email))",
    """
    CREATE TABLE sessions (
        id           uuid PRIMARY KEY,
        user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        refresh_hash bytea NOT NULL,
        created_at   timestamptz NOT NULL,
        expires_at   timestamptz NOT NULL,
        revoked_at   timestamptz
    )
    """,
    "CREATE INDEX sessions_by_user ON sessions (user_id, expires_at)",
    # Only with the tokens a session has given out can a repeated one be told from an invented one.
    """
    CREATE TABLE used_refresh_tokens (
        hash       bytea PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
        used_at    timestamptz NOT NULL
    )
    """,
    "CREATE INDEX used_refresh_tokens_by_session ON used_refresh_tokens (session_id, used_at)",
    # json, not jsonb: a spec is answered as it was sent, its keys in their order.
    """
    CREATE TABLE strategies (
        id          uuid PRIMARY KEY,
        owner_id    uuid NOT NULL REFERENCES users,
        name        text NOT NULL,
        description text NOT NULL,
        spec        json NOT NULL,
        spec_hash   text NOT NULL,
        version     integer NOT NULL CHECK (version > 0),
        revision    integer NOT NULL CHECK (revision > 0),
        status      text NOT NULL CHECK (status IN ('draft', 'dev', 'crv', 'production')),
        created_at  timestamptz NOT NULL,
        updated_at  timestamptz NOT NULL
    )
    """,
    "CREATE INDEX strategies_by_created_at ON strategies (owner_id, created_at DESC, id DESC)",
    "CREATE INDEX strategies_by_updated_at ON strategies (owner_id, updated_at DESC, id DESC)",
    "CREATE INDEX strategies_by_name ON strategies (owner_id, name, id)",
    "CREATE INDEX strategies_by_status ON strategies (owner_id, status, created_at DESC, id DESC)",
    """
    CREATE TABLE strategy_versions (
        strategy_id uuid NOT NULL REFERENCES strategies ON DELETE CASCADE,
        version     integer NOT NULL CHECK (version > 0),
        spec        json NOT NULL,
        spec_hash   text NOT NULL,
        created_at  timestamptz NOT NULL,
        PRIMARY KEY (strategy_id, version)
    )
    """,
)


def upgrade() -> None:
    for statement in (*shared_tables.STATEMENTS, *STATEMENTS):
        op.execute(statement)
