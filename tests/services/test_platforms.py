"""The same promises on every platform: exact after each sync, replace and broken run."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from audsync.config.load import load_config
from audsync.sandbox.faults import FaultKind, Rule
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from audsync.services import audiences
from audsync.services.jobs.planning import plan
from audsync.services.jobs.sync_audience import Report
from audsync.services.wiring.runtime import Runtime
from tests.databases import SetClock, copy_migrated
from tests.services.conftest import closes

Person = tuple[str, str, str]
"""Profile id, e-mail address, phone number."""

SEGMENT = """
segments:
  vip:
    source: {type: file, path: vip.csv}
    columns: {profile_id: id, email: email, phone: phone}
"""


@dataclass(frozen=True)
class Case:
    """A platform: its connection, and its names for an e-mail address and a phone number."""

    platform: str
    connection: str
    email_key: str
    phone_key: str
    phone_prefix: str
    replace_calls: int
    """Calls that `replace` makes for the few people here, until the platform has taken them."""
    settles: bool = False
    replaces_by_successor: bool = False
    way: str = ""
    """Which of a platform's ways, where it has several."""
    sandbox: dict[str, Any] = field(default_factory=dict)
    """Settings of the simulated platform."""

    @property
    def label(self) -> str:
        """Its name among the cases."""
        return f"{self.platform} {self.way}".strip()

    def wire(self, people: Sequence[Person]) -> set[tuple[str, str]]:
        """What the platform must hold."""
        held = {(self.email_key, _sha(email)) for _, email, _ in people}
        phones = {self.phone_prefix + phone for _, _, phone in people if phone}
        return held | {(self.phone_key, _sha(phone)) for phone in phones}


CASES = {
    case.label: case
    for case in (
        Case(
            platform="meta",
            connection="""
    account: act_1001
    credentials: {access_token: sandbox-meta-token}
""",
            email_key="EMAIL",
            phone_key="PHONE",
            phone_prefix="",
            replace_calls=2,
        ),
        Case(
            platform="google",
            connection="""
    account: "1234567890"
    token_url: https://sandbox.test/google/token
    credentials:
      client_id: sandbox-client
      client_secret: sandbox-client-secret
      refresh_token: sandbox-google-refresh
    options:
      consent: {ad_user_data: granted, ad_personalization: granted}
      terms_accepted: true
""",
            email_key="EMAIL",
            phone_key="PHONE",
            phone_prefix="+",
            replace_calls=12,
            settles=True,
        ),
        Case(
            platform="tiktok",
            connection="""
    account: "7000000000000000001"
    credentials: {access_token: sandbox-tiktok-token}
""",
            email_key="EMAIL_SHA256",
            phone_key="PHONE_SHA256",
            phone_prefix="+",
            replace_calls=5,
            replaces_by_successor=True,
        ),
        Case(
            platform="tiktok",
            way="files",
            connection="""
    account: "7000000000000000001"
    credentials: {access_token: sandbox-tiktok-token}
    options: {upload: file}
""",
            email_key="EMAIL_SHA256",
            phone_key="PHONE_SHA256",
            phone_prefix="+",
            replace_calls=5,
            settles=True,
            sandbox={"file_delay_h": 0.5, "smallest_audience": 1},
        ),
        Case(
            platform="snapchat",
            connection="""
    account: 0b6f2f0e-5d1c-4a7e-9a55-2f6f8f0c1d11
    token_url: https://sandbox.test/snapchat/login/oauth2/access_token
    credentials:
      client_id: sandbox-client
      client_secret: sandbox-client-secret
      refresh_token: sandbox-snapchat-refresh
""",
            email_key="EMAIL_SHA256",
            phone_key="PHONE_SHA256",
            phone_prefix="",
            replace_calls=7,
            replaces_by_successor=True,
        ),
    )
}


