"""Replacing where members can be neither listed nor swept out: an empty audience, filled anew.

Either a new audience is made and linked, and the old one deleted once the new one is whole, so
that there is no empty moment; or, where a person asks for it, the old one is emptied by one call.
What is still to be done stands in the audience's facts: any later run finishes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from audsync.connectors.contract import Connector
from audsync.domain import AudienceState, RemoteId
from audsync.errors import RejectedError
from audsync.services.jobs.creation import Created, ensure_created
from audsync.services.wiring.runtime import Runtime
from audsync.store import ledger
from audsync.store.leases import Lease
from audsync.store.tables import PlatformAudience
from audsync.sync.contract import StateFiles
from audsync.sync.recover import Standing

if TYPE_CHECKING:
    from sqlmodel import Session

PREDECESSOR = "predecessor"
MUST_WIPE = "must_wipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """The steps of one audience's replacement, while its lease is held."""

    runtime: Runtime
    connector: Connector
    lease: Lease
    audience_id: UUID

    def ensure_created(self) -> Created:
        """The audience's id on the platform; made now if it never was, or if it has a successor.

        Raises:
            AudsyncError: the platform refused, or did not answer. A successor that is refused
                leaves the old audience in its place.
        """
        try:
            created = ensure_created(
                self.runtime, self.connector, self.audience_id, when_made=self._start_anew
            )
        except RejectedError:
            self._stay_with_the_old()
            raise
        old = self.predecessor()
        if not created.is_new or old is None:
            return created
        warning = {
            "code": "NAME_CHANGED",
            "message": f"{self.connector.spec.platform.label} cannot empty an audience without a"
            f" gap: a new one, {created.remote}, takes the place of {old}, which is deleted once"
            " the new one is filled. Point what targets the old one at the new one.",
        }
        return replace(created, warnings=[*created.warnings, warning])

    def begin(self) -> None:
        """Note that the audience gets a successor; the next `ensure_created` makes it."""
        with self.runtime.database.transaction() as session:
            audience = session.get_one(PlatformAudience, self.audience_id)
            head = ledger.head(session, self.audience_id)
            facts = {PREDECESSOR: audience.platform_audience_id, **head.facts}
            ledger.replace_files(session, self.lease, files=dict(head.files), facts=facts)
            audience.platform_audience_id = None
            audience.create_attempted_at = None
            audience.known_before = []
            session.add(audience)

    def predecessor(self) -> RemoteId | None:
        """The old audience, while it is still there."""
        old = self._facts().get(PREDECESSOR)
        return RemoteId(str(old)) if old else None

    def finish(self) -> None:
        """Delete the old audience: the new one is whole. Does nothing where there is none.

        Raises:
            AudsyncError: it is still there; the next run that ends well tries again.
        """
        old = self.predecessor()
        if old is None:
            return
        self.connector.delete(old)
        self._note(lambda facts: {name: facts[name] for name in facts if name != PREDECESSOR})

    def must_wipe(self, standing: Standing) -> None:
        """Note that every member has to go before anything else is done.

        What is uncertain stays so: a request that is late may land after the wipe.
        """
        doubtful = StateFiles(
            uncertain=standing.files.uncertain,
            echo=standing.files.echo,
            former=standing.files.former,
        )
        with self.runtime.database.transaction() as session:
            facts = {PREDECESSOR: standing.facts.get(PREDECESSOR), MUST_WIPE: True}
            ledger.close_plan(
                session,
                self.lease,
                files=doubtful.as_dict(),
                facts={name: value for name, value in facts.items() if value},
            )

    def wipe(self, remote: RemoteId) -> None:
        """Empty the audience if that was noted; until the platform has said yes it stays noted."""
        if not self._facts().get(MUST_WIPE):
            return
        self.connector.wipe(remote)
        self._note(lambda facts: {name: facts[name] for name in facts if name != MUST_WIPE})

    def _start_anew(self, session: "Session") -> None:
        """Nothing that was confirmed of the old audience says anything of a new one."""
        old = ledger.head(session, self.audience_id).facts.get(PREDECESSOR)
        if old is not None:
            ledger.close_plan(session, self.lease, files={}, facts={PREDECESSOR: old})

    def _stay_with_the_old(self) -> None:
        old = self.predecessor()
        if old is None:
            return
        with self.runtime.database.transaction() as session:
            audience = session.get_one(PlatformAudience, self.audience_id)
            audience.platform_audience_id = old
            audience.state = AudienceState.ACTIVE
            session.add(audience)
        self._note(lambda facts: {name: facts[name] for name in facts if name != PREDECESSOR})

    def _facts(self) -> dict[str, object]:
        with self.runtime.database.reading() as session:
            return dict(ledger.head(session, self.audience_id).facts)

    def _note(self, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
        with self.runtime.database.transaction() as session:
            head = ledger.head(session, self.audience_id)
            ledger.replace_files(
                session, self.lease, files=dict(head.files), facts=change(dict(head.facts))
            )
