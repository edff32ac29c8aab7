"""Access tokens from Snapchat's OAuth endpoint, and what its answers mean.

The secrets travel in the body of a form only. A call for a token changes nothing: one whose
answer is lost may go again. Source: the authentication page of developers.snap.com, read
2026-11-22; the texts of refusals are those of RFC 6749, section 5.2.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import HttpLimits
from audsync.connectors.http import ApiClient, Dialect
from audsync.connectors.oauth import Token
from audsync.connectors.replies import Reply, count_field, json_object, text_field, unusable
from audsync.connectors.replies import wordless as bare
from audsync.connectors.snapchat.settings import Settings
from audsync.errors import (
    AudsyncError,
    ConfigError,
    CredentialsError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    TransientError,
)

_LONGEST_LIFE_S = 86_400
_SENDABLE = re.compile(r"[!-~]{1,8192}")
_ELSEWHERE = {301, 302, 303, 307, 308, 404, 405}
_SERVER_FAULTS = {"server_error", "temporarily_unavailable"}
_EXPIRED = "Snapchat refresh token was revoked or has expired. Please reconnect your account."
_UNKNOWN_APP = (
    "Authentication failed with Snapchat API: the app is not known. "
    "Check client_id and client_secret."
)
_REFUSED = (
    "Authentication failed with Snapchat API: no token is given for these credentials. "
    "Check client_id, client_secret and refresh_token."
)
_REFUSALS: Mapping[str, tuple[type[AudsyncError], str]] = {
    "invalid_grant": (CredentialsExpiredError, _EXPIRED),
    "invalid_client": (CredentialsError, _UNKNOWN_APP),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    """What a success brings."""

    token: Token
    refresh_token: str | None = field(repr=False)
    """The one to use from now on; None where it stays as it is."""


class Tokens:
    """Gives new access tokens for one connection; `oauth.Bearer` asks one at a time.

    Should Snapchat give another refresh token with one of them, that one is used from then on, for
    as long as this process lives.
    """

    def __init__(
        self, http: httpx.Client, settings: Settings, *, clock: Clock, limits: HttpLimits
    ) -> None:
        self._settings = settings
        self._refresh_token = settings.refresh_token
        self._patience_s = limits.max_wait_s
        dialect = Dialect(
            platform="Snapchat", decode=partial(decode, now=clock.now), rest_s=lambda _reply: 0.0
        )
        self._api = ApiClient(http, dialect=dialect, limits=limits, clock=clock)

    def fetch(self) -> Token:
        """A new access token.

        Raises:
            AttentionError: the credentials are refused.
            ConfigError: `token_url` leads nowhere.
            TransientError: it cannot be had now.
        """
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._refresh_token,
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
        }
        headers = {"Accept": "application/json"}
        request = httpx.Request("POST", self._settings.token_url, data=form, headers=headers)
        try:
            grant = self._api.call(request, repeatable=True, changes_nothing=True, read=_grant)
        except TransientError as error:
            # Its own tries are over. The call that wanted the token must not begin them anew.
            error.wait_s = max(error.wait_s, self._patience_s + 1.0)
            raise
        self._refresh_token = grant.value.refresh_token or self._refresh_token
        return grant.value.token


def decode(reply: Reply, now: Callable[[], datetime]) -> dict[str, Any]:
    """The JSON object of a success.

    Raises:
        AudsyncError: what any other answer means; see `Dialect.decode`.
    """
    body = json_object(reply.body)
    if body is not None and 200 <= reply.status < 300 and "error" not in body:  # noqa: PLR2004
        return body
    name = body.get("error") if body is not None else None
    if isinstance(name, str) and reply.status not in {429, *range(500, 600)}:
        raise _refused(name, reply)
    if reply.status in _ELSEWHERE:
        raise ConfigError(
            f"Snapchat gives no tokens at token_url (HTTP {reply.status}). Check token_url.",
            details={"platform": "snapchat", "http_status": reply.status},
        )
    raise bare(reply, "Snapchat", now())


def _refused(name: str, reply: Reply) -> AudsyncError:
    """What the OAuth error `name` means."""
    details: dict[str, Any] = {"platform": "snapchat", "http_status": reply.status}
    if re.fullmatch(r"[a-z_]{1,40}", name):
        details["error_code"] = name
    if name in _SERVER_FAULTS:
        message = "Snapchat cannot give a token now."
        return OutcomeUnknownError(message, timed_out=False, details=details)
    kind, message = _REFUSALS.get(name, (CredentialsError, _REFUSED))
    return kind(message, details=details)


def _grant(answer: dict[str, Any]) -> _Grant:
    """Raises OutcomeUnknownError where the answer holds no token that can be used."""
    value = text_field(answer, "access_token")
    if not _SENDABLE.fullmatch(value):
        raise unusable("access_token")
    lasts_s = float(min(count_field(answer, "expires_in"), _LONGEST_LIFE_S))
    renewed = answer.get("refresh_token")
    is_usable = isinstance(renewed, str) and _SENDABLE.fullmatch(renewed)
    return _Grant(
        token=Token(value=value, lasts_s=lasts_s),
        refresh_token=renewed if is_usable else None,
    )
