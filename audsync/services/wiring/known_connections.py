"""The connections of a tenant: those of the file, those that `connect` saved, and those in both.

The file's settings win, and so do its credentials; what `connect` saved is used where the file
says nothing. Saved credentials are bound to their record and to where it leads: a store that
somebody changed cannot send them anywhere else.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audsync.config.entered import connection_from
from audsync.config.model import ConnectionConfig, Credentials
from audsync.errors import ConfigError, StateError
from audsync.services import keys
from audsync.store.tables import Connection
from audsync.vault.keys import KeyRing
from audsync.vault.sealing import TamperedError, seal, unseal

FILE, STORE = "file", "store"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One connection, from wherever it comes."""

    name: str
    settings: ConnectionConfig
    stands_in: str
    """Where its settings are: `file` or `store`."""
    credentials_in: str | None
    """The same for its credentials; None where it has none."""
    record: Connection | None
    """What the store has of it: saved credentials, or a note on how it was found."""


def merged(
    in_file: Mapping[str, ConnectionConfig], records: Sequence[Connection]
) -> dict[str, Known]:
    """Every connection by its name: those of the file in its order, then the saved ones.

    A record whose settings this version does not take is left out, with a word in the log: it
    must not keep the others from working.
    """
    by_name = {record.name: record for record in records}
    found = {
        name: Known(
            name=name,
            settings=settings,
            stands_in=FILE,
            credentials_in=_place(settings, by_name.get(name)),
            record=by_name.get(name),
        )
        for name, settings in in_file.items()
    }
    for name, record in by_name.items():
        settings = None if name in found else _saved_settings(record)
        if settings is not None:
            found[name] = Known(
                name=name,
                settings=settings,
                stands_in=STORE,
                credentials_in=STORE,
                record=record,
            )
    return found


def sealed_into(record: Connection, credentials: Credentials, ring: KeyRing) -> None:
    """Put credentials into a record whose settings are complete.

    Raises:
        ConfigError: there is no key to seal them with.
    """
    reseal(record, credentials.reveal(), ring)


def reseal(record: Connection, secrets: Mapping[str, str], ring: KeyRing) -> None:
    """Seal a record's secrets with the first key of the ring.

    Raises:
        ConfigError: there is none.
    """
    sealed = seal(secrets, keys.sealing_key(ring), _binding(record))
    record.credentials_ciphertext, record.key_id = sealed.ciphertext, sealed.key_id


def opened(record: Connection, ring: KeyRing) -> dict[str, str]:
    """The secrets of a record that has some.

    Raises:
        ConfigError: the key that sealed them is not at hand.
        StateError: they were changed, or belong to another record.
    """
    key = keys.opening_key(ring, record.key_id or "?", what=f"connection `{record.name}`")
    try:
        return unseal(record.credentials_ciphertext or b"", key, _binding(record))
    except TamperedError:
        raise StateError(
            f"The saved credentials of connection `{record.name}` are damaged: they, or where the"
            " connection leads, were changed outside audsync. See who did that; then `audsync"
            f" connections rotate {record.name}` takes new ones, or restore a backup of the store.",
            details={"connection": record.name},
        ) from None


def credentials_of(record: Connection, settings: ConnectionConfig, ring: KeyRing) -> Credentials:
    """The saved credentials of a connection with these settings.

    Raises:
        ConfigError: they are for another platform, or their key is not at hand.
        StateError: they were changed.
    """
    if record.platform is not settings.platform:
        raise ConfigError(
            f"The credentials saved for connection `{record.name}` are for {record.platform.label},"
            f" and the file says {settings.platform.label}:"
            f" `audsync connections rotate {record.name}`.",
            details={"connection": record.name},
        )
    entered = {**_entered(record), "credentials": opened(record, ring)}
    credentials = connection_from(record.name, entered).credentials
    assert credentials is not None  # they were just given
    return credentials


def _saved_settings(record: Connection) -> ConnectionConfig | None:
    """The settings of a saved connection; None for a mere note, and for what cannot be used."""
    if record.credentials_ciphertext is None:
        return None
    try:
        return connection_from(record.name, _entered(record))
    except ConfigError as error:
        _log.warning("%s It was saved by another version, or changed: it is left out.", error)
        return None


def _place(settings: ConnectionConfig, record: Connection | None) -> str | None:
    if settings.credentials is not None:
        return FILE
    return STORE if record is not None and record.credentials_ciphertext is not None else None


def _entered(record: Connection) -> dict[str, object]:
    return {
        "platform": record.platform.value,
        "account": record.account,
        "base_url": record.base_url,
        "token_url": record.token_url,
        "api_version": record.api_version,
        "options": dict(record.options),
    }


def _binding(record: Connection) -> dict[str, str | None]:
    """What the credentials belong to, and where they may be sent."""
    return {
        "record": str(record.id),
        "tenant": str(record.tenant_id),
        "name": record.name,
        "platform": record.platform.value,
        "account": record.account,
        "base_url": record.base_url,
        "token_url": record.token_url,
    }
