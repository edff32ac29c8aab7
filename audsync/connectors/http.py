"""One HTTP client for all platforms, and the only code that tries a call again.

Every failure is sorted by one question: may the platform have done what we asked? Where it
cannot have (no connection was made, the platform said so), the call may go again; where it may
have, only a call marked repeatable does, and if that ends badly the caller is told
`OutcomeUnknownError`, never that nothing happened. What a platform's answers mean is its own
folder's business: its `Dialect` decodes them.
"""

import logging
import math
import random
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Generic, TypeVar
from urllib.request import getproxies

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception

from audsync import __version__, logs, steps
from audsync.clock import Clock
from audsync.connectors.contract import HttpLimits
from audsync.connectors.deadline import Deadline
from audsync.connectors.gate import OwnGate
from audsync.connectors.oauth import Bearer
from audsync.connectors.replies import Reply
from audsync.connectors.tries import Tries
from audsync.connectors.unpacking import UnreadableError, unpacked
from audsync.errors import (
    AudsyncError,
    CredentialsExpiredError,
    OutcomeUnknownError,
    RateLimitError,
    RejectedError,
    TransientError,
    UnavailableError,
    UnreachableError,
)

MAX_BODY_BYTES = 1_000_000
CONNECT_TIMEOUT_S = 10.0
DEFAULT_REST_S = 60
"""What a rate limit that names no time asks of the scheduler."""

T = TypeVar("T")

