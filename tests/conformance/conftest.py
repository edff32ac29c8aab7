"""What the conformance tests need of a platform: its connector, and the sandbox as a witness.

A new platform adds one entry to `SUBJECTS`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pytest

from audsync.connectors import registry
from audsync.connectors.contract import Access, Connector, HttpLimits
from audsync.domain import Action, Kind, Platform, RemoteId, UploadBatch
from audsync.sandbox.faults import Rule
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from tests.unit.connectors.fakes import FakeClock

Person = Mapping[Kind, bytes]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One platform in the sandbox: the way in, and how to put it into each state."""

    platform: Platform
    access: Access
    keys: Mapping[Kind, tuple[str, bool]]
    """Its name for each kind used here, and whether it takes the hash. One kind only where a
    request takes no more; what is not here is left out of every row."""
    trouble: Mapping[str, dict[str, Any]]
    """Sandbox settings that bring about each trouble by name; those that it can have."""
    members_path: str
    """What the addresses of uploads have in common."""
    tells_wait: bool = True
    """Whether its rate limit says how long to wait."""
    rest_s: int = 60
    """For how long it is left alone where its rate limit does not say so."""
    most_rows: int | None = None
    """The most rows that it takes in a request, where the connector stays below that."""
    blind_wait_s: int = 0
    """How long the connector waits for a rate limit that does not say so, before it tries again."""
    works_off_in_s: int = 0
    """How long after an upload its members are there, where it is not at once."""
    leaves_out_empty: bool = False
    """Whether a list without entries may be an answer without fields."""


GOOGLE_LOGIN = {"value": "sandbox-google-refresh"}
META_TOKEN = {"value": "sandbox-meta-token"}
TIKTOK_TOKEN = {"value": "sandbox-tiktok-token"}
SUBJECTS = [
    Subject(
        platform=Platform.GOOGLE,
        access=Access(
            account="1234567890",
            base_url="http://sandbox/google",
            token_url="http://sandbox/google/token",
            credentials={
                "client_id": "sandbox-client",
                "client_secret": "sandbox-client-secret",
                "refresh_token": "sandbox-google-refresh",
            },
            options={
                "consent": {"ad_user_data": "granted", "ad_personalization": "granted"},
                "terms_accepted": True,
            },
        ),
        keys={Kind.EMAIL: ("EMAIL", True), Kind.PHONE: ("PHONE", True)},
        # An account has no terms of its own: every upload says that they are accepted.
        trouble={
            "credentials unknown": {"clients": [{"id": "another"}]},
            "credentials expired": {"refresh_tokens": [{**GOOGLE_LOGIN, "is_dead": True}]},
            "credentials revoked": {"refresh_tokens": [{**GOOGLE_LOGIN, "is_dead": True}]},
            "scope missing": {"refresh_tokens": [{**GOOGLE_LOGIN, "scopes": []}]},
            "account out of sight": {"refresh_tokens": [{**GOOGLE_LOGIN, "accounts": []}]},
            "new audiences not ready": {"unready_calls": 3},
        },
        members_path="/audienceMembers:",
        tells_wait=False,
        blind_wait_s=60,
        works_off_in_s=1_800,
        leaves_out_empty=True,
    ),
    Subject(
        platform=Platform.META,
        access=Access(
            account="act_1001",
            base_url="http://sandbox/meta",
            credentials={"access_token": "sandbox-meta-token"},
        ),
        keys={Kind.EMAIL: ("EMAIL", True), Kind.EXTERNAL_ID: ("EXTERN_ID", False)},
        trouble={
            "credentials unknown": {"tokens": [{"value": "another"}]},
            "credentials expired": {"tokens": [{**META_TOKEN, "expires_at": 1}]},
            "credentials revoked": {"tokens": [{**META_TOKEN, "dead_subcode": 460}]},
            "scope missing": {"tokens": [{**META_TOKEN, "scopes": ["ads_read"]}]},
            "account out of sight": {"tokens": [{**META_TOKEN, "accounts": ["2002"]}]},
            "account disabled": {"accounts": [{"status": 2}]},
            "terms not accepted": {"accounts": [{"terms_accepted": False}]},
            "new audiences not ready": {"unready_calls": 3},
        },
        members_path="/users",
    ),
    Subject(
        platform=Platform.SNAPCHAT,
        access=Access(
            account="0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11",
            base_url="http://sandbox/snapchat",
            token_url="http://sandbox/snapchat/login/oauth2/access_token",
            credentials={
                "client_id": "sandbox-client",
                "client_secret": "sandbox-client-secret",
                "refresh_token": "sandbox-snapchat-refresh",
            },
        ),
        keys={Kind.EMAIL: ("EMAIL_SHA256", True)},
        trouble={
            "credentials unknown": {"clients": [{"id": "another"}]},
            "credentials expired": {"refresh_tokens": [{"value": "another"}]},
            "credentials revoked": {"refresh_tokens": [{"value": "another"}]},
            "scope missing": {"refresh_tokens": [{"scopes": []}]},
            "account out of sight": {"accounts": [{"id": "another"}]},
            "new audiences not ready": {"unready_calls": 3},
        },
        members_path="/users",
        tells_wait=False,
        most_rows=100_000,
    ),
    Subject(
        platform=Platform.TIKTOK,
        access=Access(
            account="7000000000000000001",
            base_url="http://sandbox/tiktok",
            credentials={"access_token": "sandbox-tiktok-token"},
        ),
        keys={Kind.EMAIL: ("EMAIL_SHA256", True), Kind.PHONE: ("PHONE_SHA256", True)},
        # Of a token that it never gave TikTok says what it says of one that was revoked.
        trouble={
            "credentials revoked": {"tokens": [{**TIKTOK_TOKEN, "is_revoked": True}]},
            "scope missing": {"tokens": [{**TIKTOK_TOKEN, "scopes": []}]},
            "account out of sight": {"tokens": [{**TIKTOK_TOKEN, "advertisers": []}]},
        },
        members_path="/segment/mapping/",
        tells_wait=False,
        rest_s=300,
        most_rows=10_000,
    ),
]


