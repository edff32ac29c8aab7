"""State files in an object store: put before they are named, checked, swept by nobody too much."""

import os
from pathlib import Path

import pytest

from audsync.errors import StateError
from audsync.objects.bucket import Bucket, Stored
from audsync.snapshots.folder import AudienceFolder, ScratchFolder
from audsync.snapshots.objects import ObjectFiles
from tests.object_store import Place, s3_place


@pytest.fixture
def place() -> Place:
    return s3_place()


def host(place: Place, cache: Path) -> AudienceFolder:
    """One run on one host, with its cache."""
    objects = ObjectFiles(place=place.address.below("p").below("vip"), access=place.access)
    return AudienceFolder(cache, "vip", objects=objects)


def kept(folder: AudienceFolder, content: bytes, role: str = "identifiers") -> str:
    unfinished = folder.open_work() / "new.parquet"
    unfinished.write_bytes(content)
    return folder.keep(unfinished, role)


def test_what_is_kept_here_is_read_there(place: Place, tmp_path: Path) -> None:
    name = kept(host(place, tmp_path / "a"), b"one")
    (key,) = place.listed()
    assert key.startswith("p/vip/")
    assert key.endswith(f"/{name}")
    there = host(place, tmp_path / "b")
    there.verify(name)
    assert there.path(name).read_bytes() == b"one"
    assert there.path(name).stat().st_mode & 0o077 == 0
    assert len(list((tmp_path / "b" / "vip").iterdir())) == 1


def test_a_look_ahead_fetches_too(place: Place, tmp_path: Path) -> None:
    name = kept(host(place, tmp_path / "a"), b"one")
    objects = ObjectFiles(place=place.address.below("p").below("vip"), access=place.access)
    scratch = ScratchFolder(tmp_path / "b", "vip", tmp_path / "scratch", objects=objects)
    own = kept(scratch, b"two")
    assert scratch.path(name).read_bytes() == b"one"
    assert scratch.path(own).read_bytes() == b"two"
    assert len(place.listed()) == 1, "what is kept in scratch is not durable"


def test_what_only_this_run_reads_is_not_put(place: Place, tmp_path: Path) -> None:
    kept(host(place, tmp_path), b"one", "touched")
    assert place.listed() == []


def test_a_sweep_leaves_what_is_named_once(place: Place, tmp_path: Path) -> None:
    first = kept(host(place, tmp_path), b"one")
    kept(host(place, tmp_path), b"two")
    again = host(place, tmp_path)
    assert kept(again, b"one") == first
    assert len(place.listed()) == 3
    again.sweep({first})
    (key,) = place.listed()
    assert key.endswith(first)
    assert host(place, tmp_path / "b").path(first).read_bytes() == b"one"


def test_a_host_that_wakes_in_mid_sweep_removes_nothing_of_its_successor(
    place: Place, tmp_path: Path
) -> None:
    name = kept(host(place, tmp_path / "a"), b"one")  # rubbish: no row ever named it
    late = host(place, tmp_path / "a")
    late.open_work()
    successor = host(place, tmp_path / "b")
    assert kept(successor, b"one") == name  # the same content, and a row names it now
    late.sweep(())
    (key,) = place.listed()
    assert key.endswith(name)
    assert host(place, tmp_path / "c").path(name).read_bytes() == b"one"


def test_a_store_that_loses_what_it_took_is_noticed_before_the_row_is_written(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> Stored | None:
        return None

    monkeypatch.setattr(Bucket, "find", nothing)
    with pytest.raises(StateError, match="is not there as it was sent"):
        kept(host(place, tmp_path), b"one")


def test_a_fetch_that_is_cut_off_leaves_nothing_that_counts(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = kept(host(place, tmp_path / "a"), b"one")

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "fetch", cut)
        with pytest.raises(KeyboardInterrupt):
            host(place, tmp_path / "b").path(name)
    assert list((tmp_path / "b" / "vip").iterdir()) == []
    assert host(place, tmp_path / "b").path(name).read_bytes() == b"one"


def test_what_a_dead_fetch_left_is_swept_when_it_is_old(place: Place, tmp_path: Path) -> None:
    folder = host(place, tmp_path)
    folder.open_work()
    old, new = (tmp_path / "vip" / f".x.{each}.fetching" for each in ("old", "new"))
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    folder.sweep(())
    assert (old.exists(), new.exists()) == (False, True)
