"""The calls of one TikTok ad account: their addresses, and what it means if something is missing.

The token travels in the Access-Token header only, members travel in bodies only, and every path
ends with a slash, without which TikTok knows none.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import HttpLimits
from audsync.connectors.http import Answer, ApiClient, Dialect, open_http
from audsync.connectors.tiktok import audiences, failures
from audsync.connectors.tiktok.audiences import Family, Listed, Page
from audsync.connectors.tiktok.settings import Settings
from audsync.domain import RemoteId
from audsync.errors import (
    AttentionError,
    AudienceGoneError,
    AudsyncError,
    PermissionDeniedError,
    UnavailableError,
    ValidationError,
)

T = TypeVar("T")

_READ = "dmp/custom_audience/get"
_LIST = "dmp/custom_audience/list"
_PAGE_ROWS = 100


class Calls:
    """Makes requests and sends them.

    Args:
        mine: the connection.
        family: the audiences that it may touch.
        clock: reads the time and waits.
        limits: how long a call may take.
        transport: instead of the network.
    """

    def __init__(
        self,
        mine: Settings,
        family: Family,
        *,
        clock: Clock,
        limits: HttpLimits,
        transport: httpx.BaseTransport | None,
    ) -> None:
        self._settings = mine
        self._family = family
        scene = failures.Scene(
            account=mine.account, api_version=mine.api_version, secrets=mine.secrets
        )
        decode = partial(failures.decode, scene=scene, now=clock.now)
        # TikTok tells nothing of quotas in its headers.
        dialect = Dialect(platform="TikTok", decode=decode, rest_s=lambda _: 0.0)
        self._api = ApiClient(
            open_http(limits, transport), dialect=dialect, limits=limits, clock=clock
        )

    def close(self) -> None:
        """Let go of the network connections."""
        self._api.close()

    def page(self, number: int, *, rows: int) -> Page:
        """One page of the account's audiences, of all types."""
        params = {"page": str(number), "page_size": str(rows)}
        request = self.get(_LIST, params)
        return self.account(request, repeatable=True, read=audiences.page).value

    def find(self, name: str) -> Sequence[RemoteId]:
        """Ids of the audiences of our family and exactly this name, oldest first."""
        found: dict[RemoteId, Listed] = {}
        number = 0
        while True:
            number += 1
            page = self.page(number, rows=_PAGE_ROWS)
            news = {listed.id: listed for listed in page.audiences if listed.id not in found}
            found.update(news)
            # Pages that bring nothing new end it too, whatever TikTok says of their number.
            if number >= page.pages or not news:
                break
        ours = [
            each for each in found.values() if self._family.has(each.kind) and each.name == name
        ]
        return [each.id for each in sorted(ours, key=lambda each: each.age_key)]

    def read(self, audience: RemoteId, read: Callable[[dict[str, Any]], T]) -> T:
        """What `read` makes of TikTok's description of one audience.

        Raises:
            AudienceGoneError: it is gone, and the ad account can still be seen.
        """
        request = self.get(_READ, {"custom_audience_ids": json.dumps([audience])})
        return self.audience(audience, request, read=read).value

    def account(
        self,
        request: httpx.Request,
        *,
        repeatable: bool,
        changes_nothing: bool | None = None,
        read: Callable[[dict[str, Any]], T],
    ) -> Answer[T]:
        """Call the ad account; whatever TikTok then misses is the account itself."""
        try:
            return self._api.call(
                request, repeatable=repeatable, changes_nothing=changes_nothing, read=read
            )
        except AudienceGoneError as error:
            raise PermissionDeniedError(
                f"Ad account {self._settings.account} does not exist, or the access token may not "
                "see it. Check the account's number, and authorise the app for it.",
                details={**error.details, "where": "account"},
            ) from error

    def audience(
        self,
        audience: RemoteId,
        request: httpx.Request,
        *,
        read: Callable[[dict[str, Any]], T],
    ) -> Answer[T]:
        """Call one audience; all such calls may go twice.

        Raises:
            AudienceGoneError: it is gone, and the ad account can still be seen.
        """
        try:
            return self._api.call(request, repeatable=True, read=read)
        except AudienceGoneError as error:
            cause = self._cause_of(error, audience)
            if tries := error.details.get("unanswered_tries"):
                cause.details["unanswered_tries"] = tries
            if cause is error:
                raise
            raise cause from error

    def get(self, path: str, params: Mapping[str, str]) -> httpx.Request:
        """A question; lists in `params` are JSON text."""
        params = {"advertiser_id": self._settings.account, **params}
        return httpx.Request("GET", self._url(path), params=params, headers=self._headers())

    def post(self, path: str, wanted: Mapping[str, object]) -> httpx.Request:
        """An order of which the account is a part."""
        body = json.dumps({"advertiser_id": self._settings.account, **wanted})
        return self.post_body(path, body.encode())

    def post_body(self, path: str, body: bytes) -> httpx.Request:
        """An order whose JSON is complete."""
        headers = {**self._headers(), "Content-Type": "application/json"}
        return httpx.Request("POST", self._url(path), content=body, headers=headers)

    def post_file(self, path: str, form: Mapping[str, str], file: bytes) -> httpx.Request:
        """A file with a form around it, of which the account is a part."""
        return httpx.Request(
            "POST",
            self._url(path),
            data={"advertiser_id": self._settings.account, **form},
            # TikTok judges a file by the end of its name.
            files={"file": ("members.csv", file, "text/csv")},
            headers=self._headers(),
        )

    def _cause_of(self, gone: AudienceGoneError, audience: RemoteId) -> AudsyncError:
        """What an audience's absence means: the account may be out of sight, or it is listed."""
        params = {"custom_audience_ids": json.dumps([audience]), "page": "1", "page_size": "1"}
        request = self.get(_LIST, params)
        try:
            page = self.account(request, repeatable=True, read=audiences.page).value
        except AttentionError as error:
            return error
        except AudsyncError:
            return gone
        for listed in page.audiences:
            if listed.id == audience:
                return self._contradiction(listed)
        return gone

    def _contradiction(self, listed: Listed) -> AudsyncError:
        """What it means that TikTok lists an audience and does not find it."""
        if self._family.has(listed.kind):
            return UnavailableError(
                "TikTok does not find the audience, and lists it all the same. Try again later.",
                details={"platform": "tiktok"},
            )
        return ValidationError(
            f"The audience is on TikTok, but is not one that takes {self._family.takes}. Unlink "
            "it, and create another.",
            details={"platform": "tiktok"},
        )

    def _url(self, path: str) -> str:
        return f"{self._settings.root}/{path}/"

    def _headers(self) -> dict[str, str]:
        return {"Access-Token": self._settings.access_token, "Accept": "application/json"}


def nothing(_answer: dict[str, Any]) -> None:
    """TikTok's result code has said it all."""
