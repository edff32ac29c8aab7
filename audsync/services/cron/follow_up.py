"""Asking how far a platform has come with what it accepted, between two syncs.

Nothing is ever sent: answers are recorded, and a plan of which everything took effect is closed.
What came to nothing is sent again by the next sync.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom

from audsync.connectors.contract import Connector
from audsync.domain import OVER, AudienceState, BatchState, RemoteId
from audsync.errors import AudienceGoneError, AudsyncError, BusyError, OutcomeUnknownError
from audsync.services.jobs import told
from audsync.services.jobs.continuity import Continuity
from audsync.services.jobs.heartbeat import MARGIN_S, Heartbeat, leased
from audsync.services.jobs.size_watch import scene_of
from audsync.services.jobs.state_files import folder_of
from audsync.services.jobs.uplink import max_rows
from audsync.services.schedule import retries
from audsync.services.segments import sources
from audsync.services.watch import notices
from audsync.services.watch.notices import Desk
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, jobs, leases, ledger
from audsync.store.tables import PlatformAudience
from audsync.sync.change.local import LocalEngine
from audsync.sync.delivery import settle
from audsync.sync.lanes import OneLane
from audsync.sync.ports import Ports, Subject
from audsync.sync.recover import recover


def follow_up(runtime: Runtime, audience: PlatformAudience) -> int:
    """Record what became of accepted requests, and close the plan if that was all of it.

    Returns:
        how many requests are not final yet.

    Raises:
        BusyError: another process works on the audience, and does the same.
        AudsyncError: the platform cannot be asked.
    """
    with _visit(runtime, audience) as visit:
        return visit.follow_up()


def refresh(runtime: Runtime, audience: PlatformAudience) -> None:
    """Follow up, and ask for size and state; nothing while another process works on it.

    Raises:
        AudienceGoneError: the platform lost it; the audience is stale now.
        AudsyncError: the platform cannot be asked.
    """
    if audience.platform_audience_id is None or audience.state is not AudienceState.ACTIVE:
        return
    try:
        with _visit(runtime, audience) as visit:
            visit.follow_up()
            visit.hasten()
            visit.look()
    except BusyError:
        return


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """One look at one audience, while its lease is held."""

    runtime: Runtime
    audience: PlatformAudience
    connector: Connector
    lease: leases.Lease
    heartbeat: Heartbeat

    def follow_up(self) -> int:
        """How many requests are not final yet."""
        database = self.runtime.database
        with database.reading() as session:
            job_id = ledger.head(session, self.audience.id).open_job_id
        remote = self.audience.platform_audience_id
        if job_id is None or remote is None:
            return 0
        subject = Subject(
            audience_id=self.audience.id,
            job_id=job_id,
            remote=RemoteId(remote),
            name=self.audience.slug,
        )
        with self._ports() as ports:
            waiting = settle.follow_up(ports, subject)
            with database.reading() as session:
                batches = ledger.open_batches(session, ledger.head(session, self.audience.id))
            if any(batch.state is BatchState.UNKNOWN for batch in batches):
                self._save(met=_came_to_nothing(self.audience))
            if all(batch.state in OVER for batch in batches):
                recover(ports, subject)  # which has nothing left to send: it closes the plan
        return waiting

    def hasten(self) -> None:
        """Let a sync be due soon where the platform did not carry out what it accepted."""
        with self.runtime.database.reading() as session:
            batches = ledger.open_batches(session, ledger.head(session, self.audience.id))
            now = self.runtime.database.now(session)
        if any(batch.state is BatchState.UNKNOWN for batch in batches):
            soon = now + timedelta(seconds=retries.RETRY_LADDER_S[0])
            self.audience.next_sync_at = min(soon, self.audience.next_sync_at or soon)
            self._save()

    def look(self) -> None:
        """Record what the platform says of the audience."""
        remote = RemoteId(self.audience.platform_audience_id or "")
        try:
            found = self.connector.describe(remote)
        except AudienceGoneError as error:
            # One that never took anybody may be too young to be seen: a sync finds that out.
            with self.runtime.database.reading() as session:
                was_taken = jobs.was_taken(session, self.audience.id)
            if was_taken:
                self.audience.state = AudienceState.STALE
                self._save(met=error)
            raise
        with self.runtime.database.reading() as session:
            now = self.runtime.database.now(session)
            scene = scene_of(session, self.runtime, self.audience, self.connector.spec)
        told.remember(self.audience, found, now=now, scene=scene)
        if self.connector.spec.creates_with_members:
            self.audience.platform_audience_id = found.id
        self._save()

    def _save(self, *, met: AudsyncError | None = None) -> None:
        with self.runtime.database.transaction() as session:
            leases.check(session, self.lease)
            now = self.runtime.database.now(session)
            audiences.save(session, self.audience, now=now)
            if met is not None:
                desk = Desk.of(self.runtime.config, session, now)
                notices.note_refusal(desk, self.audience, met)

    @contextmanager
    def _ports(self) -> Iterator[Ports]:
        runtime, spec = self.runtime, self.connector.spec
        folder = folder_of(runtime, self.audience.id)
        work = folder.open_work()
        continuity = Continuity(runtime=runtime, audience_id=self.audience.id, folder=folder)
        continuity.require()
        memory_bytes = sources.working_memory(runtime)
        yield Ports(
            database=runtime.database,
            engine=LocalEngine(folder, work, memory_bytes=memory_bytes),
            progress=runtime.progress,
            spec=spec,
            max_rows=max_rows(runtime, spec),
            lease=self.lease,
            connector=self.connector,
            lanes=OneLane(self.connector),
            clock=runtime.clock,
            random=SystemRandom(),
            check_stop=self.heartbeat.check,
            must_last_s=runtime.config.limits.request_timeout + MARGIN_S,
            patience_s=0.0,
            reached=continuity.reached,
        )
        folder.close_work()


def _came_to_nothing(audience: PlatformAudience) -> AudsyncError:
    return OutcomeUnknownError(
        f"{audience.platform.label} accepted requests for {audience.slug} and did not carry them"
        " out. The next sync sends them again.",
        timed_out=False,
        details={"platform": audience.platform.value},
    )


@contextmanager
def _visit(runtime: Runtime, audience: PlatformAudience) -> Iterator[_Visit]:
    """The audience as it is once nobody else works on it."""
    with (
        leased(runtime, audience) as (lease, heartbeat),
        closing(runtime.connect(audience.connection, confirm=heartbeat.confirm)) as connector,
    ):
        with runtime.database.reading() as session:
            current = session.get_one(PlatformAudience, audience.id)
        yield _Visit(
            runtime=runtime,
            audience=current,
            connector=connector,
            lease=lease,
            heartbeat=heartbeat,
        )
