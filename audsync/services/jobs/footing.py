"""What a job can rely on: the state files, proved before anything else is done; or nothing.

What was lost, or restored from a backup, ends a job unless it is a replace, which needs nothing.
`reconcile` saves what it can: files that are younger than the store hold all that may be on the
platform.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from audsync.domain import Action, BatchState
from audsync.errors import StateError
from audsync.services.jobs import told
from audsync.services.jobs.continuity import REACHED, Continuity
from audsync.services.jobs.state_files import bring_over
from audsync.services.wiring.runtime import Runtime
from audsync.snapshots.folder import AudienceFolder
from audsync.snapshots.generations import Mark
from audsync.store import leases, ledger
from audsync.store.tables import PlatformAudience
from audsync.sync.contract import BatchFacts, Engine, StateFiles
from audsync.sync.ports import Ports, Subject
from audsync.sync.recover import as_json, recover

_ALL_OF_IT = BatchFacts(
    number=1, action=Action.REPLACE, first_row=0, stop_row=0, rows=0, state=BatchState.UNKNOWN
)
"""As if a replace of everything had been tried: nothing is certain after it."""


@dataclass(kw_only=True)
class Footing:
    """The state of one audience under a job that holds its lease."""

    runtime: Runtime
    lease: leases.Lease
    folder: AudienceFolder
    engine: Engine

    @cached_property
    def continuity(self) -> Continuity:
        """Of its head and its files."""
        return Continuity(runtime=self.runtime, audience_id=self._audience_id, folder=self.folder)

    def live_files(self) -> set[str]:
        """Names of the files that count."""
        with self.runtime.database.reading() as session:
            return set(ledger.head(session, self._audience_id).files.values())

    def prove(self, *, needs_state: bool, saves_state: bool) -> None:
        """Prove that the files are what the store says; sweep what a dead run left.

        Args:
            needs_state: what cannot be relied upon ends the job.
            saves_state: else it is given up, or, where this is true, put together again.

        Raises:
            StateError: store and files are not of one moment, or a file is missing, damaged or
                without its key, and that ends the job.
        """
        try:
            self.continuity.require()
            for name in self.live_files():
                self.folder.verify(name)
        except StateError:
            if needs_state:
                raise
            if not (saves_state and self._saved()):
                self._give_up()
        else:
            bring_over(self.runtime, self.lease, self.folder)
        self.folder.sweep(self.live_files())
        self.continuity.reached()

    def tidy_up(self) -> None:
        """Remove this run's unfinished files, and those that count no more.

        Raises:
            StateError: an object store refused.
        """
        self.folder.close_work()
        self.folder.sweep(self.live_files())

    def is_lost(self) -> bool:
        """Whether nothing is known of what is on the platform."""
        with self.runtime.database.reading() as session:
            return bool(ledger.head(session, self._audience_id).facts.get("is_lost"))

    def doubt(self, ports: Ports, subject: Subject) -> None:
        """Trust nothing that is known: the next plan sends or removes all of it.

        Raises:
            StateError: the disk is full.
        """
        standing = recover(ports, subject)
        files = self.engine.fold(standing.files, [_ALL_OF_IT], is_replace=True)
        with self.runtime.database.transaction() as session:
            ledger.close_plan(
                session, self.lease, files=files.as_dict(), facts=dict(standing.facts)
            )
        self.continuity.reached()

    @property
    def _audience_id(self) -> UUID:
        return self.lease.audience_id

    def _give_up(self) -> None:
        """Note that nothing is known; guards still know how large the audience was."""
        mark = self.folder.mark()
        with self.runtime.database.transaction() as session:
            facts = ledger.head(session, self._audience_id).facts
            size = sum(facts.get("sizes", {}).values()) or facts.get("size_before", 0)
            ledger.close_plan(
                session,
                self.lease,
                files={},
                facts={"is_lost": True, "size_before": size, **_of_guards(facts)},
                after=mark.generation if mark else 0,
            )

    def _saved(self) -> bool:
        """Take over what the mark names, if it is ahead of the store, and all of it is there.

        Nothing was sent that its files do not hold: a mark goes before the first request of the
        plan that it names.
        """
        mark = self.folder.mark()
        with self.runtime.database.reading() as session:
            head = ledger.head(session, self._audience_id)
        if mark is None or mark.generation <= head.generation or not self._are_whole(mark):
            return False
        files = self.engine.fold(StateFiles.of(mark.files), [_ALL_OF_IT], is_replace=True)
        facts = {
            "sizes": as_json(self.engine.sizes(files)),
            REACHED: mark.generation,
            **_of_guards(head.facts),
        }
        with self.runtime.database.transaction() as session:
            ledger.close_plan(
                session, self.lease, files=files.as_dict(), facts=facts, after=mark.generation
            )
            audience = session.get_one(PlatformAudience, self._audience_id)
            if mark.remote is not None and audience.platform_audience_id != mark.remote:
                audience.platform_audience_id = mark.remote
                told.forget(audience)
                session.add(audience)
        return True

    def _are_whole(self, mark: Mark) -> bool:
        if not mark.files:
            return False
        try:
            for name in set(mark.files.values()):
                self.folder.verify(name)
        except StateError:
            return False
        return True


def _of_guards(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What guards hold a plan against, whatever becomes of the files."""
    return {name: facts[name] for name in ("lists", "rejects") if name in facts}
