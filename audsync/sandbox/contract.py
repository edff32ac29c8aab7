"""What every simulated platform speaks: calls in, answers out; no sockets, no clock of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

Report = Callable[[str, Mapping[str, Any]], None]
"""Takes note of a violation: its kind, and facts that hold no value of a request."""


class Ending(StrEnum):
    """How an answer travels back."""

    WHOLE = "whole"
    CUT = "cut"
    """Half of the body, then the connection closes."""
    RESET = "reset"
    """No byte: the connection is reset."""
    SILENCE = "silence"
    """No byte for `delay_s`, then the connection closes."""
    REFUSED = "refused"
    """As if nobody listened. A socket server can only reset here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a platform. What may hold a token or a member stays out of the repr."""

    method: str
    path: str
    """Below the platform's own prefix; starts with a slash."""
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)
    base_url: str
    """What the client put before `path`, for links to a next page."""
    target: str = field(repr=False)
    """Path and query as sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response, and what it does to the platform's members once `effect` is run.

    A platform does its book-keeping (ids, sessions, budgets) when it answers, and leaves every
    change that a later call could see to `effect`, so that a fault can delay or reorder it.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    """What the call meant, for the request log, such as `add`."""
    rows: int = 0
    effect: Callable[[], None] | None = field(default=None, repr=False)
    ending: Ending = Ending.WHOLE
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One audience as a test sees it."""

    id: str
    name: str
    account: str
    identifiers: frozenset[tuple[str, str]] = field(repr=False)
    """(key, value) pairs, digests as lower-case hex: added cells less removed cells."""
    persons: frozenset[frozenset[tuple[str, str]]] = field(repr=False)
    """Each person in it, with every key by which this account knows that person."""
    person_count: int
    facts: Mapping[str, Any]
    """What else is worth showing; JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What a visitor must know: the way in, and how the platform wants people named.

    The way in has the keys of a connection in the configuration file.
    """

    account: str
    credentials: Mapping[str, str]
    """Names of the sandbox, no secrets."""
    options: Mapping[str, Any] = field(default_factory=dict)
    login_path: str | None = None
    """Where tokens are made, below the platform's own prefix; None where they never end."""
    email_key: str
    """What it calls the SHA-256 of an e-mail address, in `Remote.identifiers`."""
    phone_key: str
    phone_prefix: str
    """What stands before the digits of a phone number when it is hashed: "+" or nothing."""
    has_own_people: bool = False
    """Its uploads do not say which identifiers are one person's: its setting `people` does."""


class Simulated(Protocol):
    """A platform that lives in memory. The caller lets in one call at a time."""

    @property
    def guide(self) -> Guide:
        """The way in, as long as nobody changes the settings."""
        ...

    def answer(self, call: Call, now: float) -> Answer:
        """Check `call` as the platform would; `now` is in epoch seconds."""
        ...

    def throttled(self, now: float, *, wait_min: int) -> Answer:
        """The platform's own words for too many calls."""
        ...

    def not_ready(self) -> Answer:
        """The platform's own words for an audience that was made a moment ago."""
        ...

    def refusal(self, *, status: int, code: int, subcode: int | None) -> Answer:
        """An error body in the platform's form."""
        ...

    def remotes(self, now: float, *, with_persons: bool) -> list[Remote]:
        """Every audience, oldest first; without `with_persons` their persons stay empty."""
        ...

    def settings(self) -> dict[str, Any]:
        """What `configure` can change, as JSON values."""
        ...

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change settings.

        Raises:
            ConfigError: unknown names or values that are not allowed; nothing changed.
        """
        ...
