"""Meta's access tokens: whether one is good, until when, and trading it for one that lasts longer.

Sources: debug_token reference; "Long-Lived Access Tokens" of the Facebook Login guide, and
"Install Apps, Generate, Refresh, and Revoke Tokens" of the Business Management guide, read
2026-11-22. Both calls take secrets as parameters of a GET; nothing of ours writes an address with
its parameters anywhere.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from audsync.clock import Clock
from audsync.connectors.http import ApiClient
from audsync.connectors.meta import access
from audsync.connectors.meta.failures import Scene
from audsync.connectors.meta.settings import Settings
from audsync.connectors.replies import text_field
from audsync.errors import RejectedError

_OF_SYSTEM_USER = {"set_token_expires_in_60_days": "true"}


class TokenDesk:
    """What one connection may ask about its own token."""

    def __init__(self, api: ApiClient, mine: Settings, scene: Scene, clock: Clock) -> None:
        self._api = api
        self._settings = mine
        self._scene = scene
        self._clock = clock

    def check(self) -> datetime | None:
        """See that the token is good; when it ends, aware UTC, or None for never or unknown.

        Raises:
            AttentionError: it is not.
        """
        try:
            return self._api.call(
                self._inspection(),
                repeatable=True,
                read=lambda answer: access.check_token(answer, self._scene, self._clock.now()),
            ).value
        except RejectedError:
            # Without the app's own token Meta may refuse to tell: no verdict, no error.
            if self._settings.app_token is None:
                return None
            raise

    def prolonged(self) -> str | None:
        """A token of the same rights that ends later; None where the app's secret is not known.

        The one it was traded for stays good until its own end.

        Raises:
            AudsyncError: Meta gives none.
        """
        mine = self._settings
        if mine.app_id is None or mine.app_secret is None:
            return None
        kind = self._api.call(self._inspection(), repeatable=True, read=access.kind_of_token)
        params = {
            "grant_type": "fb_exchange_token",
            "client_id": mine.app_id,
            "client_secret": mine.app_secret,
            "fb_exchange_token": mine.access_token,
            **(_OF_SYSTEM_USER if kind.value == access.SYSTEM_USER else {}),
        }
        return self._api.call(
            self._request("oauth/access_token", params),
            repeatable=True,
            changes_nothing=True,
            read=lambda answer: text_field(answer, "access_token"),
        ).value

    def _inspection(self) -> httpx.Request:
        """The only call that tells scopes and expiry."""
        mine = self._settings
        token = mine.app_token or mine.access_token
        proof = mine.proof_of(token)
        params = {
            "input_token": mine.access_token,
            **({"appsecret_proof": proof} if proof else {}),
        }
        return self._request("debug_token", params, token=token)

    def _request(
        self, path: str, params: Mapping[str, Any], *, token: str | None = None
    ) -> httpx.Request:
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = f"{self._settings.root}/{path}"
        return httpx.Request("GET", url, params=dict(params), headers=headers)
