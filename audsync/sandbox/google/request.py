"""What a handler gets: one call that has passed every check of access, and how it answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson

from audsync.sandbox.contract import Answer, Call, Report
from audsync.sandbox.google import errors
from audsync.sandbox.google.flight import Action, Work
from audsync.sandbox.google.identifiers import KINDS
from audsync.sandbox.google.lists import UserList
from audsync.sandbox.google.settings import Outcome, Principal, Settings
from audsync.sandbox.google.shapes import Message, Problem, snake
from audsync.sandbox.google.wire import numbered
from audsync.sandbox.people import People

JSON_HEADERS = {"Content-Type": "application/json; charset=UTF-8"}
_SYSTEM_PARAMETERS = frozenset(
    {"alt", "$alt", "$.xgafv", "key", "prettyPrint", "$prettyPrint", "quotaUser", "fields"}
)
_FIRST_LIST_ID = 8_765_432_109
_REQUEST_ID = "126365e1-16d0-4c81-9de9-{:012x}"


@dataclass(slots=True)
class Book:
    """What Google keeps for one Ads account."""

    lists: dict[str, UserList] = field(default_factory=dict)
    people: People = field(default_factory=lambda: People(KINDS), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A request that got an id: one work for each of its destinations."""

    action: Action
    kind: str
    """The kind of its data, such as `compositeData`; "" for remove_all."""
    received_at: float
    works: list[tuple[dict[str, Any], Work]]
    """Destination as given, and what is done there."""
    records: int
    counts: Mapping[str, int]


@dataclass(slots=True)
class Shelf:
    """All that a project holds."""

    books: dict[str, Book] = field(default_factory=dict)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    list_ids: Iterator[int] = field(default_factory=lambda: count(_FIRST_LIST_ID))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    since_outcomes: dict[str, int] = field(default_factory=dict)
    """Accepted requests by action, and "" for all, since outcomes were set."""

    def book(self, account_id: str) -> Book:
        """The book of an account, made when it is first asked for."""
        return self.books.setdefault(account_id, Book())

    def catch_up(self, now: float, settings: Settings) -> None:
        """Let happen what time alone brings to every list."""
        for book in self.books.values():
            for user_list in book.lists.values():
                user_list.catch_up(now, settings)

    def next_outcome(self, action: Action, settings: Settings) -> Outcome | None:
        """Count one more accepted request; what is to become of it, if that was set."""
        chosen = None
        for name in (action, ""):
            self.since_outcomes[name] = self.since_outcomes.get(name, 0) + 1
            for each in settings.outcomes:
                if (each.action, each.nth) == (name, self.since_outcomes[name]):
                    chosen = chosen or each
        return chosen

    def next_request_id(self) -> str:
        """An id as long as the real ones."""
        return _REQUEST_ID.format(next(self.numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call that may go on."""

    call: Call
    principal: Principal = field(repr=False)
    settings: Settings
    shelf: Shelf
    now: float
    report: Report

    def document(self, shape: Message) -> dict[str, Any]:
        """The body, in its normal form.

        Raises:
            RefusedError: it is compressed, not JSON, or does not fit `shape`.
        """
        if self.call.headers.get("content-encoding", "identity") != "identity":
            # Compressed requests are documented nowhere (2026-11-22): nobody may count on them.
            raise errors.unreadable([Problem("", "Compressed request bodies are not supported")])
        try:
            document = orjson.loads(self.call.body or b"{}")
        except orjson.JSONDecodeError as broken:
            told = "Invalid JSON payload received. The body is not valid JSON."
            raise errors.unreadable([Problem("", told)]) from broken
        problems: list[Problem] = []
        value: dict[str, Any] = shape.read(document, None, problems)
        if problems:
            raise errors.unreadable(problems)
        return value

    def parameters(self, *names: str) -> dict[str, str]:
        """The query, in camel case.

        Raises:
            RefusedError: there is another parameter than `names` and those of every Google API.
        """
        known = {each: name for name in names for each in (name, snake(name))}
        problems = [
            _unknown_parameter(name)
            for name in self.call.query
            if name not in known and name not in _SYSTEM_PARAMETERS
        ]
        if problems:
            raise errors.unreadable(problems)
        return {known[name]: text for name, text in self.call.query.items() if name in known}

    def reply(
        self,
        value: Mapping[str, Any],
        *,
        action: str,
        rows: int = 0,
        effect: Callable[[], None] | None = None,
    ) -> Answer:
        """An answer of status 200."""
        alt = self.call.query.get("$alt", self.call.query.get("alt", ""))
        shown = numbered(value) if "enum-encoding=int" in alt else value
        return Answer(
            status=200,
            body=orjson.dumps(shown, option=orjson.OPT_INDENT_2),
            headers=JSON_HEADERS,
            action=action,
            rows=rows,
            effect=effect,
        )


def _unknown_parameter(name: str) -> Problem:
    told = f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
    return Problem("", told)
