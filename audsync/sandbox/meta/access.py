"""The checks that every call passes before Meta looks at what it asks: version, token, proof.

Their order is that of docs/sandbox.md; a client meets the first that fails.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audsync.sandbox.contract import Call
from audsync.sandbox.meta import errors
from audsync.sandbox.meta.settings import AdAccount, Settings, Token

_VERSION = re.compile(r"v([0-9]+)\.([0-9]+)")
_UNVERSIONED = frozenset({"debug_token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path taken apart: `/v26.0/NODE/EDGE`."""

    node: str
    edge: str


def path_of(call: Call, settings: Settings) -> Path:
    """Check the version and take the path apart.

    Raises:
        RefusedError: the version is retired, unknown or missing, or the path is too deep.
    """
    names = [name for name in call.path.split("/") if name]
    version = _VERSION.fullmatch(names[0]) if names else None
    if version is not None:
        _check_version(version, settings, path=call.path)
        names = names[1:]
    elif not settings.allows_unversioned and not _UNVERSIONED.issuperset(names[:1]):
        raise errors.unknown_path(call.path)
    if not 1 <= len(names) <= 2:  # noqa: PLR2004 - a node, and perhaps an edge
        raise errors.unknown_path(call.path)
    return Path(node=names[0], edge=names[1] if len(names) > 1 else "")


def token_of(call: Call, params: Mapping[str, Any], settings: Settings, now: float) -> Token:
    """The token of a call, once it is known to be good.

    Raises:
        RefusedError: there is none, or it is not good, or the call is not signed as it must be.
    """
    value = _token_text(call, params)
    token = _checked(_known(value, settings), now)
    _check_proof(value, params.get("appsecret_proof"), settings)
    return token


def check_scope(token: Token, *, is_write: bool) -> None:
    """Whether the token may do such a thing.

    Raises:
        RefusedError: a scope is missing.
    """
    enough = {"ads_management"} if is_write else {"ads_management", "ads_read"}
    if enough.isdisjoint(token.scopes):
        raise errors.scope_missing(is_write=is_write)


def visible(token: Token, account_id: str, settings: Settings) -> AdAccount | None:
    """The ad account of that id, if the token may see it."""
    if token.accounts is not None and account_id not in token.accounts:
        return None
    return next((each for each in settings.accounts if each.id == account_id), None)


def debug_token(params: Mapping[str, Any], settings: Settings, now: float) -> dict[str, Any]:
    """What `GET /debug_token` tells of `input_token`.

    Raises:
        RefusedError: `input_token` is missing.
    """
    value = params.get("input_token")
    if not isinstance(value, str) or not value:
        raise errors.invalid("The parameter input_token is required", field="input_token")
    try:
        token = _checked(_known(value, settings), now)
    except errors.RefusedError as refused:
        told = {"code": refused.code, "message": str(refused), "subcode": refused.subcode}
        return {"data": {"is_valid": False, "error": told, "scopes": []}}
    return {
        "data": {
            "app_id": settings.app_id,
            "type": token.kind,
            "application": "audsync sandbox",
            "data_access_expires_at": 0,
            "expires_at": int(token.expires_at),
            "is_valid": True,
            "scopes": list(token.scopes),
            "user_id": token.user_id,
        }
    }


def traded(
    params: Mapping[str, Any], settings: Settings, now: float, *, number: int
) -> tuple[Token, dict[str, Any]]:
    """The token that `GET /oauth/access_token` gives for another one, and what it answers.

    Args:
        params: of the call.
        settings: of the sandbox.
        now: epoch seconds.
        number: which tells its token from all that were given before.

    Raises:
        RefusedError: the app or the token is not good, or it is asked in another way.
    """
    if params.get("grant_type") != "fb_exchange_token":
        raise errors.invalid("Unsupported grant_type", field="grant_type")
    app = (params.get("client_id"), params.get("client_secret"))
    if app != (settings.app_id, settings.app_secret):
        raise errors.invalid("Error validating client secret.", field="client_secret")
    old = _checked(_known(str(params.get("fb_exchange_token")), settings), now)
    # A system user's token keeps its end unless it is asked for another sixty days.
    if old.kind == "SYSTEM_USER" and params.get("set_token_expires_in_60_days") != "true":
        lasts_s = old.expires_at - now
    else:
        lasts_s = settings.long_token_days * 86_400
    value = f"sandbox-meta-long-{number}"
    token = old.model_copy(update={"value": value, "expires_at": now + lasts_s})
    told = {"access_token": value, "token_type": "bearer", "expires_in": int(lasts_s)}
    return token, told


def _check_version(version: re.Match[str], settings: Settings, *, path: str) -> None:
    major, minor = int(version[1]), int(version[2])
    if major > settings.latest_version or minor != 0:
        raise errors.unknown_path(path)
    if major < settings.oldest_version:
        raise errors.version_retired(settings.latest_version)


def _token_text(call: Call, params: Mapping[str, Any]) -> str:
    value = params.get("access_token")
    if isinstance(value, str) and value:
        return value
    kind, _, text = call.headers.get("authorization", "").partition(" ")
    if kind.lower() in ("bearer", "oauth") and text.strip():
        return text.strip()
    raise errors.token_missing()


def _known(value: str, settings: Settings) -> Token | None:
    app_token = Token(value=f"{settings.app_id}|{settings.app_secret}", scopes=(), accounts=())
    known = (*settings.tokens, app_token)
    return next((each for each in known if each.value == value), None)


def _checked(token: Token | None, now: float) -> Token:
    if token is None:
        raise errors.token_invalid()
    if token.dead_subcode is not None:
        raise errors.token_dead(token.dead_subcode)
    if 0 < token.expires_at <= now:
        raise errors.token_expired()
    return token


def _check_proof(token: str, proof: object, settings: Settings) -> None:
    if proof is None:
        if settings.requires_proof:
            raise errors.proof_missing()
        return
    wanted = hmac.new(settings.app_secret.encode(), token.encode(), "sha256").hexdigest()
    if not isinstance(proof, str) or not hmac.compare_digest(proof.encode(), wanted.encode()):
        raise errors.proof_wrong()
