"""`apply`: the audiences that the file declares, made and kept as it says.

An audience that the file does not name is left alone: it was made by hand, and only told of.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from audsync.config.model import AudienceConfig
from audsync.domain import AudienceState
from audsync.errors import AudsyncError
from audsync.services import audiences as service
from audsync.services.acts import record
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, audit
from audsync.store.audit import Act
from audsync.store.tables import PlatformAudience

Json = dict[str, Any]


class Step(StrEnum):
    """What `apply` does about one audience."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "nothing"
    CONFLICT = "conflict"
    """The file and the store differ in what cannot be changed."""
    UNDECLARED = "undeclared"


_CHANGING = frozenset({Step.CREATE, Step.UPDATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One audience, and in which settings the file differs from the store."""

    audience: str
    step: Step
    differs: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """As `apply --json` prints it."""
        return {"audience": self.audience, "step": self.step.value, "differs": list(self.differs)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What came of it: the jobs of audiences that were made, or why there is none."""

    jobs: list[Json]
    exit_codes: list[int]


def compare(runtime: Runtime) -> list[Change]:
    """What the file asks for that is not so yet; touches nothing."""
    known = {one.slug: one for one in _listed(runtime)}
    declared = [
        _change(runtime, slug, wanted, known.get(slug))
        for slug, wanted in runtime.config.audiences.items()
    ]
    others = [slug for slug in known if slug not in runtime.config.audiences]
    return [*declared, *(Change(audience=slug, step=Step.UNDECLARED) for slug in others)]


def apply(runtime: Runtime) -> Applied:
    """Create what is missing and change what differs; one that fails does not stop the others."""
    jobs: list[Json] = []
    codes: list[int] = []
    changes = compare(runtime)
    asked = {one.audience: one.step.value for one in changes if one.step in _CHANGING}
    if asked:
        record(runtime, Act.FILE_APPLIED, {}, asked)
    for change in changes:
        for job, code in _carry_out(runtime, change):
            jobs.append(job)
            codes.append(code)
        runtime.stop.check()
    return Applied(jobs=jobs, exit_codes=codes)


def _listed(runtime: Runtime) -> list[PlatformAudience]:
    with runtime.database.reading() as session:
        return list(audiences.listed(session, runtime.config.tenant))


def _change(
    runtime: Runtime, slug: str, wanted: AudienceConfig, known: PlatformAudience | None
) -> Change:
    if known is None or known.state is AudienceState.CREATING:
        return Change(audience=slug, step=Step.CREATE)
    fixed = tuple(
        name for name in ("segment", "connection") if getattr(known, name) != getattr(wanted, name)
    )
    if fixed:
        return Change(audience=slug, step=Step.CONFLICT, differs=fixed)
    is_so = {
        "every": known.sync_interval_hours == _hours(runtime, wanted),
        "auto_sync": known.auto_sync == wanted.auto_sync,
        "guard": known.guard == wanted.guard.model_dump(),
    }
    differs = tuple(name for name, same in is_so.items() if not same)
    return Change(audience=slug, step=Step.UPDATE if differs else Step.NOTHING, differs=differs)


def _carry_out(runtime: Runtime, change: Change) -> Iterator[tuple[Json, int]]:
    wanted = runtime.config.audiences.get(change.audience)
    if wanted is None:
        return
    if change.step is Step.CREATE:
        new = service.NewAudience(
            segment=wanted.segment, connection=wanted.connection, slug=change.audience
        )
        try:
            report = service.create(runtime, new)
        except AudsyncError as error:
            yield {"audience": change.audience, "error": error.as_json()}, error.exit_code
        else:
            yield report.job, report.exit_code
    elif change.step is Step.UPDATE:
        _update(runtime, change, wanted)
    elif change.step is Step.CONFLICT:
        yield {"audience": change.audience, "error": _conflict(change)}, 2


def _update(runtime: Runtime, change: Change, wanted: AudienceConfig) -> None:
    service.schedule(
        runtime,
        change.audience,
        every_hours=_hours(runtime, wanted) if "every" in change.differs else None,
        auto_sync=wanted.auto_sync if "auto_sync" in change.differs else None,
    )
    with runtime.database.transaction() as session:
        found = audiences.by_reference(session, runtime.config.tenant, change.audience)
        found.guard = wanted.guard.model_dump()
        if "guard" in change.differs:
            told = {"guard": found.guard}
            audit.note(
                session, found.tenant_id, Act.AUDIENCE_CHANGED, {"audience": found.slug}, told
            )
        audiences.save(session, found, now=runtime.database.now(session))


def _hours(runtime: Runtime, wanted: AudienceConfig) -> int:
    return wanted.every or runtime.config.defaults.every


def _conflict(change: Change) -> Json:
    names = " and ".join(change.differs)
    return {
        "code": "CONFIG_ERROR",
        "message": f"The {names} of {change.audience} cannot change: an audience holds one segment"
        f" of one connection. Declare a new audience, and `audsync delete {change.audience}` or"
        f" `audsync unlink {change.audience}`.",
        "details": {"audience": change.audience, "differs": list(change.differs)},
        "action_required": None,
    }
