"""TikTok custom audiences over the streaming calls of the Business API: one ad account.

The token travels in the Access-Token header only, members travel in bodies only, and every path
ends with a slash, without which TikTok knows none. Says what each call is; `http` sends it,
`wire` and `failures` know the JSON.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import Access, BaseConnector, Connector, HttpLimits, Spec
from audsync.connectors.http import Answer, ApiClient, Dialect, open_http
from audsync.connectors.tiktok import failures, wire
from audsync.connectors.tiktok.settings import settings
from audsync.connectors.tiktok.spec import SPEC
from audsync.connectors.words import reference
from audsync.domain import Receipt, RemoteAudience, RemoteId, UploadBatch
from audsync.errors import (
    AttentionError,
    AudienceGoneError,
    AudsyncError,
    PermissionDeniedError,
    UnavailableError,
    ValidationError,
)

T = TypeVar("T")

_AUDIENCE = "segment/audience"
_MEMBERS = "segment/mapping"
_READ = "dmp/custom_audience/get"
_LIST = "dmp/custom_audience/list"
_PAGE_ROWS = 100


def connect(
    access: Access,
    *,
    clock: Clock,
    limits: HttpLimits,
    transport: httpx.BaseTransport | None = None,
) -> Connector:
    """A connector for one ad account; `registry.connect` calls it."""
    return TiktokConnector(access, clock=clock, limits=limits, transport=transport)


class TiktokConnector(BaseConnector):
    """One TikTok ad account."""

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock,
        limits: HttpLimits,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings(access)
        self._clock = clock
        scene = failures.Scene(
            account=self._settings.account,
            api_version=self._settings.api_version,
            secrets=self._settings.secrets,
        )
        decode = partial(failures.decode, scene=scene, now=clock.now)
        # TikTok tells nothing of quotas in its headers.
        dialect = Dialect(platform="TikTok", decode=decode, rest_s=lambda _: 0.0)
        http = open_http(limits, transport)
        self._api = ApiClient(http, dialect=dialect, limits=limits, clock=clock)

    @property
    def spec(self) -> Spec:
        """TikTok's ways and limits, under the API version in use."""
        return replace(SPEC, api_version=self._settings.api_version)

    def check_access(self) -> None:
        """Look at the account's list of audiences. TikTok's tokens have no end.

        Whether the token may write as well shows only in writing: no harmless call tells.
        """
        self._page(1, rows=1)

    def find(self, name: str) -> Sequence[RemoteId]:
        """Ids of the streamed audiences of this name as TikTok keeps it, oldest first."""
        found: dict[RemoteId, wire.Listed] = {}
        number = 0
        while True:
            number += 1
            page = self._page(number, rows=_PAGE_ROWS)
            news = {listed.id: listed for listed in page.audiences if listed.id not in found}
            found.update(news)
            # Pages that bring nothing new end it too, whatever TikTok says of their number.
            if number >= page.pages or not news:
                break
        wanted = wire.stored_name(name)
        ours = [each for each in found.values() if each.is_streamed and each.name == wanted]
        return [each.id for each in sorted(ours, key=lambda each: each.age_key)]

    def create(self, name: str, description: str) -> RemoteId:  # noqa: ARG002 - TikTok keeps none
        """Make an empty audience. Sent once only: names need not be unique."""
        wanted = {"action": "create", "custom_audience_name": name}
        return self._account_call(
            self._post(_AUDIENCE, wanted), repeatable=False, read=wire.created
        )

    def describe(self, audience: RemoteId) -> RemoteAudience:
        """Name, size and state."""
        return self._audience_call(
            audience,
            self._get(_READ, {"custom_audience_ids": json.dumps([audience])}),
            read=lambda answer: wire.remote_audience(answer, audience, self._clock.now()),
        ).value

    def send(self, batch: UploadBatch) -> Receipt:
        """Add or remove the batch's rows. TikTok counts nothing: it takes all or none."""
        body = wire.mapping_body(batch, self._settings.account)
        answer = self._audience_call(
            batch.audience,
            self._request("POST", _MEMBERS, body=body),
            read=lambda answer: reference(answer.get("request_id")) or "",
        )
        return Receipt(
            received_rows=batch.rows,
            rejected_rows=0,
            reference=answer.value,
            unanswered_tries=answer.unanswered_tries,
        )

    def delete(self, audience: RemoteId) -> None:
        """Remove the audience; one that is already gone is no error."""
        wanted = {"action": "delete", "delete_audience_id": audience}
        try:
            self._audience_call(audience, self._post(_AUDIENCE, wanted), read=_nothing)
        except AudienceGoneError:
            return

    def close(self) -> None:
        """Let go of the network connections."""
        self._api.close()

    def _page(self, number: int, *, rows: int) -> wire.Page:
        params = {"page": str(number), "page_size": str(rows)}
        return self._account_call(self._get(_LIST, params), repeatable=True, read=wire.page)

    def _account_call(
        self, request: httpx.Request, *, repeatable: bool, read: Callable[[dict[str, Any]], T]
    ) -> T:
        """Call the ad account; whatever TikTok then misses is the account itself."""
        try:
            return self._api.call(request, repeatable=repeatable, read=read).value
        except AudienceGoneError as error:
            raise PermissionDeniedError(
                f"Ad account {self._settings.account} does not exist, or the access token may not "
                "see it. Check the account's number, and authorise the app for it.",
                details={**error.details, "where": "account"},
            ) from error

    def _audience_call(
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
        except AudienceGoneError as gone:
            cause = self._cause_of(gone, audience)
            if cause is gone:
                raise
            if "unanswered_tries" in gone.details:
                cause.details["unanswered_tries"] = gone.details["unanswered_tries"]
            raise cause from gone

    def _cause_of(self, gone: AudienceGoneError, audience: RemoteId) -> AudsyncError:
        """What an audience's absence means: the account may be out of sight, or it is listed."""
        params = {"custom_audience_ids": json.dumps([audience]), "page": "1", "page_size": "1"}
        try:
            page = self._account_call(self._get(_LIST, params), repeatable=True, read=wire.page)
        except AttentionError as error:
            return error
        except AudsyncError:
            return gone
        for listed in page.audiences:
            if listed.id == audience:
                return _contradiction(listed)
        return gone

    def _get(self, path: str, params: Mapping[str, str]) -> httpx.Request:
        return self._request(
            "GET", path, params={"advertiser_id": self._settings.account, **params}
        )

    def _post(self, path: str, wanted: Mapping[str, str]) -> httpx.Request:
        body = json.dumps({"advertiser_id": self._settings.account, **wanted})
        return self._request("POST", path, body=body.encode())

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> httpx.Request:
        headers = {"Access-Token": self._settings.access_token, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self._settings.root}/{path}/"
        return httpx.Request(method, url, params=params, content=body, headers=headers)


def _contradiction(listed: wire.Listed) -> AudsyncError:
    """What it means that TikTok lists an audience and does not find it."""
    if listed.is_streamed:
        return UnavailableError(
            "TikTok does not find the audience, and lists it all the same. Try again later.",
            details={"platform": "tiktok"},
        )
    return ValidationError(
        "The audience is on TikTok, but is not one that takes streamed members. Unlink it, and "
        "create another.",
        details={"platform": "tiktok"},
    )


def _nothing(_answer: dict[str, Any]) -> None:
    """TikTok's result code has said it all."""
