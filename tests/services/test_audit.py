"""Whatever somebody does leaves an entry of who did what; and none of them tells a secret."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from audsync.domain import RemoteId
from audsync.errors import AudsyncError, UsageError
from audsync.services import audiences, auditing, declared, key_rotation, resuming, stale
from audsync.services.actor import harmless
from audsync.services.connections import connecting, listing
from audsync.services.cron.run_due import Pace, run_due
from audsync.services.exports import exporting
from audsync.services.exports.export_wish import Wish
from audsync.services.wiring.runtime import Runtime
from audsync.store import leases
from audsync.vault import files
from audsync.vault.keys import generate
from tests.services.saved import CANARY, VIP, Shop, a_shop, told

AUDIENCES = """
audiences:
  a: {segment: vip, connection: main, name: VIP, every: 6h}
"""
Json = dict[str, Any]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from a_shop(tmp_path)


@pytest.fixture
def runtime(shop: Shop) -> Runtime:
    made = shop.runtime()
    made.command = ("sync", "a", "--json")
    shop.connect(made)
    return made


def entries(runtime: Runtime) -> list[Json]:
    return auditing.listed(runtime, since=None, limit=1000)[::-1]


def acts(runtime: Runtime) -> list[str]:
    return [one["act"] for one in entries(runtime)]


def create(runtime: Runtime) -> None:
    new = audiences.NewAudience(segment="vip", connection="main", slug="a")
    assert audiences.create(runtime, new).exit_code == 0


def test_every_act_leaves_its_entry(shop: Shop, runtime: Runtime) -> None:
    create(runtime)
    audiences.schedule(runtime, "a", auto_sync=False)
    audiences.schedule(runtime, "a", auto_sync=True)
    audiences.schedule(runtime, "a", every_hours=6)
    audiences.sync(runtime, "a")
    audiences.replace(runtime, "a")
    lease = leases.claim(
        runtime.database, audiences.find(runtime, "a").id, owner=leases.this_process()
    )
    audiences.unlock(runtime, "a", force=True)
    del lease
    (remote,) = shop.world.remotes("meta")
    runtime.connect("main").delete(RemoteId(remote.id))
    assert audiences.sync(runtime, "a").job["error"]["code"] == "AUDIENCE_NOT_FOUND"
    stale.recreate(runtime, "a")
    shop.connect(runtime)
    audiences.delete(runtime, "a")
    listing.remove(runtime, "main", is_sure=True)
    assert acts(runtime) == [
        "connection.saved",
        "audience.created",
        *("job.begun", "job.ended"),
        "audience.paused",
        "audience.resumed",
        "audience.changed",
        *("job.begun", "job.ended"),
        *("job.begun", "job.ended"),
        "audience.unlocked",
        *("job.begun", "job.ended"),
        "audience.recreated",
        *("job.begun", "job.ended"),
        "connection.rotated",
        *("job.begun", "job.ended", "audience.deleted"),
        "connection.removed",
    ]
    assert auditing.verify(runtime)["ok"]


def test_an_entry_says_who_and_with_which_command(runtime: Runtime) -> None:
    create(runtime)
    first, *_, last = entries(runtime)
    assert first["actor"]["user"]
    assert first["actor"]["host"]
    assert first["actor"]["command"] == ["sync", "a", "--json"]
    assert (last["details"]["operation"], last["details"]["status"]) == ("create", "completed")
    assert last["subject"]["audience"] == "a"


def test_a_job_that_fails_says_with_which_code_and_one_of_cron_who_asked(
    shop: Shop, runtime: Runtime
) -> None:
    create(runtime)
    shop.clock.advance(25 * 3600)
    (shop.folder / "vip.csv").unlink()
    run_due(runtime, Pace())
    begun, ended = entries(runtime)[-2:]
    assert begun["details"]["triggered_by"] == "scheduled"
    assert (ended["details"]["status"], ended["details"]["error"]) == ("failed", "SOURCE_ERROR")


def test_unlinking_and_what_the_file_declares_leave_theirs(shop: Shop, runtime: Runtime) -> None:
    runtime = shop.runtime(VIP + AUDIENCES)
    declared.apply(runtime)
    changed = AUDIENCES.replace("6h", "12h, guard: {max_removed_percent: 5}")
    declared.apply(shop.runtime(VIP + changed))
    declared.apply(shop.runtime(VIP + changed))
    stale.unlink(runtime, "a")
    assert [act for act in acts(runtime) if not act.startswith("job.")] == [
        "connection.saved",
        "file.applied",
        "audience.created",
        "file.applied",
        "audience.changed",
        "audience.changed",
        "audience.unlinked",
    ], "and nothing where nothing was to be changed"


def test_resuming_after_dead_credentials_leaves_one_for_each_audience(
    shop: Shop, runtime: Runtime
) -> None:
    create(runtime)
    shop.clock.advance(60)
    shop.set_token(dead_subcode=460)
    audiences.sync(runtime, "a")
    shop.set_token()
    resuming.resume_all(runtime, "main")
    assert entries(runtime)[-1]["act"] == "audience.resumed"
    assert entries(runtime)[-1]["subject"] == {"audience": "a", "connection": "main"}


def test_a_new_key_and_a_rotation_leave_theirs(shop: Shop, runtime: Runtime) -> None:
    new = generate()
    key_rotation.put_on_record(runtime, new)
    files.write(shop.folder / "new.key", new)
    key_rotation.rotate(runtime, shop.folder / "new.key", in_keyring=False)
    made, rotated = entries(runtime)[-2:]
    assert (made["act"], made["subject"]) == ("key.generated", {"key": new.id})
    assert (rotated["act"], rotated["details"]["connections"]) == ("key.rotated", 1)
    assert new.text not in json.dumps(entries(runtime))


def test_an_export_in_the_clear_is_on_record_before_it_is_written(shop: Shop) -> None:
    (shop.folder / "audsync.db").unlink()
    runtime = shop.runtime()
    wish = Wish(segment="vip", out="-", format="csv")
    exporting.export(runtime, wish, stdout=BytesIO())
    assert not (shop.folder / "audsync.db").exists(), "hashed, it needs no store"
    plain = Wish(segment="vip", out="-", format="csv", is_hashed=False)
    (shop.folder / "vip.csv").unlink()
    with pytest.raises(AudsyncError):
        exporting.export(runtime, plain, stdout=BytesIO())
    (entry,) = entries(runtime)
    assert (entry["act"], entry["subject"]) == ("segment.exported", {"segment": "vip"})
    assert entry["details"]["is_hashed"] is False


def test_a_connection_that_is_refused_is_not_in_the_trail(runtime: Runtime) -> None:
    before = entries(runtime)
    with pytest.raises(AudsyncError):
        connecting.rotate(runtime, "main", told({"access_token": CANARY}))
    assert entries(runtime) == before
    assert CANARY not in json.dumps(entries(runtime))


def test_the_trail_as_a_file_can_be_checked_without_audsync(shop: Shop, runtime: Runtime) -> None:
    import hashlib

    create(runtime)
    out = shop.folder / "trail.jsonl"
    done = auditing.export(runtime, str(out), stdout=BytesIO())
    assert done == {"download_url": out.as_uri(), "entries": 4}
    assert out.stat().st_mode & 0o777 == 0o600
    previous = "0" * 64
    for line in out.read_text("utf-8").splitlines():
        entry = json.loads(line)
        told_hash = entry.pop("hash")
        body = json.dumps(entry, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(body.encode()).hexdigest() == told_hash
        assert entry["previous"] == previous
        previous = told_hash
    assert previous == auditing.verify(runtime)["head"]
    with pytest.raises(UsageError, match=r"\.jsonl"):
        auditing.export(runtime, str(shop.folder / "trail.gz"), stdout=BytesIO())


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("vip-meta", "vip-meta"),
        ("--account=act_1029384756", "--account=act_1029384756"),
        ("7b9c1b06-5a4e-4c43-9d0e-0a1f3c2d4e5f", "7b9c1b06-5a4e-4c43-9d0e-0a1f3c2d4e5f"),
        (
            "/very/long/path/" + "x" * 60 + "/audsync.yaml",
            "/very/long/path/" + "x" * 60 + "/audsync.yaml",
        ),
        ("https://me:s3cret@proxy.test/meta", "https://…proxy.test/meta"),
        ("https://proxy.test/meta?key=s3cret", "https://proxy.test/meta?…"),
        ("ada@example.com", "…"),
        ("--name=for ada@example.com", "--name=for …"),
        ("a" * 64, "…"),
        ("token=" + "Zk3" * 20, "token=…"),
        ("two\nlines", "two…lines"),
    ],
)
def test_what_a_command_line_may_tell_is_kept_and_no_more(word: str, kept: str) -> None:
    assert harmless(word) == kept
