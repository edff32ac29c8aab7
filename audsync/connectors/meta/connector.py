"""Meta custom audiences over the Graph API: one ad account.

The token travels in the Authorization header only. Members travel in bodies only, removals
included. Says what each call is; `http` sends it, `wire` and `failures` know the JSON.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import Access, BaseConnector, Connector, HttpLimits, Spec
from audsync.connectors.http import Answer, ApiClient, Dialect, open_http
from audsync.connectors.meta import access as account_access
from audsync.connectors.meta import codes, failures, usage, wire
from audsync.connectors.meta.settings import Settings, settings
from audsync.connectors.meta.spec import lasting
from audsync.connectors.meta.tokens import TokenDesk
from audsync.connectors.replies import text_field, unusable
from audsync.domain import Action, Receipt, RemoteAudience, RemoteId, UploadBatch
from audsync.errors import (
    AttentionError,
    AudienceGoneError,
    AudsyncError,
    ConflictError,
    OutcomeUnknownError,
    PermissionDeniedError,
)

T = TypeVar("T")

_UPLOADS = {
    Action.ADD: ("POST", "users"),
    Action.REMOVE: ("DELETE", "users"),
    Action.REPLACE: ("POST", "usersreplace"),
}
_SESSION_ENDED = {codes.SESSION_TIMED_OUT, codes.SESSION_FINISHED, codes.SESSION_NEVER_BEGAN}
_YOUTH_S = 60.0
"""For so long after its creation Meta may say that an audience does not exist (observed)."""
_PAGE_ROWS = 100


def connect(
    access: Access,
    *,
    clock: Clock,
    limits: HttpLimits,
    transport: httpx.BaseTransport | None = None,
) -> Connector:
    """A connector for one ad account; `registry.connect` calls it."""
    return MetaConnector(access, clock=clock, limits=limits, transport=transport)


class MetaConnector(BaseConnector):
    """One Meta ad account."""

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
        self._scene = failures.Scene(
            account=mine.account,
            api_version=mine.api_version,
            secrets=tuple(filter(None, (mine.access_token, mine.app_token, mine.app_secret))),
        )
        decode = partial(failures.decode, scene=self._scene, now=clock.now)
        dialect = Dialect(platform="Meta", decode=decode, rest_s=usage.rest_s)
        http = open_http(limits, transport)
        self._api = ApiClient(http, dialect=dialect, limits=limits, clock=clock)
        self._tokens = TokenDesk(self._api, mine, self._scene, clock)
        self._created_at_s: dict[RemoteId, float] = {}

    @property
    def spec(self) -> Spec:
        """Meta's ways and limits, under the API version in use."""
        mine = self._settings
        return replace(lasting(mine.retention_days), api_version=mine.api_version)

    def check_access(self) -> datetime | None:
        """Look at the account, its terms and the token; return when the token ends."""
        request = self._request("GET", self._account, {"fields": account_access.ACCOUNT_FIELDS})
        self._account_call(
            request,
            repeatable=True,
            read=lambda answer: account_access.check_account(answer, self._scene),
        )
        return self._tokens.check()

    def prolonged(self) -> Mapping[str, str] | None:
        """A token that ends later, in the place of this one; see `TokenDesk.prolonged`."""
        token = self._tokens.prolonged()
        return None if token is None else {"access_token": token}

    def find(self, name: str) -> Sequence[RemoteId]:
        """Ids of the customer lists of exactly this name, oldest first."""
        params = {"fields": "id,name,subtype,time_created", "limit": str(_PAGE_ROWS)}
        found: list[tuple[int, RemoteId]] = []
        seen: set[str | None] = {None}
        while True:
            request = self._request("GET", f"{self._account}/customaudiences", params)
            page = self._account_call(
                request, repeatable=True, read=lambda answer: wire.page(answer, name)
            ).value
            found += page.audiences
            if page.after in seen:
                return [audience for _, audience in sorted(found)]
            seen.add(page.after)
            params = {**params, "after": page.after or ""}

    def create(self, name: str, description: str) -> RemoteId:
        """Make an empty customer list. Sent once only: names need not be unique."""
        wanted = {
            "name": name,
            "subtype": "CUSTOM",
            "customer_file_source": self._settings.customer_file_source,
            "description": description or None,
            "retention_days": self._settings.retention_days,
        }
        body = json.dumps({key: value for key, value in wanted.items() if value is not None})
        request = self._request("POST", f"{self._account}/customaudiences", body=body.encode())
        answer = self._account_call(
            request, repeatable=False, read=lambda answer: RemoteId(text_field(answer, "id"))
        )
        self._created_at_s[answer.value] = self._clock.monotonic()
        return answer.value

    def describe(self, audience: RemoteId) -> RemoteAudience:
        """Name, size and state."""
        request = self._request("GET", audience, {"fields": wire.AUDIENCE_FIELDS})
        return self._audience_call(audience, request, read=wire.remote_audience).value

    def encoded(self, batch: UploadBatch) -> bytes:
        """A request's body up to its session."""
        return wire.members_payload(batch)

    def send(self, batch: UploadBatch) -> Receipt:
        """Add, remove or replace the batch's rows."""
        method, edge = _UPLOADS[batch.action]
        payload = batch.encoded or self.encoded(batch)

        def upload() -> httpx.Request:
            body = wire.members_body(payload, _session(batch))
            return self._request(method, f"{batch.audience}/{edge}", body=body)

        try:
            answer = self._audience_call(
                batch.audience,
                upload(),
                read=lambda answer: wire.receipt(answer, batch),
                renew=upload,
            )
        except OutcomeUnknownError as error:
            # Nobody else knows the session's number: if it is finished, an earlier try of ours
            # that got no answer has finished it.
            if batch.is_last and error.details.get("error_subcode") == codes.SESSION_FINISHED:
                return Receipt(
                    received_rows=batch.rows,
                    rejected_rows=0,
                    reference=str(batch.session),
                    unanswered_tries=int(error.details["unanswered_tries"]),
                )
            raise
        self._created_at_s.pop(batch.audience, None)
        return replace(answer.value, unanswered_tries=answer.unanswered_tries)

    def close_session(self, audience: RemoteId, session: int, filler: UploadBatch) -> None:
        """End a replace that an earlier run left open."""
        last = replace(
            filler, audience=audience, action=Action.REPLACE, session=session, is_last=True
        )
        try:
            self.send(last)
        except (ConflictError, OutcomeUnknownError) as error:
            if error.details.get("error_subcode") not in _SESSION_ENDED:
                raise

    def delete(self, audience: RemoteId) -> None:
        """Remove the audience; one that is already gone is no error."""
        self._created_at_s.pop(audience, None)
        try:
            self._audience_call(audience, self._request("DELETE", audience), read=_succeeded)
        except AudienceGoneError:
            return

    def close(self) -> None:
        """Let go of the network connections."""
        self._api.close()

    @property
    def _account(self) -> str:
        return f"act_{self._settings.account}"

    def _account_call(
        self, request: httpx.Request, *, repeatable: bool, read: Callable[[dict[str, Any]], T]
    ) -> Answer[T]:
        """Call the ad account, which to Meta is missing as an audience would be."""
        try:
            return self._api.call(request, repeatable=repeatable, read=read)
        except AudienceGoneError as error:
            raise PermissionDeniedError(
                f"Ad account {self._account} does not exist, or the access token may not see it. "
                "Check the account's number, and assign the token's user to it.",
                details={**error.details, "where": "account"},
            ) from error

    def _audience_call(
        self,
        audience: RemoteId,
        request: httpx.Request,
        *,
        read: Callable[[dict[str, Any]], T],
        renew: Callable[[], httpx.Request] | None = None,
    ) -> Answer[T]:
        """Call one audience; all such calls may go twice.

        Raises:
            AudienceGoneError: it is gone, and the ad account can still be seen.
        """
        age_s = self._clock.monotonic() - self._created_at_s.get(audience, float("-inf"))
        try:
            return self._api.call(
                request,
                repeatable=True,
                read=read,
                settling=(AudienceGoneError,) if age_s < _YOUTH_S else (),
                renew=renew,
            )
        except AudienceGoneError as gone:
            cause = self._cause_of(gone)
            if cause is gone:
                raise
            raise cause from gone

    def _cause_of(self, gone: AudienceGoneError) -> AudsyncError:
        """What an audience's absence means: Meta says the same of one that we may not see."""
        request = self._request("GET", self._account, {"fields": "id"})
        try:
            self._account_call(
                request, repeatable=True, read=lambda answer: text_field(answer, "id")
            )
        except AttentionError as error:
            if "unanswered_tries" in gone.details:
                error.details["unanswered_tries"] = gone.details["unanswered_tries"]
            return error
        except AudsyncError:
            return gone
        return gone

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
    ) -> httpx.Request:
        token = self._settings.access_token
        proof = self._settings.proof_of(token)
        query = {**(params or {}), **({"appsecret_proof": proof} if proof else {})}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self._settings.root}/{path}"
        return httpx.Request(method, url, params=query or None, content=body, headers=headers)


def _session(batch: UploadBatch) -> wire.Session:
    """The session that frames one request.

    Batches of a replace share the batch's session. Adds and removals get one of their own for
    each try: Meta does not say what a repeated or missing number does to the requests after it,
    and it counts what it received by session.
    """
    if batch.action is Action.REPLACE:
        return wire.Session(
            id=batch.session,
            number=batch.number,
            is_last=batch.is_last,
            rows=batch.session_rows,
        )
    return wire.Session(
        id=secrets.randbelow(2**63 - 1) + 1, number=1, is_last=True, rows=batch.rows
    )


def _succeeded(answer: dict[str, Any]) -> None:
    if answer.get("success") is not True:
        raise unusable("success")
