"""Migrations: one Postgres schema per service, versions kept inside it, run by alembic over plain SQL."""
