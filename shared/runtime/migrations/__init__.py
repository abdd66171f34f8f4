"""Migrations: one Postgres schema and one login role per service; alembic over plain SQL, versions kept inside it."""
