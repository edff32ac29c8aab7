"""Whether store and state files are of one moment: what tells a restored backup from the truth.

Beside its files each audience has a mark of how far they have come (`snapshots.generations`). It
follows each commit of the audience's head, before anything is sent. So a crash leaves it behind
the head by a step, which the next run makes up for; a mark ahead of the head, or behind the one
that an earlier plan had seen, has but one cause: one of the two was restored from a backup.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from audsync.errors import StateError
from audsync.services.wiring.runtime import Runtime
from audsync.snapshots import generations
from audsync.snapshots.folder import AudienceFolder
from audsync.snapshots.generations import Mark
from audsync.store import ledger
from audsync.store.ledger import Head
from audsync.store.tables import PlatformAudience

_LOOKS = 5
"""How often it is looked again while somebody else changes what is looked at."""
REACHED = "reached"
"""Fact of a head: the generation that was marked when its plan was committed."""
AFRESH = "afresh"
"""Fact of a head: nothing of before counts, as the platform had lost the audience."""


@dataclass(slots=True, kw_only=True)
class Continuity:
    """The head of one audience and the mark beside its files."""

    runtime: Runtime
    audience_id: UUID
    folder: AudienceFolder
    _marked: int = -1

    def require(self) -> None:
        """Make sure that store and state files are of one moment.

        Raises:
            StateError: they are not, or this cannot be told.
        """
        for has_moved in (False, *[True] * _LOOKS):
            with self.runtime.database.reading() as session:
                head = ledger.head(session, self.audience_id)
                slug = session.get_one(PlatformAudience, self.audience_id).slug
            problem = contradiction(head, self.folder.mark(is_anew=has_moved), audience=slug)
            if problem is None:
                return
            # Who looks without the lease may look while a sync goes on.
            with self.runtime.database.reading() as session:
                if ledger.head(session, self.audience_id).generation == head.generation:
                    raise problem

    def reached(self) -> int:
        """Mark how far the store has come; returns that generation.

        Raises:
            StateError: the mark cannot be written: nothing may be sent.
        """
        with self.runtime.database.reading() as session:
            head = ledger.head(session, self.audience_id)
            if head.generation == self._marked:
                return self._marked
            remote = session.get_one(PlatformAudience, self.audience_id).platform_audience_id
        mark = Mark(generation=head.generation, files=head.files, remote=remote)
        is_first_look = self._marked < 0
        if head.generation and not (is_first_look and self.folder.mark() == mark):
            self.folder.set_mark(mark)
        self._marked = head.generation
        return head.generation


def contradiction(head: Head, mark: Mark | None, *, audience: str) -> StateError | None:
    """What proves that store or state files were restored from a backup; None for nothing.

    Without a mark there is no proof: the files are of an earlier version, or were moved.

    Args:
        head: what the store knows.
        mark: what stands beside the files.
        audience: its slug.
    """
    if mark is None or head.facts.get(AFRESH):
        return None
    seen = int(head.facts.get(REACHED) or 0)
    if seen <= mark.generation <= head.generation:
        return None
    restored, known = ("store", head.generation), mark.generation
    if mark.generation < seen:
        restored, known = ("state folder", mark.generation), seen
    what, generation = restored
    return StateError(
        f"What is on the platform for {audience} is not known any more: its {what} is at generation"
        f" {generation} and has been at {known}, so an older backup of it was restored. Put back"
        f" the store and the state folder of one moment, the latest, or run `audsync reconcile"
        f" {audience}`, which makes the audience exact again.",
        details={"audience": audience, "restored": what},
    )


def visible(head: Head, folder: Path, *, audience: str) -> StateError | None:
    """What a glance into a state folder shows of lost or restored state; None for nothing.

    Args:
        head: what the store knows.
        folder: where the audience's files are.
        audience: its slug.
    """
    missing = next((name for name in head.files.values() if not (folder / name).is_file()), None)
    if missing is not None or head.facts.get("is_lost"):
        file = f"The state file {folder / missing} is missing" if missing else "They were lost"
        return StateError(
            f"What is on the platform for {audience} is known by its state files alone. {file}."
            f" Bring back what was there, or run `audsync reconcile {audience}`, which makes the"
            " audience exact without it.",
            details={"audience": audience},
        )
    try:
        mark = generations.newest(folder)
    except OSError:
        return None  # `doctor` says who may read what
    return contradiction(head, mark, audience=audience)
