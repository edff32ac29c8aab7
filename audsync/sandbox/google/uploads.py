"""Members going in and out: `audienceMembers:ingest`, `:remove` and `:removeAll`.

Source: upload-data and remove-all-members guides, IngestionService reference, read 2026-11-22.
A request is taken whole or refused whole; what is taken gets an id and is worked off later.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audsync.sandbox.contract import Answer
from audsync.sandbox.google import consent, destinations, errors, identifiers
from audsync.sandbox.google.consent import Consent
from audsync.sandbox.google.destinations import Destination
from audsync.sandbox.google.errors import Violation
from audsync.sandbox.google.flight import Action, Work
from audsync.sandbox.google.identifiers import Checked, Rules
from audsync.sandbox.google.request import Accepted, Request
from audsync.sandbox.google.wire import DATA_KINDS, INGEST, REMOVE, REMOVE_ALL

MAX_MEMBERS = 10_000
_FITTING = {
    "userData": "CONTACT_ID",
    "compositeData": "CONTACT_ID",
    "mobileData": "MOBILE_ID",
    "userIdData": "USER_ID",
}
_WITH_TERMS = frozenset({"userData", "compositeData", "mobileData"})
_HASHED = frozenset({"userData", "compositeData"})


@dataclass(slots=True)
class _Upload:
    """A request on its way through the checks."""

    members: Sequence[Mapping[str, Any]] = field(repr=False)
    kind: str = ""
    checked: Checked = field(default_factory=Checked)
    consents: Sequence[Consent] = ()
    """Of each member; nothing of those that are to go."""
    left_out: dict[int, str] = field(default_factory=dict)
    """Member number -> why it is not stored."""


def ingest(request: Request) -> Answer:
    """`POST /v1/audienceMembers:ingest`."""
    document = request.document(INGEST)
    violations: list[Violation] = []
    goals = destinations.read(request, document, violations, adds=True)
    upload = _read(request, document, goals, violations)
    terms = (document.get("termsOfService") or {}).get("customerMatchTermsOfServiceStatus")
    if upload.kind in _WITH_TERMS and terms != "ACCEPTED":
        where = "terms_of_service.customer_match_terms_of_service_status"
        told = "Required terms and conditions are not accepted."
        violations.append(Violation(where, "TERMS_AND_CONDITIONS_NOT_SIGNED", told))
    _refuse(request, violations)
    upload.consents = consent.stated(document.get("consent") or {}, upload.members)
    upload.left_out = consent.left_out(request, upload.consents)
    return _accepted(request, document, goals, upload, "ingest")


def remove(request: Request) -> Answer:
    """`POST /v1/audienceMembers:remove`; members who are not in the list do no harm."""
    document = request.document(REMOVE)
    violations: list[Violation] = []
    goals = destinations.read(request, document, violations, adds=False)
    upload = _read(request, document, goals, violations)
    _refuse(request, violations)
    return _accepted(request, document, goals, upload, "remove")


def remove_all(request: Request) -> Answer:
    """`POST /v1/audienceMembers:removeAll`."""
    document = request.document(REMOVE_ALL)
    violations: list[Violation] = []
    goals = destinations.read(request, document, violations, adds=False)
    # Without a time everybody goes who was added up to this very moment.
    before = math.nextafter(request.now, math.inf)
    if "removeAsOfTime" in document:
        given = _epoch_s(document["removeAsOfTime"])
        before = math.inf if given is None else given
        if before > request.now:
            told = "The remove as of time must be in the past or present."
            violations.append(Violation("remove_as_of_time", "INVALID_REMOVE_AS_OF_TIME", told))
    _refuse(request, violations)
    upload = _Upload(members=())
    return _accepted(request, document, goals, upload, "remove_all", before=before)


def _read(
    request: Request,
    document: Mapping[str, Any],
    goals: Sequence[Destination],
    violations: list[Violation],
) -> _Upload:
    """The members, with what is wrong about them; leaks are reported."""
    upload = _Upload(members=document.get("audienceMembers") or [])
    if "encryptionInfo" in document:
        told = "Sandbox: encrypted uploads are not simulated."
        violations.append(Violation("encryption_info", "INVALID_ARGUMENT", told))
    problem = _members_wrong(upload)
    if problem is not None:
        violations.append(problem)
        return upload
    if any(_FITTING.get(upload.kind) != goal.user_list.key_type for goal in goals):
        told = "Type of the user list is not applicable for this request."
        violations.append(Violation("audience_members", "INVALID_USER_LIST_TYPE", told))
    encoding = document.get("encoding", "")
    if upload.kind in _HASHED and encoding not in ("HEX", "BASE64"):
        violations.append(Violation("encoding", "REQUIRED_FIELD_MISSING", "Encoding is missing."))
    elif upload.kind in _FITTING:
        upload.checked = _checked(request, upload, encoding)
        violations += upload.checked.violations
        violations += _references_wrong(upload.members, goals)
        _report_leaks(request, upload.checked, goals)
    return upload


def _members_wrong(upload: _Upload) -> Violation | None:
    """What makes it useless to look at single members; else the kind of their data is set."""
    count = len(upload.members)
    if not count:
        told = "At least one audience member is required."
        return Violation("audience_members", "REQUIRED_FIELD_MISSING", told)
    if count > MAX_MEMBERS:
        told = "Maximum number of audience members allowed per request is 10,000."
        return Violation("audience_members", "TOO_MANY_AUDIENCE_MEMBERS", told)
    kinds = {frozenset(DATA_KINDS.intersection(member)) for member in upload.members}
    if frozenset() in kinds:
        at = next(n for n, each in enumerate(upload.members) if DATA_KINDS.isdisjoint(each))
        path = f"audience_members.audience_members[{at}]"
        return Violation(path, "INVALID_AUDIENCE_MEMBER", "This audience member is not valid.")
    if len(kinds) > 1:
        told = "Multiple data types are not allowed to be ingested in a single request."
        return Violation("audience_members", "MULTIPLE_DATA_TYPES_NOT_ALLOWED", told)
    (upload.kind,) = kinds.pop()
    return None


def _checked(request: Request, upload: _Upload, encoding: str) -> Checked:
    settings = request.settings
    rules = Rules(
        encoding=encoding,
        is_strict=settings.is_strict,
        mobile_ids_ignore_case=settings.mobile_ids_ignore_case,
    )
    return identifiers.check(upload.kind, upload.members, rules)


def _references_wrong(
    members: Sequence[Mapping[str, Any]], goals: Sequence[Destination]
) -> list[Violation]:
    known = {goal.reference for goal in goals} - {""}
    return [
        Violation(
            f"audience_members.audience_members[{at}].destination_references",
            "INVALID_DESTINATION",
            "This destination is not valid.",
        )
        for at, member in enumerate(members)
        if not known.issuperset(member.get("destinationReferences") or ())
    ]


def _report_leaks(request: Request, checked: Checked, goals: Sequence[Destination]) -> None:
    for (kind, column), cells in checked.leaks.items():
        about = {
            "platform": "google",
            "audience": goals[0].user_list.id if goals else "",
            "column": column,
            "cells": cells,
            "at": request.now,
        }
        request.report(kind, about)


def _refuse(request: Request, violations: Sequence[Violation]) -> None:
    if violations:
        raise errors.violated(violations, request_id=request.shelf.next_request_id())


def _accepted(
    request: Request,
    document: Mapping[str, Any],
    goals: Sequence[Destination],
    upload: _Upload,
    action: Action,
    *,
    before: float = 0.0,
) -> Answer:
    """Give the request an id; its effect is to be in flight, and at once so to settle if due."""
    rows = len(upload.members)
    request_id = request.shelf.next_request_id()
    answer = {"requestId": request_id}
    if document.get("validateOnly", False):
        return request.reply(answer, action="validate", rows=rows)
    outcome = request.shelf.next_outcome(action, request.settings)
    works: list[tuple[dict[str, Any], Work]] = []
    for goal in goals:
        work = _work(request, upload, goal, request_id, action)
        work.before = before
        if outcome is not None and outcome.status == "FAILED":
            work.leave_out(outcome.reason, len(work.rows))
        elif outcome is not None and outcome.status == "PARTIAL_SUCCESS":
            work.leave_out(outcome.reason, outcome.records)
        works.append((goal.given, work))
    request.shelf.accepted[request_id] = Accepted(
        action=action,
        kind=upload.kind,
        received_at=request.now,
        works=works,
        records=rows,
        counts=upload.checked.counts,
    )

    def effect() -> None:
        if outcome is not None and outcome.status == "PROCESSING":
            return
        for goal, (_, work) in zip(goals, works, strict=True):
            goal.user_list.take(work, request.settings, request.now)

    return request.reply(answer, action=action, rows=rows, effect=effect)


def _work(
    request: Request, upload: _Upload, goal: Destination, request_id: str, action: Action
) -> Work:
    """What is to be done in one list: the members for it, less those who are left out."""
    work = Work(request_id=request_id, action=action, received_at=request.now)
    for at, (member, row) in enumerate(zip(upload.members, upload.checked.rows, strict=True)):
        references = member.get("destinationReferences")
        if references and goal.reference not in references:
            continue
        if upload.consents:
            work.consents.update(dict.fromkeys(row, upload.consents[at]))
        if at in upload.left_out:
            work.dropped[upload.left_out[at]] += 1
        else:
            work.rows.append(row)
    return work


def _epoch_s(text: str) -> float | None:
    """The moment that an RFC 3339 text stands for; None for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()