class Shop:
    """One segment and one audience on one platform."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.clock = SetClock()
        self.world = World(clock=self.clock)
        self.world.platforms[case.platform].configure(case.sandbox)
        self.folder = folder
        self.people: list[Person] = []
        copy_migrated(folder / "audsync.db")
        (folder / "audsync.yaml").write_text(
            f"connections:\n  ads:\n    platform: {case.platform}\n"
            f"    base_url: https://sandbox.test/{case.platform}{case.connection}{SEGMENT}",
            encoding="utf-8",
        )
        self.restart()

    def restart(self) -> None:
        config = load_config(self.folder / "audsync.yaml", {})
        self.runtime = Runtime(
            config=config, clock=self.clock, transport=lambda: SandboxTransport(self.world)
        )

    def segment(self, people: Sequence[Person]) -> None:
        self.people = list(people)
        lines = ["id,email,phone", *(",".join(person) for person in people)]
        (self.folder / "vip.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def create(self) -> Report:
        new = audiences.NewAudience(segment="vip", connection="ads", slug="a")
        return audiences.create(self.runtime, new)

    def sync(self, **wish: bool) -> Report:
        return audiences.sync(self.runtime, "a", **wish)

    def until_done(self, act: Callable[[], Report]) -> Report:
        """Run, and again after an hour while the platform works off what it took."""
        report = act()
        for _ in range(4):
            if (
                report.exit_code == 0
                and (report.job["settlement"] or {}).get("status") != "pending"
            ):
                break
            self.clock.advance(3600)
            report = self.sync()
        self.clock.advance(3600)
        assert report.exit_code == 0, report.job["error"]
        return report

    def remotes(self) -> list[Any]:
        return list(self.world.remotes(self.case.platform))

    def is_exact(self) -> bool:
        (remote,) = self.remotes()
        assert list(self.world.journal.violations) == [], (
            "what a strict platform would have refused"
        )
        return set(remote.identifiers) == self.case.wire(self.people)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def crowd(first: int, stop: int) -> list[Person]:
    return [(str(n), f"p{n}@example.com", f"1202555{n:04}") for n in range(first, stop)]


@pytest.fixture(params=sorted(CASES))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(CASES[request.param], tmp_path)


def written(shop: Shop, people: Sequence[Person]) -> None:
    """The segment with phones as people write them."""
    shop.segment(people)
    lines = ["id,email,phone", *(f"{i},{email},+{phone}" for i, email, phone in people)]
    (shop.folder / "vip.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_created_changed_and_in_step(shop: Shop) -> None:
    written(shop, crowd(1, 9))
    created = shop.create()
    assert created.exit_code == 0, created.job["error"]
    assert closes(created.job)
    shop.until_done(shop.sync)
    assert shop.is_exact()
    written(shop, crowd(3, 12))
    done = shop.until_done(shop.sync)
    assert shop.is_exact()
    assert closes(done.job)
    assert shop.sync().job["total_batches"] == 0


def test_one_kind_leaves_and_the_person_stays(shop: Shop) -> None:
    written(shop, crowd(1, 9))
    shop.create()
    shop.until_done(shop.sync)
    people = crowd(1, 9)
    people[0] = ("1", "other@example.com", people[0][2])
    written(shop, people)
    assert plan(shop.runtime, "a")["identifiers"]["email"]["removes"] == 1
    shop.until_done(shop.sync)
    assert shop.is_exact()


def test_replace_leaves_exactly_the_segment_whatever_was_there(shop: Shop) -> None:
    written(shop, crowd(1, 9))
    first = shop.create().job["platform_audience_id"]
    shop.until_done(shop.sync)
    written(shop, crowd(2, 10))
    report = shop.until_done(lambda: audiences.replace(shop.runtime, "a", allow_shrink=True))
    assert shop.is_exact()
    (now,) = shop.remotes()
    assert (now.id != first) is shop.case.replaces_by_successor
    assert closes(report.job)


def test_one_that_vanishes_is_stale_also_where_its_last_sync_was_partial(shop: Shop) -> None:
    written(shop, crowd(1, 9))
    shop.create()
    shop.until_done(shop.sync)
    written(shop, crowd(2, 10))
    shop.world.faults.arm([Rule(kind=FaultKind.STATUS, status=503, times=0)])
    assert shop.sync().exit_code in {3, 6}
    shop.world.faults.disarm()
    shop.clock.advance(120)  # the circuit closes
    with closing(shop.runtime.connect("ads")) as connector:
        (remote,) = shop.remotes()
        connector.delete(remote.id)
    gone = shop.sync()
    assert (gone.exit_code, gone.job["error"]["code"]) == (1, "AUDIENCE_NOT_FOUND")
    assert audiences.status(shop.runtime)[0]["state"] == "stale"


@pytest.mark.parametrize(
    ("shop", "call"),
    [
        (label, call)
        for label, case in CASES.items()
        for call in range(1, min(case.replace_calls, 8) + 1)
    ],
    indirect=["shop"],
)
def test_a_broken_replace_is_finished_by_the_next_sync(shop: Shop, call: int) -> None:
    written(shop, crowd(1, 9))
    shop.create()
    shop.until_done(shop.sync)
    written(shop, crowd(2, 10))
    rule = Rule(
        kind=FaultKind.RESET,
        when="after" if call % 2 else "before",
        nth=call,
        times=3,
        platform=shop.case.platform,
    )
    shop.world.faults.arm([rule])
    audiences.replace(shop.runtime, "a", allow_shrink=True)
    shop.world.faults.disarm()
    struck = [entry for entry in shop.world.journal.requests() if entry["fault"]]
    assert struck, "a replace of fewer calls was not the one that was meant"
    written(shop, crowd(4, 11))
    shop.restart()
    shop.clock.advance(7200)
    shop.until_done(lambda: shop.sync(allow_shrink=True))
    assert shop.is_exact()


def test_deleted_is_gone(shop: Shop) -> None:
    written(shop, crowd(1, 9))
    shop.create()
    assert audiences.delete(shop.runtime, "a").exit_code == 0
    assert shop.remotes() == []
