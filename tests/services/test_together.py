"""Audiences of one segment that are due at the same time read it once."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from audsync.errors import SourceError
from audsync.sandbox.faults import FaultKind, Rule
from audsync.segments import files
from audsync.segments.contract import FileQuery
from tests.services.everywhere import Everywhere, sha

SEGMENTS = """
limits: {max_concurrent_syncs: AT_ONCE}
segments:
  vip:
    source: {type: file, path: vip.csv}
    columns: {profile_id: id, email: email}
  new:
    source: {type: file, path: new.csv}
    columns: {profile_id: id, email: email}
suppress:
  - {type: file, path: opt_outs.csv, columns: {email: email}}
"""
HEADER = ("id", "email")


def people(*names: str) -> list[dict[str, str]]:
    return [{"id": name, "email": f"{name}@example.com"} for name in names]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from now on."""
    found: list[str] = []
    plainly = files.read

    def noted(query: FileQuery) -> Iterator[pa.RecordBatch]:
        found.append(Path(query.path).name)
        return plainly(query)

    monkeypatch.setattr(files, "read", noted)
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Everywhere:
    made = Everywhere(tmp_path, SEGMENTS.replace("AT_ONCE", "4"))
    made.write("vip.csv", people("ann", "bob", "cara"), HEADER)
    made.write("opt_outs.csv", [{"email": "cara@example.com"}], ("email",))
    made.create()
    made.write("vip.csv", people("ann", "bob", "cara", "dora"), HEADER)
    return made


def test_one_segment_on_four_platforms_is_one_read(shop: Everywhere, read: list[str]) -> None:
    report = shop.run_due()
    assert [job["status"] for job in report.jobs] == ["completed"] * 4
    assert sorted(read) == ["opt_outs.csv", "vip.csv"]
    for name in ("google", "meta", "snapchat", "tiktok"):
        assert shop.held(name) == {sha(f"{one}@example.com") for one in ("ann", "bob", "dora")}


def test_one_platform_that_fails_leaves_the_others_theirs(
    shop: Everywhere, read: list[str]
) -> None:
    shop.world.faults.arm([Rule(platform="google", kind=FaultKind.STATUS, status=403, times=0)])
    report = shop.run_due()
    statuses = {job["platform"]: job["status"] for job in report.jobs}
    assert statuses.pop("google") == "failed"
    assert set(statuses.values()) == {"completed"}
    assert read.count("vip.csv") <= 2
    for name in ("meta", "snapchat", "tiktok"):
        assert shop.held(name) == {sha(f"{one}@example.com") for one in ("ann", "bob", "dora")}


def test_a_source_that_cannot_be_read_fails_on_all(shop: Everywhere) -> None:
    (shop.folder / "vip.csv").write_text('id,email\n1,"unclosed\n', encoding="utf-8")
    report = shop.run_due()
    errors = [job["error"]["code"] for job in report.jobs] + [one.error for one in report.skipped]
    assert errors == [SourceError.code] * 4
    assert shop.held("meta") == {sha("ann@example.com"), sha("bob@example.com")}


def test_with_too_little_room_for_all_some_read_it_again(shop: Everywhere, read: list[str]) -> None:
    shop.configure(SEGMENTS.replace("AT_ONCE", "3"))
    report = shop.run_due()
    assert [job["status"] for job in report.jobs] == ["completed"] * 4
    assert read.count("vip.csv") == 2, "three together, then the fourth"
