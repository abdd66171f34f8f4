"""Where names without a schema are looked for: in a service's own, and where the database has its extensions."""

# An extension that is there already may be in any schema, and an index has to find its operator classes.
SEARCH_PATH = """
SELECT set_config('search_path', string_agg(quote_ident(name), ', ' ORDER BY own DESC, name), true)
FROM (
    SELECT $1 AS name, true AS own
    UNION
    SELECT nspname, nspname = $1 FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace
    WHERE nspname <> 'pg_catalog'
) AS schemas
"""
"""Sets it until the transaction ends. $1: the schema."""
