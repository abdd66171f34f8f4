"""Statements as spans: https://opentelemetry.io/docs/specs/semconv/database/postgresql/

Only those of something that is traced: what processes ask for their own sake, again and again, is no part of a trace.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import asyncpg
from asyncpg.connection import LoggedQuery

from shared.runtime import context

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Attributes, Tracer

LONGEST: Final = 2000
"""Characters of a statement."""

_TEXT = re.compile(r"'(?:[^']|'')*'")
_SPACE = re.compile(r"\s+")
# A name behind FROM that a bracket follows is a function's.
_ABOUT = re.compile(r"\b(?:INTO (?P<into>[a-z_][\w.]*)|(?:UPDATE|FROM) (?P<of>[a-z_][\w.]*)(?![\w.(]))", re.IGNORECASE)


class QuerySpans:
    """What asyncpg is told to call after each statement of a connection."""

    def __init__(self, tracer: "Tracer", schema: str) -> None:
        self._tracer = tracer
        self._schema = schema

    def __call__(self, query: LoggedQuery) -> None:
        """Tell of one, in the context of who ran it."""
        parent = context.current().traceparent
        if not parent:
            return
        name, attributes = described(query.query)
        attributes = {**attributes, "db.namespace": f"{query.conn_params.database}|{self._schema}"}
        if isinstance(query.conn_addr, tuple):
            attributes |= {"server.address": query.conn_addr[0], "server.port": query.conn_addr[1]}
        error = query.exception
        if isinstance(error, asyncpg.PostgresError) and error.sqlstate:
            attributes |= {"db.response.status_code": error.sqlstate}
        failed = "" if error is None else type(error).__name__
        self._tracer.tell(name, "client", attributes, parent=parent, seconds=query.elapsed, error=failed)


@lru_cache(maxsize=1000)
def described(statement: str) -> tuple[str, "Attributes"]:
    """Return a span's name and what it says of a statement: its text, without any value that stands in it."""
    text = _SPACE.sub(" ", _TEXT.sub("?", statement)).strip(" ;")
    operation = text.partition(" ")[0].upper()
    about = _ABOUT.search(text)
    summary = f"{operation} {about['into'] or about['of']}" if about else operation
    return summary, {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        "db.query.summary": summary,
        "db.query.text": text[:LONGEST],
    }
