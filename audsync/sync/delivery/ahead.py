"""Requests made ready while others are under way: their rows read, their members encoded."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pyarrow as pa

from audsync.domain import Action, UploadBatch
from audsync.sync.contract import BatchFacts, StateFiles
from audsync.sync.delivery.sending import Sending
from audsync.sync.ports import Ports, Subject

_Range = tuple[int, int, int]
"""What tells the rows of a batch: its number alone is kept when it is divided."""


@dataclass(slots=True)
class Ahead:
    """The uploads of one plan; for one thread."""

    ports: Ports
    subject: Subject
    files: StateFiles
    sending: Sending
    _ready: dict[_Range, tuple[pa.Table, bytes | None]] = field(default_factory=dict)

    def prepare(self, following: Iterable[BatchFacts]) -> bool:
        """Make the first of these ready that is not; what is none of them any more is forgotten.

        Returns:
            whether there was one.
        """
        wanted = {_range_of(batch): batch for batch in following}
        self._ready = {key: made for key, made in self._ready.items() if key in wanted}
        missing = next((key for key in wanted if key not in self._ready), None)
        if missing is None:
            return False
        self._ready[missing] = self._made(wanted[missing])
        return True

    def take(self, batch: BatchFacts) -> UploadBatch:
        """The request that a batch becomes, now."""
        made = self._ready.pop(_range_of(batch), None)
        members, encoded = made or (self.ports.engine.members(self.files, batch), None)
        return replace(self._upload(batch, members), encoded=encoded)

    def _made(self, batch: BatchFacts) -> tuple[pa.Table, bytes | None]:
        members = self.ports.engine.members(self.files, batch)
        return members, self.ports.connector.encoded(self._upload(batch, members))

    def _upload(self, batch: BatchFacts, members: pa.Table) -> UploadBatch:
        session = self.sending.sessions[batch.action]
        # Requests of a replace count up as they are taken: some of those planned may become more.
        counts_up = batch.action is Action.REPLACE and not self.ports.spec.changes_by_replace
        before = (
            self.sending.taken(batch.action) if counts_up else batch.number - session.first_batch
        )
        return UploadBatch(
            audience=self.subject.remote,
            action=batch.action,
            session=session.number,
            number=before + 1,
            is_last=self.sending.is_last(batch),
            rows=batch.rows,
            session_rows=session.rows,
            kinds=session.kinds,
            members=members,
        )


def _range_of(batch: BatchFacts) -> _Range:
    return batch.number, batch.first_row, batch.stop_row
