"""An audience's files as the configuration wants them: where they are, and with which key.

What an earlier run left in another form, before `state.encrypt` was changed or under another key,
is read as it is and written anew by the next run, before it does anything else.
"""

from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from audsync.errors import AudsyncError
from audsync.objects.address import Address, address_of, is_object
from audsync.services import keys
from audsync.services.jobs.continuity import Continuity
from audsync.services.jobs.heartbeat import leased
from audsync.services.wiring.runtime import Runtime
from audsync.snapshots import cipher
from audsync.snapshots.folder import AudienceFolder, ScratchFolder
from audsync.snapshots.objects import ObjectFiles
from audsync.store import audiences, ledger
from audsync.store.leases import Lease
from audsync.store.tables import PlatformAudience
from audsync.vault.keys import KeyRing


@dataclass(slots=True, kw_only=True)
class BroughtOver:
    """What a change of keys did to the files of all audiences."""

    audiences: int = 0
    rewritten: int = 0
    """Files."""
    left: dict[str, AudsyncError] = field(default_factory=dict)
    """`TENANT/SLUG` of those whose files are as before, and why."""


def folder_of(runtime: Runtime, audience_id: UUID) -> AudienceFolder:
    """Where an audience's files are.

    Raises:
        ConfigError: they are to be encrypted, and there is no key.
    """
    return AudienceFolder(
        runtime.state_root,
        str(audience_id),
        key_id=_key_id(runtime),
        objects=_objects(runtime, runtime.config.tenant, audience_id),
    )


def scratch_of(runtime: Runtime, audience_id: UUID, scratch: Path) -> ScratchFolder:
    """An audience's files, and `scratch` for new ones that nobody keeps.

    Raises:
        ConfigError: they are to be encrypted, and there is no key.
    """
    return ScratchFolder(
        runtime.state_root,
        str(audience_id),
        scratch,
        key_id=_key_id(runtime),
        objects=_objects(runtime, runtime.config.tenant, audience_id),
    )


def state_address(runtime: Runtime) -> Address | None:
    """Where in an object store the state is; None where it is in a folder on this machine."""
    url = runtime.config.state.url
    return address_of(url) if is_object(url) else None


def bring_over(runtime: Runtime, lease: Lease, folder: AudienceFolder) -> int:
    """Write anew what is not encrypted as new files are; returns how many files that was.

    The folder's work is open. A crash leaves the old files, or both and a row that names one.

    Raises:
        StateError: a file is missing or cannot be opened or written: nothing is changed.
        LeaseLostError: the lease does not rule any more.
    """
    with runtime.database.reading() as session:
        head = ledger.head(session, lease.audience_id)
        files, facts = dict(head.files), dict(head.facts)
    kept = {name: folder.bring_over(name) for name in sorted(set(files.values()))}
    changed = sum(old != new for old, new in kept.items())
    if changed:
        with runtime.database.transaction() as session:
            brought = {role: kept[name] for role, name in files.items()}
            ledger.replace_files(session, lease, files=brought, facts=facts)
    return changed


def bring_all_over(runtime: Runtime, ring: KeyRing) -> BroughtOver:
    """Write the files of all audiences, of all tenants, anew under the first key of `ring`.

    An audience at which another process is busy, or whose files are elsewhere, is left.

    Raises:
        StoreError: the store failed.
    """
    cipher.hold(lambda: ring)
    key_id = ring.first.id if ring.first and runtime.config.state.encrypt else None
    with runtime.database.reading() as session:
        found = [
            audience
            for audience in audiences.of_all_tenants(session)
            if any(
                cipher.key_id_of(Path(name)) != key_id
                for name in ledger.head(session, audience.id).files.values()
            )
        ]
    done = BroughtOver()
    for audience in found:
        runtime.stop.check()
        try:
            done.rewritten += _bring_one_over(runtime, audience, key_id)
            done.audiences += 1
        except AudsyncError as error:
            done.left[f"{audience.tenant_id}/{audience.slug}"] = error
    return done


def _bring_one_over(runtime: Runtime, audience: PlatformAudience, key_id: str | None) -> int:
    root = runtime.state_root.parent / f"tenant-{audience.tenant_id}"
    objects = _objects(runtime, audience.tenant_id, audience.id)
    folder = AudienceFolder(root, str(audience.id), key_id=key_id, objects=objects)
    with leased(runtime, audience) as (lease, _):
        folder.open_work()
        continuity = Continuity(runtime=runtime, audience_id=audience.id, folder=folder)
        continuity.require()
        changed = bring_over(runtime, lease, folder)
        continuity.reached()
        folder.close_work()
        with runtime.database.reading() as session:
            live = set(ledger.head(session, audience.id).files.values())
        folder.sweep(live)
    return changed


def _objects(runtime: Runtime, tenant_id: int, audience_id: UUID) -> ObjectFiles | None:
    """Where an audience's files are durable, if that is not the folder."""
    address = state_address(runtime)
    if address is None:
        return None
    place = address.below(f"tenant-{tenant_id}").below(str(audience_id))
    return ObjectFiles(place=place, access=runtime.object_access)


def _key_id(runtime: Runtime) -> str | None:
    """Of the key for new files; and from now on files are opened with the keys of this program."""
    cipher.hold(lambda: runtime.keys)
    if not runtime.config.state.encrypt:
        return None
    return keys.sealing_key(runtime.keys, what="the state folder").id
