"""The usual way: one FastAPI application with Postgres, and Redis as a cache beside it.

Read, and on a miss query, store for a time and answer; a write deletes what it makes old. The answer is kept as JSON
bytes, made once by pydantic's own serializer, so that a hit decodes and encodes nothing (libraries for this, such as
fastapi-cache, decode the bytes and have FastAPI encode them again). FastAPI's ORJSONResponse is deprecated since
pydantic writes JSON itself; here it would have nothing to do. No account is looked up: the token's claims are believed.
Such a cache may keep serving old data after a race; see docs/cache.md.
"""
