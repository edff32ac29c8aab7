"""The token endpoint, and whom an access token speaks for.

Source: developers.snap.com authentication page, read 2026-11-22; the texts of its errors are those
of RFC 6749, since the vendor publishes none.
"""

from dataclasses import dataclass, field
from itertools import count
from urllib.parse import parse_qsl

import orjson

from audsync.sandbox.contract import Answer, Call
from audsync.sandbox.snapchat.errors import UnauthorisedError
from audsync.sandbox.snapchat.settings import RefreshToken, Settings

TOKEN_PATH = "/login/oauth2/access_token"  # noqa: S105 - a path
_FORM = "application/x-www-form-urlencoded"
_GRANTS = frozenset({"refresh_token", "authorization_code"})
_HEADERS = {"Content-Type": "application/json;charset=utf-8", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose call it is."""

    token: str = field(repr=False)
    grant: RefreshToken


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issued:
    grant: str = field(repr=False)
    """The value in the settings of the refresh token that it comes from."""
    ends_at: float


class Tokens:
    """The tokens that were given out; what a grant may do is always as the settings say now."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._issued: dict[str, _Issued] = {}
        self._rotated: dict[str, str] = {}
        self._dead: set[str] = set()

    def forget_rotation(self) -> None:
        """The refresh tokens of the settings are good again, and only they."""
        self._rotated.clear()
        self._dead.clear()

    def answer(self, call: Call, settings: Settings, now: float) -> Answer:
        """What the token endpoint says."""
        if call.method != "POST":
            return _refused("invalid_request", 405)
        form = _form(call)
        if form is None:
            return _refused("invalid_request", 400)
        given = (form.get("client_id"), form.get("client_secret"))
        if given not in {(client.id, client.secret) for client in settings.clients}:
            return _refused("invalid_client", settings.invalid_client_status)
        if form.get("grant_type") not in _GRANTS:
            return _refused("unsupported_grant_type", 400)
        value = form.get("refresh_token", "")
        grant = self._grant(value, settings)
        if grant is None or grant.client_id != form["client_id"]:
            return _refused("invalid_grant", settings.invalid_grant_status)
        return self._issue(value, grant, settings, now)

    def caller(self, call: Call, settings: Settings, now: float) -> Caller:
        """Whose call it is, once its token is known to be good.

        Raises:
            UnauthorisedError: there is no token, or it is not good.
        """
        kind, _, value = call.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not value:
            raise UnauthorisedError
        issued = self._issued.get(value)
        grants = {grant.value: grant for grant in settings.refresh_tokens}
        if issued is None or issued.grant not in grants:
            raise UnauthorisedError("The access token is invalid")
        if issued.ends_at <= now:
            raise UnauthorisedError("The access token expired")
        return Caller(token=value, grant=grants[issued.grant])

    def _grant(self, value: str, settings: Settings) -> RefreshToken | None:
        if value in self._dead:
            return None
        origin = self._rotated.get(value, value)
        return next((each for each in settings.refresh_tokens if each.value == origin), None)

    def _issue(self, used: str, grant: RefreshToken, settings: Settings, now: float) -> Answer:
        number = next(self._numbers)
        access = f"sandbox-snapchat-access-{number}"
        rotates = settings.rotates_refresh_tokens
        refresh = f"sandbox-snapchat-refresh-{number}" if rotates else used
        issued = _Issued(grant=grant.value, ends_at=now + settings.token_life_s)

        def effect() -> None:
            self._issued[access] = issued
            if rotates:
                self._dead.add(used)
                self._rotated[refresh] = grant.value

        told = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": settings.token_life_s,
            "refresh_token": refresh,
            "scope": " ".join(grant.scopes),
        }
        return Answer(
            status=200, body=orjson.dumps(told), headers=_HEADERS, action="token", effect=effect
        )


def _form(call: Call) -> dict[str, str] | None:
    """The fields of a form; None when the body is none."""
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        return None
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def _refused(error: str, status: int) -> Answer:
    body = orjson.dumps({"error": error})
    return Answer(status=status, body=body, headers=_HEADERS, action="token")
