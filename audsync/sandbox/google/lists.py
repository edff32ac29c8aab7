"""One user list: its data, what it tells of itself, and what time alone does to it.

Source: UserList reference and create-audience guide, read 2026-11-22.
"""

from dataclasses import dataclass, field
from typing import Any

from audsync.sandbox.google.flight import Flight, Work
from audsync.sandbox.google.identifiers import readable
from audsync.sandbox.google.settings import Settings
from audsync.sandbox.members import Members

DAY_S = 86_400
_HOUR_S = 3_600
KEY_TYPES = {
    "CONTACT_ID": "contactIdInfo",
    "MOBILE_ID": "mobileIdInfo",
    "USER_ID": "userIdInfo",
}
"""The upload key types that lists here may have, and the block that goes with each."""


@dataclass(slots=True, kw_only=True, eq=False)
class UserList:
    """A Customer Match list. Times are epoch seconds."""

    id: str
    account_id: str
    display_name: str
    description: str | None
    integration_code: str | None
    status: str
    duration_s: int
    key_type: str
    info: dict[str, Any]
    """The block of the key type, as it was created."""
    members: Members = field(repr=False)
    consents: dict[bytes, tuple[str, str]] = field(default_factory=dict, repr=False)
    """What was last said of the person of each identifier that was sent and not removed since."""
    flight: Flight = field(repr=False)
    unready_calls: int = 0
    dirty_since: float | None = None
    """When the first change came that sizes do not show yet."""
    size: int = 0
    """Matched people, as last made public."""
    match_rate: int | None = None
    expired_at: float = 0.0

    @property
    def name(self) -> str:
        """The resource name."""
        return f"accountTypes/GOOGLE_ADS/accounts/{self.account_id}/userLists/{self.id}"

    def catch_up(self, now: float, settings: Settings) -> None:
        """Let happen what time alone brings: requests settling, members ageing, new sizes."""
        settled_at = self.flight.settle(self.members, settings, now)
        if settled_at is not None and self.dirty_since is None:
            self.dirty_since = settled_at
        if now - self.expired_at >= _HOUR_S:
            self.expired_at = now
            self.members.expire(now - self.duration_s)
        since = self.dirty_since
        if since is not None and now >= since + settings.counts_after_h * _HOUR_S:
            self._publish()

    def take(self, work: Work, settings: Settings, now: float) -> None:
        """Accept a request; in the mode `at_once`, or without a wait, members change now."""
        if work.action == "remove":
            for key in (key for row in work.rows for key in row):
                self.consents.pop(key, None)
        self.consents.update(work.consents)
        self.flight.take(work, self.members, settings)
        if settings.apply == "at_once" and self.dirty_since is None:
            self.dirty_since = now
        self.catch_up(now, settings)

    def as_json(self, settings: Settings) -> dict[str, Any]:
        """The resource."""
        size = _rounded(self.size) if self.size >= settings.smallest_size else 0
        is_big = size > 0
        info = dict(self.info)
        if self.key_type == "CONTACT_ID" and self.match_rate is not None:
            info["matchRatePercentage"] = self.match_rate
        shown = {
            "name": self.name,
            "id": self.id,
            "readOnly": False,
            "displayName": self.display_name,
            "description": self.description,
            "membershipStatus": self.status,
            "integrationCode": self.integration_code,
            "membershipDuration": f"{self.duration_s}s",
            "accessReason": "OWNED",
            "accountAccessStatus": "ENABLED",
            "sizeInfo": {
                "displayNetworkMembersCount": str(size),
                "searchNetworkMembersCount": str(size),
                "youtubeMembersCount": str(size),
                "gmailMembersCount": str(size),
            },
            "targetNetworkInfo": {"eligibleForDisplay": is_big, "eligibleForSearch": is_big},
            "ingestedUserListInfo": {
                "uploadKeyTypes": [self.key_type],
                KEY_TYPES[self.key_type]: info,
            },
        }
        return {name: value for name, value in shown.items() if value is not None}

    def people(self) -> frozenset[frozenset[tuple[str, str]]]:
        """Its persons, each as all (key, value) pairs that the account knows of that person."""
        return frozenset(frozenset(map(readable, keys)) for keys in self.members.keys_of_persons())

    def forget(self) -> None:
        """The list is deleted."""
        self.flight.give_up()
        self.members.forget()

    def _publish(self) -> None:
        self.dirty_since = None
        self.size = self.members.matched()
        persons = len(self.members.persons)
        self.match_rate = self.size * 100 // persons if persons else None


def _rounded(size: int) -> int:
    """Two significant digits."""
    step: int = 10 ** max(0, len(str(size)) - 2)
    return size // step * step
