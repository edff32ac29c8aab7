"""Bringing one audience in step: lease, job, sync, receipt. What create, sync, replace, retry do.

A job is begun before the source is read, so that every failure from there on is on record. The
lease is held all the while, renewed from a thread, and checked in the transaction of each write.
"""

import logging
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from random import SystemRandom
from typing import Any
from uuid import UUID

from audsync.connectors.contract import Connector, Replacing
from audsync.domain import (
    AudienceState,
    RemoteAudience,
    RemoteId,
    SyncOperation,
    SyncStatus,
    TriggeredBy,
)
from audsync.errors import (
    AudienceStaleError,
    AudsyncError,
    CancelledError,
    ConflictError,
    LeaseLostError,
)
from audsync.services import bugs, reports
from audsync.services.jobs import uplink
from audsync.services.jobs.beginning import Order, begin
from audsync.services.jobs.conclusion import Ending, conclude
from audsync.services.jobs.creation import Created, known_as
from audsync.services.jobs.footing import Footing
from audsync.services.jobs.guarding import guard_of
from audsync.services.jobs.heartbeat import MARGIN_S, Heartbeat, leased
from audsync.services.jobs.size_watch import Scene, scene_of
from audsync.services.jobs.state_files import folder_of
from audsync.services.jobs.succession import Succession
from audsync.services.jobs.warnings import warnings_of
from audsync.services.schedule.rhythm import timetable_of
from audsync.services.segments import compositions
from audsync.services.watch import outbox
from audsync.services.wiring.runtime import Runtime
from audsync.snapshots.folder import AudienceFolder
from audsync.store import jobs, leases, ledger
from audsync.store.tables import AudienceSyncJob, PlatformAudience
from audsync.sync import drafting, guards
from audsync.sync.books import Books, of_segment
from audsync.sync.change.local import LocalEngine
from audsync.sync.contract import Cache, Desired
from audsync.sync.drafting import draft
from audsync.sync.guards import Guard
from audsync.sync.lanes import ThreadLanes
from audsync.sync.ports import Ports, Segment, Subject
from audsync.sync.recover import recover
from audsync.sync.run import Outcome, synchronise

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person or cron asked for."""

    operation: SyncOperation
    allow_shrink: bool = False
    triggered_by: TriggeredBy = TriggeredBy.MANUAL
    retry_of: UUID | None = None
    wipe: bool = False
    """A replace may empty the audience first, where that needs no new one."""
    reread: bool = True
    """False: go on with the segment as the job that is retried had read it."""
    tries_refused: bool = False
    """Send once more what the platform refused earlier, for what it is."""
    keeps_remote: bool = False
    """A replace makes no new audience where all that may be in the old one is known: then it
    is an update that sends all of it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A job that ended: its JSON, and the program's exit code."""

    job: dict[str, Any]
    exit_code: int
    audience: dict[str, Any]


