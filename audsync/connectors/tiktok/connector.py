"""TikTok custom audiences over the streaming calls of the Business API: one ad account.

Says what each call is; `calls` sends it, `wire` and `failures` know the JSON. Connections that
upload files get the connector of `file_connector` instead.
"""

from collections.abc import Sequence
from dataclasses import replace

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import Access, BaseConnector, Connector, HttpLimits, Spec
from audsync.connectors.tiktok import wire
from audsync.connectors.tiktok.audiences import STREAMED
from audsync.connectors.tiktok.calls import Calls, nothing
from audsync.connectors.tiktok.file_connector import TiktokFileConnector
from audsync.connectors.tiktok.settings import Settings, settings
from audsync.connectors.tiktok.spec import SPEC
from audsync.connectors.words import reference
from audsync.domain import Receipt, RemoteAudience, RemoteId, UploadBatch
from audsync.errors import AudienceGoneError

_AUDIENCE = "segment/audience"
_MEMBERS = "segment/mapping"


def connect(
    access: Access,
    *,
    clock: Clock,
    limits: HttpLimits,
    transport: httpx.BaseTransport | None = None,
) -> Connector:
    """A connector for one ad account, of the path it chose; `registry.connect` calls it."""
    mine = settings(access)
    kind = TiktokFileConnector if mine.uploads_files else TiktokConnector
    return kind(mine, clock=clock, limits=limits, transport=transport)


class TiktokConnector(BaseConnector):
    """One TikTok ad account whose members travel in streaming calls."""

    def __init__(
        self,
        mine: Settings,
        *,
        clock: Clock,
        limits: HttpLimits,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = mine
        self._clock = clock
        self._calls = Calls(mine, STREAMED, clock=clock, limits=limits, transport=transport)

    @property
    def spec(self) -> Spec:
        """TikTok's ways and limits, under the API version in use."""
        return replace(SPEC, api_version=self._settings.api_version)

    def check_access(self) -> None:
        """Look at the account's list of audiences. TikTok's tokens have no end.

        Whether the token may write as well shows only in writing: no harmless call tells.
        """
        self._calls.page(1, rows=1)

    def find(self, name: str) -> Sequence[RemoteId]:
        """Ids of the streamed audiences of this name as TikTok keeps it, oldest first."""
        return self._calls.find(wire.stored_name(name))

    def create(self, name: str, description: str) -> RemoteId:  # noqa: ARG002 - TikTok keeps none
        """Make an empty audience. Sent once only: names need not be unique."""
        wanted = {"action": "create", "custom_audience_name": name}
        request = self._calls.post(_AUDIENCE, wanted)
        return self._calls.account(request, repeatable=False, read=wire.created).value

    def describe(self, audience: RemoteId) -> RemoteAudience:
        """Name, size and state."""
        return self._calls.read(
            audience, lambda answer: wire.remote_audience(answer, audience, self._clock.now())
        )

    def encoded(self, batch: UploadBatch) -> bytes:
        """A request's body."""
        return wire.mapping_body(batch, self._settings.account)

    def send(self, batch: UploadBatch) -> Receipt:
        """Add or remove the batch's rows. TikTok counts nothing: it takes all or none."""
        body = batch.encoded or self.encoded(batch)
        answer = self._calls.audience(
            batch.audience,
            self._calls.post_body(_MEMBERS, body),
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
            self._calls.audience(audience, self._calls.post(_AUDIENCE, wanted), read=nothing)
        except AudienceGoneError:
            return

    def close(self) -> None:
        """Let go of the network connections."""
        self._calls.close()
