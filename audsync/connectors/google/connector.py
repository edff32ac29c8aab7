"""Google customer lists over the Data Manager API: one Google Ads account, one kind of list.

Tokens travel in the Authorization header only, members in bodies only. Uploads are accepted first
and worked off later. Says what each call is; `http` sends it, `wire`, `outcomes` and `failures`
know the JSON.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx

from audsync.clock import Clock
from audsync.connectors import encode
from audsync.connectors.contract import Access, BaseConnector, Connector, HttpLimits, Spec
from audsync.connectors.google import codes, failures, outcomes, wire
from audsync.connectors.google.calls import Calls
from audsync.connectors.google.failures import MembersRefusedError
from audsync.connectors.google.settings import Settings, settings
from audsync.connectors.google.spec import SPECS
from audsync.connectors.google.tokens import MARGIN_S, Tokens
from audsync.connectors.http import Answer, ApiClient, Dialect, open_http
from audsync.connectors.oauth import Bearer
from audsync.connectors.replies import text_field
from audsync.domain import (
    Action,
    Receipt,
    RemoteAudience,
    RemoteId,
    Settlement,
    SettlementState,
    UploadBatch,
)
from audsync.errors import AudienceGoneError, DuplicateNameError, RejectedError

_PAGE_ROWS = 100
_MAX_ROUNDS = 10
"""So often a request is sent again without the members that Google names as wrong."""
_PROBE_NAME = "audsync access check"
_MARGIN = timedelta(seconds=5)
"""How far Google's clocks may be apart; a Date header is cut to the second besides."""
_MAX_LOOKS = 5
_OWN_MARGIN = timedelta(minutes=5)
"""How far our own clock may be ahead of Google's, where Google does not tell the time."""


def connect(
    access: Access,
    *,
    clock: Clock,
    limits: HttpLimits,
    transport: httpx.BaseTransport | None = None,
) -> Connector:
    """A connector for one account; `registry.connect` calls it."""
    return GoogleConnector(access, clock=clock, limits=limits, transport=transport)


