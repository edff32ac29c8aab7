"""Access tokens from Google's OAuth endpoint, for a user's refresh token or a service account.

Source: https://developers.google.com/identity/protocols/oauth2, read 2026-11-22.
"""

from collections.abc import Callable

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import HttpLimits
from audsync.connectors.google.assertion import SCOPE, signer
from audsync.connectors.google.settings import Settings
from audsync.connectors.oauth import Granted
from audsync.connectors.token_endpoint import Refusals, TokenEndpoint
from audsync.errors import CredentialsError, CredentialsExpiredError, PermissionDeniedError

MARGIN_S = 300.0
"""Google's own libraries renew a token about five minutes before its end."""
REFUSALS = Refusals(
    platform="Google",
    known={
        "invalid_grant": (
            CredentialsExpiredError,
            (
                "Google has revoked or forgotten these credentials, or this machine's clock is"
                " wrong. Please reconnect your account."
            ),
        ),
        "invalid_client": (
            CredentialsError,
            (
                "Authentication failed with Google API: the OAuth client is not known."
                " Check client_id and client_secret."
            ),
        ),
        "invalid_scope": (
            PermissionDeniedError,
            f"Google does not grant these credentials the scope {SCOPE}. Allow it, then reconnect.",
        ),
        "access_denied": (
            PermissionDeniedError,
            (
                "Google denies these credentials any token."
                " Ask the administrator of their organisation."
            ),
        ),
        "admin_policy_enforced": (
            PermissionDeniedError,
            (
                "A policy of their organisation denies these credentials a token."
                " Ask its administrator."
            ),
        ),
    },
    other=(
        CredentialsError,
        (
            "Authentication failed with Google API: no token is given for these credentials."
            " Check client_id, client_secret and refresh_token, or service_account."
        ),
    ),
)


class Tokens:
    """Gives new access tokens for one connection.

    Raises:
        ConfigError: the service account's key cannot be used.
    """

    def __init__(
        self, http: httpx.Client, settings: Settings, *, clock: Clock, limits: HttpLimits
    ) -> None:
        self._form = _form(settings, clock)
        self._endpoint = TokenEndpoint(
            http, settings.token_url, REFUSALS, clock=clock, limits=limits
        )

    def fetch(self, refresh_token: str | None = None) -> Granted:  # noqa: ARG002 - Google keeps it
        """A new access token; raises what `TokenEndpoint.ask` raises."""
        return self._endpoint.ask(self._form())


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
