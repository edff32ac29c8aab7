"""Where members are to go: the accounts and lists that a request names, and how they are reached.

Source: "Configure destinations" guide, read 2026-11-22; field paths are our choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audsync.sandbox.google import access, errors
from audsync.sandbox.google.errors import Violation
from audsync.sandbox.google.lists import UserList
from audsync.sandbox.google.request import Request

_MAX = 10
_ACCOUNT_TYPE = "GOOGLE_ADS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One that can be used."""

    given: dict[str, Any] = field(repr=False)
    reference: str
    user_list: UserList


def read(
    request: Request, document: Mapping[str, Any], violations: list[Violation], *, adds: bool
) -> list[Destination]:
    """The destinations of a request; what is wrong with them goes to `violations`.

    Raises:
        RefusedError: an account cannot be reached with these credentials.
    """
    given = document.get("destinations") or []
    if not given:
        told = "At least one destination is required."
        violations.append(Violation("destinations", "REQUIRED_FIELD_MISSING", told))
    if len(given) > _MAX:
        told = "Maximum number of destinations allowed per request is 10."
        violations.append(Violation("destinations", "TOO_MANY_DESTINATIONS", told))
        return []
    references = [each["reference"] for each in given if each.get("reference")]
    if len(references) != len(set(references)):
        told = "Two or more destinations in the request have the same reference."
        violations.append(Violation("destinations", "DUPLICATE_DESTINATION_REFERENCE", told))
    found: list[Destination] = []
    for at, each in enumerate(given):
        problem = _shape_wrong(each)
        user_list = None
        if problem is None:
            user_list = _list(request, each)
            problem = _list_wrong(user_list, adds=adds)
        if problem is not None or user_list is None:
            path, reason, told = problem or ("", "INVALID_USER_LIST_ID", "")
            violations.append(Violation(f"destinations.destinations[{at}]{path}", reason, told))
        else:
            reference = each.get("reference", "")
            found.append(Destination(given=each, reference=reference, user_list=user_list))
    return found


def _shape_wrong(given: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What no list can mend: path, reason, description."""
    operating = given.get("operatingAccount") or {}
    if not operating.get("accountId"):
        path = ".operating_account.account_id"
        return path, "REQUIRED_FIELD_MISSING", "Operating account is missing."
    if "linkedAccount" in given:
        reason = "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT"
        return ".linked_account", reason, "Linked account is only for data partners."
    for name, path in (
        ("operatingAccount", "operating_account"),
        ("loginAccount", "login_account"),
    ):
        account = given.get(name) or {}
        kind = account.get("accountType") or account.get("product") or ""
        if account and kind in ("", "ACCOUNT_TYPE_UNSPECIFIED", "PRODUCT_UNSPECIFIED"):
            return f".{path}.account_type", "REQUIRED_FIELD_MISSING", "Account type is missing."
        if account and kind != _ACCOUNT_TYPE:
            told = "The destination account type does not match the specified account id."
            return f".{path}.account_type", "DESTINATION_ACCOUNT_TYPE_MISMATCH", told
    if not given.get("productDestinationId"):
        path = ".product_destination_id"
        return path, "REQUIRED_FIELD_MISSING", "Product destination is missing."
    return None


def _list(request: Request, given: Mapping[str, Any]) -> UserList | None:
    operating = given["operatingAccount"]["accountId"]
    login = (given.get("loginAccount") or {}).get("accountId") or operating
    account = access.opened(request.principal, request.settings, operating=operating, login=login)
    if not account.is_allowlisted:
        message = "The account is not allowlisted for the given feature."
        raise errors.named("NOT_ALLOWLISTED", message)
    book = request.shelf.book(account.id)
    user_list = book.lists.get(given["productDestinationId"])
    if user_list is not None and user_list.unready_calls > 0:
        user_list.unready_calls -= 1
        return None
    return user_list


def _list_wrong(user_list: UserList | None, *, adds: bool) -> tuple[str, str, str] | None:
    if user_list is None:
        return ".product_destination_id", "INVALID_USER_LIST_ID", "User list is not valid."
    if adds and user_list.status != "OPEN":
        return "", "INVALID_DESTINATION", "User list is closed."
    return None
