"""Accounts and sessions: register, login, refresh. Open to everybody."""

from typing import Any

from litestar import Request, Response, Router, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from services.gateway.core.problems import Problem
from services.gateway.guards import guard, json_body, known_query
from services.gateway.idempotency import Repeatable, readable_key, repeatable
from services.gateway.problems import PROBLEM_JSON, PROBLEMS
from services.gateway.read_path import Gateway, written
from shared.contracts import messages, values


class Registration(messages.RegisterUser, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new account."""


class Credentials(messages.LogIn, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An email and a password."""


class RefreshToken(messages.RefreshTokens, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token of the last login or refresh."""


def account_routes(gateway: Gateway) -> Router:
    """Return the routes under /auth."""

    @post(
        "/register",
        responses=repeatable(PROBLEMS),
        summary="Open an account",
        status_code=201,
        guards=[guard(readable_key)],
        operation_class=Repeatable,
    )
    async def register(request: Request[Any, Any, Any], data: JSONBody[Registration]) -> Response[values.User]:
        reply = await gateway.create(request, data, None)
        return written(request, reply, 201, location="/api/v1/users/me")

    @post(
        "/login",
        responses={403: _CLOSED, **PROBLEMS},
        summary="Exchange email and password for tokens",
        status_code=200,
    )
    async def log_in(request: Request[Any, Any, Any], data: JSONBody[Credentials]) -> Response[values.Tokens]:
        reply = await gateway.ask(request, data, None)
        return _tokens(reply.body)

    @post("/refresh", responses=PROBLEMS, summary="Exchange a refresh token for new tokens", status_code=200)
    async def refresh(request: Request[Any, Any, Any], data: JSONBody[RefreshToken]) -> Response[values.Tokens]:
        reply = await gateway.ask(request, data, None)
        return _tokens(reply.body)

    return Router(
        "/auth", route_handlers=[register, log_in, refresh], guards=[guard(known_query, json_body)], tags=["Accounts"]
    )


_CLOSED = ResponseSpec(
    Problem,
    media_type=PROBLEM_JSON,
    description="The account is closed; an administrator can open it again",
    generate_examples=False,
)


def _tokens(body: bytes) -> Response[Any]:
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")
