"""The calls of one Google Ads account: their addresses, and what it means if something is missing.

Google says "not found" and "no permission or not found" of lists, accounts and requests alike.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import httpx

from audsync.clock import Clock
from audsync.connectors.google import codes, failures, wire
from audsync.connectors.google.settings import Settings
from audsync.connectors.http import Answer, ApiClient
from audsync.domain import RemoteId
from audsync.errors import AudienceGoneError, AudsyncError, ConfigError, PermissionDeniedError

T = TypeVar("T")

_YOUTH_S = 60.0
"""For so long after its creation a list may not be known everywhere; a guess, undocumented."""


class Calls:
    """Makes requests and sends them.

    Args:
        api: decodes with `failures.decode`.
        mine: the connection.
        clock: tells how old a list of ours is.
    """

    def __init__(self, api: ApiClient, mine: Settings, clock: Clock) -> None:
        self._api = api
        self._settings = mine
        self._clock = clock
        self._created_at_s: dict[RemoteId, float] = {}

    def close(self) -> None:
        """Let go of the network connections."""
        self._api.close()

    def note_birth(self, audience: RemoteId) -> None:
        """Remember that a list was made now: it may take a while to be found."""
        self._created_at_s[audience] = self._clock.monotonic()

    def note_death(self, audience: RemoteId) -> None:
        """Forget that a list was made: it is not to be waited for any more."""
        self._created_at_s.pop(audience, None)

    def plain(self, request: httpx.Request, *, read: Callable[[dict[str, Any]], T]) -> Answer[T]:
        """Make a call that may go twice, and take its failures as they are."""
        return self._api.call(request, repeatable=True, read=read)

    def look_at_account(self) -> datetime | None:
        """When Google answered a small question about the account; None where it does not say.

        Raises:
            PermissionDeniedError: the account is out of sight.
        """
        request = self.lists("GET", params={"pageSize": "1"})
        return self.account(request, repeatable=True, read=failures.served_at).value

    def account(
        self,
        request: httpx.Request,
        *,
        repeatable: bool,
        changes_nothing: bool | None = None,
        read: Callable[[dict[str, Any]], T],
    ) -> Answer[T]:
        """Call the account; what is not found is then the account itself."""
        try:
            return self._api.call(
                request, repeatable=repeatable, changes_nothing=changes_nothing, read=read
            )
        except AudienceGoneError as error:
            raise PermissionDeniedError(
                f"Google Ads account {self._settings.account} does not exist, or these "
                "credentials may not see it. Check its number, and who has access to it.",
                details={**error.details, "where": "account"},
            ) from error

    def audience(
        self,
        audience: RemoteId,
        request: httpx.Request,
        *,
        read: Callable[[dict[str, Any]], T],
    ) -> Answer[T]:
        """Call one list; all such calls may go twice.

        Raises:
            AudienceGoneError: it is gone, and the account can still be seen.
        """
        age_s = self._clock.monotonic() - self._created_at_s.get(audience, float("-inf"))
        try:
            return self._api.call(
                request,
                repeatable=True,
                read=read,
                settling=(AudienceGoneError,) if age_s < _YOUTH_S else (),
            )
        except (AudienceGoneError, PermissionDeniedError) as error:
            if not failures.may_mean_missing(error):
                raise
            cause = self._cause_of(error, audience)
            if cause is error:
                raise
            raise cause from error

    def _cause_of(self, error: AudsyncError, audience: RemoteId) -> AudsyncError:
        """What it means that Google does not find a list, or does not let us near it.

        Only what its account does not list, while the account can be seen, is gone.
        """
        cause = error
        try:
            is_there = self.account(
                self.lists("GET", params={"filter": wire.id_filter(audience)}),
                repeatable=True,
                read=lambda answer: wire.is_listed(answer, audience),
            ).value
        except AudsyncError as trouble:
            cause = trouble
        else:
            if is_there and isinstance(error, AudienceGoneError):
                cause = ConfigError(
                    "Google knows this list and still does not take the request for it. Check "
                    "login_account and list_kind of the connection.",
                    details=error.details,
                )
            elif not is_there and not isinstance(error, AudienceGoneError):
                details = {**error.details, **codes.GONE.details}
                cause = AudienceGoneError(codes.GONE.says, details=details)
        if "unanswered_tries" in error.details:
            cause.details["unanswered_tries"] = error.details["unanswered_tries"]
        return cause

    def lists(
        self,
        method: str,
        audience: RemoteId | None = None,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Request:
        """A call about lists, which names a manager account in a header, unlike uploads."""
        mine = self._settings
        path = f"{wire.account_name(mine.account)}/userLists"
        content = None if body is None else json.dumps(body).encode()
        request = self.request(
            method, path if audience is None else f"{path}/{audience}", params=params, body=content
        )
        if mine.login_account:
            request.headers["login-account"] = wire.account_name(mine.login_account)
        return request

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> httpx.Request:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self._settings.root}/{path}"
        return httpx.Request(method, url, params=params, content=body, headers=headers)
