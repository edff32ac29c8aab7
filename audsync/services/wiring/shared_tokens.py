"""Access tokens that lie in the store, sealed, so that all processes ask for a new one only once.

Without a key to seal with nothing is kept, and each process asks for its own. A platform that
gives another refresh token with an access token wants that one from then on: it lies beside it.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from audsync.connectors.oauth import Fetch, Granted, Token, useful_s
from audsync.errors import StoreError
from audsync.services import keys
from audsync.store import access_tokens
from audsync.store.access_tokens import SealedToken
from audsync.store.breakers import Which
from audsync.vault.keys import KeyRing
from audsync.vault.sealing import TamperedError, seal, unseal

if TYPE_CHECKING:
    from sqlmodel import Session

    from audsync.services.wiring.runtime import Runtime
    from audsync.store.database import Database

LOOK_S = 0.2
"""Between two looks whether somebody else's call has ended."""
MARGIN_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What lies there for these credentials."""

    ciphertext: bytes = field(repr=False)
    token: Token
    refresh_token: str | None = field(repr=False)
    renew_in_s: float

    def is_good(self, refused: str | None) -> bool:
        """Whether it may be used, as far as is known."""
        return self.renew_in_s > 0 and self.token.value != refused


@dataclass(kw_only=True)
class SharedTokens:
    """The shelf of one connection. Made by a `Runtime`.

    Args:
        runtime: the program; the first of its keys seals tokens.
        which: the connection.
        credentials: a hash of those that its tokens are given for; a token of others is no good.
        asks_anew: whether to ask once even though a good token lies there: a person wants to know
            whether the credentials are in order.
    """

    runtime: "Runtime"
    which: Which
    credentials: str
    asks_anew: bool = False

    def token(self, fetch: Fetch, *, refused: str | None, margin_s: float) -> Token:
        """A token that is good now; see `oauth.Shelf`."""
        stale = self._ciphertext_now() if self.asks_anew else None
        self.asks_anew = False
        while True:
            kept = access_tokens.look(self._database, self.which)
            opened = self._opened(kept) if kept is not None else None
            if opened is not None and opened.ciphertext != stale and opened.is_good(refused):
                return opened.token
            claimed = access_tokens.claim(
                self._database, self.which, seen=kept, lasts_s=self._lasts_s
            )
            if claimed is not None:
                return self._ask(fetch, claimed, opened, margin_s)
            self._pause()

    def _ciphertext_now(self) -> bytes | None:
        kept = access_tokens.look(self._database, self.which)
        return kept.ciphertext if kept is not None else None

    @property
    def _database(self) -> "Database":
        return self.runtime.database

    @property
    def _lasts_s(self) -> float:
        limits = self.runtime.config.limits
        return limits.request_timeout + limits.max_wait + MARGIN_S

    def _ask(self, fetch: Fetch, claimed: str, opened: _Opened | None, margin_s: float) -> Token:
        try:
            granted = fetch(opened.refresh_token if opened is not None else None)
        except BaseException:  # whatever it is, the others must not wait for it
            access_tokens.leave(self._database, self.which, claimed)
            raise
        known = opened.refresh_token if opened is not None else None
        refresh_token = granted.refresh_token or known
        try:
            token = self._sealed(granted, refresh_token, margin_s)
            access_tokens.put(self._database, self.which, claimed, token)
        except StoreError as error:
            _log.warning("the new access token is not shared: %s", error.message)
        return granted.token

    def _sealed(self, granted: Granted, refresh_token: str | None, margin_s: float) -> SealedToken:
        secret = {"access_token": granted.token.value}
        if refresh_token:
            secret["refresh_token"] = refresh_token
        key = keys.sealing_key(self.runtime.keys)
        sealed = seal(secret, key, binding(self.which, self.credentials))
        return SealedToken(
            credentials=self.credentials,
            ciphertext=sealed.ciphertext,
            key_id=sealed.key_id,
            renew_in_s=useful_s(granted.token, margin_s),
            lasts_s=granted.token.lasts_s,
        )

    def _opened(self, token: SealedToken) -> _Opened | None:
        """What lies there, if it is for these credentials and opens; else it is asked for anew."""
        key = self.runtime.keys.by_id(token.key_id)
        if key is None or token.credentials != self.credentials:
            return None
        try:
            secret = unseal(token.ciphertext, key, binding(self.which, self.credentials))
        except TamperedError:
            _log.warning("the shared access token of %s does not open", self.which.connection)
            return None
        return _Opened(
            ciphertext=token.ciphertext,
            token=Token(value=secret["access_token"], lasts_s=token.lasts_s),
            refresh_token=secret.get("refresh_token"),
            renew_in_s=token.renew_in_s,
        )

    def _pause(self) -> None:
        self.runtime.stop.check()
        if self.runtime.budget is not None:
            self.runtime.budget.check()
        self.runtime.clock.sleep(LOOK_S)


def hash_of(credentials: Mapping[str, str], token_url: str | None) -> str:
    """64 hex digits that tell credentials, and who gives tokens for them, from others."""
    told = json.dumps([sorted(credentials.items()), token_url]).encode()
    return hashlib.sha256(told).hexdigest()


def binding(which: Which, credentials: str) -> dict[str, str | None]:
    """What a sealed token belongs to."""
    return {
        "tenant": str(which.tenant_id),
        "connection": which.connection,
        "credentials": credentials,
        "what": "access token",
    }


def reseal_all(session: "Session", ring: KeyRing) -> None:
    """Seal every token that lies in the store with the first key of the ring.

    One that does not open is dropped: the next call asks for another.

    Raises:
        ConfigError: there is no key to seal with.
    """
    new = keys.sealing_key(ring)
    for row in access_tokens.sealed(session):
        which = Which(tenant_id=row.tenant_id, connection=row.connection)
        bound, key = binding(which, row.credentials), ring.by_id(row.key_id)
        try:
            secret = unseal(row.ciphertext, key, bound) if key is not None else None
        except TamperedError:
            secret = None
        if secret is None:
            access_tokens.forget(session, which)
            continue
        sealed = seal(secret, new, bound)
        access_tokens.reseal(session, which, ciphertext=sealed.ciphertext, key_id=sealed.key_id)
