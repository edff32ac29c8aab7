"""An OAuth token endpoint: how it is asked for an access token, and what its answers mean.

The secrets travel in the body of a form only. A call for a token changes nothing: one whose
answer is lost may go again. Source: RFC 6749, sections 5 and 6, read 2026-11-22; which refusals
mean what is the platform's to say, see `Refusals`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import httpx

from audsync.clock import Clock
from audsync.connectors.contract import HttpLimits
from audsync.connectors.http import ApiClient, Dialect
from audsync.connectors.oauth import Granted, Token
from audsync.connectors.replies import (
    Reply,
    count_field,
    json_object,
    text_field,
    unusable,
    wordless,
)
from audsync.errors import AudsyncError, ConfigError, OutcomeUnknownError, TransientError

_LONGEST_LIFE_S = 86_400
_SENDABLE = re.compile(r"[!-~]{1,8192}")
_ELSEWHERE = {301, 302, 303, 307, 308, 404, 405}
_PASSING = {"internal_failure", "server_error", "temporarily_unavailable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """What a platform's refusals mean: OAuth's error name to our error and what it says."""

    platform: str
    """As people write it, such as Google."""
    known: Mapping[str, tuple[type[AudsyncError], str]]
    other: tuple[type[AudsyncError], str]

    def decode(self, reply: Reply, now: Callable[[], datetime]) -> dict[str, Any]:
        """The JSON object of a success.

        Raises:
            AudsyncError: what any other answer means; see `Dialect.decode`.
        """
        body = json_object(reply.body)
        is_success = 200 <= reply.status < 300  # noqa: PLR2004 - HTTP's own bounds
        if body is not None and is_success and "error" not in body:
            return body
        name = body.get("error") if body is not None else None
        if isinstance(name, str) and reply.status not in {429, *range(500, 600)}:
            raise self._refused(name, reply)
        if reply.status in _ELSEWHERE:
            raise ConfigError(
                f"{self.platform} gives no tokens at token_url (HTTP {reply.status})."
                " Check token_url.",
                details=self._details(reply),
            )
        raise wordless(reply, self.platform, now())

    def _refused(self, name: str, reply: Reply) -> AudsyncError:
        details = self._details(reply)
        if re.fullmatch(r"[a-z_]{1,40}", name):
            details["error_code"] = name
        if name in _PASSING:
            message = f"{self.platform} cannot give a token now."
            return OutcomeUnknownError(message, timed_out=False, details=details)
        kind, message = self.known.get(name, self.other)
        return kind(message, details=details)

    def _details(self, reply: Reply) -> dict[str, Any]:
        return {"platform": self.platform.lower(), "http_status": reply.status}


class TokenEndpoint:
    """One connection's way to new access tokens; `oauth.Bearer` asks one at a time."""

    def __init__(
        self,
        http: httpx.Client,
        url: str,
        refusals: Refusals,
        *,
        clock: Clock,
        limits: HttpLimits,
    ) -> None:
        self._url = url
        self._patience_s = limits.max_wait_s
        dialect = Dialect(
            platform=refusals.platform,
            decode=partial(refusals.decode, now=clock.now),
            rest_s=lambda _reply: 0.0,
        )
        uncounted = limits.uncounted()
        self._api = ApiClient(http, dialect=dialect, limits=uncounted, clock=clock)

    def ask(self, form: Mapping[str, str]) -> Granted:
        """A new access token for what the form says.

        Raises:
            AttentionError: the credentials are refused.
            ConfigError: the address leads nowhere.
            TransientError: it cannot be had now.
        """
        headers = {"Accept": "application/json"}
        request = httpx.Request("POST", self._url, data=dict(form), headers=headers)
        try:
            return self._api.call(
                request, repeatable=True, changes_nothing=True, read=_granted
            ).value
        except TransientError as error:
            # Its own tries are over. The call that wanted the token must not begin them anew.
            error.wait_s = max(error.wait_s, self._patience_s + 1.0)
            raise


def _granted(answer: dict[str, Any]) -> Granted:
    """Raises OutcomeUnknownError where the answer holds no token that can be used."""
    value = text_field(answer, "access_token")
    if not _SENDABLE.fullmatch(value):
        raise unusable("access_token")
    lasts_s = float(min(count_field(answer, "expires_in"), _LONGEST_LIFE_S))
    renewed = answer.get("refresh_token")
    is_usable = isinstance(renewed, str) and _SENDABLE.fullmatch(renewed)
    return Granted(
        token=Token(value=value, lasts_s=lasts_s),
        refresh_token=renewed if is_usable else None,
    )