@dataclass
class Stage:
    """A connector, the sandbox that it talks to, and the clock of both."""

    subject: Subject
    world: World
    clock: FakeClock
    connector: Connector
    _sessions: Iterator[int] = field(default_factory=lambda: iter(range(1_000_001, 2_000_000)))

    def connected(
        self, *, credentials: Mapping[str, str] | None = None, api_version: str | None = None
    ) -> Connector:
        """Another connector to the same sandbox, with some of the access changed."""
        return registry.connect(
            self.subject.platform,
            replace(
                self.subject.access,
                credentials=credentials or self.subject.access.credentials,
                api_version=api_version,
            ),
            clock=self.clock,
            limits=HttpLimits(),
            transport=SandboxTransport(self.world),
        )

    def bring(self, trouble: str) -> None:
        """Make it happen; the hour that passes ends every token that is made for an hour."""
        if trouble not in self.subject.trouble:
            pytest.skip(f"{self.subject.platform} has no such trouble")
        settings = self.subject.trouble[trouble]
        self.clock.seconds += 3_600
        self.world.platforms[self.subject.platform].configure(settings)

    def arm(self, kind: str, **rule: object) -> None:
        self.world.faults.arm([Rule.model_validate({"kind": kind, **rule})])

    def members(self, audience: RemoteId) -> set[tuple[str, str]]:
        """What the platform holds once it has worked off what it was sent."""
        self.settle()
        return set(self.world.remote(self.subject.platform, audience).identifiers)

    def settle(self) -> None:
        """Let the time pass that the platform takes to work off what it was sent."""
        self.clock.seconds += self.subject.works_off_in_s

    def wire(self, *people: Person) -> set[tuple[str, str]]:
        """What the platform should hold for `people`."""
        return {
            (
                self.subject.keys[kind][0],
                value.hex() if self.subject.keys[kind][1] else str(value, "utf-8"),
            )
            for person in self.rows(list(people))
            for kind, value in person.items()
        }

    def rows(self, people: list[Person]) -> list[Person]:
        """`people` with the kinds that are used on this platform; nobody without any."""
        keys = self.subject.keys
        rows = [
            {kind: value for kind, value in person.items() if kind in keys} for person in people
        ]
        return [row for row in rows if row]

    def batches(
        self, audience: RemoteId, action: Action, *people: list[Person]
    ) -> list[UploadBatch]:
        """One session of `action`, a batch a group of people."""
        session = next(self._sessions)
        groups = [rows for group in people if (rows := self.rows(group))]
        everybody = [person for group in groups for person in group]
        kinds = tuple(sorted({kind for person in everybody for kind in person}))
        return [
            UploadBatch(
                audience=audience,
                action=action,
                session=session,
                number=number,
                is_last=number == len(groups),
                rows=len(group),
                session_rows=len(everybody),
                kinds=kinds,
                members=members_table(group),
            )
            for number, group in enumerate(groups, start=1)
        ]

    def send(self, audience: RemoteId, action: Action, *groups: list[Person]) -> None:
        """One session, worked off to its end."""
        for batch in self.batches(audience, action, *groups):
            self.connector.send(batch)
        self.settle()


def person(number: int) -> Person:
    """An invented person: made-up digests and an id of our own."""
    return {
        Kind.EMAIL: number.to_bytes(32, "big"),
        Kind.PHONE: number.to_bytes(32, "little"),
        Kind.EXTERNAL_ID: f"crm-{number}".encode(),
    }


def one_value_each(people: list[Person]) -> list[Person]:
    """Removal rows: a row for each value."""
    return [{kind: value} for person in people for kind, value in person.items()]


def members_table(people: list[Person]) -> pa.Table:
    cells = [
        (row, int(kind), person[kind])
        for row, person in enumerate(people)
        for kind in sorted(person)
    ]
    return pa.table(
        {
            "row": pa.array([row for row, _, _ in cells], pa.int32()),
            "kind": pa.array([kind for _, kind, _ in cells], pa.uint8()),
            "value": pa.array([value for _, _, value in cells], pa.binary()),
        }
    )


@pytest.fixture(params=SUBJECTS, ids=lambda subject: str(subject.platform))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Each platform in turn."""
    yield from acting_out(request.param)


def acting_out(subject: Subject) -> Iterator[Stage]:
    """One platform's stage; at the end the sandbox must have nothing to complain of."""
    clock = FakeClock()
    world = World(clock=clock)
    connector = registry.connect(
        subject.platform,
        subject.access,
        clock=clock,
        limits=HttpLimits(),
        transport=SandboxTransport(world),
    )
    connector.check_access()  # whatever it logs in with is there before a fault is armed
    yield Stage(subject=subject, world=world, clock=clock, connector=connector)
    connector.close()
    assert list(world.journal.violations) == []