_log = logging.getLogger(__name__)
# Both log every URL, and a URL may carry a proof or a token.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_HEADERS = {
    "User-Agent": f"audsync/{__version__}",
    # Not compressed: answers are small, and a body's size is then what it seems.
    "Accept-Encoding": "identity",
}
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one platform's answers are understood."""

    platform: str
    """Its name for people."""
    decode: Callable[[Reply], dict[str, Any]]
    """The JSON object of a success. Raises the error that anything else means:
    `OutcomeUnknownError` wherever the answer does not prove that nothing was applied."""
    rest_s: Callable[[Reply], float]
    """Seconds of calm that the usage headers of any answer ask for; 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[T]):
    """What a call came back with, and how many tries before it got no usable answer."""

    value: T
    unanswered_tries: int


def open_http(limits: HttpLimits, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """An HTTP client that never follows a redirect and never waits for ever."""
    timeout = httpx.Timeout(
        limits.request_timeout_s, connect=min(CONNECT_TIMEOUT_S, limits.request_timeout_s)
    )
    if transport is not None:
        return httpx.Client(transport=transport, timeout=timeout, follow_redirects=False)
    # Proxies of the environment are more specific than this, but for one for all addresses.
    direct = {} if "all" in getproxies() else {"all://": _direct(limits, trust())}
    return httpx.Client(mounts=direct, verify=trust(), timeout=timeout, follow_redirects=False)


@cache
def trust() -> ssl.SSLContext:
    """Whom this process believes to be who they say; read once, as it takes 20 ms."""
    return httpx.create_ssl_context()


def _direct(limits: HttpLimits, context: ssl.SSLContext) -> httpx.HTTPTransport:
    """Connections on which nothing is delivered any more once a request has timed out.

    The system goes on sending what a closed connection still held: after a broken link it would
    arrive when another host works on the audience already. Where there is no such option
    (https://man7.org/linux/man-pages/man7/tcp.7.html, read 2026-11-22), it may.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    given = (socket.IPPROTO_TCP, option, int(1000 * limits.request_timeout_s)) if option else None
    return httpx.HTTPTransport(verify=context, socket_options=[given] if given else None)


class ApiClient:
    """One platform's calls over httpx."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        dialect: Dialect,
        limits: HttpLimits,
        clock: Clock,
        bearer: Bearer | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._http = http
        self._bearer = bearer
        self._dialect = dialect
        self._limits = limits
        self._clock = clock
        self._gate = limits.gate or OwnGate(clock)
        self._deadline = Deadline(limits.request_timeout_s)
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing

    def call(
        self,
        request: httpx.Request,
        *,
        repeatable: bool,
        changes_nothing: bool | None = None,
        read: Callable[[dict[str, Any]], T],
        settling: tuple[type[AudsyncError], ...] = (),
        renew: Callable[[], httpx.Request] | None = None,
    ) -> Answer[T]:
        """Send `request` and return what `read` makes of the answer.

        Args:
            request: the call, complete, its body in memory.
            repeatable: applying it twice equals applying it once.
            changes_nothing: a lost answer leaves no doubt, as with a GET (the default) or a call
                for a new token.
            read: the decoded answer -> what the caller wants; raises `OutcomeUnknownError` where
                a field is missing or cannot be true.
            settling: errors that for this call are a matter of seconds, such as "not found" for
                what was made a moment ago.
            renew: the request of each further try, where it must not be the very same.

        Raises:
            TransientError: nothing applied, still failing after `max_wait_s` of pauses, or asked
                to wait longer than that; `details.retry_after_seconds` says how long.
            RejectedError: refused, nothing applied.
            OutcomeUnknownError: no usable answer; also where a refusal came only after a try
                that got none. Where the call changes nothing, `UnavailableError` instead.
            CircuitOpenError: the connection rests; nothing was sent.
            CancelledError, BudgetEndedError: there was no time to wait; as for what else.
            AudsyncError: what else `decode` names. If an earlier try of a call that changes
                something got no usable answer, `details.unanswered_tries` counts these tries.
        """
        self._gate.admit()
        requests = chain((request,), iter(renew or (lambda: request), None))
        tries = Tries(repeatable, settling, self._limits.max_wait_s, self._chance)
        retrying = Retrying(
            retry=retry_if_exception(tries.may_go_again),
            wait=tries.wait_s,
            stop=tries.is_over,
            sleep=self._gate.pause,
            before_sleep=lambda state: self._before_retry(request, state),
            reraise=True,
        )
        try:
            value: T = retrying(lambda: self._once(next(requests), read, tries))
        except AudsyncError as error:
            self._gate.conclude(error)
            is_harmless = request.method == "GET" if changes_nothing is None else changes_nothing
            final = self._final(error, tries, changes_nothing=is_harmless)
            if final is error:
                raise
            raise final from error
        self._gate.conclude(None)
        return Answer(value=value, unanswered_tries=tries.unanswered)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _take_place(self, tries: Tries) -> None:
        """Wait until a request may leave, or end where that takes too long."""
        try:
            left_s = self._gate.take_place(self._limits.max_wait_s)
        except AudsyncError:
            tries.end()
            raise
        if left_s > 0:
            tries.end()
            raise RateLimitError(
                f"Platform rate limit exceeded: the quota of calls to {self._dialect.platform} is "
                "used up, or nearly so by what it reports. The request was not sent; try again in "
                f"{math.ceil(left_s)} s.",
                wait_s=left_s,
                details={"platform": self._dialect.platform.lower()},
            )

    def _once(self, request: httpx.Request, read: Callable[[dict[str, Any]], T], tries: Tries) -> T:
        try:
            return read(self._decoded(request, tries))
        except OutcomeUnknownError as error:
            tries.note(error)
            raise

    def _decoded(self, request: httpx.Request, tries: Tries) -> dict[str, Any]:
        """The answer; a token that is refused early is renewed once, and the call made again."""
        if self._bearer is None:
            return self._answer(request, tries)
        token = self._bearer.token()
        request.headers["Authorization"] = f"Bearer {token}"
        try:
            return self._answer(request, tries)
        except CredentialsExpiredError:
            # Refused before anything was done: no effect to fear from the same call again.
            request.headers["Authorization"] = f"Bearer {self._bearer.renewed(token)}"
            return self._answer(request, tries)

    def _answer(self, request: httpx.Request, tries: Tries) -> dict[str, Any]:
        self._take_place(tries)
        began_s = self._clock.monotonic()
        try:
            reply = self._exchange(request)
        finally:
            self._gate.timed(self._clock.monotonic() - began_s)
        rest_s = self._dialect.rest_s(reply)
        try:
            return self._dialect.decode(reply)
        except RateLimitError as error:
            # When it lets calls in again is worth more than how full it reports to be.
            rest_s = error.wait_s or rest_s
            raise
        finally:
            if rest_s > 0:
                self._gate.block(rest_s)

    def _exchange(self, request: httpx.Request) -> Reply:
        """Send once and read the whole answer."""
        platform = self._dialect.platform
        details = {"platform": platform.lower()}
        for name, value in _HEADERS.items():
            request.headers.setdefault(name, value)
        self._deadline.watch(request)
        steps.reached("http: before request")
        try:
            with closing(self._http.send(request, stream=True)) as response:
                body = self._body(response)
        except _NEVER_LEFT as error:
            raise UnreachableError(
                f"{platform} cannot be reached ({_reason(error)}); nothing was sent. "
                "Check the network, the proxy and base_url.",
                details=details,
            ) from error
        except httpx.HTTPError as error:
            if isinstance(error, httpx.TimeoutException) or self._deadline.has_passed:
                message = f"{platform} did not answer in {self._limits.request_timeout_s:g} s."
                raise OutcomeUnknownError(message, details=details) from error
            message = f"The connection to {platform} broke off ({type(error).__name__})."
            raise OutcomeUnknownError(message, timed_out=False, details=details) from error
        except UnreadableError as error:
            message = f"{platform}'s answer cannot be read: it is {error}."
            raise OutcomeUnknownError(message, timed_out=False, details=details) from error
        steps.reached("http: after response")
        return Reply(status=response.status_code, headers=response.headers, body=body)

    def _body(self, response: httpx.Response) -> bytes:
        # The read time-out starts anew with every byte: a trickle needs an end of its own.
        ends_at = self._clock.monotonic() + self._limits.request_timeout_s
        body = bytearray()
        encoding = response.headers.get("Content-Encoding", "")
        # A transport that is no network may hand over an answer that it has read already.
        is_read = response.is_stream_consumed
        chunks = [response.content] if is_read else unpacked(response.iter_raw(), encoding)
        for chunk in chunks:
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                message = (
                    f"{self._dialect.platform} answered with more than {MAX_BODY_BYTES} bytes."
                )
                raise OutcomeUnknownError(message, timed_out=False)
            if self._clock.monotonic() > ends_at:
                raise OutcomeUnknownError(f"{self._dialect.platform}'s answer never ended.")
        return bytes(body)

    def _final(self, error: AudsyncError, tries: Tries, *, changes_nothing: bool) -> AudsyncError:
        """`error`, or what has to be said instead because of the tries before it."""
        if changes_nothing:
            if isinstance(error, OutcomeUnknownError):
                error = UnavailableError(error.message, details=error.details)
        elif tries.unanswered:
            error.details["unanswered_tries"] = tries.unanswered
            if isinstance(error, RejectedError | TransientError):
                message = (
                    f"{error.message} An earlier try got no usable answer and may have worked."
                )
                details = {**error.details, "ended_with": error.code}
                timed_out = tries.timed_out > 0
                return OutcomeUnknownError(message, timed_out=timed_out, details=details)
        return _with_rest(error) if isinstance(error, TransientError) else error

    def _before_retry(self, request: httpx.Request, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimitError):
            # Of everybody, what this call is about to keep.
            self._gate.block(state.upcoming_sleep)
        _log.warning(
            "%s: try %d of %s %s: %s (trace %s); again in %.1f s",
            self._dialect.platform,
            state.attempt_number,
            request.method,
            request.url.path,
            error,
            error.details.get("trace_id", "-") if isinstance(error, AudsyncError) else "-",
            state.upcoming_sleep,
            extra=logs.of(error) if isinstance(error, AudsyncError) else None,
        )


def _with_rest(error: TransientError) -> TransientError:
    """`error`, saying in its details for how long to leave the platform alone."""
    rest_s = math.ceil(error.wait_s)
    if not rest_s and isinstance(error, RateLimitError):
        rest_s = DEFAULT_REST_S
    if rest_s:
        error.details.setdefault("retry_after_seconds", rest_s)
    return error


def _reason(error: httpx.HTTPError) -> str:
    """The operating system's words on a failed connection, which hold no data of anybody's."""
    return str(error) if isinstance(error, httpx.ConnectError) else type(error).__name__
