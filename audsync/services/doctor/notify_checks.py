"""What `doctor` says about receivers of notifications: whether anything could be sent to each."""

from collections.abc import Iterator
from datetime import timedelta

from audsync.config.watching import masked
from audsync.services.doctor import storage_checks
from audsync.services.doctor.checks import Check, bad, good
from audsync.services.wiring.runtime import Runtime
from audsync.store import notifications

RECENT = timedelta(days=7)


def receivers(runtime: Runtime) -> Iterator[Check]:
    """Each receiver of the file; nothing is sent to any.

    Raises:
        StoreError: what waits to be sent cannot be read.
    """
    if not runtime.config.notify:
        return
    from audsync.notify import sending

    for number, receiver in enumerate(runtime.config.notify, start=1):
        address = receiver.url.get_secret_value()
        problem = sending.problem_with(address)
        title = f"notify {number}"
        if problem:
            yield bad(title, f"{masked(address)} {problem}.", "Install it, or correct the address.")
        else:
            mend = f"`audsync notifications test {number}` tries it"
            yield good(title, f"{masked(address)}; {mend}")
    if storage_checks.is_set_up(runtime):
        yield from _waiting(runtime)


def _waiting(runtime: Runtime) -> Iterator[Check]:
    with runtime.database.reading() as session:
        now = runtime.database.now(session)
        waiting, lost = notifications.counts(session, runtime.config.tenant, since=now - RECENT)
    if lost:
        yield bad(
            "notifications",
            f"{lost} of the last 7 days could not be delivered and were given up.",
            "audsync notifications list; audsync notifications test",
        )
    elif waiting:
        yield good("notifications", f"{waiting} wait for the next `run-due`")
