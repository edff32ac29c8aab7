"""Ad accounts and audiences as objects: make, read, list, change, delete.

Source: ad-account/customaudiences and custom-audience references, read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from audsync.sandbox.contract import Answer
from audsync.sandbox.members import Members
from audsync.sandbox.meta import errors
from audsync.sandbox.meta.audiences import Audience
from audsync.sandbox.meta.request import Request, reply
from audsync.sandbox.meta.rows import as_json

_SOURCES = frozenset(
    {"USER_PROVIDED_ONLY", "PARTNER_PROVIDED_ONLY", "BOTH_USER_AND_PARTNER_PROVIDED"}
)
_LABELS = frozenset(
    {
        "QUALIFIED_LEADS",
        "DISQUALIFIED_LEADS",
        "APP_USERS",
        "TRIAL_USERS",
        "ENGAGED_USERS",
        "HIGH_VALUE_CUSTOMERS",
        "LOW_VALUE_CUSTOMERS",
        "AT_RISK",
        "DISENGAGED",
        "RECENT_PURCHASERS",
        "CART_ABANDONERS",
        "OTHER_1",
        "OTHER_2",
        "OTHER_3",
        # Meta's pages say the first of these two, its own client library the second.
        "CUSTOMERS",
        "GENERAL_CUSTOMERS",
    }
)
_MAX_RETENTION_DAYS = 180
_PAGE_ROWS = 25
_MAX_PAGE_ROWS = 500


def create(request: Request) -> Answer:
    """`POST /act_N/customaudiences`."""
    audience = _new(request)
    audiences = request.book.audiences
    if _as_bool(request.params.get("enable_fetch_or_create")):
        for other in audiences.values():
            if _looks(other) == _looks(audience):
                audience.members.forget()
                return reply({"id": other.id}, action="create")
    if len(audiences) >= request.settings.max_audiences:
        audience.members.forget()
        raise errors.invalid("The ad account has reached its limit of customer file audiences")

    def effect() -> None:
        audiences[audience.id] = audience

    return reply({"id": audience.id}, action="create", effect=effect)


def update(request: Request, audience: Audience) -> Answer:
    """`POST /AUDIENCE`: a new name or description."""
    name = request.params.get("name", audience.name)
    description = request.params.get("description", audience.description)
    if not isinstance(name, str) or not name.strip() or not isinstance(description, str):
        raise errors.invalid("Param name must be a non-empty string", field="name")
    settings = request.settings
    if audience.is_flagged(settings) and settings.flags(name, description):
        raise errors.flagged_unmended()

    def effect() -> None:
        audience.name, audience.description = name, description
        audience.updated_at = request.now

    return reply({"success": True}, action="update", effect=effect)


def delete(request: Request, audience: Audience) -> Answer:
    """`DELETE /AUDIENCE`."""

    def effect() -> None:
        if request.book.audiences.pop(audience.id, None) is not None:
            audience.members.forget()

    return reply({"success": True}, action="delete", effect=effect)


def read(request: Request, audience: Audience) -> Answer:
    """`GET /AUDIENCE?fields=`."""
    return reply(_shown(request, audience), action="read")


def list_all(request: Request) -> Answer:
    """`GET /act_N/customaudiences?fields=&limit=&after=`, newest first."""
    limit = _limit(request.params.get("limit", str(_PAGE_ROWS)))
    newest_first = [*reversed(request.book.audiences.values())]
    start = _start(newest_first, request.params.get("after"))
    page = newest_first[start : start + limit]
    answer: dict[str, Any] = {"data": [_shown(request, each) for each in page]}
    if page:
        answer["paging"] = {"cursors": {"before": page[0].id, "after": page[-1].id}}
        if start + limit < len(newest_first):
            query = urlencode({**request.query, "after": page[-1].id})
            answer["paging"]["next"] = f"{request.url}?{query}"
    return reply(answer, action="list")


def read_account(request: Request) -> Answer:
    """`GET /act_N?fields=`."""
    account = request.account
    accepted = int(account.terms_accepted)
    known = {
        "id": f"act_{account.id}",
        "account_id": account.id,
        "name": account.name,
        "account_status": account.status,
        "tos_accepted": {"custom_audience_tos": 1} if accepted else None,
        "user_tos_accepted": {"custom_audience_tos": 1} if accepted else None,
    }
    return reply(_chosen(known, request.params, node="AdAccount"), action="read_account")


def _shown(request: Request, audience: Audience) -> dict[str, Any]:
    audience.catch_up(request.now, request.settings)
    known = audience.read(request.now, request.settings)
    return _chosen(known, request.params, node="CustomAudience")


def _new(request: Request) -> Audience:
    params = request.params
    name = params.get("name")
    if not isinstance(name, str) or not name.strip():
        raise errors.invalid("The parameter name is required", field="name")
    if params.get("subtype") != "CUSTOM":
        raise errors.invalid("Param subtype must be CUSTOM for customer files", field="subtype")
    if params.get("customer_file_source") not in _SOURCES:
        message = f"Param customer_file_source must be one of {{{', '.join(sorted(_SOURCES))}}}"
        raise errors.invalid(message, field="customer_file_source")
    _check_labels(params.get("audience_labels"))
    return Audience(
        id=str(next(request.ids)),
        account_id=request.account.id,
        name=name,
        description=str(params.get("description", "")),
        customer_file_source=str(params["customer_file_source"]),
        retention_days=_retention(params.get("retention_days")),
        created_at=request.now,
        updated_at=request.now,
        members=Members(request.book.people),
        unready_calls=request.settings.unready_calls,
    )


def _check_labels(value: Any) -> None:  # noqa: ANN401 - any JSON
    if value is None:
        return
    labels = as_json(value, name="audience_labels")
    if not isinstance(labels, list) or not all(label in _LABELS for label in labels):
        raise errors.invalid(
            "Param audience_labels holds an unknown label", field="audience_labels"
        )


def _looks(audience: Audience) -> tuple[object, ...]:
    """What two audiences must share to be the same one to `enable_fetch_or_create`."""
    return (
        audience.name,
        audience.description,
        audience.customer_file_source,
        audience.retention_days,
    )


def _retention(value: Any) -> int | None:  # noqa: ANN401 - any JSON
    if value is None or value == "":
        return None
    text = str(value)
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_RETENTION_DAYS:
        raise errors.invalid("Param retention_days must be from 1 to 180", field="retention_days")
    return int(text)


def _chosen(known: dict[str, Any], params: Mapping[str, Any], *, node: str) -> dict[str, Any]:
    """The fields that were asked for; always `id`, never one without a value."""
    asked = [name.strip() for name in str(params.get("fields", "id")).split(",") if name.strip()]
    for name in asked:
        if name not in known:
            message = f"Tried accessing nonexisting field ({name}) on node type ({node})"
            raise errors.invalid(message)
    return {name: known[name] for name in (*asked, "id") if known[name] is not None}


def _limit(value: Any) -> int:  # noqa: ANN401 - any JSON
    text = str(value)
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_PAGE_ROWS:
        raise errors.invalid("Param limit must be from 1 to 500", field="limit")
    return int(text)


def _start(audiences: Sequence[Audience], after: Any) -> int:  # noqa: ANN401 - any JSON
    if after is None:
        return 0
    for position, audience in enumerate(audiences):
        if audience.id == after:
            return position + 1
    raise errors.invalid("Invalid cursors values", field="after")


def _as_bool(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return value is True or str(value).lower() in ("true", "1")
