"""What a handler gets, what it gives back, and what TikTok keeps between calls."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from audsync.sandbox.contract import Report
from audsync.sandbox.people import People
from audsync.sandbox.tiktok import errors
from audsync.sandbox.tiktok.audiences import Audience
from audsync.sandbox.tiktok.datafile import DataFile
from audsync.sandbox.tiktok.digests import MATCHING
from audsync.sandbox.tiktok.settings import Advertiser, Settings, Token


@dataclass(slots=True)
class Store:
    """Everything that lasts."""

    audiences: dict[str, Audience] = field(default_factory=dict)
    files: dict[str, DataFile] = field(default_factory=dict)
    """By the `file_path` that an upload answered."""
    people: defaultdict[str, People] = field(
        default_factory=lambda: defaultdict(partial(People, MATCHING)), repr=False
    )
    """Who is who, by advertiser."""
    audience_ids: Iterator[int] = field(default_factory=lambda: count(900_000_000_000_000_001))
    _file_numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def next_file_path(self) -> str:
        """16 characters, different each time."""
        number = next(self._file_numbers)
        return hashlib.sha256(f"file {number}".encode()).hexdigest()[:16]

    def of_advertiser(self, advertiser_id: str) -> list[Audience]:
        """An advertiser's audiences, oldest first."""
        owned = [each for each in self.audiences.values() if each.owner_id == advertiser_id]
        return sorted(owned, key=lambda audience: int(audience.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call that has passed every check of access."""

    params: Mapping[str, Any] = field(repr=False)
    settings: Settings
    token: Token
    advertisers: tuple[Advertiser, ...]
    """Those that it names; one, but for mapping calls."""
    store: Store
    now: float
    report: Report

    @property
    def advertiser(self) -> Advertiser:
        """The one that it names."""
        return self.advertisers[0]

    def audience(self, audience_id: str) -> Audience:
        """An audience of the advertisers that the call names.

        Raises:
            RefusedError: there is none of that id, or it is somebody else's.
        """
        audience = self.store.audiences.get(audience_id)
        if audience is None:
            raise errors.audience_unknown()
        if audience.owner_id not in {each.id for each in self.advertisers}:
            raise errors.audience_forbidden()
        return audience

    def note(self, kind: str, *, audience: str, column: str, cells: int) -> None:
        """Take note of a violation."""
        about = {
            "platform": "tiktok",
            "audience": audience,
            "column": column,
            "cells": cells,
            "at": self.now,
        }
        self.report(kind, about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a handler answers: the `data` of a successful envelope."""

    data: Mapping[str, Any] = field(default_factory=dict)
    action: str
    rows: int = 0
    effect: Callable[[], None] | None = field(default=None, repr=False)
