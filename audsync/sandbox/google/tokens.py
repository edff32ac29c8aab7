"""The token endpoint, and the access tokens it gave out.

Source: "Using OAuth 2.0 for web server applications" and "... for server to server applications",
read 2026-11-22. What is refused is told the OAuth way, not in the API's own error form.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import orjson

from audsync.sandbox.contract import Answer, Call
from audsync.sandbox.google.settings import Principal, Settings
from audsync.sandbox.google.signature import is_signed_by

_REFRESH = "refresh_token"
_ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_PUBLIC_AUDIENCE = "https://oauth2.googleapis.com/token"
_LONGEST_LIFE_S = 3600
_SKEW_S = 300
_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-cache, no-store, max-age=0, must-revalidate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """What a bearer token stands for."""

    principal: Principal = field(repr=False)
    scopes: tuple[str, ...]
    ends_at: float


class _DeniedError(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description


class Tokens:
    """All access tokens that are out; their texts are numbered, so that a test can tell them."""

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}
        self._numbers = count(1)

    def find(self, text: str) -> AccessToken | None:
        """What a bearer token stands for, even when its time is over."""
        return self._tokens.get(text)

    def answer(self, call: Call, settings: Settings, now: float) -> Answer:
        """`POST /token` with a form."""
        try:
            form = _form(call)
            grant = form.get("grant_type", "")
            if grant == _REFRESH:
                principal, scopes = _by_refresh_token(form, settings)
            elif grant == _ASSERTION:
                audiences = (_PUBLIC_AUDIENCE, f"{call.base_url}/token")
                assertion = form.get("assertion", "")
                principal, scopes = _by_assertion(assertion, settings, now, audiences)
            else:
                raise _grant_refused(grant)
        except _DeniedError as denied:
            value = {"error": denied.error, "error_description": denied.description}
            return _reply(denied.status, value)
        return _reply(200, self._issued(principal, scopes, settings, now))

    def info(self, call: Call, now: float) -> Answer:
        """`GET /tokeninfo?access_token=`."""
        token = self._tokens.get(call.query.get("access_token", ""))
        if token is None or token.ends_at <= now:
            value = {"error": "invalid_token", "error_description": "Invalid Value"}
            return _reply(400, value)
        left = {"expires_in": str(int(token.ends_at - now)), "exp": str(int(token.ends_at))}
        return _reply(200, {"scope": " ".join(token.scopes), **left, "access_type": "offline"})

    def _issued(
        self, principal: Principal, scopes: tuple[str, ...], settings: Settings, now: float
    ) -> dict[str, Any]:
        text = f"ya29.sandbox-{next(self._numbers)}"
        ends_at = now + settings.token_life_s
        self._tokens[text] = AccessToken(principal=principal, scopes=scopes, ends_at=ends_at)
        return {
            "access_token": text,
            "expires_in": settings.token_life_s,
            "scope": " ".join(scopes),
            "token_type": "Bearer",
        }


def _form(call: Call) -> dict[str, str]:
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise _DeniedError(400, "invalid_request", "The request body must be a form.")
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def _grant_refused(grant: str) -> _DeniedError:
    if not grant:
        return _DeniedError(400, "invalid_request", "Missing required parameter: grant_type")
    return _DeniedError(400, "unsupported_grant_type", "Invalid grant_type.")


def _by_refresh_token(
    form: Mapping[str, str], settings: Settings
) -> tuple[Principal, tuple[str, ...]]:
    client = next((each for each in settings.clients if each.id == form.get("client_id")), None)
    if client is None:
        raise _DeniedError(401, "invalid_client", "The OAuth client was not found.")
    if client.secret != form.get("client_secret"):
        raise _DeniedError(401, "invalid_client", "Unauthorized")
    text = form.get(_REFRESH, "")
    if not text:
        raise _DeniedError(400, "invalid_request", "Missing required parameter: refresh_token")
    for token in settings.refresh_tokens:
        if (token.value, token.client_id, token.is_dead) == (text, client.id, False):
            return token, token.scopes
    raise _DeniedError(400, "invalid_grant", "Token has been expired or revoked.")


def _by_assertion(
    assertion: str, settings: Settings, now: float, audiences: tuple[str, ...]
) -> tuple[Principal, tuple[str, ...]]:
    header, claims, message, signature = _opened(assertion)
    email = claims.get("iss")
    account = next((each for each in settings.service_accounts if each.email == email), None)
    if account is None or account.is_dead:
        raise _DeniedError(400, "invalid_grant", "Invalid grant: account not found")
    is_rs256 = header.get("alg") == "RS256"
    if not is_rs256 or not is_signed_by(account.public_key, message=message, signature=signature):
        raise _DeniedError(400, "invalid_grant", "Invalid JWT Signature.")
    if claims.get("aud") not in audiences:
        raise _DeniedError(400, "invalid_grant", "Invalid JWT: Failed audience check.")
    _check_times(claims, now)
    asked = tuple(str(claims.get("scope", "")).split())
    if not asked:
        description = "Invalid OAuth scope or ID token audience provided."
        raise _DeniedError(400, "invalid_scope", description)
    return account, tuple(scope for scope in asked if scope in account.scopes)


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    start, end = claims.get("iat"), claims.get("exp")
    if isinstance(start, int | float) and isinstance(end, int | float):
        is_short = end - start <= _LONGEST_LIFE_S
        if is_short and start - _SKEW_S <= now < end:
            return
    description = (
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable"
        " timeframe. Check your iat and exp values in the JWT claim."
    )
    raise _DeniedError(400, "invalid_grant", description)


def _opened(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, what was signed, and the signature."""
    parts = assertion.encode().split(b".")
    try:
        header, claims, signature = (_unpadded(part) for part in parts)
        opened = orjson.loads(header), orjson.loads(claims)
    except (ValueError, binascii.Error):
        raise _not_a_jwt() from None
    if not all(isinstance(each, dict) for each in opened):
        raise _not_a_jwt()
    return *opened, b".".join(parts[:2]), signature


def _not_a_jwt() -> _DeniedError:
    return _DeniedError(400, "invalid_grant", "Bad Request: the assertion is not a JWT")


def _unpadded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _reply(status: int, value: dict[str, Any]) -> Answer:
    return Answer(status=status, body=orjson.dumps(value), headers=_HEADERS, action="token")
