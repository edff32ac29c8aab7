"""The checks that a call passes before TikTok looks at what it asks: token, scope, advertisers.

Their order is that of docs/sandbox.md; a client meets the first that fails.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from audsync.sandbox.contract import Call
from audsync.sandbox.tiktok import errors, fields
from audsync.sandbox.tiktok.settings import Advertiser, Settings, Token


def token_of(call: Call, settings: Settings) -> Token:
    """The token of a call, from its one header.

    Raises:
        RefusedError: there is none, or it is not good.
    """
    value = call.headers.get("access-token", "").strip()
    if not value:
        raise errors.token_missing()
    token = next((each for each in settings.tokens if each.value == value), None)
    if token is None or token.is_revoked:
        raise errors.token_invalid()
    return token


def check_scope(token: Token, scope: int | None) -> None:
    """Whether the token may do such a thing; None for what every token may.

    Raises:
        RefusedError: the scope is missing.
    """
    if scope is not None and scope not in token.scopes:
        raise errors.scope_missing()


def check_app(params: Mapping[str, Any], settings: Settings) -> None:
    """Whether `app_id` and `secret` are the app's.

    Raises:
        RefusedError: they are missing or wrong.
    """
    app_id, secret = fields.text(params, "app_id"), fields.text(params, "secret")
    is_right = hmac.compare_digest(secret.encode(), settings.app_secret.encode())
    if app_id != settings.app_id or not is_right:
        raise errors.app_wrong()


def granted(token: Token, settings: Settings) -> list[Advertiser]:
    """The advertisers that the token may act for."""
    return [
        each
        for each in settings.advertisers
        if token.advertisers is None or each.id in token.advertisers
    ]


def one_advertiser(
    params: Mapping[str, Any], token: Token, settings: Settings
) -> tuple[Advertiser, ...]:
    """The advertiser in `advertiser_id`.

    Raises:
        RefusedError: it is missing, unknown, or not granted to the token.
    """
    return (_advertiser(fields.text(params, "advertiser_id"), token, settings),)


def several_advertisers(
    params: Mapping[str, Any], token: Token, settings: Settings
) -> tuple[Advertiser, ...]:
    """The advertisers in `advertiser_ids`, all of one business.

    Raises:
        RefusedError: the list is missing or empty, or one of them cannot be used.
    """
    name = "advertiser_ids"
    given = fields.ids(fields.texts(params, name), name, most=len(settings.advertisers) + 100)
    found = tuple(_advertiser(each, token, settings) for each in dict.fromkeys(given))
    if len({each.business_id for each in found}) > 1:
        raise errors.businesses_differ()
    return found


def no_advertiser(
    params: Mapping[str, Any], token: Token, settings: Settings
) -> tuple[Advertiser, ...]:
    """For calls that are about no advertiser."""
    del params, token, settings
    return ()


def _advertiser(advertiser_id: str, token: Token, settings: Settings) -> Advertiser:
    if all(each.id != advertiser_id for each in settings.advertisers):
        raise errors.advertiser_unknown()
    for each in granted(token, settings):
        if each.id == advertiser_id:
            return each
    raise errors.advertiser_forbidden()
