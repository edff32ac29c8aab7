"""The state folder, the store and their disk: damaged, lost, restored from a backup, full."""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from audsync.services.wiring.runtime import Runtime
from tests.faults.scene import Scene, folder_of, nothing_more

_PAGE_BYTES = 4096
ON_SMALL_DISKS = ("meta", "tiktok-files")
ROOM_BYTES = (0, 512, 4096)
"""How large a file may be, at most, on the disk that is full."""


def confirmed(scene: Scene) -> list[Path]:
    """The audience's files, largest first."""
    found = [path for path in folder_of(scene).rglob("*") if path.is_file()]
    return sorted(found, key=lambda path: -path.stat().st_size)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "truncated": truncate,
    "a bit flipped": flip_a_bit,
    "missing": Path.unlink,
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_refused_by_name_and_replace_mends_it(scene: Scene, kind: str) -> None:
    spoilt = confirmed(scene)[0]
    DAMAGE[kind](spoilt)
    before = len(scene.requests())
    ended = scene.hurt()
    assert (ended.code, ended.error["code"]) == (1, "STATE_ERROR"), str(ended)
    assert spoilt.name in ended.error["message"] + str(ended.error["details"])
    changed = [call for call in scene.requests()[before:] if scene.way.members_path in call["path"]]
    assert changed == [], "nothing was sent"
    again = scene.replace()
    assert again.code in ((0, 3, 6) if scene.way.settles else (0,)), str(again)
    scene.heal()


def test_an_old_backup_of_the_store_is_not_believed(scene: Scene) -> None:
    """Restored beside newer files: its own files are gone, so it is refused until a replace."""
    store = scene.folder / "audsync.db"
    old = store.read_bytes()
    scene.heal()
    scene.is_healed = False
    store.write_bytes(old)
    ended = scene.hurt()
    if ended.code:
        assert ended.error["code"] == "STATE_ERROR", str(ended)
    again = scene.replace()
    assert again.code in ((0, 3, 6) if scene.way.settles else (0,)), str(again)
    scene.heal()


@pytest.mark.parametrize("room", ROOM_BYTES)
def test_a_full_disk_stops_before_anything_is_sent_and_keeps_what_was(
    scene: Scene, room: int
) -> None:
    before, files = len(scene.requests()), {path.name for path in confirmed(scene)}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    scene.write_segment(scene.town.live())
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        ended = scene.sync()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ended.code == 1, str(ended)
    assert ended.error["code"] in {"STATE_ERROR", "STORE_ERROR"}, str(ended)
    sent = [call for call in scene.requests()[before:] if scene.way.members_path in call["path"]]
    assert sent == [], "nothing was sent"
    assert files <= {path.name for path in confirmed(scene)}, "what was is still there"
    scene.heal()


def test_a_store_without_room_for_one_more_page_is_an_error_and_no_loss(scene: Scene) -> None:
    def fill(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    scene.batch_rows = 1
    scene.write_config()

    def narrow(runtime: Runtime) -> None:
        engine = runtime.database.engine
        event.listen(engine, "connect", fill)
        engine.dispose()  # those that were made to look at its version have room

    with closing(sqlite3.connect(scene.folder / "audsync.db")) as store:
        store.execute("VACUUM")
    scene.on_runtime = narrow
    ended = scene.hurt()
    scene.on_runtime = nothing_more
    assert (ended.code, ended.error["code"]) == (1, "STORE_ERROR"), str(ended)
    assert "disk is full" in ended.error["message"], str(ended)
    scene.batch_rows = 15
    scene.heal()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own at `folder`, with room for what is in it and no more."""
    used = sum(_whole_pages(path) for path in folder.rglob("*"))
    with tempfile.TemporaryDirectory() as aside:
        shutil.copytree(folder, aside, dirs_exist_ok=True)
        size = f"size={used + _PAGE_BYTES}"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "none", str(folder)],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip(f"nothing can be mounted here: {mounted.stderr.decode().strip()}")
        try:
            shutil.copytree(aside, folder, dirs_exist_ok=True)
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _whole_pages(path: Path) -> int:
    return -(-path.stat().st_size // _PAGE_BYTES) * _PAGE_BYTES


def test_a_disk_that_is_really_full_is_one_more_error_until_there_is_room(scene: Scene) -> None:
    if scene.way.label not in ON_SMALL_DISKS:
        pytest.skip("which platform it is makes no difference to a disk")
    state = scene.folder / "audsync-state"
    with small_disk(state):
        (state / "ballast").write_bytes(b"x" * _PAGE_BYTES)
        ended = scene.hurt()
        assert (ended.code, ended.error["code"]) == (1, "STATE_ERROR"), str(ended)
        assert "space" in ended.error["message"], str(ended)
        subprocess.run(["mount", "-o", "remount,size=50m", str(state)], check=True)
        scene.heal("with room again")
    scene.is_healed = False  # its state was on the disk that is gone now
