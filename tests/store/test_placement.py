from pathlib import Path

import pytest

from audsync.store.placement import on_network_filesystem

_MOUNTS = r"""/dev/vda1 / ext4 rw 0 0
server:/export /mnt/share nfs4 rw 0 0
/dev/vdb1 /mnt/share/local xfs rw 0 0
bucket /mnt/two\040words fuse.s3fs rw 0 0
/dev/vdc1 /mnt/over ext4 rw 0 0
//box/c /mnt/over cifs rw 0 0
/dev/sda1 /mnt/usb fuseblk rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/audsync/audsync.db", None),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/a/b.db", "nfs4"),
        ("/mnt/shared/b.db", None),
        ("/mnt/share/local/b.db", None),
        ("/mnt/two words/b.db", "fuse.s3fs"),
        ("/mnt/over/b.db", "cifs"),
        ("/mnt/usb/b.db", None),
    ],
)
def test_the_deepest_mount_decides(path: str, expected: str | None, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(_MOUNTS)
    assert on_network_filesystem(Path(path), mounts=mounts) == expected


def test_links_are_followed(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(_MOUNTS)
    link = tmp_path / "store"
    link.symlink_to("/mnt/share")
    assert on_network_filesystem(link / "audsync.db", mounts=mounts) == "nfs4"


def test_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    assert on_network_filesystem(tmp_path, mounts=tmp_path / "none") is None
