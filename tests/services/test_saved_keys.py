"""What is sealed needs its key: lost, wrong, rotated; and credentials that end or die."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keyring
import pytest

from audsync import steps
from audsync.domain import Platform
from audsync.errors import (
    ConfigError,
    ConnectionUnknownError,
    CredentialsExpiredError,
    UsageError,
)
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import audiences, key_rotation, resuming
from audsync.services.connections import connecting, listing
from audsync.services.connections.connecting import Wanted
from audsync.services.cron.run_due import Pace, run_due
from audsync.services.doctor import checkup
from audsync.vault import files
from audsync.vault.keys import generate
from tests.memory_keyring import Memory
from tests.services.saved import (
    IN_FILE,
    KEY,
    OTHER,
    SANDBOX_TOKEN,
    VIP,
    Shop,
    a_shop,
    flat,
    told,
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from a_shop(tmp_path)


@pytest.mark.parametrize("key", ["", OTHER.text])
def test_a_wrong_or_lost_key_is_told_and_repaired_by_rotation(shop: Shop, key: str) -> None:
    shop.connect(shop.runtime())
    runtime = shop.runtime(AUDSYNC_ENCRYPTION_KEY=key)
    with pytest.raises(ConfigError, match=f"encrypted with key {KEY.id}") as caught:
        runtime.connect("main")
    assert caught.value.exit_code == 2
    checks = {check.name: check for check in checkup.examine(runtime)}
    assert not checks["key"].ok
    assert KEY.id in checks["key"].detail
    assert listing.listed(runtime)  # listing needs no key
    if key:
        secret = told({"access_token": SANDBOX_TOKEN})
        assert connecting.rotate(runtime, "main", secret)["key_id"] == OTHER.id
        runtime.connect("main").check_access()


def test_a_key_comes_from_a_file_that_only_its_owner_reads(shop: Shop) -> None:
    files.write(shop.folder / "key", KEY)
    environ = {"AUDSYNC_ENCRYPTION_KEY": "", "AUDSYNC_ENCRYPTION_KEY_FILE": "key"}
    shop.connect(shop.runtime(**environ))
    shop.runtime().connect("main").check_access()  # the same key from the environment
    (shop.folder / "key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        shop.runtime(**environ).connect("main")
    checks = {check.name: check for check in checkup.examine(shop.runtime(**environ))}
    assert "chmod 600" in checks["key"].detail


def test_key_rotation_seals_everything_anew_for_every_tenant(shop: Shop) -> None:
    shop.connect(shop.runtime(), name="a")
    shop.connect(shop.runtime(AUDSYNC_TENANT="2"), name="b")
    between = {"AUDSYNC_NEW_ENCRYPTION_KEY": OTHER.text}
    report = key_rotation.rotate(shop.runtime(**between), None, in_keyring=False)
    assert (report["key_id"], report["resealed"]) == (OTHER.id, 2)
    assert report["previous_key_ids"] == [KEY.id]
    assert report["connections"] == ["1/a", "2/b"]
    shop.runtime(**between).connect("a").check_access()  # both keys open until the swap
    after = {"AUDSYNC_ENCRYPTION_KEY": OTHER.text, "AUDSYNC_TENANT": "2"}
    shop.runtime(**after).connect("b").check_access()
    with pytest.raises(ConfigError, match="encrypted with key"):
        shop.runtime().connect("a")
    again = key_rotation.rotate(shop.runtime(**between), None, in_keyring=False)
    assert again["previous_key_ids"] == []


def test_key_rotation_happens_as_a_whole_or_not_at_all(shop: Shop) -> None:
    shop.connect(shop.runtime(), name="a")
    third = generate()
    shop.connect(shop.runtime(AUDSYNC_ENCRYPTION_KEY=third.text), name="b")
    before = shop.store()
    files.write(shop.folder / "new", OTHER)
    with pytest.raises(ConfigError, match=f"connection `b` are encrypted with key {third.id}"):
        key_rotation.rotate(shop.runtime(), shop.folder / "new", in_keyring=False)
    assert shop.store() == before
    shop.runtime().connect("a").check_access()


def test_a_crash_in_a_key_rotation_changes_nothing(shop: Shop) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(step: str) -> None:
        if step == "store: before commit":
            raise PowerCutError

    shop.connect(shop.runtime())
    before = shop.store()
    runtime = shop.runtime(AUDSYNC_NEW_ENCRYPTION_KEY=OTHER.text)
    steps.listen(cut)
    try:
        with pytest.raises(PowerCutError):
            key_rotation.rotate(runtime, None, in_keyring=False)
    finally:
        steps.listen(None)
    assert shop.store() == before
    shop.runtime().connect("main").check_access()


def test_a_key_in_the_keyring_is_rotated_there(shop: Shop) -> None:
    system = Memory()
    keyring.set_keyring(system)
    none = {"AUDSYNC_ENCRYPTION_KEY": ""}
    first = key_rotation.make(None, into_keyring=True)
    assert shop.connect(shop.runtime(**none))["key_id"] == first.id
    report = key_rotation.rotate(shop.runtime(**none), None, in_keyring=True)
    assert report["previous_key_ids"] == [first.id]
    assert shop.runtime(**none).keys.ids == (report["key_id"],)
    shop.runtime(**none).connect("main").check_access()
    system.is_locked = True
    with pytest.raises(ConfigError, match="there is no key here"):
        shop.runtime(**none).connect("main")


def test_the_new_key_must_be_told_once(shop: Shop) -> None:
    with pytest.raises(UsageError, match="AUDSYNC_NEW_ENCRYPTION_KEY"):
        key_rotation.rotate(shop.runtime(), None, in_keyring=False)
    with pytest.raises(UsageError, match="not both"):
        key_rotation.rotate(shop.runtime(), Path("x"), in_keyring=True)
    with pytest.raises(ConfigError, match="goes before the keyring"):
        key_rotation.rotate(shop.runtime(), None, in_keyring=True)
    with pytest.raises(UsageError, match="not both"):
        key_rotation.make(Path("x"), into_keyring=True)


def test_credentials_that_end_soon_are_warned_of_by_job_status_and_doctor(shop: Shop) -> None:
    ends_at = shop.clock.now() + timedelta(days=8)
    shop.set_token(expires_at=ends_at.timestamp())
    assert shop.connect(shop.runtime())["expires_at"] == "2026-11-28T12:00:00Z"
    new = audiences.NewAudience(segment="vip", connection="main", slug="a")
    report = audiences.create(shop.runtime(), new)
    assert codes(report.job) == {"BELOW_MINIMUM_SIZE"}
    shop.clock.advance(86_401)
    warned = audiences.sync(shop.runtime(), "a").job
    assert "CREDENTIALS_EXPIRING" in codes(warned)
    message = next(one["message"] for one in warned["warnings"] if "CREDENTIALS" in one["code"])
    assert "end on 2026-11-28 12:00 UTC" in message
    assert "audsync connections rotate main" in message
    (shown,) = audiences.status(shop.runtime())
    assert "CREDENTIALS_EXPIRING" in codes(shown)
    assert listing.listed(shop.runtime())[0]["status"] == "expiring"
    checks = {check.name: check for check in checkup.examine(shop.runtime())}
    assert checks["connection main"].detail.startswith("CREDENTIALS_EXPIRING")
    shop.set_token()
    connecting.rotate(shop.runtime(), "main", told({"access_token": SANDBOX_TOKEN}))
    assert "CREDENTIALS_EXPIRING" not in codes(audiences.sync(shop.runtime(), "a").job)


def codes(record: dict[str, Any]) -> set[str]:
    return {warning["code"] for warning in record["warnings"]}


def test_a_test_of_a_connection_of_the_file_is_noted(shop: Shop) -> None:
    text = IN_FILE.replace("/meta}", f"/meta, credentials: {{access_token: {SANDBOX_TOKEN}}}}}")
    assert listing.listed(shop.runtime(text))[0]["status"] == "untested"
    ends_at = datetime(2026, 11, 21, tzinfo=UTC)
    shop.set_token(expires_at=ends_at.timestamp())
    (told_now,) = listing.test(shop.runtime(text), []).connections
    assert (told_now["status"], told_now["credentials_in"]) == ("expiring", "file")
    assert told_now["last_tested_at"] == "2026-11-20T12:00:00Z"
    shop.clock.advance(7 * 86_400)
    assert listing.listed(shop.runtime(text))[0]["status"] == "expired"
    # Once it is out of the file, its note is no connection.
    assert listing.listed(shop.runtime()) == []


def test_cron_learns_of_the_end_of_a_token_that_nobody_tested(shop: Shop) -> None:
    secret = f"/meta, credentials: {{access_token: {SANDBOX_TOKEN}}}}}"
    text = IN_FILE.replace("/meta}", secret) + VIP
    new = audiences.NewAudience(segment="vip", connection="meta-main", slug="a")
    audiences.create(shop.runtime(text), new)
    assert listing.listed(shop.runtime(text))[0]["last_tested_at"] is None
    shop.set_token(expires_at=(shop.clock.now() + timedelta(days=5)).timestamp())
    run_due(shop.runtime(text), Pace())
    (found,) = listing.listed(shop.runtime(text))
    assert (found["status"], found["expires_at"]) == ("expiring", "2026-11-25T12:00:00Z")
    (shown,) = audiences.status(shop.runtime(text))
    message = next(one["message"] for one in shown["warnings"] if "CREDENTIALS" in one["code"])
    assert "put new ones where `connections.meta-main.credentials` takes them from" in message
    shop.clock.advance(3600)
    run_due(shop.runtime(text), Pace())  # once a day is enough
    assert listing.listed(shop.runtime(text))[0]["last_tested_at"] == "2026-11-20T12:00:00Z"
    shop.clock.advance(86_400)
    shop.world.faults.arm([Rule(platform="meta", kind=FaultKind.REFUSE, times=0)])
    run_due(shop.runtime(text), Pace())
    assert listing.listed(shop.runtime(text))[0]["last_tested_at"] == "2026-11-20T12:00:00Z"


def test_a_platform_out_of_reach_says_nothing_of_a_connection(shop: Shop) -> None:
    shop.connect(shop.runtime())
    shop.world.faults.arm([Rule(platform="meta", kind=FaultKind.REFUSE, times=0)])
    tried = listing.test(shop.runtime(), ["main"])
    assert tried.exit_codes == [6]
    assert tried.connections[0]["error"]["code"] == "PLATFORM_UNAVAILABLE"
    assert tried.connections[0]["status"] == "ok"


def test_dead_credentials_stop_audiences_until_they_work_and_are_resumed(shop: Shop) -> None:
    shop.connect(shop.runtime())
    for slug in ("a", "b", "c"):
        new = audiences.NewAudience(segment="vip", connection="main", slug=slug)
        audiences.create(shop.runtime(), new)
    audiences.schedule(shop.runtime(), "c", auto_sync=False)
    shop.clock.advance(60)
    shop.set_token(dead_subcode=460)
    for slug in ("a", "b"):
        assert audiences.sync(shop.runtime(), slug).exit_code == 5
    (found,) = listing.listed(shop.runtime())
    assert (found["status"], found["error"]["code"]) == ("error", "CREDENTIALS_EXPIRED")
    with pytest.raises(CredentialsExpiredError):
        resuming.resume_all(shop.runtime(), "main")
    assert not any(one["auto_sync"] for one in audiences.status(shop.runtime()))
    shop.set_token()
    resumed = resuming.resume_all(shop.runtime(), "main")
    assert [one["audience"] for one in resumed] == ["a", "b"]  # a person paused c
    assert {one["next_sync_at"] for one in resumed} == {"2026-11-20T12:01:00Z"}
    assert listing.listed(shop.runtime())[0]["status"] == "ok"
    assert resuming.resume_all(shop.runtime(), "main") == []
    with pytest.raises(ConnectionUnknownError):
        resuming.resume_all(shop.runtime(), "absent")


def test_a_job_that_works_again_clears_the_mark(shop: Shop) -> None:
    shop.connect(shop.runtime())
    new = audiences.NewAudience(segment="vip", connection="main", slug="a")
    audiences.create(shop.runtime(), new)
    shop.set_token(dead_subcode=460)
    audiences.sync(shop.runtime(), "a")
    shop.set_token()
    assert audiences.sync(shop.runtime(), "a").exit_code == 0
    (found,) = listing.listed(shop.runtime())
    assert (found["status"], found["error"]) == ("ok", None)


def test_googles_own_key_file_is_taken_and_kept_as_a_whole(shop: Shop, tmp_path: Path) -> None:
    access = shop.access("google")
    google: dict[str, Any] = {
        "platform": Platform.GOOGLE,
        "name": "g",
        "account": access["account"],
        "base_url": access["base_url"],
        "token_url": access["token_url"],
        "options": flat(access["options"]),
    }
    user = {"type": "authorized_user", "quota_project_id": "x", **access["credentials"]}
    connecting.connect(shop.runtime(), Wanted(**google), told(user))
    shop.runtime().connect("g").check_access()
    wanted = Wanted(**{**google, "name": "h"})
    with pytest.raises(ConfigError, match="cannot be read: No such file") as caught:
        connecting.connect(shop.runtime(), wanted, told({"service_account": f"{tmp_path}/no"}))
    assert caught.value.exit_code == 2


def test_doctor_names_an_audience_whose_connection_is_nowhere(shop: Shop) -> None:
    text = VIP + "audiences: {a: {segment: vip, connection: mian, name: A}}\n"
    shop.connect(shop.runtime(text))
    checks = {check.name: check for check in checkup.examine(shop.runtime(text))}
    assert "did you mean `main`" in checks["audience a"].detail
    fixed = text.replace("mian", "main")
    assert "audience a" not in {check.name for check in checkup.examine(shop.runtime(fixed))}