class GoogleConnector(BaseConnector):
    """One Google Ads account, and lists of one kind in it."""

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
        decode = partial(failures.decode, account=mine.account, now=clock.now)
        dialect = Dialect(platform="Google", decode=decode, rest_s=lambda _reply: 0.0)
        http = open_http(limits, transport)
        tokens = Tokens(http, mine, clock=clock, limits=limits)
        bearer = Bearer(tokens.fetch, clock=clock, shelf=limits.shelf, margin_s=MARGIN_S)
        api = ApiClient(http, dialect=dialect, limits=limits, clock=clock, bearer=bearer)
        self._calls = Calls(api, mine, clock)

    @property
    def spec(self) -> Spec:
        """Google's ways for this kind of list, under the API version in use."""
        mine = self._settings
        return replace(
            SPECS[mine.list_kind],
            api_version=mine.api_version,
            members_last_days=mine.membership_days,
        )

    def check_access(self) -> datetime | None:
        """See the account, and have Google judge a list that is not made.

        That proves the right to change lists, the account's terms and the options. Nobody says
        when a refresh token ends.
        """
        self._calls.look_at_account()
        body = wire.new_list(self._settings, _PROBE_NAME, "")
        request = self._calls.lists("POST", params={"validateOnly": "true"}, body=body)
        with suppress(DuplicateNameError):
            self._calls.account(request, repeatable=True, changes_nothing=True, read=_done)
        return None

    def find(self, name: str) -> Sequence[RemoteId]:
        """Ids of the lists of our kind and exactly this name, oldest first."""
        wanted = wire.name_filter(name)
        params = {"pageSize": str(_PAGE_ROWS), **({"filter": wanted} if wanted else {})}
        found: list[RemoteId] = []
        seen: set[str | None] = {None}
        while True:
            page = self._calls.account(
                self._calls.lists("GET", params=params),
                repeatable=True,
                read=lambda answer: wire.page(answer, self._settings, name),
            ).value
            found += page.audiences
            if page.after in seen:
                # Google gives ids in the order of creation, and no other sign of age.
                return sorted(set(found), key=int)
            seen.add(page.after)
            params = {**params, "pageToken": page.after or ""}

    def create(self, name: str, description: str) -> RemoteId:
        """Make an empty list. Sent once only: a second try would meet the first one's name."""
        body = wire.new_list(self._settings, name, description)
        request = self._calls.lists("POST", body=body)
        audience = self._calls.account(request, repeatable=False, read=wire.list_id).value
        self._calls.note_birth(audience)
        return audience

    def describe(self, audience: RemoteId) -> RemoteAudience:
        """Name, sizes and state."""
        return self._calls.audience(
            audience,
            self._calls.lists("GET", audience),
            read=lambda answer: wire.remote_audience(answer, self._settings),
        ).value

    def encoded(self, batch: UploadBatch) -> bytes:
        """A request's body."""
        return wire.members_body(self._settings, batch)

    def send(self, batch: UploadBatch) -> Receipt:
        """Add or remove the batch's rows, without those that Google names as wrong.

        One bad member fails a whole request, so it goes again without the ones that are named.
        """
        upload, answer = self._upload(batch, _MAX_ROUNDS)
        left = set(upload.members["row"].to_pylist())
        return Receipt(
            received_rows=upload.rows,
            rejected_rows=0,
            reference=answer.value,
            is_settled=False,
            unanswered_tries=answer.unanswered_tries,
            refused_rows=tuple(row for row in range(batch.rows) if row not in left),
        )

    def settlement(self, audience: RemoteId, reference: str) -> Settlement:
        """What became of an upload; lost when Google has forgotten it, after some 50 days."""
        request = self._calls.request(
            "GET", "requestStatus:retrieve", params={"requestId": reference}
        )
        try:
            return self._calls.plain(
                request,
                read=lambda answer: outcomes.settlement(answer, audience),
            ).value
        except AudienceGoneError:
            return Settlement(state=SettlementState.LOST)
        except RejectedError as error:
            if codes.REQUEST_FORGOTTEN & set(error.details.get("reasons", ())):
                return Settlement(state=SettlementState.LOST)
            raise

    def clock_mark(self) -> datetime:
        """A moment by Google's clock, told by the Date of its answers, with calm on both sides.

        Returns once its clock is past the moment by the margin, which takes some ten seconds.
        Where Google tells no time, or one that stands still: our own, set back by five minutes.
        """
        fallback = self._clock.now() - _OWN_MARGIN
        first = latest = self._calls.look_at_account()
        if first is None:
            return fallback
        mark = first + timedelta(seconds=1) + _MARGIN
        for _ in range(_MAX_LOOKS):
            if latest is None:
                break
            left_s = (mark + _MARGIN - latest).total_seconds()
            if left_s <= 0:
                return mark
            self._clock.sleep(min(left_s, 3 * _MARGIN.total_seconds()))
            latest = self._calls.look_at_account()
        return min(first, fallback)

    def sweep(self, audience: RemoteId, before: datetime) -> Receipt:
        """Remove every member that was last added before that moment."""
        body = wire.sweep_body(self._settings, audience, before)
        answer = self._calls.audience(
            audience,
            self._calls.request("POST", "audienceMembers:removeAll", body=body),
            read=_reference,
        )
        return Receipt(
            received_rows=0,
            rejected_rows=0,
            reference=answer.value,
            is_settled=False,
            unanswered_tries=answer.unanswered_tries,
        )

    def delete(self, audience: RemoteId) -> None:
        """Remove the list; one that is already gone is no error."""
        with suppress(AudienceGoneError):
            self._calls.audience(audience, self._calls.lists("DELETE", audience), read=_done)
        self._calls.note_death(audience)

    def close(self) -> None:
        """Let go of the network connections."""
        self._calls.close()

    def _upload(self, batch: UploadBatch, rounds: int) -> tuple[UploadBatch, Answer[str]]:
        """What Google took in at most so many rounds, and its name for the request."""
        verb = "remove" if batch.action is Action.REMOVE else "ingest"
        body = batch.encoded or self.encoded(batch)
        request = self._calls.request("POST", f"audienceMembers:{verb}", body=body)
        try:
            return batch, self._calls.audience(batch.audience, request, read=_reference)
        except MembersRefusedError as error:
            if rounds == 1 or not error.positions < set(range(batch.rows)):
                raise
            refused = error.positions
        return self._upload(_without(batch, refused), rounds - 1)


def _without(batch: UploadBatch, positions: frozenset[int]) -> UploadBatch:
    members = encode.without(batch.members, positions)
    return replace(batch, members=members, rows=batch.rows - len(positions), encoded=None)


def _reference(answer: dict[str, Any]) -> str:
    return text_field(answer, "requestId")


def _done(_answer: dict[str, Any]) -> None:
    """Any success will do."""
