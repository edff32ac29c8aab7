"""`connect` and `connections rotate`: secrets are tried on the platform, and only then saved.

What is saved is one row, written in one transaction: whoever connects before it has the old
credentials to its end, whoever connects after it the new ones. A sync under way ends with those
that it began with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from audsync.config.entered import connection_from
from audsync.config.model import ConnectionConfig, Credentials
from audsync.domain import ConnectionStatus, Platform
from audsync.errors import ConnectionUnknownError, UsageError
from audsync.services import keys
from audsync.services.connections import listing
from audsync.services.connections.connection_health import probe
from audsync.services.connections.prolonging import longer
from audsync.services.connections.secrets import Secrets
from audsync.services.nearest import nearest
from audsync.services.watch import outbox
from audsync.services.watch.notices import Desk, note_connection
from audsync.services.wiring import known_connections
from audsync.services.wiring.known_connections import FILE, Known
from audsync.services.wiring.runtime import Runtime
from audsync.store import audiences, audit, connections
from audsync.store.audit import Act
from audsync.store.connections import Finding
from audsync.store.tables import Connection

Json = dict[str, Any]
Ask = Callable[[Platform], Secrets]
"""Gets a platform's secrets from wherever they are; called once the rest is known to be right."""
_ADDRESSES = ("base_url", "token_url", "api_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `connect` was told; None or nothing where the file or an earlier `connect` decides."""

    platform: Platform
    name: str
    account: str | None = None
    base_url: str | None = None
    token_url: str | None = None
    api_version: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    """Dotted keys, such as `consent.ad_user_data`."""


def connect(runtime: Runtime, wanted: Wanted, ask: Ask) -> Json:
    """Test secrets against the platform, then save them with the connection's settings.

    For a connection of the file the settings stay there, and only the secrets are saved.

    Raises:
        UsageError: the settings cannot be right, or contradict those that stand.
        ConfigError: there is no key to encrypt with.
        AudsyncError: what the platform has against it; nothing is saved.
    """
    keys.sealing_key(runtime.keys)
    settings = _settings(runtime, wanted, runtime.connections().get(wanted.name))
    return _try_and_save(runtime, wanted.name, settings, ask)


def rotate(runtime: Runtime, name: str, ask: Ask) -> Json:
    """Test new secrets against the platform, then put them in the place of the saved ones.

    Raises:
        ConnectionUnknownError: there is no such connection.
        UsageError: its credentials are in the file.
        AudsyncError: what the platform has against it; the old ones stay.
    """
    keys.sealing_key(runtime.keys)
    known = runtime.connections()
    found = known.get(name)
    if found is None:
        raise ConnectionUnknownError(
            f"There is no connection `{name}`{nearest(name, known)}: `audsync connections` lists"
            " them.",
            details={"connection": name},
        )
    _refuse_file_credentials(found)
    return _try_and_save(runtime, name, found.settings, ask)


def _settings(runtime: Runtime, wanted: Wanted, found: Known | None) -> ConnectionConfig:
    if found is not None:
        _refuse_other_platform(wanted, found)
    entered = _entered(wanted)
    if found is None:
        return connection_from(wanted.name, entered)
    stands = found.settings.model_dump(mode="json", exclude={"credentials"}, exclude_none=True)
    settings = connection_from(wanted.name, _laid_over(stands, entered))
    if found.stands_in == FILE:
        _refuse_file_credentials(found)
        _refuse_other_settings(found, settings)
        return found.settings
    if _bare(settings.account) != _bare(found.settings.account):
        _refuse_other_account(runtime, wanted.name)
    return settings


def _try_and_save(runtime: Runtime, name: str, settings: ConnectionConfig, ask: Ask) -> Json:
    credentials = _checked(name, settings, ask(settings.platform))
    tested = probe(runtime, settings, credentials)
    if tested.error is not None:
        raise tested.error
    expires_at = tested.expires_at
    found = longer(runtime, name, settings, credentials, expires_at)
    if found is not None:
        credentials, expires_at = found.credentials, found.expires_at
    with runtime.database.transaction() as session:
        now = runtime.database.now(session)
        tenant = runtime.config.tenant
        record = connections.by_name(session, tenant, name, for_update=True)
        is_new = record is None or record.credentials_ciphertext is None
        record = _record(record, tenant, name, settings, now)
        known_connections.sealed_into(record, credentials, runtime.keys)
        good = Finding(status=ConnectionStatus.OK, expires_at=expires_at)
        connections.note(session, record, good, now=now)
        act = Act.CONNECTION_SAVED if is_new else Act.CONNECTION_ROTATED
        told = {"platform": record.platform.value, "account": record.account, "key": record.key_id}
        audit.note(session, tenant, act, {"connection": name}, told)
        note_connection(Desk.of(runtime.config, session, now), record)
    outbox.deliver(runtime)
    return listing.one(runtime, name)


def _checked(name: str, settings: ConnectionConfig, secrets: Secrets) -> Credentials:
    """The secrets as the platform's credentials, with nothing left in files of their own.

    Raises:
        UsageError: a key is unknown or missing.
    """
    entered = settings.model_dump(mode="json", exclude={"credentials"}, exclude_none=True)
    told = {key: value.get_secret_value() for key, value in secrets.items()}
    whole = connection_from(name, {**entered, "credentials": _unwrapped(told)}, folder=Path.cwd())
    if whole.credentials is None:
        raise UsageError("There are no secrets to save: none was given.")
    return whole.credentials.gathered()


def _unwrapped(told: dict[str, str]) -> dict[str, str]:
    """Without keys that were left empty, as an answer to a prompt may be."""
    return {key: value for key, value in told.items() if value.strip()}


def _record(
    record: Connection | None, tenant: int, name: str, settings: ConnectionConfig, now: datetime
) -> Connection:
    """A new record, or the one that stands, with these settings."""
    if record is None:
        record = Connection(
            tenant_id=tenant,
            name=name,
            platform=settings.platform,
            account=settings.account,
            created_at=now,
            updated_at=now,
        )
    record.platform, record.account = settings.platform, settings.account
    record.base_url, record.token_url = settings.base_url, settings.token_url
    record.api_version = settings.api_version
    record.options = settings.options.model_dump(mode="json", exclude_none=True)
    return record


def _entered(wanted: Wanted) -> Json:
    """The command line as keys of the file."""
    options: Json = {}
    for path, value in wanted.options.items():
        *parents, last = path.split(".")
        place = options
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise UsageError(f"--option {path} cannot stand beside --option {parent}.")
        place[last] = value
    told = {key: getattr(wanted, key) for key in ("account", *_ADDRESSES)}
    given = {key: value for key, value in told.items() if value is not None}
    return {
        "platform": wanted.platform.value,
        **given,
        **({"options": options} if options else {}),
    }


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Json:
    """`below`, with what `above` says in its place, mapping by mapping."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        is_deep = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = _laid_over(under or {}, value) if is_deep else value
    return merged


def _refuse_other_platform(wanted: Wanted, found: Known) -> None:
    if found.settings.platform is not wanted.platform:
        raise UsageError(
            f"Connection `{wanted.name}` is one to {found.settings.platform.label}: choose another"
            " --name.",
            details={"connection": wanted.name, "platform": found.settings.platform.value},
        )


def _refuse_file_credentials(found: Known) -> None:
    if found.credentials_in == FILE:
        raise UsageError(
            f"The credentials of connection `{found.name}` are in the configuration, and those"
            f" would win over saved ones. Change them there, or take"
            f" `connections.{found.name}.credentials` out of the file and run this again.",
            details={"connection": found.name},
        )


def _refuse_other_settings(found: Known, settings: ConnectionConfig) -> None:
    differing = [
        key
        for key in ("account", *_ADDRESSES, "options")
        if _bare(getattr(settings, key)) != _bare(getattr(found.settings, key))
    ]
    if differing:
        raise UsageError(
            f"Connection `{found.name}` stands in the configuration, with another"
            f" {', '.join(differing)}. Change it there, or leave that out here: `connect` adds only"
            " the secrets.",
            details={"connection": found.name, "differing": differing},
        )


def _refuse_other_account(runtime: Runtime, name: str) -> None:
    with runtime.database.reading() as session:
        users = audiences.of_connection(session, runtime.config.tenant, name)
    if users:
        raise UsageError(
            f"Connection `{name}` leads to another account, in which it keeps"
            f" {', '.join(one.slug for one in users)}. Choose another --name for the new account.",
            details={"connection": name, "audiences": [one.slug for one in users]},
        )


def _bare(value: object) -> object:
    """An account without what platforms and people write around its digits."""
    return value.removeprefix("act_").replace("-", "") if isinstance(value, str) else value
