"""Who asks: verifies access tokens, and remembers the verified ones for their short life."""

import time
from collections import OrderedDict

import jwt
import msgspec
from litestar.handlers import BaseRouteHandler

from services.gateway.notes import Connection, notes_of
from shared.contracts.errors import Forbidden, Unauthenticated
from shared.contracts.values import Principal
from shared.runtime.settings import SecretSettings
from shared.runtime.tokens import ALGORITHM, key_id

REMEMBERED = 10_000


class Claims(msgspec.Struct, frozen=True):
    """What an access token says; times are Unix seconds."""

    sub: str
    role: str
    sid: str
    iat: int
    exp: int


class Authenticator:
    """Checks bearer tokens. One once verified is looked up until it expires: verifying costs more than a hit."""

    def __init__(self, settings: SecretSettings) -> None:
        keys = [settings.secret_key, settings.secret_key_previous]
        self._keys = {key_id(key): key for key in keys if key}
        self._verified: OrderedDict[bytes, tuple[Principal, int]] = OrderedDict()  # by the whole header

    def check(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Let a request pass with its principal noted. Raises Unauthenticated."""
        notes_of(connection).principal = self.principal(connection.headers.get("authorization", ""))

    def principal(self, header: str) -> Principal:
        """Return who a `Bearer` header speaks for. Raises Unauthenticated with a sentence for the client."""
        sent = header.encode("latin-1", "replace")
        known = self.known(sent)
        if known is not None:
            return known
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send an access token: `Authorization: Bearer <token>` from POST /api/v1/auth/login")
        stripped = token.strip()
        principal, expires = self._verify(stripped)
        if token == stripped:  # one token has as many headers as there may be spaces in them
            self._verified[sent] = (principal, expires)
            if len(self._verified) > REMEMBERED:
                self._verified.popitem(last=False)
        return principal

    def known(self, header: bytes) -> Principal | None:
        """Return who a header speaks for whose token has been verified before and has not expired, else None."""
        known = self._verified.get(header)
        return known[0] if known is not None and known[1] > time.time() else None

    def _verify(self, token: str) -> tuple[Principal, int]:
        try:
            key = self._keys[str(jwt.get_unverified_header(token).get("kid"))]
            payload = jwt.decode(token, key, algorithms=[ALGORITHM], options={"require": ["sub", "exp", "iat", "sid"]})
            claims = msgspec.convert(payload, Claims)
            principal = msgspec.convert(
                {"user_id": claims.sub, "role": claims.role, "session_id": claims.sid}, Principal
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("The access token has expired; log in or refresh it") from error
        except (jwt.InvalidTokenError, KeyError, msgspec.ValidationError) as error:
            raise Unauthenticated("The access token is not valid; log in again") from error
        return principal, claims.exp


def admin_only(connection: Connection, _: BaseRouteHandler) -> None:
    """Let administrators pass, on a route that has been authenticated before. Raises Forbidden."""
    if notes_of(connection).caller.role != "admin":
        raise Forbidden("This is for administrators")
