"""A link in the place of a file that is to be written leads only where its owner may lead us."""

import os
from pathlib import Path

import pytest

from audsync.errors import UsageError
from audsync.services.exports.export_files import LocalFiles, file_of


def write(out: Path, content: bytes) -> None:
    with LocalFiles(file_of(str(out))) as files:
        files.open().write(content)
        files.publish([""])


def test_a_link_of_ones_own_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "latest.csv"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write(link, b"new")
    assert (real.read_bytes(), link.is_symlink()) == (b"new", True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link of another user")
def test_a_link_of_another_user_is_refused(tmp_path: Path) -> None:
    mine, link = tmp_path / "mine", tmp_path / "out.csv"
    mine.write_bytes(b"precious")
    link.symlink_to(mine)
    os.lchown(link, 65534, 65534)
    with pytest.raises(UsageError, match="symbolic link of another user"):
        write(link, b"new")
    assert mine.read_bytes() == b"precious"


def test_a_link_in_place_of_the_unfinished_file_is_not_written_through(tmp_path: Path) -> None:
    precious, out = tmp_path / "precious", tmp_path / "out.csv"
    precious.write_bytes(b"kept")
    for number in range(3):
        (tmp_path / f".out.csv.{os.getpid()}.{number}.partial").symlink_to(precious)
    (tmp_path / f".out.csv.{os.getpid()}.partial").symlink_to(precious)
    write(out, b"new")
    assert (precious.read_bytes(), out.read_bytes()) == (b"kept", b"new")
    assert not out.is_symlink()
