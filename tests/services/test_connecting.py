"""Connections that are saved: tested first, sealed, used everywhere, rotated and removed."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

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
from audsync.services import audiences
from audsync.services.connections import connecting, listing
from audsync.services.connections.connecting import Wanted
from audsync.services.doctor import checkup
from tests.services.saved import (
    CANARY,
    IN_FILE,
    SANDBOX_TOKEN,
    VIP,
    Shop,
    a_shop,
    never,
    told,
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from a_shop(tmp_path)


@pytest.mark.parametrize("platform", list(Platform))
def test_a_saved_connection_works_like_one_of_the_file(shop: Shop, platform: Platform) -> None:
    made = shop.connect(shop.runtime(), platform.value)
    assert (made["status"], made["stands_in"], made["credentials_in"]) == ("ok", "store", "store")
    new = audiences.NewAudience(segment="vip", connection="main", slug="a")
    report = audiences.create(shop.runtime(), new)
    assert (report.exit_code, report.job["error"]) == (0, None)
    (again,) = listing.test(shop.runtime(), []).connections
    assert (again["status"], again["error"]) == ("ok", None)
    checks = {check.name: check for check in checkup.examine(shop.runtime())}
    assert checks["connection main"].ok
    assert checks["key"].ok


@pytest.mark.parametrize("platform", list(Platform))
def test_no_secret_is_in_the_store_or_in_what_is_told(shop: Shop, platform: Platform) -> None:
    made = shop.connect(shop.runtime(), platform.value)
    listed = listing.listed(shop.runtime())
    secrets = [one for one in shop.access(platform.value)["credentials"].values() if len(one) > 8]
    assert secrets
    for secret in secrets:
        assert secret.encode() not in shop.store()
        assert secret not in json.dumps([made, listed])


def refused(shop: Shop, **changes: object) -> AudsyncError:
    shop.world.platforms["meta"].configure(changes)
    with pytest.raises(AudsyncError) as caught:
        shop.connect(shop.runtime())
    assert listing.listed(shop.runtime()) == []
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
    assert listing.listed(shop.runtime()) == []


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
    (told_now,) = listing.test(shop.runtime(text), ["meta-main"]).connections
    assert told_now["credentials_in"] == "file"
    assert told_now["error"]["code"] == "INVALID_CREDENTIALS"


def test_several_connections_live_side_by_side_and_tenants_apart(shop: Shop) -> None:
    for name in ("a", "b"):
        shop.connect(shop.runtime(), name=name)
    shop.connect(shop.runtime(AUDSYNC_TENANT="2"), name="a")
    names = [one["connection"] for one in listing.listed(shop.runtime())]
    assert names == ["a", "b"]
    assert len(listing.listed(shop.runtime(AUDSYNC_TENANT="2"))) == 1
    with pytest.raises(ConnectionUnknownError, match="did you mean `a`"):
        listing.one(shop.runtime(), "aa")


def test_a_name_keeps_its_platform_and_an_account_with_audiences(shop: Shop) -> None:
    shop.connect(shop.runtime())
    tiktok = Wanted(platform=Platform.TIKTOK, name="main", account="7")
    with pytest.raises(UsageError, match="is one to Meta"):
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
    assert listing.test(shop.runtime(), ["main"]).exit_codes == []
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
        listing.remove(shop.runtime(), "main")
    assert listing.remove(shop.runtime(), "main", is_sure=True)["audiences"] == ["vip-main"]
    assert listing.listed(shop.runtime()) == []
    with pytest.raises(ConnectionUnknownError):
        audiences.sync(shop.runtime(), "vip-main")


def test_removing_one_of_the_file_forgets_its_secrets_only(shop: Shop) -> None:
    wanted = Wanted(platform=Platform.META, name="meta-main")
    connecting.connect(shop.runtime(IN_FILE), wanted, told({"access_token": SANDBOX_TOKEN}))
    listing.remove(shop.runtime(IN_FILE), "meta-main")
    (left,) = listing.listed(shop.runtime(IN_FILE))
    assert (left["status"], left["credentials_in"]) == ("no_credentials", None)
    with pytest.raises(UsageError, match="nothing of it is saved"):
        listing.remove(shop.runtime(IN_FILE), "meta-main")
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
    assert [one["connection"] for one in listing.listed(shop.runtime())] == ["a"]
    assert "Connection `b`" in caplog.text
    listing.remove(shop.runtime(), "b")


def change(shop: Shop, statement: str, *values: object) -> None:
    with sqlite3.connect(shop.folder / "audsync.db") as connection:
        connection.execute(statement, values)
    connection.close()
