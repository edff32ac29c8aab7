"""Ids that stand for an audience of files until its first members make it. Pure.

Such an id is kept like any other, so it carries all that it takes to make the audience once: its
name, and which audiences of that name were there before. One that came later is ours.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from audsync.domain import RemoteId

_MARK = "pending:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmade:
    """An audience that is to be made with its first members."""

    name: str
    before: frozenset[RemoteId]

    @property
    def id(self) -> RemoteId:
        """The id that stands for it."""
        text = json.dumps({"name": self.name, "before": sorted(self.before)})
        return RemoteId(_MARK + base64.urlsafe_b64encode(text.encode()).decode())

    def made(self, found: Sequence[RemoteId]) -> RemoteId | None:
        """The audience itself, of all of its name, oldest first; None while it is not there."""
        return next((each for each in found if each not in self.before), None)


def unmade(audience: RemoteId) -> Unmade | None:
    """What the id stands for; None for an id of TikTok's own."""
    if not audience.startswith(_MARK):
        return None
    held = json.loads(base64.urlsafe_b64decode(audience.removeprefix(_MARK)))
    before = frozenset(RemoteId(each) for each in held["before"])
    return Unmade(name=held["name"], before=before)
