"""Whether a folder lies where SQLite's locks can be trusted: on a disk of this machine."""

from pathlib import Path

_MOUNTS = Path("/proc/mounts")
_NETWORK = {
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "smb3",
    "smbfs",
    "vboxsf",
}
_FUSE = "fuse."
_ESCAPES = {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}


def on_network_filesystem(path: Path, *, mounts: Path = _MOUNTS) -> str | None:
    """The file system's type when it is a network or FUSE one, such as `nfs4`; else None.

    Over such ones file locks may be local to a host, or lost without a word: a store on SQLite
    then breaks (https://sqlite.org/faq.html#q5, read 2026-11-22).

    Args:
        path: a file or folder; it need not exist yet.
        mounts: the kernel's table of mounts; where it cannot be read, the answer is None.
    """
    try:
        table = mounts.read_text("utf-8", errors="replace")
    except OSError:
        return None
    place = path.resolve()
    kind, depth = "", -1
    for line in table.splitlines():
        fields = line.split()
        point = Path(_unescaped(fields[1]))
        # The last of several mounts on one point is the one that shows.
        if place.is_relative_to(point) and len(point.parts) >= depth:
            kind, depth = fields[2], len(point.parts)
    return kind if kind in _NETWORK or kind.startswith(_FUSE) else None


def _unescaped(field: str) -> str:
    for escape, character in _ESCAPES.items():
        field = field.replace(escape, character)
    return field
