"""Who may do what: the bearer token, its scope, and which Ads accounts it opens."""

from collections.abc import Mapping

from audsync.sandbox.contract import Call, Report
from audsync.sandbox.google import errors
from audsync.sandbox.google.settings import SCOPE, AdsAccount, Principal, Settings
from audsync.sandbox.google.tokens import Tokens

_RETIRED_HEADERS = ("developer-token", "login-customer-id")


def principal_of(call: Call, tokens: Tokens, settings: Settings, now: float) -> Principal:
    """Who speaks.

    Raises:
        RefusedError: nobody whom the API knows, or not with the right to speak to this API.
    """
    kind, _, text = call.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise errors.token_missing()
    token = tokens.find(text.strip())
    if token is None:
        raise errors.token_invalid("ACCESS_TOKEN_TYPE_UNSUPPORTED")
    if token.ends_at <= now:
        raise errors.token_invalid("ACCESS_TOKEN_EXPIRED")
    if SCOPE not in token.scopes:
        raise errors.scope_missing()
    if not settings.is_enabled:
        raise errors.service_disabled()
    return token.principal


def opened(principal: Principal, settings: Settings, *, operating: str, login: str) -> AdsAccount:
    """The account to work on, reached through `login`, which may be the same.

    Raises:
        RefusedError: it does not exist, or cannot be reached that way.
    """
    account = settings.account(operating)
    is_way = account is not None and login in (operating, *account.managers)
    if account is None or not is_way or not _has_access(principal, login, settings):
        raise errors.no_permission()
    return account


def note_retired_headers(headers: Mapping[str, str], report: Report, now: float) -> None:
    """Headers of the older Google Ads API: ignored by this one, and a sign of a mix-up."""
    for name in _RETIRED_HEADERS:
        if name in headers:
            report("retired_header", {"platform": "google", "header": name, "at": now})


def _has_access(principal: Principal, account_id: str, settings: Settings) -> bool:
    """Directly, or as the manager of the account that is the way in."""
    if principal.accounts is None or account_id in principal.accounts:
        return True
    account = settings.account(account_id)
    return account is not None and not set(account.managers).isdisjoint(principal.accounts)
