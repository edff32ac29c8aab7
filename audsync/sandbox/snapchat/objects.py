"""Ad accounts and segments as objects: make, read, list, change, delete.

Source: developers.snap.com customer-lists and api-patterns pages, read 2026-11-22.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from audsync.sandbox.contract import Answer
from audsync.sandbox.members import Members
from audsync.sandbox.snapchat.errors import RefusedError, fixed_field, invalid, not_found
from audsync.sandbox.snapchat.request import Request
from audsync.sandbox.snapchat.segments import LIFETIME_DAYS, Segment

MAX_SEGMENTS_A_CALL = 15
MAX_NAME_CHARS = 375
_SMALLEST_PAGE, _LARGEST_PAGE = 50, 1000
_CURSOR = "sim-"
_WRITABLE = frozenset({"name", "description", "ad_account_id", "source_type", "retention_in_days"})
_READ_ONLY = frozenset(
    {
        "id",
        "created_at",
        "updated_at",
        "organization_id",
        "status",
        "upload_status",
        "targetable_status",
        "approximate_number_users",
        "visible_to",
    }
)


def read_account(request: Request) -> Answer:
    """`GET /adaccounts/ACCOUNT`."""
    account = request.account
    told = {
        "id": account.id,
        "name": account.name,
        "organization_id": account.organization_id,
        "status": "ACTIVE",
    }
    return request.envelopes.elements("adaccount", [told], action="read_account")


def create(request: Request) -> Answer:
    """`POST /adaccounts/ACCOUNT/segments`: each element is made or refused by itself."""
    made: list[Segment] = []
    told: list[Mapping[str, Any] | RefusedError] = []
    for given in _listed(request):
        try:
            segment = _new(request, given, made)
        except RefusedError as refused:
            told.append(refused)
        else:
            made.append(segment)
            told.append(segment.as_json(request.now, request.settings))

    def effect() -> None:
        request.book.segments.update({segment.id: segment for segment in made})

    return request.envelopes.elements("segment", told, action="create", effect=effect)


def update(request: Request) -> Answer:
    """`PUT /adaccounts/ACCOUNT/segments`: what an element does not say stays as it is."""
    changes: list[tuple[Segment, dict[str, Any]]] = []
    told: list[Mapping[str, Any] | RefusedError] = []
    for given in _listed(request):
        try:
            segment, change = _change(request, given)
        except RefusedError as refused:
            told.append(refused)
        else:
            changes.append((segment, change))
            told.append({**segment.as_json(request.now, request.settings), **change})

    def effect() -> None:
        for segment, change in changes:
            segment.name = change.get("name", segment.name)
            segment.description = change.get("description", segment.description)
            segment.retention_days = change.get("retention_in_days", segment.retention_days)
            segment.updated_at = max(segment.updated_at, request.now)

    return request.envelopes.elements("segment", told, action="update", effect=effect)


def read(request: Request, segment: Segment) -> Answer:
    """`GET /segments/SEGMENT`."""
    told = segment.as_json(request.now, request.settings)
    return request.envelopes.elements("segment", [told], action="read")


def delete(request: Request, segment: Segment) -> Answer:
    """`DELETE /segments/SEGMENT`."""

    def effect() -> None:
        if request.book.segments.pop(segment.id, None) is not None:
            segment.members.forget()

    return request.envelopes.elements("segment", [], action="delete", effect=effect)


def list_all(request: Request) -> Answer:
    """`GET /adaccounts/ACCOUNT/segments?limit=&cursor=`, oldest first; without `limit` unsorted."""
    query = request.call.query
    segments = [*request.book.segments.values()]
    extra: dict[str, Any] = {}
    if "limit" not in query:
        segments.sort(key=lambda segment: sha256(segment.id.encode()).digest())
    else:
        limit = _limit(query["limit"])
        start = _start(query.get("cursor"))
        waiting = sorted(each for each in map(int, request.book.segments) if each > start)
        segments = [request.book.segments[str(number)] for number in waiting[:limit]]
        if len(waiting) > limit:
            extra["paging"] = {"next_link": _next_link(request, segments[-1].id)}
    told = []
    for segment in segments:
        segment.catch_up(request.now, request.settings)
        told.append(segment.as_json(request.now, request.settings))
    return request.envelopes.elements("segment", told, action="list", extra=extra)


def _listed(request: Request) -> Iterator[dict[str, Any]]:
    """The elements of a body."""
    if set(request.document) != {"segments"}:
        raise invalid("The request body must hold segments and nothing else")
    listed = request.document["segments"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_SEGMENTS_A_CALL:
        raise invalid(f"segments must be a list of 1 to {MAX_SEGMENTS_A_CALL} objects")
    if not all(isinstance(given, dict) for given in listed):
        raise invalid("Every element of segments must be an object")
    return iter(listed)


def _new(request: Request, given: Mapping[str, Any], made: list[Segment]) -> Segment:
    """One segment of a create call; `made` are those before it in the same call."""
    settings = request.settings
    _check_fields(given, _WRITABLE)
    name = _name(given.get("name"))
    if given.get("ad_account_id") != request.account.id:
        raise invalid("ad_account_id must be the ad account of the path")
    if given.get("source_type") != "FIRST_PARTY":
        raise invalid("source_type must be FIRST_PARTY")
    retention = _retention(given.get("retention_in_days", LIFETIME_DAYS))
    description = _description(given.get("description"))
    known = [*request.book.segments.values(), *made]
    if settings.refuses_duplicate_names and name in {segment.name for segment in known}:
        raise RefusedError("The name is already in use", code=settings.duplicate_name_code)
    if len(known) >= settings.max_segments:
        raise RefusedError(
            "The ad account has reached its limit of segments", code=settings.quota_code
        )
    return Segment(
        id=str(next(request.ids)),
        account_id=request.account.id,
        name=name,
        description=description,
        retention_days=retention,
        created_at=request.now,
        updated_at=request.now,
        members=Members(request.people),
        unready_calls=settings.unready_calls,
    )


def _change(request: Request, given: Mapping[str, Any]) -> tuple[Segment, dict[str, Any]]:
    """The segment that an element of an update names, and its new values."""
    _check_fields(given, _WRITABLE | _READ_ONLY)
    segment = request.book.segments.get(str(given.get("id")))
    if segment is None:
        raise not_found()
    segment.catch_up(request.now, request.settings)
    fixed = {"ad_account_id": segment.account_id, "source_type": "FIRST_PARTY"}
    for name, value in fixed.items():
        if given.get(name, value) != value:
            raise fixed_field(name)
    change: dict[str, Any] = {}
    if "name" in given:
        change["name"] = _name(given["name"])
    if "description" in given:
        change["description"] = _description(given["description"])
    return segment, change | _new_retention(request, segment, given)


def _new_retention(request: Request, segment: Segment, given: Mapping[str, Any]) -> dict[str, int]:
    retention = _retention(given.get("retention_in_days", segment.retention_days))
    choice = request.settings.retention_changes
    if retention == segment.retention_days or choice == "ignored":
        return {}
    if choice == "refused":
        raise fixed_field("retention_in_days")
    return {"retention_in_days": retention}


def _check_fields(given: Mapping[str, Any], allowed: frozenset[str]) -> None:
    for name in given:
        if name in _READ_ONLY and name not in allowed:
            raise invalid(f"{name} is read-only")
        if name not in allowed:
            raise invalid("A field of the segment is not known")


def _name(value: Any) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME_CHARS:
        raise invalid(f"name must be a text of 1 to {MAX_NAME_CHARS} characters")
    return value


def _description(value: Any) -> str | None:  # noqa: ANN401 - any JSON
    if value is not None and not isinstance(value, str):
        raise invalid("description must be a text")
    return value


def _retention(value: Any) -> int:  # noqa: ANN401 - any JSON
    if type(value) is not int or not 1 <= value <= LIFETIME_DAYS:
        raise invalid(f"retention_in_days must be a whole number from 1 to {LIFETIME_DAYS}")
    return value


def _limit(text: str) -> int:
    if not text.isdecimal() or not _SMALLEST_PAGE <= int(text) <= _LARGEST_PAGE:
        raise invalid(f"limit must be from {_SMALLEST_PAGE} to {_LARGEST_PAGE}")
    return int(text)


def _start(cursor: str | None) -> int:
    """The number of the last segment that the client has seen."""
    if cursor is None:
        return 0
    try:
        text = urlsafe_b64decode(cursor).decode("ascii")
    except ValueError as broken:
        raise invalid("cursor is not valid") from broken
    number = text.removeprefix(_CURSOR)
    if not text.startswith(_CURSOR) or not number.isdecimal():
        raise invalid("cursor is not valid")
    return int(number)


def _next_link(request: Request, last: str) -> str:
    cursor = urlsafe_b64encode(f"{_CURSOR}{last}".encode()).decode()
    query = urlencode({**request.call.query, "cursor": cursor})
    return f"{request.call.base_url}{request.call.path}?{query}"
