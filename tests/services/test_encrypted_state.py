"""With `state.encrypt` nobody reads the state folder without the key; and it can be switched."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from audsync import steps
from audsync.errors import BusyError, ConfigError, StateError
from audsync.services import audiences, key_rotation
from audsync.services.doctor import checkup
from audsync.services.jobs import planning
from audsync.services.wiring.runtime import Runtime
from audsync.store import leases
from audsync.vault import files
from audsync.vault.keys import generate
from tests.services.saved import KEY, OTHER, Shop, a_shop

CONFIG = """
state: {{encrypt: {encrypt}}}
connections:
  meta-main:
    platform: meta
    account: act_1001
    base_url: https://sandbox.test/meta
    credentials: {{access_token: sandbox-meta-token}}
segments:
  vip:
    source: {{type: file, path: vip.csv}}
    columns: {{profile_id: id, email: email, mobile_id: idfa}}
suppress:
  - {{type: file, path: opt_outs.csv, columns: {{email: email}}}}
"""
ON, OFF = CONFIG.format(encrypt="true"), CONFIG.format(encrypt="false")
IDFA = "6d92078a-8246-4ba4-ae5b-76104861e7{:02x}"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    for shop in a_shop(tmp_path):
        (tmp_path / "opt_outs.csv").write_text("email\nnobody@example.com\n", "utf-8")
        people(shop, range(20))
        yield shop


def people(shop: Shop, numbers: range) -> None:
    with (shop.folder / "vip.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "email", "idfa"))
        writer.writerows((f"p{n}", address(n), IDFA.format(n)) for n in numbers)


def address(number: int) -> str:
    return f"canary{number}@example.com"


def create(runtime: Runtime) -> None:
    new = audiences.NewAudience(segment="vip", connection="meta-main", slug="a")
    assert audiences.create(runtime, new).exit_code == 0


def held(shop: Shop) -> set[str]:
    (remote,) = shop.world.remotes("meta")
    return {value for _, value in remote.identifiers}


def wanted(numbers: range) -> set[str]:
    mails = {hashlib.sha256(address(n).encode()).hexdigest() for n in numbers}
    return mails | {IDFA.format(n) for n in numbers}


def all_of(shop: Shop) -> list[Path]:
    return [path for path in (shop.folder / "audsync-state").rglob("*") if path.is_file()]


def files_of(shop: Shop) -> list[Path]:
    """All but the marks, which hold nobody."""
    return [path for path in all_of(shop) if not path.name.startswith("generation-")]


def traces(shop: Shop, numbers: range) -> list[Path]:
    """Files that hold somebody, as raw digest, as hex, or in the clear."""
    marks: list[bytes] = []
    for n in numbers:
        digest = hashlib.sha256(address(n).encode())
        idfa = IDFA.format(n)
        marks += [digest.digest(), digest.hexdigest().encode(), address(n).encode()]
        marks += [idfa.encode(), bytes.fromhex(idfa.replace("-", ""))]
    return [path for path in all_of(shop) if any(mark in path.read_bytes() for mark in marks)]


def test_no_member_can_be_found_in_the_folder_at_any_step_of_a_sync(shop: Shop) -> None:
    runtime = shop.runtime(ON)
    looks = 0

    def look(_step: str) -> None:
        nonlocal looks
        looks += 1
        assert traces(shop, range(30)) == []

    steps.listen(look)
    try:
        create(runtime)
        people(shop, range(10, 30))
        assert audiences.sync(runtime, "a", allow_shrink=True).exit_code == 0
    finally:
        steps.listen(None)
    assert looks > 20
    assert held(shop) == wanted(range(10, 30))
    assert files_of(shop), "there is something to look at"
    assert all(f".{KEY.id}.parquet" in path.name for path in files_of(shop))


def test_without_it_they_are_found(shop: Shop) -> None:
    create(shop.runtime(OFF))
    assert traces(shop, range(20)), "else the test above could not fail"


def test_switched_on_or_off_the_next_sync_brings_every_file_over(shop: Shop) -> None:
    create(shop.runtime(OFF))
    for text, readable in ((ON, False), (OFF, True), (ON, False)):
        report = audiences.sync(shop.runtime(text), "a")
        assert (report.exit_code, report.job["total_batches"]) == (0, 0), "nothing was to be sent"
        assert bool(traces(shop, range(20))) == readable
    people(shop, range(5, 25))
    assert audiences.sync(shop.runtime(ON), "a").exit_code == 0
    assert held(shop) == wanted(range(5, 25))


def test_a_plan_that_was_cut_short_is_finished_after_a_switch(shop: Shop) -> None:
    create(shop.runtime(OFF))
    people(shop, range(10, 30))

    class PowerCut(BaseException):
        pass

    def cut(step: str) -> None:
        if step == "http: after response":
            raise PowerCut

    for text in (ON, OFF, ON):
        steps.listen(cut)
        try:
            with pytest.raises(PowerCut):
                audiences.sync(shop.runtime(text), "a", allow_shrink=True)
        finally:
            steps.listen(None)
        shop.clock.sleep(3600)
    report = audiences.sync(shop.runtime(ON), "a", allow_shrink=True)
    assert report.exit_code == 0
    assert held(shop) == wanted(range(10, 30))
    assert traces(shop, range(30)) == []


def test_looking_ahead_and_the_check_up_read_encrypted_files(shop: Shop) -> None:
    create(shop.runtime(ON))
    people(shop, range(1, 21))
    runtime = shop.runtime(ON)
    planned = planning.plan(runtime, "a")
    assert (planned["profiles_new"], planned["profiles_removed"]) == (1, 1)
    checks = {check.name: check for check in checkup.examine(runtime)}
    assert checks["snapshots"].ok


@pytest.mark.parametrize("key", ["", OTHER.text])
def test_without_the_right_key_it_is_said_which_one_and_replace_does_without(
    shop: Shop, key: str
) -> None:
    create(shop.runtime(ON))
    runtime = shop.runtime(OFF, AUDSYNC_ENCRYPTION_KEY=key)
    report = audiences.sync(runtime, "a")
    assert report.job["error"]["code"] == StateError.code
    assert f"encrypted with key {KEY.id}" in report.job["error"]["message"]
    checks = {check.name: check for check in checkup.examine(runtime)}
    assert not checks["snapshots"].ok
    assert audiences.replace(runtime, "a").exit_code == 0
    assert held(shop) == wanted(range(20))
    assert audiences.sync(runtime, "a").exit_code == 0


def test_to_encrypt_without_any_key_is_refused_before_the_platform_is_touched(shop: Shop) -> None:
    runtime = shop.runtime(ON, AUDSYNC_ENCRYPTION_KEY="")
    new = audiences.NewAudience(segment="vip", connection="meta-main", slug="a")
    report = audiences.create(runtime, new)
    assert report.job["error"]["code"] == ConfigError.code
    assert "no key to encrypt the state folder with" in report.job["error"]["message"]
    assert not shop.world.remotes("meta")
    checks = {check.name: check for check in checkup.examine(runtime)}
    assert not checks["key"].ok
    assert "no key to encrypt the state folder with" in checks["key"].detail


def test_a_changed_byte_is_damage_and_a_renamed_file_does_not_open(shop: Shop) -> None:
    create(shop.runtime(ON))
    kept = next(path for path in files_of(shop) if path.name.startswith("identifiers"))
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    report = audiences.sync(shop.runtime(ON), "a")
    assert report.job["error"]["code"] == StateError.code
    assert "damaged" in report.job["error"]["message"]
    with pytest.raises(OSError, match="encrypted"):
        pq.ParquetFile(kept)


def test_a_rotation_brings_the_state_of_every_audience_over(shop: Shop) -> None:
    create(shop.runtime(ON))
    new = generate()
    files.write(shop.folder / "new.key", new)
    report = key_rotation.rotate(shop.runtime(ON), shop.folder / "new.key", in_keyring=False)
    assert report["state_files"] == {"audiences": 1, "rewritten": len(files_of(shop)), "left": []}
    assert all(f".{new.id}.parquet" in path.name for path in files_of(shop))
    runtime = shop.runtime(ON, AUDSYNC_ENCRYPTION_KEY=new.text)
    people(shop, range(1, 21))
    assert audiences.sync(runtime, "a").exit_code == 0
    assert held(shop) == wanted(range(1, 21))


def test_a_rotation_says_which_audience_was_busy_and_does_it_when_asked_again(shop: Shop) -> None:
    create(shop.runtime(ON))
    new = generate()
    files.write(shop.folder / "new.key", new)
    runtime = shop.runtime(ON)
    audience = audiences.find(runtime, "a")
    lease = leases.claim(runtime.database, audience.id, owner=leases.this_process())
    report = key_rotation.rotate(runtime, shop.folder / "new.key", in_keyring=False)
    (left,) = report["state_files"]["left"]
    assert (left["audience"], left["code"]) == ("1/a", BusyError.code)
    assert "again" in report["next"]
    leases.release(runtime.database, lease)
    report = key_rotation.rotate(shop.runtime(ON), shop.folder / "new.key", in_keyring=False)
    assert report["state_files"]["left"] == []
    assert all(f".{new.id}.parquet" in path.name for path in files_of(shop))
