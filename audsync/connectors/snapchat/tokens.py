"""Access tokens from Snapchat's OAuth endpoint.

Source: the authentication page of developers.snap.com, read 2026-11-22; the names of refusals
are those of RFC 6749, section 5.2.
"""

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import HttpLimits
from audsync.connectors.oauth import Granted
from audsync.connectors.snapchat.settings import Settings
from audsync.connectors.token_endpoint import Refusals, TokenEndpoint
from audsync.errors import CredentialsError, CredentialsExpiredError

REFUSALS = Refusals(
    platform="Snapchat",
    known={
        "invalid_grant": (
            CredentialsExpiredError,
            "Snapchat refresh token was revoked or has expired. Please reconnect your account.",
        ),
        "invalid_client": (
            CredentialsError,
            (
                "Authentication failed with Snapchat API: the app is not known."
                " Check client_id and client_secret."
            ),
        ),
    },
    other=(
        CredentialsError,
        (
            "Authentication failed with Snapchat API: no token is given for these credentials."
            " Check client_id, client_secret and refresh_token."
        ),
    ),
)


class Tokens:
    """Gives new access tokens for one connection."""

    def __init__(
        self, http: httpx.Client, settings: Settings, *, clock: Clock, limits: HttpLimits
    ) -> None:
        self._client = {"client_id": settings.client_id, "client_secret": settings.client_secret}
        self._refresh_token = settings.refresh_token
        self._endpoint = TokenEndpoint(
            http, settings.token_url, REFUSALS, clock=clock, limits=limits
        )

    def fetch(self, refresh_token: str | None = None) -> Granted:
        """A new access token, and another refresh token should Snapchat give one with it.

        Args:
            refresh_token: the last that was given so; None for the one that was entered.

        Raises:
            AudsyncError: what `TokenEndpoint.ask` raises.
        """
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token or self._refresh_token,
            **self._client,
        }
        return self._endpoint.ask(form)