def bring_in_step(runtime: Runtime, audience: PlatformAudience, wish: Wish) -> Report:
    """Run one job on one audience, to its end.

    Raises:
        AudsyncError: no job was begun: the audience is stale or busy, or the segment, the
            connection or a feature is not there.
        NoLongerDueError: none was begun, as the audience is not due any more.
    """
    if audience.state is AudienceState.STALE:
        raise _stale(audience)
    runtime.require_feature(audience.platform)
    runtime.segment(audience.segment)
    with (
        leased(runtime, audience) as (lease, heartbeat),
        closing(uplink.connect(runtime, audience, heartbeat)) as connector,
        closing(uplink.lanes(runtime, audience, heartbeat, connector)) as lanes,
    ):
        work = _Work(
            runtime=runtime,
            audience_id=audience.id,
            wish=wish,
            connector=connector,
            lanes=lanes,
            lease=lease,
            heartbeat=heartbeat,
        )
        report = work.run()
    outbox.deliver(runtime)
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What one job works with, beside the platform."""

    audience: PlatformAudience
    footing: Footing
    engine: LocalEngine
    segment: Segment


@dataclass(kw_only=True)
class _Work:
    """One job on one audience, while its lease is held."""

    runtime: Runtime
    audience_id: UUID
    wish: Wish
    connector: Connector
    lanes: ThreadLanes
    lease: leases.Lease
    heartbeat: Heartbeat
    counts: Books | None = None
    scene: Scene | None = None
    """What the size that the platform told can be held against."""

    def run(self) -> Report:
        job = self._begin()
        created, remote = None, None
        try:
            bench = self._set_up()
            created = self._succession.ensure_created()
            if not created.is_new:
                remote = self._describe(created.remote)
                if self.connector.spec.creates_with_members:
                    created = known_as(self.runtime, self.lease, created, remote)
            created, outcome = self._bring_in_step(job, bench, created)
            if created.is_new:
                remote = None
        except LeaseLostError:
            raise  # whoever has the lease now closes this job too
        except AudsyncError as error:
            status = (
                SyncStatus.CANCELLED if isinstance(error, CancelledError) else SyncStatus.FAILED
            )
            outcome = self._failed(status, error)
        except Exception as error:  # noqa: BLE001 - a bug leaves no job open, nor stops others
            _log.info("a bug", exc_info=True)
            outcome = self._failed(SyncStatus.FAILED, bugs.as_error(error))
        return self._finish(job, outcome, created, remote)

    @property
    def _is_replace(self) -> bool:
        return self.wish.operation is SyncOperation.REPLACE

    def _failed(self, status: SyncStatus, error: AudsyncError) -> Outcome:
        return Outcome(status=status, books=self.counts or Books(), error=error)

    def _begin(self) -> AudienceSyncJob:
        """A running job; those that dead processes left running are closed as failed."""
        wish = self.wish
        order = Order(
            operation=wish.operation, triggered_by=wish.triggered_by, retry_of=wish.retry_of
        )
        with self.runtime.database.transaction() as session:
            leases.check(session, self.lease)
            return begin(
                session,
                session.get_one(PlatformAudience, self.audience_id),
                order,
                timetable=timetable_of(self.runtime.config),
                now=self.runtime.database.now(session),
            )

    def _set_up(self) -> _Bench:
        """Files, engine and segment.

        For an audience that is yet to be made it is read now: what cannot be read makes none.
        """
        with self.runtime.database.reading() as session:
            audience = session.get_one(PlatformAudience, self.audience_id)
        folder = folder_of(self.runtime, self.audience_id)
        work = folder.open_work()
        engine = compositions.engine_for(self.runtime, audience.segment, folder=folder, work=work)
        footing = Footing(runtime=self.runtime, lease=self.lease, folder=folder, engine=engine)
        footing.prove(needs_state=not self._is_replace, saves_state=self.wish.keeps_remote)
        segment = self._segment(audience, folder, engine)
        if not audience.platform_audience_id:
            desired = segment.prepare(None)
            segment = replace(segment, prepare=lambda _cache: desired)
        return _Bench(audience=audience, footing=footing, engine=engine, segment=segment)

    def _describe(self, remote: RemoteId) -> RemoteAudience:
        """What the platform says: it may be gone, and yesterday's members be counted by now.

        Raises:
            AudienceGoneError: it is gone.
            ConflictError: it takes no changes now, for a reason that is not ours to end.
        """
        found = self.connector.describe(remote)
        with self.runtime.database.reading() as session:
            facts = ledger.head(session, self.audience_id).facts
            audience = session.get_one(PlatformAudience, self.audience_id)
            self.scene = scene_of(session, self.runtime, audience, self.connector.spec)
        if not found.is_usable and not ("stuck_session" in facts or facts.get("is_replace")):
            raise ConflictError(
                f"{self.connector.spec.platform.label} takes no changes to the audience now"
                f" ({found.note}). It is tried again later.",
                details={"platform": self.connector.spec.platform.value},
            )
        return found

    @property
    def _succession(self) -> Succession:
        return Succession(
            runtime=self.runtime,
            connector=self.connector,
            lease=self.lease,
            audience_id=self.audience_id,
        )

    def _bring_in_step(
        self, job: AudienceSyncJob, bench: _Bench, created: Created
    ) -> tuple[Created, Outcome]:
        """Sync; where a replace takes an empty audience, get one first and tidy up after."""
        steps = self._succession
        has_successor = self.connector.spec.replaces_by is Replacing.SUCCESSOR
        is_swap = self._is_replace and not has_successor
        if self._is_replace and has_successor and not created.is_new:
            if self.wish.keeps_remote and not bench.footing.is_lost():
                job.operation = SyncOperation.UPDATE  # as which it is retried, too
                bench.footing.doubt(self._ports(bench), self._subject(job, bench, created.remote))
            else:
                bench, created = self._succeed(job, bench, created)
        steps.wipe(created.remote)
        ports, subject = self._ports(bench), self._subject(job, bench, created.remote)
        guard = self._guard(bench.audience)
        wished = drafting.Wish(is_replace=is_swap, tries_refused=self.wish.tries_refused)
        outcome = synchronise(ports, subject, bench.segment, guard, wished)
        if outcome.status is SyncStatus.COMPLETED:
            steps.finish()
            if self.connector.spec.creates_with_members:
                created = self._as_made(created)
        bench.footing.tidy_up()
        return created, outcome

    def _succeed(
        self, job: AudienceSyncJob, bench: _Bench, created: Created
    ) -> tuple[_Bench, Created]:
        """Get an empty audience; what is there is given up only if nothing speaks against it."""
        bench = self._check_first(job, bench, created.remote)
        if not self.wish.wipe:
            self._succession.begin()
            created = self._succession.ensure_created()
        return bench, created

    def _as_made(self, created: Created) -> Created:
        """`created` under its own id, where the members that were just sent have made it."""
        try:
            found = self.connector.describe(created.remote)
        except AudsyncError:
            return created  # the next run asks again
        return known_as(self.runtime, self.lease, created, found)

    def _check_first(self, job: AudienceSyncJob, bench: _Bench, remote: RemoteId) -> _Bench:
        """See, before anything is given up, that the segment can be read and no guard refuses.

        Raises:
            GuardError: what the replace would come to is not allowed.
        """
        ports, subject = self._ports(bench), self._subject(job, bench, remote)
        standing = recover(ports, subject)
        guard = self._guard(bench.audience)
        drafted = draft(ports, standing, bench.segment, guard)
        guards.enforce(guard, drafted.verdicts, audience=bench.audience.slug)
        if self.wish.wipe:
            self._succession.must_wipe(standing)
        desired = replace(drafted.desired, touched=None)
        segment = replace(bench.segment, prepare=lambda _cache: desired)
        return replace(bench, segment=segment)

    def _ports(self, bench: _Bench) -> Ports:
        runtime = self.runtime
        return Ports(
            database=runtime.database,
            engine=bench.engine,
            progress=runtime.progress,
            spec=self.connector.spec,
            max_rows=uplink.max_rows(runtime, self.connector.spec),
            lease=self.lease,
            connector=self.connector,
            lanes=self.lanes,
            clock=runtime.clock,
            random=SystemRandom(),
            check_stop=self._check_stop,
            must_last_s=runtime.config.limits.request_timeout + MARGIN_S,
            patience_s=runtime.config.limits.max_wait,
            reached=bench.footing.continuity.reached,
        )

    def _subject(self, job: AudienceSyncJob, bench: _Bench, remote: RemoteId) -> Subject:
        return Subject(
            audience_id=self.audience_id, job_id=job.id, remote=remote, name=bench.audience.slug
        )

    def _guard(self, audience: PlatformAudience) -> Guard:
        """Guards protect what people rely on: not an audience that never was complete."""
        with self.runtime.database.reading() as session:
            is_complete = jobs.has_completed(session, self.audience_id)
        is_lifted = self.wish.allow_shrink or not is_complete
        return guard_of(self.runtime, audience, allow_shrink=is_lifted)

    def _segment(
        self, audience: PlatformAudience, folder: AudienceFolder, engine: LocalEngine
    ) -> Segment:
        """The segment, noting what its reading came to before anything can fail after it."""
        segment = compositions.segment_for(
            self.runtime, audience.segment, self.connector.spec, folder=folder, work=engine.work
        )

        def prepare(cache: Cache | None) -> Desired:
            again = None if self.wish.reread else engine.prepared(cache)
            desired = again or segment.prepare(cache)
            self.counts = of_segment(desired.counts)
            return desired

        return replace(segment, prepare=prepare)

    def _check_stop(self) -> None:
        self.runtime.stop.check()
        if self.runtime.budget is not None:
            self.runtime.budget.check()
        self.heartbeat.check()

    def _finish(
        self,
        job: AudienceSyncJob,
        outcome: Outcome,
        created: Created | None,
        remote: RemoteAudience | None,
    ) -> Report:
        """Record how it ended on the job and on the audience."""
        for name, value in asdict(outcome.books).items():
            setattr(job, name, value)
        job.settlement = outcome.settlement
        job.warnings = [
            *(created.warnings if created else ()),
            *warnings_of(outcome, self.connector.spec),
        ]
        with self.runtime.database.transaction() as session:
            leases.check(session, self.lease)
            now = self.runtime.database.now(session)
            audience = session.get_one(PlatformAudience, self.audience_id)
            ending = Ending(
                job=job,
                audience=audience,
                outcome=outcome,
                remote=remote,
                scene=self.scene,
                was_anew=self._is_replace,
            )
            outcome = conclude(session, self.runtime, ending, now=now)
            return Report(
                job=reports.job(job),
                exit_code=outcome.error.exit_code if outcome.error else 0,
                audience=reports.audience(audience, success_rate=None),
            )


def _stale(audience: PlatformAudience) -> AudienceStaleError:
    return AudienceStaleError(
        f"{audience.slug} was deleted on {audience.platform.label}. Run `audsync recreate"
        f" {audience.slug}` to make it anew, or `audsync unlink {audience.slug}` to let it go.",
        details={"audience": audience.slug, "platform": audience.platform.value},
    )
