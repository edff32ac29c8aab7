"""`key generate` and `key rotate`: a new key, and everything that is sealed under it.

Credentials go over in one transaction. The files of the state folder follow, an audience at a
time; a rotation that ended early is finished by the very same command.
"""

from pathlib import Path
from typing import Any

from audsync.errors import ConfigError, UsageError
from audsync.services.acts import record
from audsync.services.jobs import state_files
from audsync.services.wiring import known_connections, shared_tokens
from audsync.services.wiring.runtime import Runtime
from audsync.store import audit, connections
from audsync.store.audit import Act
from audsync.store.glance import is_surely_missing
from audsync.vault import files, keyring
from audsync.vault.keys import Key, KeyRing, generate, parse

Json = dict[str, Any]
_AGAIN = (
    "The files of some audiences still need the old key: keep it, and run the same command again"
    " once nothing works on them, where the state folder is."
)


def make(out: Path | None, *, into_keyring: bool) -> Key:
    """A new key, put into a file or the system's keyring if told so; nothing is overwritten.

    Raises:
        UsageError: both are told.
        ConfigError: it cannot be kept there.
    """
    if out is not None and into_keyring:
        raise UsageError("Say --out or --keyring, not both.")
    key = generate()
    if out is not None:
        files.write(out, key)
    if into_keyring:
        keyring.write(key)
    return key


def put_on_record(runtime: Runtime, key: Key) -> None:
    """Note in the audit trail that a key was made, where there is a store to note it in."""
    if not is_surely_missing(runtime.config.store.url):
        record(runtime, Act.KEY_GENERATED, {"key": key.id}, {})


def rotate(runtime: Runtime, new_file: Path | None, *, in_keyring: bool) -> Json:
    """Seal everything anew, for all tenants: what is in the store in one transaction.

    The new key is that of a file, or a new one in the keyring, or AUDSYNC_NEW_ENCRYPTION_KEY.

    Raises:
        UsageError: no new key is told, or two.
        ConfigError: a key is not at hand, the new one or that of something sealed: nothing
            is changed.
        StateError: something sealed is damaged: nothing is changed.
    """
    if in_keyring and new_file is not None:
        raise UsageError("Say --new-key-file or --keyring, not both.")
    if in_keyring:
        _refuse_key_elsewhere(runtime)
        report = _gone_over(runtime, keyring.prepare_next())
        if report["state_files"]["left"]:
            return {**report, "next": _AGAIN}
        keyring.promote_next()
        return {**report, "next": "The keyring has it already: nothing is left to do."}
    report = _gone_over(runtime, _new_key(runtime, new_file))
    if report["state_files"]["left"]:
        return {**report, "next": _AGAIN}
    return {**report, "next": _next_step(new_file)}


def _gone_over(runtime: Runtime, new: Key) -> Json:
    old = runtime.keys
    both = KeyRing([new, *filter(None, map(old.by_id, old.ids))])
    report = _resealed(runtime, both, new)
    done = state_files.bring_all_over(runtime, both)
    left = [{"audience": name, **error.as_json()} for name, error in done.left.items()]
    told = {"audiences": done.audiences, "rewritten": done.rewritten, "left": left}
    return {**report, "state_files": told}


def _resealed(runtime: Runtime, both: KeyRing, new: Key) -> Json:
    before: set[str] = set()
    with runtime.database.transaction() as session:
        now = runtime.database.now(session)
        found = connections.sealed(session, for_update=True)
        for record in found:
            before.add(record.key_id or "?")
            known_connections.reseal(record, known_connections.opened(record, both), both)
            connections.save(session, record, now=now)
        shared_tokens.reseal_all(session, both)
        for tenant in sorted({runtime.config.tenant, *(record.tenant_id for record in found)}):
            mine = sum(record.tenant_id == tenant for record in found)
            told = {"previous_keys": sorted(before - {new.id}), "connections": mine}
            audit.note(session, tenant, Act.KEY_ROTATED, {"key": new.id}, told)
    names = [f"{record.tenant_id}/{record.name}" for record in found]
    return {
        "key_id": new.id,
        "previous_key_ids": sorted(before - {new.id}),
        "resealed": len(names),
        "connections": names,
    }


def _new_key(runtime: Runtime, new_file: Path | None) -> Key:
    told = runtime.config.new_encryption_key
    if new_file is not None:
        return files.read(new_file)
    if told is not None:
        return parse(told.get_secret_value())
    raise UsageError(
        "Which key is the new one? Name its file with --new-key-file, or set"
        " AUDSYNC_NEW_ENCRYPTION_KEY; `audsync key generate` makes one."
    )


def _next_step(new_file: Path | None) -> str:
    if new_file is not None:
        return f"Now set AUDSYNC_ENCRYPTION_KEY_FILE={new_file.absolute()}, wherever audsync runs."
    return (
        "Now give AUDSYNC_ENCRYPTION_KEY the value of AUDSYNC_NEW_ENCRYPTION_KEY, wherever audsync"
        " runs, and unset the latter."
    )


def _refuse_key_elsewhere(runtime: Runtime) -> None:
    config = runtime.config
    if config.encryption_key is not None or config.encryption_key_file is not None:
        raise ConfigError(
            "AUDSYNC_ENCRYPTION_KEY or AUDSYNC_ENCRYPTION_KEY_FILE is set, and goes before the"
            " keyring: rotate with --new-key-file, or unset it."
        )
