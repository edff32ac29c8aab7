import os
import subprocess
import sys
from pathlib import Path

import pytest

from audsync.store.processes import is_gone, started_mark

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="start times are read from /proc")


def test_this_process_is_not_gone() -> None:
    assert not is_gone(os.getpid(), started_mark(os.getpid()))


def test_an_ended_process_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        mark = started_mark(process.pid)
        assert not is_gone(process.pid, mark)
        process.kill()
    assert is_gone(process.pid, mark)


def test_the_name_of_a_process_may_hold_anything(tmp_path: Path) -> None:
    link = tmp_path / "a) Z (b"
    link.symlink_to("/bin/sleep")
    with subprocess.Popen([link, "60"]) as process:
        assert not is_gone(process.pid, started_mark(process.pid))
        process.kill()


def test_a_mark_from_elsewhere_proves_nothing() -> None:
    assert not is_gone(2**22 + 1, "another-boot/4026531836/77")
    assert not is_gone(2**22 + 1, "")


def test_a_process_of_another_user_counts_as_alive() -> None:
    mark = started_mark(1)
    assert not is_gone(1, mark)


def test_no_process_no_mark() -> None:
    assert started_mark(2**22 + 1) == ""
