"""What `doctor` says about connections: their keys, their platforms, and who names them."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta

from audsync.domain import CircuitState
from audsync.errors import AudsyncError, ConfigError, TransientError
from audsync.services.connections.connection_health import impatient
from audsync.services.doctor import storage_checks
from audsync.services.doctor.checks import Check, bad, good
from audsync.services.keys import opening_key, sealing_key
from audsync.services.nearest import nearest
from audsync.services.watch.expiry import ends_soon
from audsync.services.wiring import circuits
from audsync.services.wiring.known_connections import FILE, STORE, Known, merged
from audsync.services.wiring.runtime import Runtime
from audsync.store import breakers


def connections_in_place(runtime: Runtime) -> Mapping[str, Known]:
    """Every connection; only those of the file while the store is not set up."""
    if storage_checks.is_set_up(runtime):
        return runtime.connections()
    return merged(runtime.config.connections, ())


def connections(runtime: Runtime) -> Iterator[Check]:
    """Each connection's credentials, rights and terms, as its platform sees them.

    Then the audiences that the file gives to a connection that is not there.
    """
    quick = impatient(runtime)
    quick.is_apart = True
    found = connections_in_place(runtime)
    for known in found.values():
        yield _connection(quick, known)
    yield from _circuits(runtime)
    for slug, audience in runtime.config.audiences.items():
        if audience.connection not in found:
            yield bad(
                f"audience {slug}",
                f"There is no connection `{audience.connection}`"
                f"{nearest(audience.connection, found)}.",
                f"Correct `audiences.{slug}.connection`, or `audsync connect` that one.",
            )


def keys(runtime: Runtime) -> Iterator[Check]:
    """The keys of saved credentials and of state files, where one is wanted or named.

    Raises:
        ConfigError: a place that is named holds no usable key.
    """
    sealed = {
        known.name: known.record.key_id or "?"
        for known in connections_in_place(runtime).values()
        if known.credentials_in == STORE and known.record is not None
    }
    config = runtime.config
    is_wanted = bool(sealed) or config.state.encrypt
    if not (is_wanted or config.encryption_key or config.encryption_key_file):
        return
    locked = False
    for name, key_id in sealed.items():
        try:
            opening_key(runtime.keys, key_id, what=f"connection `{name}`")
        except ConfigError as error:
            locked = True
            yield bad(
                "key",
                error.message,
                f"Set the key that it was; or, if it is lost: audsync connections rotate {name}",
            )
    if not locked:
        what = "the state folder" if config.state.encrypt else "credentials"
        key = sealing_key(runtime.keys, what=what)
        yield good("key", f"{key.id}; credentials saved with it or opened: {len(sealed)}")


def _circuits(runtime: Runtime) -> Iterator[Check]:
    """Connections that rest after failures in a row, as far as there is a store to say so."""
    if not storage_checks.is_set_up(runtime):
        return
    with runtime.database.reading() as session:
        found = breakers.listed(session, runtime.config.tenant)
    for name, circuit in found.items():
        if circuit.state is not CircuitState.CLOSED:
            yield bad(
                f"circuit {name}",
                f"CIRCUIT_OPEN: {circuits.in_words(name, circuit)}.",
                "Nothing: `run-due` goes on by itself. A command of yours tries it at once.",
            )


def _connection(runtime: Runtime, known: Known) -> Check:
    title, settings = f"connection {known.name}", known.settings
    if known.credentials_in is None:
        return bad(
            title,
            "INVALID_CREDENTIALS: It has no credentials.",
            f"audsync connect {settings.platform} --name {known.name}; or set"
            f" `connections.{known.name}.credentials`",
        )
    try:
        with closing(runtime.connect(known.name, asks_anew=True)) as connector:
            ends_at = connector.check_access()
    except AudsyncError as error:
        return bad(title, f"{error.code}: {error.message}", _remedy(error, known))
    lets_in = f"{settings.platform.label} lets account {settings.account} in"
    if ends_at is None:
        return good(title, lets_in)
    until = f"{lets_in} until {ends_at:%Y-%m-%d %H:%M} UTC"
    left = timedelta(seconds=runtime.config.health.credentials_left)
    if ends_soon(ends_at, runtime.clock.now(), left=left):
        return bad(title, f"CREDENTIALS_EXPIRING: {until}.", f"Before that: {_renewal(known)}")
    return good(title, until)


def _remedy(error: AudsyncError, known: Known) -> str:
    if isinstance(error, TransientError):
        return "Check the network and `base_url`; if both are right, try again later."
    return f"{_renewal(known)}; then run doctor again."


def _renewal(known: Known) -> str:
    """What puts a connection right, by where its credentials are."""
    if known.credentials_in == FILE:
        return f"Correct `connections.{known.name}`"
    return f"audsync connections rotate {known.name}"
