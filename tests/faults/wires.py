"""A network of its own for a host: a namespace, and one wire to where the servers are.

The namespace belongs to the host's processes and to nobody else, and a wire ends with either of
its ends: when the processes are gone, however they went, so is everything that was made here.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

_TOOLS = ("ip", "nsenter", "unshare")
_HOSTS_OF_A_PROCESS = 4
_PATIENCE_S = 10.0
_numbers = count(1)


@cache
def why_none() -> str:
    """Why hosts cannot have networks of their own on this machine; "" where they can."""
    missing = [name for name in _TOOLS if shutil.which(name) is None]
    if missing:
        return f"there is no `{missing[0]}` (iproute2, util-linux)"
    # Whatever this makes ends with it, the namespace included.
    probe = "ip link add a-end type veth peer name b-end && mount --bind /etc/hosts /etc/hosts"
    tried = subprocess.run(
        ["unshare", "--uts", "--net", "--mount", "sh", "-c", probe],
        capture_output=True,
        check=False,
    )
    return "" if tried.returncode == 0 else "no network namespace can be made: run as root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A wire from a host to here. Addresses are of 198.18.0.0/15, kept for tests by RFC 2544."""

    name: str
    """Of the end that is here; the host calls its own `eth0`."""
    here: str
    """Address of this end, where the servers listen; the host knows it as `localhost` too."""
    there: str

    def cut(self) -> None:
        """Take the link down: neither side hears anything more, not even that it ended."""
        _do("ip", "link", "set", self.name, "down")

    def mend(self) -> None:
        """Bring it up; what both sides still want to say is said now."""
        _do("ip", "link", "set", self.name, "up")


def planned() -> Wire:
    """The next wire of this process; it is not there yet."""
    number = next(_numbers)
    block = 4 * ((os.getpid() * _HOSTS_OF_A_PROCESS + number) % 32_768)
    first = (198 << 24) + (18 << 16) + block
    here, there = (".".join(map(str, (first + end).to_bytes(4))) for end in (1, 2))
    return Wire(name=f"aud{os.getpid()}-{number}", here=here, there=there)


def entering(wire: Wire, name: str, folder: Path) -> list[str]:
    """The command that runs another one as the host `name`, with namespaces of its own.

    http:// is for this machine only in a config, so `localhost` is the wire's end there.
    """
    known = folder / f"hosts-of-{name}"
    known.write_text(f"{wire.here} localhost\n127.0.0.1 {name}\n")
    script = f'hostname {name} && mount --bind "{known}" /etc/hosts && exec "$@"'
    return ["unshare", "--uts", "--net", "--mount", "sh", "-c", script, "sh"]


@contextmanager
def laid(wire: Wire, process: int) -> Iterator[None]:
    """Lay the wire into the network namespace of a process that was begun by `entering`."""
    _wait_for_a_network_of_its_own(process)
    inside = ("nsenter", "--net", "--target", str(process), "ip")
    peer = ("peer", "name", "eth0", "netns", str(process))
    _do("ip", "link", "add", wire.name, "type", "veth", *peer)
    try:
        _do("ip", "address", "add", f"{wire.here}/30", "dev", wire.name)
        _do("ip", "link", "set", wire.name, "up")
        _do(*inside, "address", "add", f"{wire.there}/30", "dev", "eth0")
        _do(*inside, "link", "set", "eth0", "up")
        _do(*inside, "link", "set", "lo", "up")
        yield
    finally:
        # Gone already where the last process of the host has ended.
        subprocess.run(["ip", "link", "delete", wire.name], capture_output=True, check=False)


def _wait_for_a_network_of_its_own(process: int) -> None:
    ours, its = Path("/proc/self/ns/net").readlink(), Path(f"/proc/{process}/ns/net")
    ends_at = time.monotonic() + _PATIENCE_S
    while its.readlink() == ours:
        assert time.monotonic() < ends_at, "the host got no network of its own"
        time.sleep(0.01)


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
