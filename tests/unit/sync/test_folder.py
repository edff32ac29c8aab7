"""State files are there whole or not at all, and damage is noticed."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from audsync import steps
from audsync.errors import StateError
from audsync.snapshots.folder import AudienceFolder


class Crash(BaseException):
    """The power is cut."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[AudienceFolder]:
    yield AudienceFolder(tmp_path / "state", "vip")
    steps.listen(None)


def write(folder: AudienceFolder, content: bytes) -> Path:
    unfinished = folder.open_work() / "new.parquet"
    unfinished.write_bytes(content)
    return unfinished


def test_the_name_is_the_content(folder: AudienceFolder) -> None:
    first = folder.keep(write(folder, b"one"), "identifiers")
    again = folder.keep(write(folder, b"one"), "identifiers")
    other = folder.keep(write(folder, b"two"), "identifiers")
    assert first == again != other
    assert first.startswith("identifiers-")
    folder.verify(first)
    folder.verify(other)


def test_a_crash_before_the_rename_leaves_nothing_that_counts(folder: AudienceFolder) -> None:
    kept = folder.keep(write(folder, b"old"), "identifiers")
    unfinished = write(folder, b"new")

    def cut(step: str) -> None:
        if step.startswith("file: before rename"):
            raise Crash

    steps.listen(cut)
    with pytest.raises(Crash):
        folder.keep(unfinished, "identifiers")
    steps.listen(None)
    folder.verify(kept)
    assert not list(folder.open_work().glob("*.parquet")), "what the dead run left is gone"
    folder.sweep({kept})
    assert [path.name for path in folder.path(kept).parent.glob("*.parquet")] == [kept]


def test_a_crash_after_the_rename_leaves_rubbish_that_is_swept(folder: AudienceFolder) -> None:
    unfinished = write(folder, b"new")

    def cut(step: str) -> None:
        if step.startswith("file: after rename"):
            raise Crash

    steps.listen(cut)
    with pytest.raises(Crash):
        folder.keep(unfinished, "identifiers")
    steps.listen(None)
    root = folder.open_work().parent
    (name,) = (path.name for path in root.glob("*.parquet"))
    folder.verify(name)
    folder.sweep(())
    assert not list(root.glob("*.parquet"))


@pytest.mark.parametrize("content", [b"", b"on", b"onf", b"one more"])
def test_damage_is_noticed_and_the_file_named(folder: AudienceFolder, content: bytes) -> None:
    name = folder.keep(write(folder, b"one"), "identifiers")
    folder.path(name).write_bytes(content)
    with pytest.raises(StateError) as noticed:
        folder.verify(name)
    assert name in str(noticed.value)


def test_a_missing_file_is_named(folder: AudienceFolder) -> None:
    folder.open_work()
    with pytest.raises(StateError, match="identifiers-0"):
        folder.path("identifiers-0.parquet")


def test_nobody_else_may_read(folder: AudienceFolder) -> None:
    name = folder.keep(write(folder, b"one"), "identifiers")
    path = folder.path(name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_removed_folder_is_gone(folder: AudienceFolder) -> None:
    name = folder.keep(write(folder, b"one"), "identifiers")
    folder.remove()
    with pytest.raises(StateError):
        folder.path(name)


def test_a_link_in_place_of_an_audiences_folder_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "vip").symlink_to(elsewhere)
    with pytest.raises(StateError, match="symbolic link"):
        AudienceFolder(tmp_path / "state", "vip").open_work()
    assert not list(elsewhere.iterdir())


def test_a_link_in_place_of_the_work_folder_leads_nowhere(
    folder: AudienceFolder, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("kept", "utf-8")
    work = folder.open_work()
    folder.close_work()
    work.symlink_to(elsewhere)
    assert folder.open_work() == work
    assert not work.is_symlink()
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
    folder.close_work()
    work.symlink_to(elsewhere)
    folder.close_work()
    assert (elsewhere / "precious").exists()


def test_the_work_of_a_run_with_another_key_is_removed_too(tmp_path: Path) -> None:
    plain = AudienceFolder(tmp_path / "state", "vip")
    keyed = AudienceFolder(tmp_path / "state", "vip", key_id="0" * 16)
    (plain.open_work() / "left.parquet").write_bytes(b"x")
    work = keyed.open_work()
    assert [path.name for path in work.parent.iterdir()] == [work.name]
