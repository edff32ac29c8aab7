"""What people and programs are told of circuit breakers; `gates` works them."""

from typing import TYPE_CHECKING, Any

from audsync.domain import CircuitState, Platform
from audsync.errors import CircuitOpenError
from audsync.services import reports
from audsync.store import breakers
from audsync.store.breakers import Circuit, Which
from audsync.store.tables import PlatformAudience

if TYPE_CHECKING:
    from audsync.services.wiring.runtime import Runtime


def of(audience: PlatformAudience) -> Which:
    """The breaker that its connection has."""
    return Which(tenant_id=audience.tenant_id, connection=audience.connection)


def require_closed(runtime: "Runtime", audience: PlatformAudience) -> None:
    """Make sure that the audience's connection does not rest; single requests may try it.

    Raises:
        CircuitOpenError: it does.
    """
    with runtime.database.reading() as session:
        circuit = breakers.look(session, of(audience))
    if circuit.state is CircuitState.OPEN:
        raise open_error(audience.connection, audience.platform, circuit)


def open_error(connection: str, platform: Platform, circuit: Circuit) -> CircuitOpenError:
    """Why nothing is sent to a connection that rests."""
    recovery_at = reports.moment(circuit.recovery_at)
    return CircuitOpenError(
        f"Platform temporarily unavailable: {circuit.failures} calls over connection"
        f" `{connection}` failed in a row, so it rests until {recovery_at}. Nothing was sent;"
        " `audsync run-due` goes on by itself.",
        details={
            "platform": platform.value,
            "connection": connection,
            "circuit_state": circuit.state.value,
            "recovery_at": recovery_at,
            "failure_count": circuit.failures,
        },
    )


def in_words(name: str, circuit: Circuit) -> str:
    """What is out of the ordinary about a connection's breaker; "" where nothing is."""
    told = []
    if circuit.state is not CircuitState.CLOSED:
        until = reports.moment(circuit.recovery_at)
        is_open = circuit.state is CircuitState.OPEN
        told.append(f"rests until {until}" if is_open else "is tried with single requests")
    if circuit.openings:
        told.append(f"openings in the last hour: {circuit.openings}")
    return f"{name} {', '.join(told)}" if told else ""


def as_json(circuit: Circuit) -> dict[str, Any]:
    """A breaker for programs: `state`, `failure_count`, `recovery_at` and `openings_last_hour`."""
    return {
        "state": circuit.state.value,
        "failure_count": circuit.failures,
        "recovery_at": reports.moment(circuit.recovery_at),
        "openings_last_hour": circuit.openings,
    }
