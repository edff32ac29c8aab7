"""Sending what waits to be told, after the work is done. Nothing here ever fails a run.

A notification is taken before it is sent and recorded afterwards, each in a transaction of its
own: a crash in between lets it arrive twice at most, never not at all. A receiver that fails rests
for a minute, so that one that hangs holds nobody up for longer than its time-out.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from audsync import steps
from audsync.config.watching import check_address, masked
from audsync.errors import AudsyncError, UsageError
from audsync.services import bugs, reports
from audsync.services.watch import notice_text
from audsync.services.wiring.runtime import Runtime
from audsync.store import notifications
from audsync.store.tables import Notification

REST_S = 60
"""How long a receiver that failed is left alone, also by what waits behind."""
LONGEST_S = 15.0
"""After so long no further message is begun: the next `run-due` goes on."""
GONE = "is not in the configuration any more"

Json = dict[str, Any]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of a test message to one receiver."""

    receiver: int | None
    """Position in the configuration; None for an address of the command line."""
    address: str
    """Masked."""
    problem: str

    def as_json(self) -> Json:
        """As `notifications test --json` prints it."""
        return {
            "receiver": self.receiver,
            "address": self.address,
            "ok": not self.problem,
            "problem": self.problem or None,
        }


def deliver(runtime: Runtime) -> None:
    """Send whatever is due; what cannot be sent waits for the next run."""
    if not runtime.config.notify:
        return
    try:
        _deliver(runtime)
    except AudsyncError as error:
        _log.warning("notifications wait for the next run: %s", error.code)
    except Exception as error:  # noqa: BLE001 - whoever is told is no reason to fail a sync
        _log.warning("notifications wait for the next run: %s", bugs.as_error(error).message)


def listed(runtime: Runtime, *, is_pending: bool) -> list[Json]:
    """Notifications, newest first; or only those that wait."""
    with runtime.database.reading() as session:
        found = notifications.listed(session, runtime.config.tenant, is_pending=is_pending)
        return [_as_json(runtime, one) for one in found]


def test(runtime: Runtime, target: str | None) -> list[Tried]:
    """Send a test message at once to every receiver, to the one of that number, or to an address.

    Raises:
        UsageError: there is no such receiver, or the address is none.
    """
    from audsync.notify import sending

    with runtime.database.reading() as session:
        now = runtime.database.now(session)
    message = notice_text.message_of(notice_text.of_test(tenant=runtime.config.tenant, now=now))
    found = []
    for number, address in _targets(runtime, target):
        problem = sending.send(address, message, timeout_s=sending.TIMEOUT_S)
        found.append(Tried(receiver=number, address=masked(address), problem=problem))
    return found


def _deliver(runtime: Runtime) -> None:
    ends_at = runtime.clock.monotonic() + LONGEST_S
    with runtime.database.reading() as session:
        now = runtime.database.now(session)
        tenant = runtime.config.tenant
        waiting = notifications.due(session, tenant, now=now)
        since = now - timedelta(seconds=REST_S)
        resting = notifications.resting(session, tenant, since=since) if waiting else set()
    for one in waiting:
        if one.receiver in resting:
            continue
        if runtime.clock.monotonic() > ends_at:
            return
        if not _send(runtime, one):
            resting.add(one.receiver)


def _send(runtime: Runtime, one: Notification) -> bool:
    """Whether its receiver may be sent the next one."""
    receivers = runtime.config.notify
    if one.receiver > len(receivers):
        with runtime.database.transaction() as session:
            now = runtime.database.now(session)
            notifications.give_up(session, one.id, problem=GONE, now=now)
        return True
    if not _take(runtime, one):
        return True
    from audsync.notify import sending

    address = receivers[one.receiver - 1].url.get_secret_value()
    steps.reached("notify: before sending")
    problem = sending.send(
        address, notice_text.message_of(one.message), timeout_s=sending.TIMEOUT_S
    )
    steps.reached("notify: after sending")
    with runtime.database.transaction() as session:
        now = runtime.database.now(session)
        done = notifications.record(session, one.id, problem=problem, now=now)
    if problem:
        _log.warning(
            "notification %s to receiver %d (%s) %s; %s",
            one.event,
            one.receiver,
            masked(address),
            problem,
            "it is given up" if done.given_up_at else "it is tried again",
        )
    return not problem


def _take(runtime: Runtime, one: Notification) -> bool:
    with runtime.database.transaction() as session:
        return notifications.take(session, one.id, now=runtime.database.now(session))


def _targets(runtime: Runtime, target: str | None) -> Iterator[tuple[int | None, str]]:
    receivers = runtime.config.notify
    if target is None:
        if not receivers:
            raise UsageError(
                "There is nobody to tell: add a receiver under `notify:`, or name an address."
            )
        yield from ((n, each.url.get_secret_value()) for n, each in enumerate(receivers, start=1))
        return
    if target.isdecimal():
        if not 1 <= int(target) <= len(receivers):
            raise UsageError(
                f"There is no receiver {target}: `notify` of the configuration has"
                f" {len(receivers)}, counted from 1 on.",
                details={"receivers": len(receivers)},
            )
        yield int(target), receivers[int(target) - 1].url.get_secret_value()
        return
    try:
        yield None, check_address(target)
    except ValueError as error:
        raise UsageError(f"The address {error}; or give a receiver's number.") from None


def _as_json(runtime: Runtime, one: Notification) -> Json:
    receivers = runtime.config.notify
    known = one.receiver <= len(receivers)
    address = receivers[one.receiver - 1].url.get_secret_value() if known else ""
    return {
        "id": str(one.id),
        "event": one.event,
        "audience": one.message.get("audience"),
        "connection": one.message.get("connection"),
        "receiver": one.receiver,
        "address": masked(address) if known else None,
        "status": _status(one),
        "attempts": one.attempts,
        "created_at": reports.moment(one.created_at),
        "next_attempt_at": reports.moment(one.next_attempt_at),
        "delivered_at": reports.moment(one.delivered_at),
        "problem": one.problem,
        "text": one.message.get("text"),
    }


def _status(one: Notification) -> str:
    if one.delivered_at is not None:
        return "delivered"
    return "given_up" if one.given_up_at is not None else "pending"
