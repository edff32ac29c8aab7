"""A connection's access token serves every process; one of them asks when a new one is due."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audsync.clock import SystemClock
from audsync.errors import CredentialsError, TransientError
from audsync.sandbox.faults import FaultKind, Rule
from audsync.services import key_rotation
from audsync.services.connections import connecting, listing
from audsync.services.wiring.runtime import Runtime
from audsync.store import access_tokens
from audsync.store.breakers import Which
from audsync.vault import files
from tests.services.saved import OTHER, VIP, Shop, a_shop, told

PLATFORMS = ("google", "snapchat")
MAIN = Which(tenant_id=1, connection="main")
HOUR_S = 3600
UNAUTHORISED = [
    Rule(kind=FaultKind.ERROR, platform="google", status=401, code=401),
    Rule(kind=FaultKind.STATUS, platform="snapchat", status=401),
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from a_shop(tmp_path)


@pytest.fixture(params=PLATFORMS)
def saved(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    """A connection that `connect` saved, and nothing asked of the platform since."""
    shop.connect(shop.runtime(), request.param)
    shop.world.journal.clear()
    return shop


def ask(runtime: Runtime) -> None:
    """One call, as any process makes it."""
    with closing(runtime.connect("main")) as connector:
        connector.find("nobody")


def asked(shop: Shop) -> int:
    """How often a token was asked for."""
    return sum(call["path"].endswith(("/token", "/access_token")) for call in calls(shop))


def calls(shop: Shop) -> list[dict[str, str]]:
    return list(shop.world.journal.requests())


def test_the_next_process_uses_what_lies_there(saved: Shop) -> None:
    for _ in range(3):
        ask(saved.runtime())
    assert asked(saved) == 1
    saved.clock.advance(HOUR_S)
    ask(saved.runtime())
    ask(saved.runtime())
    assert asked(saved) == 2


def test_many_at_once_ask_once(saved: Shop) -> None:
    runtimes = [saved.runtime() for _ in range(6)]
    for runtime in runtimes:
        runtime.clock = SystemClock()
    together, failed = threading.Barrier(6), []

    def work(runtime: Runtime) -> None:
        together.wait()
        try:
            ask(runtime)
        except Exception as error:  # noqa: BLE001 - told by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in runtimes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert asked(saved) == 1


def test_a_refused_token_is_renewed_once_for_all(saved: Shop) -> None:
    first, second = saved.runtime(), saved.runtime()
    with closing(first.connect("main")) as one, closing(second.connect("main")) as two:
        one.find("nobody")
        two.find("nobody")
        assert asked(saved) == 1
        saved.world.faults.arm(UNAUTHORISED)
        one.find("nobody")
        assert asked(saved) == 2
        saved.world.faults.arm(UNAUTHORISED)
        two.find("nobody")
    assert asked(saved) == 2


def test_nobody_waits_for_a_call_that_failed(saved: Shop) -> None:
    saved.world.faults.arm([Rule(kind=FaultKind.STATUS, status=503, path="token", times=50)])
    with pytest.raises(TransientError):
        ask(saved.runtime())
    saved.world.faults.disarm()
    before = saved.clock.now()
    ask(saved.runtime())
    assert (saved.clock.now() - before).total_seconds() < 1


def test_a_refresh_token_that_changes_is_used_by_all_from_then_on(shop: Shop) -> None:
    shop.world.platforms["snapchat"].configure({"rotates_refresh_tokens": True})
    shop.connect(shop.runtime(), "snapchat")
    # The test of the connection used up what was entered; the sandbox takes it once more.
    shop.world.platforms["snapchat"].configure({"refresh_tokens": [{}]})
    for _ in range(4):
        ask(shop.runtime())
        listing.test(shop.runtime(), ["main"])
        shop.clock.advance(HOUR_S)
    ask(shop.runtime())


def test_a_test_of_the_connection_asks_anew_and_leaves_it_for_all(saved: Shop) -> None:
    ask(saved.runtime())
    listing.test(saved.runtime(), ["main"])
    assert asked(saved) == 2
    ask(saved.runtime())
    assert asked(saved) == 2


def test_nothing_of_it_can_be_read_in_the_store(saved: Shop) -> None:
    ask(saved.runtime())
    given = [call for call in calls(saved) if "token" in call["path"]]
    assert given
    kept = access_tokens.look(saved.runtime().database, MAIN)
    assert kept is not None
    assert b"sandbox" not in kept.ciphertext
    store = saved.store()
    for secret in (b"sandbox-google-access", b"sandbox-snapchat-access", b'access_token":'):
        assert secret not in store


def test_it_outlives_a_rotation_of_the_key(saved: Shop, tmp_path: Path) -> None:
    ask(saved.runtime())
    files.write(tmp_path / "new.key", OTHER)
    key_rotation.rotate(saved.runtime(), tmp_path / "new.key", in_keyring=False)
    ask(saved.runtime(AUDSYNC_ENCRYPTION_KEY=OTHER.text))
    assert asked(saved) == 1


def test_one_that_does_not_open_is_asked_for_anew(saved: Shop) -> None:
    runtime = saved.runtime()
    ask(runtime)
    with runtime.database.transaction() as session:
        access_tokens.reseal(session, MAIN, ciphertext=b"\x01" + bytes(64), key_id="k")
    ask(saved.runtime())
    assert asked(saved) == 2


def test_other_credentials_get_tokens_of_their_own(saved: Shop) -> None:
    ask(saved.runtime())
    platform = saved.runtime().connection("main").platform.value
    credentials = dict(saved.access(platform)["credentials"])
    connecting.rotate(saved.runtime(), "main", told(credentials))
    before = asked(saved)
    ask(saved.runtime())
    assert asked(saved) == before  # the very same credentials: the token stays good
    text = (
        VIP
        + f"""
connections:
  main:
    platform: {platform}
    account: "{saved.access(platform)["account"]}"
    base_url: {saved.access(platform)["base_url"]}
    token_url: {saved.access(platform)["token_url"]}
    credentials: {{client_id: sandbox-client, client_secret: wrong, refresh_token: wrong}}
"""
    )
    if platform == "google":
        text += (
            "    options: {consent: {ad_user_data: granted, ad_personalization: granted},"
            " terms_accepted: true}\n"
        )
    with pytest.raises(CredentialsError):
        ask(saved.runtime(text))


def test_a_connection_that_is_removed_takes_its_token_along(saved: Shop) -> None:
    runtime = saved.runtime()
    ask(runtime)
    listing.remove(runtime, "main")
    assert access_tokens.look(runtime.database, MAIN) is None
