"""What a handler gets: one call that has passed every check of access, and how it answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson

from audsync.sandbox.contract import Answer, Report
from audsync.sandbox.meta.audiences import Audience
from audsync.sandbox.meta.budget import Budget
from audsync.sandbox.meta.sessions import Sessions
from audsync.sandbox.meta.settings import AdAccount, Settings
from audsync.sandbox.people import People

JSON_HEADERS = {"Content-Type": "application/json; charset=UTF-8"}


@dataclass(slots=True)
class Book:
    """What Meta keeps for one ad account."""

    audiences: dict[str, Audience] = field(default_factory=dict)
    people: People = field(default_factory=People, repr=False)
    sessions: Sessions = field(default_factory=Sessions)
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call that may go on."""

    params: Mapping[str, Any] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    url: str
    """Without the query, for links to a next page."""
    settings: Settings
    account: AdAccount
    book: Book
    now: float
    ids: Iterator[int]
    """The numbers of future audiences."""
    report: Report


def audience_ids() -> Iterator[int]:
    """Numbers as long as the real ones."""
    return count(120230000000000001)


def reply(
    value: Any,  # noqa: ANN401 - any JSON
    *,
    action: str,
    rows: int = 0,
    effect: Callable[[], None] | None = None,
) -> Answer:
    """An answer of status 200."""
    return Answer(
        status=200,
        body=orjson.dumps(value),
        headers=JSON_HEADERS,
        action=action,
        rows=rows,
        effect=effect,
    )
