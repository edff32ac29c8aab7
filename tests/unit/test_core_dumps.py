"""A crash leaves no copy of the memory behind."""

import subprocess
import sys

_PROGRAM = """
import resource, sys
from audsync import __main__
_, most = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
sys.argv = ["audsync", "--json", "--version"]
try:
    __main__.main()
except SystemExit:
    print(resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_core_dumps_are_off_as_soon_as_it_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "0", done.stderr
