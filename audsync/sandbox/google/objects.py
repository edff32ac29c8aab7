"""User lists as resources: create, get, list, patch, delete.

Source: UserListService reference and create-audience guide, read 2026-11-22.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from audsync.sandbox.contract import Answer
from audsync.sandbox.google import errors, filters
from audsync.sandbox.google.errors import Violation
from audsync.sandbox.google.flight import Flight
from audsync.sandbox.google.lists import DAY_S, KEY_TYPES, UserList
from audsync.sandbox.google.request import Request
from audsync.sandbox.google.settings import AdsAccount
from audsync.sandbox.google.shapes import snake
from audsync.sandbox.google.wire import USER_LIST
from audsync.sandbox.members import Members

_MAX_DURATION_S = 540 * DAY_S
_DURATION = re.compile(r"([0-9]+)(?:\.0+)?s")
_PAGE_ROWS = 50
_MAX_PAGE_ROWS = 1_000
_CHANGEABLE = ("displayName", "description", "integrationCode", "membershipStatus")
_IMMUTABLE = frozenset(USER_LIST.fields) - {*_CHANGEABLE, "membershipDuration"}


def create(request: Request, account: AdsAccount) -> Answer:
    """`POST .../userLists?validateOnly=`."""
    is_rehearsal = _is_rehearsal(request)
    given = request.document(USER_LIST)
    if account.needs_eu_declaration:
        reason = "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"
        raise errors.one("parent", reason, "The EU political ads declaration is missing.")
    book = request.shelf.book(account.id)
    violations = [*_name_wrong(request, account, given), *_kind_wrong(given), *_life_wrong(given)]
    _raise(violations, request)
    if is_rehearsal:
        return request.reply({}, action="validate")
    key_type = given["ingestedUserListInfo"]["uploadKeyTypes"][0]
    list_id = str(next(request.shelf.list_ids))
    made = UserList(
        id=list_id,
        account_id=account.id,
        display_name=given["displayName"],
        description=given.get("description"),
        integration_code=given.get("integrationCode"),
        status=given.get("membershipStatus", "OPEN"),
        duration_s=_duration_s(given.get("membershipDuration", f"{_MAX_DURATION_S}s")),
        key_type=key_type,
        info=given["ingestedUserListInfo"][KEY_TYPES[key_type]],
        members=Members(book.people),
        flight=Flight(list_id, book.people, request.report),
        unready_calls=request.settings.unready_calls,
    )

    def effect() -> None:
        book.lists[made.id] = made

    return request.reply(made.as_json(request.settings), action="create", effect=effect)


def read(request: Request, user_list: UserList) -> Answer:
    """`GET .../userLists/ID`."""
    request.parameters()
    return request.reply(user_list.as_json(request.settings), action="read")


def list_all(request: Request, account: AdsAccount) -> Answer:
    """`GET .../userLists?pageSize=&pageToken=&filter=`, oldest first."""
    given = request.parameters("pageSize", "pageToken", "filter")
    rows = _page_rows(given.get("pageSize", "0"))
    wanted = given.get("filter", "")
    start = _start(given["pageToken"], wanted) if given.get("pageToken") else 0
    lists = request.shelf.book(account.id).lists.values()
    shown = [each.as_json(request.settings) for each in lists]
    if wanted:
        lets_through = filters.parse(wanted)
        shown = [each for each in shown if lets_through(each)]
    answer: dict[str, Any] = {}
    if shown[start : start + rows]:
        answer["userLists"] = shown[start : start + rows]
    if start + rows < len(shown):
        answer["nextPageToken"] = _page_token(start + rows, wanted)
    return request.reply(answer, action="list")


def update(request: Request, user_list: UserList) -> Answer:
    """`PATCH .../userLists/ID?updateMask=&validateOnly=`."""
    parameters = request.parameters("updateMask", "validateOnly")
    given = request.document(USER_LIST)
    names = _masked(parameters.get("updateMask", ""), given)
    account = AdsAccount(id=user_list.account_id)
    violations: list[Violation] = []
    if "displayName" in names:
        violations += _name_wrong(request, account, given, but=user_list.id)
    if "membershipDuration" in names:
        violations += _life_wrong(given)
    _raise(violations, request)
    changed = {name: given.get(name) for name in names}
    if parameters.get("validateOnly") == "true":
        return request.reply({}, action="validate")

    def effect() -> None:
        _change(user_list, changed)

    shown = {**user_list.as_json(request.settings), **changed}
    told = {name: value for name, value in shown.items() if value is not None}
    return request.reply(told, action="update", effect=effect)


def delete(request: Request, user_list: UserList) -> Answer:
    """`DELETE .../userLists/ID?validateOnly=`."""
    if _is_rehearsal(request):
        return request.reply({}, action="validate")

    def effect() -> None:
        lists = request.shelf.book(user_list.account_id).lists
        if lists.pop(user_list.id, None) is not None:
            user_list.forget()

    return request.reply({}, action="delete", effect=effect)


def _is_rehearsal(request: Request) -> bool:
    return request.parameters("validateOnly").get("validateOnly") == "true"


def _raise(violations: list[Violation], request: Request) -> None:
    if not violations:
        return
    is_name_taken = {each.reason for each in violations} == {"DISPLAY_NAME_ALREADY_USED"}
    status = request.settings.duplicate_name_status if is_name_taken else 400
    raise errors.violated(violations, status=status)


def _name_wrong(
    request: Request, account: AdsAccount, given: Mapping[str, Any], *, but: str = ""
) -> list[Violation]:
    name = given.get("displayName", "")
    settings = request.settings
    field = "user_list.display_name"
    if not name:
        return [Violation(field, "REQUIRED_FIELD_MISSING", "Display name is missing.")]
    if not name.strip():
        return [Violation(field, "INVALID_DISPLAY_NAME", "The display name is not valid.")]
    if len(name) > settings.max_name_chars:
        return [Violation(field, "FIELD_VALUE_TOO_LONG", "Display name is too long.")]
    if name in settings.reserved_names:
        return [Violation(field, "USER_LIST_NAME_RESERVED", "Name is reserved.")]
    lists = request.shelf.book(account.id).lists.values()
    taken = {each.display_name for each in lists if each.id != but}
    if settings.names_ignore_case:
        name, taken = name.casefold(), {each.casefold() for each in taken}
    if name in taken:
        return [Violation(field, "DISPLAY_NAME_ALREADY_USED", "Name in use.")]
    return []


def _kind_wrong(given: Mapping[str, Any]) -> list[Violation]:
    field = "user_list.ingested_user_list_info"
    info = given.get("ingestedUserListInfo") or {}
    key_types = info.get("uploadKeyTypes") or []
    if not key_types:
        told = "Upload key types are missing."
        return [Violation(f"{field}.upload_key_types", "REQUIRED_FIELD_MISSING", told)]
    if len(key_types) > 1 or key_types[0] not in KEY_TYPES:
        told = "The user list upload key types are not supported."
        reason = "UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES"
        return [Violation(f"{field}.upload_key_types", reason, told)]
    block = KEY_TYPES[key_types[0]]
    if set(info) - {"uploadKeyTypes", block}:
        told = "The ingested user list info config is not supported."
        return [Violation(field, "UNSUPPORTED_INGESTED_USER_LIST_INFO_CONFIG", told)]
    needed = {"MOBILE_ID": ("keySpace", "appId")}.get(key_types[0], ())
    missing = [name for name in needed if not (info.get(block) or {}).get(name)]
    paths = [f"{snake(block)}.{snake(name)}" for name in missing]
    if block not in info:
        paths = [snake(block)]
    told = "Information about the upload key type is missing."
    return [Violation(f"{field}.{path}", "REQUIRED_FIELD_MISSING", told) for path in paths]


def _life_wrong(given: Mapping[str, Any]) -> list[Violation]:
    field = "user_list.membership_duration"
    text = given.get("membershipDuration", f"{_MAX_DURATION_S}s")
    seconds = _duration_s(text)
    if seconds <= 0 or seconds % DAY_S:
        told = "The membership duration must be a multiple of 24 hours."
        return [Violation(field, "INVALID_ARGUMENT", told)]
    if seconds > _MAX_DURATION_S:
        told = "The user list membership duration is too long."
        return [Violation(field, "MEMBERSHIP_DURATION_TOO_LONG", told)]
    return []


def _duration_s(text: str) -> int:
    """Whole seconds; -1 for what is none."""
    match = _DURATION.fullmatch(text)
    return -1 if match is None else int(match[1])


def _masked(mask: str, given: Mapping[str, Any]) -> list[str]:
    """The fields to change; without a mask, all that were given."""
    names = mask.split(",") if mask else list(given)
    camel = {snake(name): name for name in USER_LIST.fields}
    fields = [camel.get(snake(name.strip().partition(".")[0]), "") for name in names]
    if "" in fields:
        raise errors.one("update_mask", "INVALID_UPDATE_MASK", "The update mask is invalid.")
    if not _IMMUTABLE.isdisjoint(fields) and mask:
        told = "Attempted to set an immutable field for an update request."
        raise errors.one("update_mask", "IMMUTABLE_FIELD_FOR_UPDATE", told)
    return [name for name in fields if name not in _IMMUTABLE]


def _change(user_list: UserList, changed: Mapping[str, Any]) -> None:
    user_list.display_name = changed.get("displayName", user_list.display_name)
    user_list.description = changed.get("description", user_list.description)
    user_list.integration_code = changed.get("integrationCode", user_list.integration_code)
    user_list.status = changed.get("membershipStatus") or user_list.status
    duration = changed.get("membershipDuration")
    user_list.duration_s = _duration_s(duration) if duration else user_list.duration_s


def _page_rows(text: str) -> int:
    if not text.isdecimal():
        raise errors.one("page_size", "INVALID_ARGUMENT", "Page size must not be negative.")
    return min(int(text), _MAX_PAGE_ROWS) or _PAGE_ROWS


def _page_token(start: int, wanted: str) -> str:
    return base64.urlsafe_b64encode(f"{start}/{wanted}".encode()).decode()


def _start(token: str, wanted: str) -> int:
    """Where a page begins; a token belongs to one filter."""
    try:
        text = base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    start, slash, rest = text.partition("/")
    if not slash or not start.isdecimal() or rest != wanted:
        raise errors.one("page_token", "INVALID_PAGE_TOKEN", "The page token is invalid.")
    return int(start)
