"""Google's JSON: what we send, what we read. Pure; docs/platforms/google.md has the sources.

Counts of Google's are int64 and travel as text; enums travel as their names.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from audsync.connectors import encode
from audsync.connectors.google.settings import Settings
from audsync.connectors.google.spec import CONTACT, MOBILE, USER_ID
from audsync.connectors.replies import text_field, unusable
from audsync.domain import STATEMENTS, Action, Kind, RemoteAudience, RemoteId, UploadBatch

ACCOUNT_TYPE = "GOOGLE_ADS"
_CONSENT = "CONSENT_"
_STATED = {
    encode.Column(Kind.AD_USER_DATA, is_hashed=False): "adUserData",
    encode.Column(Kind.AD_PERSONALIZATION, is_hashed=False): "adPersonalization",
}
SECONDS_PER_DAY = 86_400
MAX_ID_CHARS = 20


@dataclass(frozen=True, slots=True)
class _ListKind:
    """What one kind of list is to Google."""

    key_type: str
    info: str
    """The field of `ingestedUserListInfo` about it."""
    member: str
    """One member; `%s` stands for its values."""
    values: Mapping[encode.Column, str]
    """One value of each kind; `%s` stands for its text."""


_KINDS: Mapping[str, _ListKind] = {
    CONTACT: _ListKind(
        key_type="CONTACT_ID",
        info="contactIdInfo",
        member='{"compositeData":{"userData":{"userIdentifiers":[%s]}}}',
        values={
            encode.Column(Kind.EMAIL, is_hashed=True): '{"emailAddress":"%s"}',
            encode.Column(Kind.PHONE, is_hashed=True): '{"phoneNumber":"%s"}',
        },
    ),
    MOBILE: _ListKind(
        key_type="MOBILE_ID",
        info="mobileIdInfo",
        member='{"mobileData":{"mobileIds":[%s]}}',
        values={encode.Column(Kind.MOBILE_ID, is_hashed=False): '"%s"'},
    ),
    USER_ID: _ListKind(
        key_type="USER_ID",
        info="userIdInfo",
        member='{"userIdData":{%s}}',
        values={encode.Column(Kind.EXTERNAL_ID, is_hashed=False): '"userId":"%s"'},
    ),
}


def account_name(account: str) -> str:
    """An account as addresses and headers name it."""
    return f"accountTypes/{ACCOUNT_TYPE}/accounts/{account}"


def new_list(mine: Settings, name: str, description: str) -> dict[str, Any]:
    """The body that makes an empty list."""
    kind = _KINDS[mine.list_kind]
    wanted = {
        "displayName": name,
        "description": description or None,
        "membershipDuration": f"{mine.membership_days * SECONDS_PER_DAY}s",
        "ingestedUserListInfo": {
            "uploadKeyTypes": [kind.key_type],
            kind.info: {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY", **_app(mine)},
        },
    }
    return {key: value for key, value in wanted.items() if value is not None}


def members_body(mine: Settings, batch: UploadBatch) -> bytes:
    """The body that adds or removes a batch's members.

    Raises:
        ValueError: there are values that a list of this kind does not take.
    """
    kind = _KINDS[mine.list_kind]
    frame: dict[str, Any] = {"destinations": _destinations(mine, batch.audience)}
    if mine.list_kind == CONTACT:
        frame["encoding"] = "HEX"
    if batch.action is not Action.REMOVE:
        frame["consent"] = mine.consent
        frame["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    return encode.entries(
        batch.members,
        kind.values,
        entry=kind.member,
        aside=_own_consent(mine, batch),
        before=f'{json.dumps(frame)[:-1]},"audienceMembers":',
        after="}",
    )


def sweep_body(mine: Settings, audience: RemoteId, before: datetime) -> bytes:
    """The body that removes whoever was last added before a moment, aware, cut to the second."""
    moment = before.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    # Never without a time: Google would take that for now, and remove everybody.
    body = {"destinations": _destinations(mine, audience), "removeAsOfTime": moment}
    return json.dumps(body).encode()


def name_filter(name: str) -> str | None:
    """The filter that finds lists of one name; None for a name that cannot be quoted safely."""
    return None if {'"', "\\"} & set(name) else f'display_name = "{name}"'


def id_filter(audience: RemoteId) -> str:
    """The filter that finds one list."""
    return f"id = {audience}"


def is_listed(answer: Mapping[str, Any], audience: RemoteId) -> bool:
    """Whether an account has a list, by the page that `id_filter` brought.

    Raises:
        OutcomeUnknownError: this is no such page.
    """
    found = {list_id(entry) for entry in _lists(answer)}
    if found - {audience} or answer.get("nextPageToken"):
        raise unusable("userLists")
    return bool(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an account's lists."""

    audiences: tuple[RemoteId, ...]
    """Those wanted."""
    after: str | None
    """Where the next page begins; None on the last."""


