"""Snapchat's customer lists over the Marketing API: one ad account.

Tokens travel in the Authorization header, members in bodies only, removals included. Says what
each call is; `http` sends it, `tokens` opens the door, `wire` and `failures` know the JSON.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import Access, BaseConnector, Connector, HttpLimits, Spec
from audsync.connectors.http import Answer, ApiClient, Dialect, open_http
from audsync.connectors.oauth import Bearer
from audsync.connectors.snapchat import failures, wire
from audsync.connectors.snapchat.settings import Settings, settings
from audsync.connectors.snapchat.spec import lasting
from audsync.connectors.snapchat.tokens import Tokens
from audsync.domain import Action, Receipt, RemoteAudience, RemoteId, UploadBatch
from audsync.errors import (
    AttentionError,
    AudienceGoneError,
    AudsyncError,
    OutcomeUnknownError,
    PermissionDeniedError,
    UnavailableError,
)

T = TypeVar("T")

_METHODS = {Action.ADD: "POST", Action.REMOVE: "DELETE"}
_YOUTH_S = 60.0
"""For so long after its creation a segment may be hidden; Snapchat promises nothing here."""
_PAGE_ROWS = 100
_FEWEST_PAGE_ROWS = 50
_MAX_PAGES = 1_000
"""An ad account has 1,000 segments at most: a list of more pages than that never ends."""


def connect(
    access: Access,
    *,
    clock: Clock,
    limits: HttpLimits,
    transport: httpx.BaseTransport | None = None,
) -> Connector:
    """A connector for one ad account; `registry.connect` calls it."""
    return SnapchatConnector(access, clock=clock, limits=limits, transport=transport)


class SnapchatConnector(BaseConnector):
    """One Snapchat ad account."""

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock,
        limits: HttpLimits,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        mine = settings(access)
        self._settings: Settings = mine
        self._clock = clock
        self._created_at_s: dict[RemoteId, float] = {}
        http = open_http(limits, transport)
        tokens = Tokens(http, mine, clock=clock, limits=limits)
        scene = failures.Scene(
            account=mine.account,
            secrets=(mine.client_id, mine.client_secret, mine.refresh_token),
        )
        decode = partial(failures.decode, scene=scene, now=clock.now)
        # Snapchat has no headers that tell how much of a quota is left.
        dialect = Dialect(platform="Snapchat", decode=decode, rest_s=lambda _reply: 0.0)
        self._api = ApiClient(
            http,
            dialect=dialect,
            limits=limits,
            clock=clock,
            bearer=Bearer(tokens.fetch, clock=clock, shelf=limits.shelf),
        )

    @property
    def spec(self) -> Spec:
        """Snapchat's ways and limits, under the API version in use."""
        mine = self._settings
        return replace(lasting(mine.retention_days), api_version=mine.api_version)

    def check_access(self) -> datetime | None:
        """Get a token and look at the ad account's segments; nobody says when access ends."""
        self._look_at_account()
        return None

    def find(self, name: str) -> Sequence[RemoteId]:
        """Ids of the customer lists of exactly this name, oldest first."""
        found: list[tuple[str, RemoteId]] = []
        query: str | None = f"limit={_PAGE_ROWS}"
        asked: set[str] = set()
        while query is not None and query not in asked:
            if len(asked) == _MAX_PAGES:
                raise UnavailableError("Snapchat's list of segments never ends. Try again later.")
            asked.add(query)
            page = self._account_call(
                self._request("GET", f"{self._segments}?{query}"),
                repeatable=True,
                read=lambda answer: wire.page(answer, name, self._segments),
            ).value
            found += page.audiences
            query = page.next_query
        return [audience for _, audience in sorted(found)]

    def create(self, name: str, description: str) -> RemoteId:
        """Make an empty customer list. Sent once only: names need not be unique."""
        body = wire.new_segment(
            account=self._settings.account,
            name=name,
            description=description,
            retention_days=self._settings.retention_days,
        )
        request = self._request("POST", self._segments, body=body)
        audience = self._account_call(request, repeatable=False, read=wire.segment_id).value
        self._created_at_s[audience] = self._clock.monotonic()
        return audience

    def describe(self, audience: RemoteId) -> RemoteAudience:
        """Name, size and state."""
        found = self._audience_call(
            audience,
            self._request("GET", _segment(audience)),
            read=lambda answer: wire.remote_audience(answer, audience),
        ).value
        if found is None:
            raise AudienceGoneError(
                "The audience was deleted on Snapchat. Recreate it, or unlink it.",
                details={"platform": "snapchat", "where": "platform"},
            )
        return found

    def encoded(self, batch: UploadBatch) -> bytes:
        """A request's body."""
        return wire.members_body(batch)

    def send(self, batch: UploadBatch) -> Receipt:
        """Add or remove the batch's rows; they are all of one kind."""
        path = f"{_segment(batch.audience)}/users"
        body = batch.encoded or self.encoded(batch)
        answer = self._audience_call(
            batch.audience,
            self._request(_METHODS[batch.action], path, body=body),
            read=lambda answer: wire.receipt(answer, batch),
        )
        self._created_at_s.pop(batch.audience, None)
        return replace(answer.value, unanswered_tries=answer.unanswered_tries)

    def wipe(self, audience: RemoteId) -> None:
        """Remove every member."""
        request = self._request("DELETE", f"{_segment(audience)}/all_users")
        self._audience_call(audience, request, read=_succeeded)

    def delete(self, audience: RemoteId) -> None:
        """Remove the audience; one that is already gone is no error."""
        self._created_at_s.pop(audience, None)
        request = self._request("DELETE", _segment(audience))
        try:
            self._audience_call(audience, request, read=_succeeded)
        except AudienceGoneError:
            return

    def close(self) -> None:
        """Let go of the network connections."""
        self._api.close()

    @property
    def _segments(self) -> str:
        return f"/adaccounts/{self._settings.account}/segments"

    def _look_at_account(self) -> None:
        """See that the ad account's segments are open to us.

        Raises:
            AttentionError: they are not.
        """
        request = self._request("GET", f"{self._segments}?limit={_FEWEST_PAGE_ROWS}")
        self._account_call(request, repeatable=True, read=wire.seen)

    def _account_call(
        self, request: httpx.Request, *, repeatable: bool, read: Callable[[dict[str, Any]], T]
    ) -> Answer[T]:
        """Call the ad account, which to Snapchat is missing as a segment would be."""
        try:
            return self._api.call(request, repeatable=repeatable, read=read)
        except AudienceGoneError as error:
            raise PermissionDeniedError(
                f"Ad account {self._settings.account} does not exist, or this user may not see it. "
                "Check the account's id, and make the user a Data Manager of it.",
                details={**error.details, "where": "account"},
            ) from error

    def _audience_call(
        self, audience: RemoteId, request: httpx.Request, *, read: Callable[[dict[str, Any]], T]
    ) -> Answer[T]:
        """Call one audience; all such calls may go twice.

        Raises:
            AudienceGoneError: it is gone, and the ad account can still be seen.
        """
        age_s = self._clock.monotonic() - self._created_at_s.get(audience, float("-inf"))
        settling = (AudienceGoneError,) if age_s < _YOUTH_S else ()
        try:
            return self._api.call(request, repeatable=True, read=read, settling=settling)
        except AudienceGoneError as gone:
            cause = self._cause_of(gone)
            if cause is gone:
                raise
            raise cause from gone

    def _cause_of(self, gone: AudienceGoneError) -> AudsyncError:
        """What an absence means: Snapchat says the same of a segment that we may not see.

        Where the account cannot be asked now, that is the error: nobody is told that an audience
        is gone while its platform is failing.
        """
        try:
            self._look_at_account()
        except AudsyncError as error:
            tries = gone.details.get("unanswered_tries")
            if tries is None:
                return error
            error.details["unanswered_tries"] = tries
            if isinstance(error, AttentionError):
                return error
            return OutcomeUnknownError(error.message, timed_out=False, details=error.details)
        return gone

    def _request(self, method: str, path: str, *, body: bytes | None = None) -> httpx.Request:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return httpx.Request(method, f"{self._settings.root}{path}", content=body, headers=headers)


def _segment(audience: RemoteId) -> str:
    return f"/segments/{audience}"


def _succeeded(_answer: dict[str, Any]) -> None:
    """The answer's own word is all that is needed."""
