"""Access tokens from Google's OAuth endpoint, and what its answers mean.

The secrets travel in the body of a form only. A call for a token changes nothing: one whose
answer is lost may go again. Sources: https://developers.google.com/identity/protocols/oauth2 and
RFC 6749, section 5.2, read 2026-11-22.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import HttpLimits
from audsync.connectors.google.assertion import SCOPE, signer
from audsync.connectors.google.settings import Settings
from audsync.connectors.http import ApiClient, Dialect
from audsync.connectors.oauth import Token
from audsync.connectors.replies import (
    Reply,
    count_field,
    json_object,
    text_field,
    unusable,
    wordless,
)
from audsync.errors import (
    AudsyncError,
    ConfigError,
    CredentialsError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    PermissionDeniedError,
    TransientError,
)

MARGIN_S = 300.0
"""Google's own libraries renew a token about five minutes before its end."""
_LONGEST_LIFE_S = 86_400
_SENDABLE = re.compile(r"[!-~]{1,8192}")
_ELSEWHERE = {301, 302, 303, 307, 308, 404, 405}
_PASSING = {"internal_failure", "server_error", "temporarily_unavailable"}
_REFUSALS: Mapping[str, tuple[type[AudsyncError], str]] = {
    "invalid_grant": (
        CredentialsExpiredError,
        (
            "Google has revoked or forgotten these credentials, or this machine's clock is wrong. "
            "Please reconnect your account."
        ),
    ),
    "invalid_client": (
        CredentialsError,
        (
            "Authentication failed with Google API: the OAuth client is not known. "
            "Check client_id and client_secret."
        ),
    ),
    "invalid_scope": (
        PermissionDeniedError,
        f"Google does not grant these credentials the scope {SCOPE}. Allow it, then reconnect.",
    ),
    "access_denied": (
        PermissionDeniedError,
        "Google denies these credentials any token. Ask the administrator of their organisation.",
    ),
    "admin_policy_enforced": (
        PermissionDeniedError,
        "A policy of their organisation denies these credentials a token. Ask its administrator.",
    ),
}
_OTHER_REFUSAL = (
    CredentialsError,
    (
        "Authentication failed with Google API: no token is given for these credentials. "
        "Check client_id, client_secret and refresh_token, or service_account."
    ),
)


class Tokens:
    """Gives new access tokens for one connection; `oauth.Bearer` asks one at a time.

    Raises:
        ConfigError: the service account's key cannot be used.
    """

    def __init__(
        self, http: httpx.Client, settings: Settings, *, clock: Clock, limits: HttpLimits
    ) -> None:
        self._url = settings.token_url
        self._form = _form(settings, clock)
        self._patience_s = limits.max_wait_s
        dialect = Dialect(
            platform="Google", decode=partial(decode, now=clock.now), rest_s=lambda _reply: 0.0
        )
        self._api = ApiClient(http, dialect=dialect, limits=limits, clock=clock)

    def fetch(self) -> Token:
        """A new access token.

        Raises:
            AttentionError: the credentials are refused.
            ConfigError: `token_url` leads nowhere.
            TransientError: it cannot be had now.
        """
        headers = {"Accept": "application/json"}
        request = httpx.Request("POST", self._url, data=self._form(), headers=headers)
        try:
            return self._api.call(request, repeatable=True, changes_nothing=True, read=_token).value
        except TransientError as error:
            # Its own tries are over. The call that wanted the token must not begin them anew.
            error.wait_s = max(error.wait_s, self._patience_s + 1.0)
            raise


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
            f"Google gives no tokens at token_url (HTTP {reply.status}). Check token_url.",
            details={"platform": "google", "http_status": reply.status},
        )
    raise wordless(reply, "Google", now())


def _form(settings: Settings, clock: Clock) -> Callable[[], dict[str, str]]:
    """What makes the form of a request for a token."""
    if grant := settings.grant:
        refresh = {
            "grant_type": "refresh_token",
            "client_id": grant.client_id,
            "client_secret": grant.client_secret,
            "refresh_token": grant.refresh_token,
        }
        return lambda: refresh
    signs = signer(settings.service_account or "")
    grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return lambda: {"grant_type": grant_type, "assertion": signs.assertion(clock.now())}


def _refused(name: str, reply: Reply) -> AudsyncError:
    """What the OAuth error `name` means."""
    details: dict[str, Any] = {"platform": "google", "http_status": reply.status}
    if re.fullmatch(r"[a-z_]{1,40}", name):
        details["error_code"] = name
    if name in _PASSING:
        message = "Google cannot give a token now."
        return OutcomeUnknownError(message, timed_out=False, details=details)
    kind, message = _REFUSALS.get(name, _OTHER_REFUSAL)
    return kind(message, details=details)


def _token(answer: dict[str, Any]) -> Token:
    """Raises OutcomeUnknownError where the answer holds no token that can be used."""
    value = text_field(answer, "access_token")
    if not _SENDABLE.fullmatch(value):
        raise unusable("access_token")
    return Token(
        value=value, lasts_s=float(min(count_field(answer, "expires_in"), _LONGEST_LIFE_S))
    )