def page(answer: Mapping[str, Any], mine: Settings, name: str) -> Page:
    """The lists of our kind called exactly `name` on one page, and where the next begins.

    Raises:
        OutcomeUnknownError: this is no page of lists.
    """
    entries = _lists(answer)
    return Page(
        audiences=tuple(
            list_id(entry)
            for entry in entries
            if entry.get("displayName") == name and _is_ours(entry, mine)
        ),
        after=text_field(answer, "nextPageToken") if answer.get("nextPageToken") else None,
    )


def list_id(answer: Mapping[str, Any]) -> RemoteId:
    """The id of a list.

    Raises:
        OutcomeUnknownError: it has none that can be one.
    """
    value = text_field(answer, "id")
    # It becomes part of addresses.
    if not (value.isascii() and value.isdigit() and len(value) <= MAX_ID_CHARS):
        raise unusable("id")
    return RemoteId(value)


def remote_audience(answer: Mapping[str, Any], mine: Settings) -> RemoteAudience:
    """What Google says about one list.

    Sizes are told by network, rounded, and zero until they are known.

    Raises:
        OutcomeUnknownError: it has no id or name.
    """
    counts = _counts(_object(answer, "sizeInfo").values())
    sizes = counts if any(counts) else []
    membership = answer.get("membershipStatus", "OPEN")
    is_usable = membership == "OPEN" and answer.get("readOnly") is not True
    return RemoteAudience(
        id=list_id(answer),
        name=text_field(answer, "displayName"),
        size_lower=min(sizes, default=None),
        size_upper=max(sizes, default=None),
        is_usable=is_usable,
        note="" if is_usable else _state(answer),
        matched_percent=_matched_percent(answer, mine),
    )


def _lists(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lists of a page; a page of none leaves the field out.

    Raises:
        OutcomeUnknownError: this is no page of lists.
    """
    entries = answer.get("userLists", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise unusable("userLists")
    return entries


def _own_consent(mine: Settings, batch: UploadBatch) -> encode.Aside | None:
    """What members say of their own consent, which goes before that of the request.

    Half of it is never said: Google does not document that the request would fill it in.
    """
    if batch.action is Action.REMOVE or not set(STATEMENTS) & set(batch.kinds):
        return None
    return encode.Aside(
        texts={column: f'"{name}":"{_CONSENT}%s"' for column, name in _STATED.items()},
        missing={
            column: mine.consent[name].removeprefix(_CONSENT) for column, name in _STATED.items()
        },
        around=',"consent":{%s}',
    )


def _destinations(mine: Settings, audience: RemoteId) -> list[dict[str, Any]]:
    destination: dict[str, Any] = {
        "operatingAccount": {"accountType": ACCOUNT_TYPE, "accountId": mine.account},
        "productDestinationId": audience,
    }
    if mine.login_account:
        destination["loginAccount"] = {
            "accountType": ACCOUNT_TYPE,
            "accountId": mine.login_account,
        }
    return [destination]


def _app(mine: Settings) -> dict[str, str | None]:
    """What tells lists of mobile ids apart; no other kind has it."""
    if mine.list_kind != MOBILE:
        return {}
    return {"keySpace": mine.key_space, "appId": mine.app_id}


def _is_ours(entry: Mapping[str, Any], mine: Settings) -> bool:
    """Whether a list takes what this connection sends."""
    kind = _KINDS[mine.list_kind]
    ingested = _object(entry, "ingestedUserListInfo")
    info = _object(ingested, kind.info)
    has_app = all(info.get(name) == value for name, value in _app(mine).items())
    return ingested.get("uploadKeyTypes") == [kind.key_type] and has_app


def _state(answer: Mapping[str, Any]) -> str:
    """Google's words for a list that takes no changes; enums, so never text of anybody's."""
    words = ["read-only"] if answer.get("readOnly") is True else []
    for name in ("membershipStatus", "closingReason", "accountAccessStatus"):
        value = answer.get(name)
        if isinstance(value, str) and value.isascii() and value.replace("_", "").isalpha():
            words.append(f"{name} {value[:40]}")
    return "; ".join(words) or "takes no changes"


def _matched_percent(answer: Mapping[str, Any], mine: Settings) -> int | None:
    info = _object(_object(answer, "ingestedUserListInfo"), _KINDS[mine.list_kind].info)
    percent = whole(info.get("matchRatePercentage"))
    return percent if percent and percent <= 100 else None  # noqa: PLR2004 - per cent


def _counts(values: Iterable[object]) -> list[int]:
    return [count for count in map(whole, values) if count is not None]


def _object(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = answer.get(name)
    return value if isinstance(value, dict) else {}


def whole(value: object) -> int | None:
    """A count from 0 on, as a number or as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < MAX_ID_CHARS:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value
