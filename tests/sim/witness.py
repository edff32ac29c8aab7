"""What the platform's side can swear to: it looks into the store before it takes a request."""

from uuid import UUID

from audsync.domain import FIRST_FIELD, Action, BatchState, UploadBatch
from tests.sim.connector import values_of
from tests.sim.ledger_room import LedgerRoom
from tests.sim.set_rows import Value

_MAY_FOLLOW = {
    "planned": {"planned", "sending"},
    "sending": {"sending", "applied", "refused", "unknown", "accepted"},
    "refused": {"refused", "sending", "planned", "left_out"},
    "left_out": {"left_out"},
    "unknown": {"unknown", "sending"},
    "applied": {"applied"},
    "accepted": {"accepted", "applied", "refused", "unknown"},
}
_OPEN = {BatchState.PLANNED, BatchState.SENDING, BatchState.UNKNOWN, BatchState.ACCEPTED}
Seen = tuple[int, str, str, int, int, int]


class Witness:
    """Checks every request of a history against the ledger and against its own plan."""

    def __init__(self, room: LedgerRoom, *, takes_person_rows: bool, counts_up: bool) -> None:
        self._room = room
        self._counts_up = counts_up
        self._takes_person_rows = takes_person_rows
        self._job_id: UUID | None = None
        self._states: dict[int, str] = {}
        self._batch_of: dict[Value, tuple[Action, int]] = {}

    def begin(self, job_id: UUID) -> None:
        """A new job's requests follow."""
        self._job_id = job_id
        self._states = {}
        self._batch_of = {}

    def look(self, upload: UploadBatch) -> None:
        """I4, I6, I3 and the barrier, at the moment the request arrives."""
        rows = self._observe()
        session = [row for row in rows if row[4] == upload.session]
        mine = [row for row in session if self._is_of(row, upload, session)]
        assert len(mine) == 1, "I4: a request that the ledger does not know"
        number, action, state, epoch, *_ = mine[0]
        assert state == BatchState.SENDING, f"I4: a request left while its row was {state}"
        assert action == upload.action, "I4: the row has another action"
        assert epoch == self._room.ruling_epoch(), "I4: a request of a lease that does not rule"
        if upload.action is Action.REPLACE:
            planned = any(row[2] == BatchState.PLANNED for row in session)
            assert upload.is_last == (not planned), "a wrong closing flag"
        if upload.action is not Action.REMOVE:
            open_removals = [r for r in rows if r[1] == Action.REMOVE and r[2] in _OPEN]
            assert not open_removals, "an add left before the removals were finished"
        self._remember(upload, number)

    def _is_of(self, row: Seen, upload: UploadBatch, session: list[Seen]) -> bool:
        """Requests of a replace are numbered as they are taken, all others as planned."""
        if upload.action is not Action.REPLACE or not self._counts_up:
            return row[5] == upload.number
        taken = sum(one[2] == BatchState.APPLIED for one in session)
        return row[2] == BatchState.SENDING and upload.number == taken + 1

    def end(self) -> None:
        """The run is over: its last states must have followed from those seen."""
        if self._job_id is not None:
            self._observe()

    def _observe(self) -> list[Seen]:
        assert self._job_id is not None
        rows = self._room.batches(self._job_id)
        for number, _, state, *_ in rows:
            before = self._states.get(number, "planned")
            may = _MAY_FOLLOW[before] | {
                later for step in _MAY_FOLLOW[before] for later in _MAY_FOLLOW[step]
            }
            assert state in may, f"I6: a batch went from {before} to {state}"
            self._states[number] = state
        return rows

    def _remember(self, upload: UploadBatch, number: int) -> None:
        kinds = upload.members["kind"].to_pylist()
        assert set(kinds) <= set(upload.kinds), "a kind that the session did not announce"
        assert self._takes_person_rows or len(set(kinds)) == 1, "two kinds in one request"
        rows = upload.members["row"].to_pylist()
        assert sorted(set(rows)) == list(range(upload.rows)), "rows differ from the plan's"
        cells = list(zip(rows, kinds, strict=True))
        assert len(set(cells)) == len(cells), "two values of a kind in one row"
        assert cells == sorted(cells), "rows out of order"
        if upload.action is Action.REMOVE:
            assert len(rows) == upload.rows, "a removal row with more than one value"
            assert all(kind < FIRST_FIELD for kind in kinds), "a removal of a match field"
        for value in [value for value, (_, at) in self._batch_of.items() if at == number]:
            del self._batch_of[value]  # it goes again, or what is left of it
        for value in values_of(upload):
            where = self._batch_of.setdefault(value, (upload.action, number))
            assert where[0] == upload.action, "I3: a value is both removed and added"
            is_same = where[1] == number or upload.action is not Action.REMOVE
            assert is_same, "I3: a value is removed twice"
