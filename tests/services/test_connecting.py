"""Connections that are saved: tested first, sealed, used everywhere, rotated and removed."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from pydantic import SecretStr

from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.errors import (
    AudsyncError,
    ConfigError,
    ConnectionUnknownError,
    CredentialsError,
    CredentialsExpiredError,
    PermissionDeniedError,
    StateError,
    TermsNotAcceptedError,
    UsageError,
)
from audsync.sandbox.faults import FaultKind, Rule
from audsync.sandbox.transport import SandboxTransport
from audsync.sandbox.world import World
from audsync.services import (
    audiences,
    checkup,
    connecting,
    connections,
    key_rotation,
    resuming,
)
from audsync.services.connecting import Wanted
from audsync.services.runtime import Runtime
from audsync.services.sandbox_access import connections_to
from audsync.vault import files
from audsync.vault.keys import Key, generate
from tests.databases import SetClock

KEY = Key(bytes(range(32)))
OTHER = Key(bytes(32))
CANARY = "EAABcanary8f3b"
SANDBOX_TOKEN = "sandbox-meta-token"
VIP = """
segments:
  vip: {source: {type: file, path: vip.csv}, columns: {profile_id: id, email: email}}
"""
IN_FILE = """
connections:
  meta-main: {platform: meta, account: act_1001, base_url: https://sandbox.test/meta}
"""


class Shop:
    """A folder with a configuration, the platforms, and a key."""

    def __init__(self, folder: Path, world: World, clock: SetClock) -> None:
        self.folder, self.world, self.clock = folder, world, clock
        (folder / "vip.csv").write_text("id,email\n1,ada@example.com\n", "utf-8")

    def runtime(self, text: str = VIP, **environ: str) -> Runtime:
        path = self.folder / "audsync.yaml"
        path.write_text(text, "utf-8")
        environ = {"AUDSYNC_ENCRYPTION_KEY": KEY.text, **environ}
        return Runtime(
            config=load_config(path, environ),
            clock=self.clock,
            transport=lambda: SandboxTransport(self.world),
        )

    def access(self, platform: str) -> dict[str, Any]:
        return connections_to(self.world.platforms, "https://sandbox.test")[platform]

    def connect(self, runtime: Runtime, platform: str = "meta", name: str = "main") -> Any:  # noqa: ANN401 - JSON
        access = self.access(platform)
        wanted = Wanted(
            platform=Platform(platform),
            name=name,
            account=access["account"],
            base_url=access["base_url"],
            token_url=access.get("token_url"),
            options=flat(access.get("options", {})),
        )
        return connecting.connect(runtime, wanted, told(access["credentials"]))

    def set_token(self, **token: object) -> None:
        self.world.platforms["meta"].configure({"tokens": [{"value": SANDBOX_TOKEN, **token}]})

    def store(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.glob("audsync.db*"))


def told(secrets: dict[str, str]) -> Callable[[Platform], dict[str, SecretStr]]:
    return lambda _platform: {key: SecretStr(value) for key, value in secrets.items()}


def never(_platform: Platform) -> dict[str, SecretStr]:
    raise AssertionError("nobody may be asked")


def flat(options: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in options.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{key}.")
        else:
            found[before + key] = str(value)
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]  # the library's own
    clock = SetClock()
    yield Shop(tmp_path, World(clock=clock), clock)
    keyring.set_keyring(before)


@pytest.mark.parametrize("platform", list(Platform))
def test_a_saved_connection_works_like_one_of_the_file(shop: Shop, platform: Platform) -> None:
    made = shop.connect(shop.runtime(), platform.value)
    assert (made["status"], made["stands_in"], made["credentials_in"]) == ("ok", "store", "store")
    new = audiences.NewAudience(segment="vip", connection="main", slug="a")
    report = audiences.create(shop.runtime(), new)
    assert (report.exit_code, report.job["error"]) == (0, None)
    (again,) = connections.test(shop.runtime(), []).connections
    assert (again["status"], again["error"]) == ("ok", None)
    checks = {check.name: check for check in checkup.examine(shop.runtime())}
    assert checks["connection main"].ok
    assert checks["key"].ok


@pytest.mark.parametrize("platform", list(Platform))
def test_no_secret_is_in_the_store_or_in_what_is_told(shop: Shop, platform: Platform) -> None:
    made = shop.connect(shop.runtime(), platform.value)
    listed = connections.listed(shop.runtime())
    secrets = [one for one in shop.access(platform.value)["credentials"].values() if len(one) > 8]
    assert secrets
    for secret in secrets:
        assert secret.encode() not in shop.store()
        assert secret not in json.dumps([made, listed])


def refused(shop: Shop, **changes: object) -> AudsyncError:
    shop.world.platforms["meta"].configure(changes)
    with pytest.raises(AudsyncError) as caught:
        shop.connect(shop.runtime())
    assert connections.listed(shop.runtime()) == []
    return caught.value


def test_what_the_platform_has_against_it_is_told_and_nothing_saved(shop: Shop) -> None:
    unknown = refused(shop, tokens=[{"value": "another"}])
    assert isinstance(unknown, CredentialsError)
    assert unknown.details["error_code"] == 190
    assert unknown.details["error_message"]
    ended = {"value": SANDBOX_TOKEN, "expires_at": 1}
    assert isinstance(refused(shop, tokens=[ended]), CredentialsExpiredError)
    reader = {"value": SANDBOX_TOKEN, "scopes": ["ads_read"]}
    assert isinstance(refused(shop, tokens=[reader]), PermissionDeniedError)
    good = [{"value": SANDBOX_TOKEN}]
    terms = refused(shop, tokens=good, accounts=[{"id": "1001", "terms_accepted": False}])
    assert isinstance(terms, TermsNotAcceptedError)
    assert terms.details["url"].startswith("https://")
    assert isinstance(refused(shop, accounts=[{"id": "7"}]), PermissionDeniedError)
    retired = refused(shop, accounts=[{"id": "1001"}], oldest_version=30, latest_version=31)
    assert isinstance(retired, ConfigError)
    assert retired.exit_code == 2


def test_google_without_consent_is_a_matter_of_configuration(shop: Shop) -> None:
    wanted = Wanted(platform=Platform.GOOGLE, name="g", account="1234567890")
    secrets = shop.access("google")["credentials"]
    with pytest.raises(ConfigError, match="terms"):
        connecting.connect(shop.runtime(), wanted, told(secrets))
    assert connections.listed(shop.runtime()) == []


def test_nobody_is_asked_before_all_else_is_right(shop: Shop) -> None:
    wanted = Wanted(platform=Platform.META, name="main", account="act_1001")
    with pytest.raises(ConfigError, match="audsync key generate"):
        connecting.connect(shop.runtime(AUDSYNC_ENCRYPTION_KEY=""), wanted, never)
    bad = Wanted(platform=Platform.META, name="main", account=CANARY, options={"x": CANARY})
    with pytest.raises(UsageError) as caught:
        connecting.connect(shop.runtime(), bad, never)
    assert "account must be digits" in caught.value.message
    assert "options.x is unknown" in caught.value.message
    assert CANARY not in str(caught.value.as_json())


def test_a_connection_of_the_file_keeps_its_settings_and_gets_only_secrets(shop: Shop) -> None:
    text = IN_FILE + VIP
    wanted = Wanted(platform=Platform.META, name="meta-main", account="1001")
    secret = told({"access_token": SANDBOX_TOKEN})
    made = connecting.connect(shop.runtime(text), wanted, secret)
    assert (made["stands_in"], made["credentials_in"]) == ("file", "store")
    new = audiences.NewAudience(segment="vip", connection="meta-main", slug="a")
    assert audiences.create(shop.runtime(text), new).exit_code == 0
    for other in ({"account": "9"}, {"base_url": "https://elsewhere.test"}):
        told_otherwise = Wanted(platform=Platform.META, name="meta-main", **other)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="stands in the configuration"):
            connecting.connect(shop.runtime(text), told_otherwise, never)
    # The file's settings go on to win, wherever they lead.
    elsewhere = text.replace("sandbox.test/meta", "sandbox.test/nowhere")
    assert shop.runtime(elsewhere).connection("meta-main").base_url == (
        "https://sandbox.test/nowhere"
    )


def test_secrets_beside_those_of_the_file_would_never_be_used(shop: Shop) -> None:
    text = IN_FILE.replace("/meta}", f"/meta, credentials: {{access_token: {CANARY}}}}}")
    wanted = Wanted(platform=Platform.META, name="meta-main")
    with pytest.raises(UsageError, match="would win over saved ones"):
        connecting.connect(shop.runtime(text), wanted, never)
    with pytest.raises(UsageError, match="would win over saved ones"):
        connecting.rotate(shop.runtime(text), "meta-main", never)


def test_credentials_of_the_file_win_over_saved_ones(shop: Shop) -> None:
    wanted = Wanted(platform=Platform.META, name="meta-main")
    connecting.connect(shop.runtime(IN_FILE), wanted, told({"access_token": SANDBOX_TOKEN}))
    text = IN_FILE.replace("/meta}", "/meta, credentials: {access_token: another}}")
    (told_now,) = connections.test(shop.runtime(text), ["meta-main"]).connections
    assert told_now["credentials_in"] == "file"
    assert told_now["error"]["code"] == "INVALID_CREDENTIALS"


def test_several_connections_live_side_by_side_and_tenants_apart(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.connect(shop.runtime(), name=name)
    shop.connect(shop.runtime(AUDSYNC_TENANT="2"), name="a")
    names = [one["connection"] for one in connections.listed(shop.runtime())]
    assert names == ["a", "b"]
    assert len(connections.listed(shop.runtime(AUDSYNC_TENANT="2"))) == 1
    with pytest.raises(ConnectionUnknownError, match="did you mean `a`"):
        connections.one(shop.runtime(), "aa")


def test_a_name_keeps_its_platform_and_an_account_with_audiences(shop: Shop) -> None:
    shop.connect(shop.runtime())
    tiktok = Wanted(platform=Platform.TIKTOK, name="main", account="7")
    with pytest.raises(UsageError, match="is one to meta"):
        connecting.connect(shop.runtime(), tiktok, never)
    audiences.create(shop.runtime(), audiences.NewAudience(segment="vip", connection="main"))
    moved = Wanted(platform=Platform.META, name="main", account="1002")
    with pytest.raises(UsageError, match="vip-main"):
        connecting.connect(shop.runtime(), moved, never)
    # The same account again, with one more option: the rest stays as it was.
    more = Wanted(platform=Platform.META, name="main", options={"retention_days": "30"})
    connecting.connect(shop.runtime(), more, told({"access_token": SANDBOX_TOKEN}))
    options = shop.runtime().connection("main").options.model_dump()
    assert options["retention_days"] == 30
    assert shop.runtime().connection("main").base_url == "https://sandbox.test/meta"


def test_rotation_swaps_only_what_the_platform_takes(shop: Shop) -> None:
    shop.connect(shop.runtime())
    runtime = shop.runtime()
    under_way = runtime.connect("main")
    both = [{"value": SANDBOX_TOKEN}, {"value": "new"}]
    shop.world.platforms["meta"].configure({"tokens": both})
    with pytest.raises(CredentialsError):
        connecting.rotate(shop.runtime(), "main", told({"access_token": "bad"}))
    assert connections.test(shop.runtime(), ["main"]).exit_codes == []
    connecting.rotate(shop.runtime(), "main", told({"access_token": "new"}))
    under_way.check_access()  # a sync under way ends with what it began with
    shop.world.platforms["meta"].configure({"tokens": [{"value": "new"}]})
    with pytest.raises(AudsyncError):
        under_way.check_access()
    under_way.close()
    runtime.connect("main").check_access()  # the next one, in the same process, has the new
    with pytest.raises(ConnectionUnknownError):
        connecting.rotate(shop.runtime(), "absent", never)


def test_a_connection_with_audiences_is_removed_only_when_sure(shop: Shop) -> None:
    shop.connect(shop.runtime())
    audiences.create(shop.runtime(), audiences.NewAudience(segment="vip", connection="main"))
    with pytest.raises(UsageError, match="vip-main"):
        connections.remove(shop.runtime(), "main")
    assert connections.remove(shop.runtime(), "main", is_sure=True)["audiences"] == ["vip-main"]
    assert connections.listed(shop.runtime()) == []
    with pytest.raises(ConnectionUnknownError):
        audiences.sync(shop.runtime(), "vip-main")


def test_removing_one_of_the_file_forgets_its_secrets_only(shop: Shop) -> None:
    wanted = Wanted(platform=Platform.META, name="meta-main")
    connecting.connect(shop.runtime(IN_FILE), wanted, told({"access_token": SANDBOX_TOKEN}))
    connections.remove(shop.runtime(IN_FILE), "meta-main")
    (left,) = connections.listed(shop.runtime(IN_FILE))
    assert (left["status"], left["credentials_in"]) == ("no_credentials", None)
    with pytest.raises(UsageError, match="nothing of it is saved"):
        connections.remove(shop.runtime(IN_FILE), "meta-main")
    with pytest.raises(CredentialsError, match="audsync connect meta --name meta-main"):
        shop.runtime(IN_FILE).connect("meta-main")


@pytest.mark.parametrize("column", ["base_url", "token_url", "account", "name", "tenant_id"])
def test_a_changed_store_cannot_send_a_secret_elsewhere(shop: Shop, column: str) -> None:
    shop.connect(shop.runtime(), "google")
    value = 2 if column == "tenant_id" else "1" if column == "account" else "https://evil.test"
    value = "evil" if column == "name" else value
    change(shop, f"UPDATE connection SET {column} = ?", value)
    runtime = shop.runtime(AUDSYNC_TENANT="2" if column == "tenant_id" else "1")
    with pytest.raises(StateError, match="changed outside audsync"):
        runtime.connect("evil" if column == "name" else "main")


def test_a_secret_moved_to_another_record_does_not_open(shop: Shop) -> None:
    shop.connect(shop.runtime(), name="a")
    shop.connect(shop.runtime(), name="b")
    take = "(SELECT credentials_ciphertext FROM connection WHERE name = 'a')"
    change(shop, f"UPDATE connection SET credentials_ciphertext = {take} WHERE name = ?", "b")
    with pytest.raises(StateError, match="`b` are damaged"):
        shop.runtime().connect("b")


def test_a_record_that_cannot_be_used_does_not_hide_the_others(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.connect(shop.runtime(), name="a")
    shop.connect(shop.runtime(), name="b")
    change(shop, "UPDATE connection SET options = ? WHERE name = 'b'", '{"of a later version": 1}')
    assert [one["connection"] for one in connections.listed(shop.runtime())] == ["a"]
    assert "Connection `b`" in caplog.text
    connections.remove(shop.runtime(), "b")


def change(shop: Shop, statement: str, *values: object) -> None:
    with sqlite3.connect(shop.folder / "audsync.db") as connection:
        connection.execute(statement, values)
    connection.close()


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
    assert connections.listed(runtime)  # listing needs no key
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
    assert connections.listed(shop.runtime())[0]["status"] == "expiring"
    checks = {check.name: check for check in checkup.examine(shop.runtime())}
    assert checks["connection main"].detail.startswith("CREDENTIALS_EXPIRING")
    shop.set_token()
    connecting.rotate(shop.runtime(), "main", told({"access_token": SANDBOX_TOKEN}))
    assert "CREDENTIALS_EXPIRING" not in codes(audiences.sync(shop.runtime(), "a").job)


def codes(record: dict[str, Any]) -> set[str]:
    return {warning["code"] for warning in record["warnings"]}


def test_a_test_of_a_connection_of_the_file_is_noted(shop: Shop) -> None:
    text = IN_FILE.replace("/meta}", f"/meta, credentials: {{access_token: {SANDBOX_TOKEN}}}}}")
    assert connections.listed(shop.runtime(text))[0]["status"] == "untested"
    ends_at = datetime(2026, 11, 21, tzinfo=UTC)
    shop.set_token(expires_at=ends_at.timestamp())
    (told_now,) = connections.test(shop.runtime(text), []).connections
    assert (told_now["status"], told_now["credentials_in"]) == ("expiring", "file")
    assert told_now["last_tested_at"] == "2026-11-20T12:00:00Z"
    shop.clock.advance(7 * 86_400)
    assert connections.listed(shop.runtime(text))[0]["status"] == "expired"
    # Once it is out of the file, its note is no connection.
    assert connections.listed(shop.runtime()) == []


def test_a_platform_out_of_reach_says_nothing_of_a_connection(shop: Shop) -> None:
    shop.connect(shop.runtime())
    shop.world.faults.arm([Rule(platform="meta", kind=FaultKind.REFUSE, times=0)])
    tried = connections.test(shop.runtime(), ["main"])
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
    (found,) = connections.listed(shop.runtime())
    assert (found["status"], found["error"]["code"]) == ("error", "CREDENTIALS_EXPIRED")
    with pytest.raises(CredentialsExpiredError):
        resuming.resume_all(shop.runtime(), "main")
    assert not any(one["auto_sync"] for one in audiences.status(shop.runtime()))
    shop.set_token()
    resumed = resuming.resume_all(shop.runtime(), "main")
    assert [one["audience"] for one in resumed] == ["a", "b"]  # a person paused c
    assert {one["next_sync_at"] for one in resumed} == {"2026-11-20T12:01:00Z"}
    assert connections.listed(shop.runtime())[0]["status"] == "ok"
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
    (found,) = connections.listed(shop.runtime())
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
