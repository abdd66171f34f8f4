"""What a caller does to its own sessions: log out, change the password."""

from typing import Any

from litestar import Request, Response, Router, post
from litestar.params import JSONBody

from services.gateway.guards import guard, json_body
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, written
from shared.contracts import messages


class PasswordChange(messages.ChangePassword, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password that the account has, and the one it is to have."""


def session_routes(gateway: Gateway) -> Router:
    """Return the routes under /auth for those who are logged in."""

    @post(
        "/logout",
        responses=PROBLEMS,
        summary="End the session of this access token",
        description=f"Its refresh token is refused at once. {_ACCESS_TOKENS}",
        status_code=204,
    )
    async def log_out(request: Request[Any, Any, Any]) -> Response[None]:
        return written(request, await gateway.ask(request, messages.LogOut(), notes_of(request).caller), 204)

    @post(
        "/change-password",
        responses=PROBLEMS,
        summary="Change the password, and end every other session",
        description=f"Their refresh tokens are refused at once; this session goes on. {_ACCESS_TOKENS}",
        status_code=204,
        guards=[guard(json_body)],
    )
    async def change_password(request: Request[Any, Any, Any], data: JSONBody[PasswordChange]) -> Response[None]:
        return written(request, await gateway.ask(request, data, notes_of(request).caller), 204)

    return Router("/auth", route_handlers=[log_out, change_password], tags=["Accounts"])


_ACCESS_TOKENS = (
    "An access token that was given out is good until it expires, a quarter of an hour at most; not to change a "
    "password or an account."
)
