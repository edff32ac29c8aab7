"""TikTok custom audiences made of uploaded files: one ad account.

Every change is one replace: each batch of its session is uploaded as a file, which alone does
nothing, and the last batch makes all of them the audience. TikTok makes no audience without
members, so the first session makes it; until then an id of `unmade` stands for it.
"""

from collections.abc import Sequence
from dataclasses import replace

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import BaseConnector, HttpLimits, Spec
from audsync.connectors.tiktok import audiences, files
from audsync.connectors.tiktok.audiences import FILED, Told
from audsync.connectors.tiktok.calls import Calls, nothing
from audsync.connectors.tiktok.settings import Settings
from audsync.connectors.tiktok.spec import FILE_SPEC
from audsync.connectors.tiktok.unmade import Unmade, unmade
from audsync.domain import (
    Action,
    Receipt,
    RemoteAudience,
    RemoteId,
    Settlement,
    SettlementState,
    UploadBatch,
)
from audsync.errors import AudienceGoneError, UnavailableError, ValidationError

_UPLOAD = "dmp/custom_audience/file/upload"
_CREATE = "dmp/custom_audience/create"
_UPDATE = "dmp/custom_audience/update"
_DELETE = "dmp/custom_audience/delete"


class TiktokFileConnector(BaseConnector):
    """One TikTok ad account whose members travel in files."""

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
        self._calls = Calls(mine, FILED, clock=clock, limits=limits, transport=transport)
        self._made: dict[RemoteId, RemoteId] = {}
        """Audiences made by now, by the ids that stood for them."""
        self._uploads: dict[int, dict[int, str]] = {}
        """TikTok's names for the files of each session, by their batch's number."""

    @property
    def spec(self) -> Spec:
        """TikTok's ways and limits for files, under the API version in use."""
        return replace(FILE_SPEC, api_version=self._settings.api_version)

    def check_access(self) -> None:
        """Look at the account's list of audiences. TikTok's tokens have no end.

        Whether the token may write as well shows only in writing: no harmless call tells.
        """
        self._calls.page(1, rows=1)

    def find(self, name: str) -> Sequence[RemoteId]:
        """Ids of the audiences of files of exactly this name, oldest first."""
        return self._calls.find(name)

    def create(self, name: str, description: str) -> RemoteId:  # noqa: ARG002 - TikTok keeps none
        """An id for an audience that its first members will make. Changes nothing on TikTok."""
        return Unmade(name=name, before=frozenset(self.find(name))).id

    def describe(self, audience: RemoteId) -> RemoteAudience:
        """Name, size and state."""
        own = self._own_id(audience)
        if own is None:
            return RemoteAudience(
                id=audience,
                name=_name_of(audience),
                note="not made yet: TikTok makes it with its first members",
            )
        return files.remote_audience(self._told(own), self._clock.now())

    def send(self, batch: UploadBatch) -> Receipt:
        """Upload the batch's rows; the last batch makes its session the whole audience.

        Raises:
            ConflictError: TikTok still computes the audience.
            ValidationError: it takes no more changes, or this one would come to nothing.
        """
        if batch.action is not Action.REPLACE:
            raise ValidationError(
                "An audience of files changes by replaces only.", details={"platform": "tiktok"}
            )
        if batch.number == 1:
            self._look_first(batch)
        paths = self._uploads.setdefault(batch.session, {})
        paths[batch.number] = self._upload(batch)
        if batch.is_last:
            return self._replace(batch)
        # What an upload alone came to is known: nothing.
        return Receipt(received_rows=batch.rows, rejected_rows=0, reference=paths[batch.number])

    def settlement(
        self,
        audience: RemoteId,  # noqa: ARG002 - the reference names it
        reference: str,
    ) -> Settlement:
        """What became of a change; lost with its audience."""
        change = files.Change.of(reference)
        if change is None:
            return Settlement(state=SettlementState.LOST)
        try:
            found = self._told(change.audience)
        except AudienceGoneError:
            return Settlement(state=SettlementState.LOST)
        return files.settlement(found, change, self._clock.now())

    def delete(self, audience: RemoteId) -> None:
        """Remove the audience; one that is already gone, or was never made, is no error."""
        own = self._own_id(audience)
        if own is None:
            return
        request = self._calls.post(_DELETE, files.deletion(own))
        try:
            self._calls.audience(own, request, read=nothing)
        except AudienceGoneError:
            return

    def close(self) -> None:
        """Let go of the network connections."""
        self._calls.close()

    def _look_first(self, batch: UploadBatch) -> None:
        """See that the change can succeed before anything is uploaded for it."""
        if batch.session_rows > files.MAX_FILES * batch.rows:
            raise ValidationError(
                f"The segment would take more than {files.MAX_FILES} files, and TikTok takes no "
                "more at once. Raise limits.max_batch_size, or leave it out.",
                details={"platform": "tiktok"},
            )
        own = self._own_id(batch.audience)
        if own is None:
            return
        refused = files.refusal(self._told(own), rows=batch.session_rows, now=self._clock.now())
        if refused is not None:
            raise refused

    def _upload(self, batch: UploadBatch) -> str:
        file = files.content(batch)
        request = self._calls.post_file(_UPLOAD, files.upload_form(file), file)
        answer = self._calls.account(
            request, repeatable=True, changes_nothing=True, read=files.uploaded
        )
        return answer.value

    def _replace(self, batch: UploadBatch) -> Receipt:
        """Make the session's files the whole audience."""
        paths = self._paths(batch)
        own = self._own_id(batch.audience)
        tries = 0
        if own is None:
            order = files.new_audience(_name_of(batch.audience), paths)
            request = self._calls.post(_CREATE, order)
            own = self._calls.account(request, repeatable=False, read=files.created).value
            self._made[batch.audience] = own
        else:
            request = self._calls.post(_UPDATE, files.replacement(own, paths))
            tries = self._calls.audience(own, request, read=nothing).unanswered_tries
        change = files.Change(audience=own, asked_at=self._clock.now(), rows=batch.session_rows)
        return Receipt(
            received_rows=batch.rows,
            rejected_rows=0,
            reference=change.reference,
            is_settled=False,
            unanswered_tries=tries,
        )

    def _paths(self, batch: UploadBatch) -> list[str]:
        """TikTok's names for all files of the batch's session, in their order.

        Raises:
            UnavailableError: some of them were uploaded by nobody who is here.
        """
        held = self._uploads.get(batch.session, {})
        if sorted(held) != list(range(1, batch.number + 1)):
            raise UnavailableError(
                "Files of this replace are missing: an earlier process uploaded them. Nothing was "
                "changed; the next run begins it anew.",
                details={"platform": "tiktok"},
            )
        return [held[number] for number in sorted(held)]

    def _own_id(self, audience: RemoteId) -> RemoteId | None:
        """TikTok's own id of an audience; None while it is not made."""
        waiting = unmade(audience)
        if waiting is None:
            return audience
        if audience not in self._made and (found := waiting.made(self.find(waiting.name))):
            self._made[audience] = found
        return self._made.get(audience)

    def _told(self, own: RemoteId) -> Told:
        return self._calls.read(own, lambda answer: audiences.told(answer, own))


def _name_of(audience: RemoteId) -> str:
    waiting = unmade(audience)
    assert waiting is not None, "an audience that is made is asked for its name"
    return waiting.name
