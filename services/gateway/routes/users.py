"""Accounts: one's own, and for administrators all of them."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, patch
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from services.gateway.auth import admin_only
from services.gateway.core.etags import revisions
from services.gateway.guards import guard, json_body
from services.gateway.notes import notes_of
from services.gateway.problems import ADMIN_PROBLEMS, PROBLEMS
from services.gateway.read_path import Gateway, known_id, written
from services.gateway.routes.paging import with_next_link
from shared.contracts import messages, values
from shared.contracts.objects import user_object, users_object


class ProfilePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON merge patch (RFC 7396) of one's own account."""

    name: values.Name | UnsetType = UNSET


class AccountPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON merge patch (RFC 7396) of anybody's account."""

    role: values.Role | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


def user_routes(gateway: Gateway) -> Router:
    """Return the routes under /users."""

    @get("/me", responses=PROBLEMS, summary="Read your own account")
    async def read(request: Request[Any, Any, Any]) -> Response[values.User]:
        own = user_object(notes_of(request).caller.user_id)
        return await gateway.read(request, messages.ReadUser(), own, "doc")

    @patch("/me", responses=PROBLEMS, summary="Change your own account", guards=[guard(json_body)])
    async def change(request: Request[Any, Any, Any], data: JSONBody[ProfilePatch]) -> Response[values.User]:
        allowed = revisions(request.headers.get("if-match", ""))
        message = messages.PatchUser(name=data.name, if_revision=allowed)
        return written(request, await gateway.ask(request, message, notes_of(request).caller), 200)

    @get("/", responses=ADMIN_PROBLEMS, summary="List all accounts, newest first", guards=[guard(admin_only)])
    async def list_all(
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
        role: FromQuery[values.Role | None] = None,
        is_active: FromQuery[bool | None] = None,
        email: Annotated[str | None, QueryParameter(max_length=254, description="The whole of it, in any case")] = None,
    ) -> Response[values.UserPage]:
        message = messages.ListUsers(limit=limit, cursor=cursor, role=role, is_active=is_active, email=email)
        # An entry is of whom it was made for: each administrator has entries of its own under the one list.
        variant = f"{notes_of(request).caller.user_id}.{msgspec.json.encode(message).decode()}"
        return with_next_link(request, await gateway.read(request, message, users_object(), variant))

    @patch(
        "/{user_id:str}",
        responses=ADMIN_PROBLEMS,
        summary="Give an account another role, close it, or open it again",
        description=_ADMINISTERED,
        guards=[guard(admin_only, json_body)],
    )
    async def administer(
        request: Request[Any, Any, Any], user_id: FromPath[str], data: JSONBody[AccountPatch]
    ) -> Response[values.User]:
        message = messages.AdministerUser(
            id=known_id(user_id),
            role=data.role,
            is_active=data.is_active,
            if_revision=revisions(request.headers.get("if-match", "")),
        )
        return written(request, await gateway.ask(request, message, notes_of(request).caller), 200)

    return Router("/users", route_handlers=[read, change, list_all, administer], tags=["Accounts"])


_ADMINISTERED = (
    "A role holds from the account's next login or refresh on. An account that is closed loses all its sessions; its "
    "access tokens are good until they expire, a quarter of an hour at most, but not to read or change an account. The "
    "last active administrator can be neither closed nor made a user: 409."
)
