"""Several processes, one platform: together they keep to its limits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from audsync.sandbox.serve import serve
from audsync.services.connections.sandbox_access import as_yaml, connections_to
from tests.databases import KINDS, fresh_url

ROOT = Path(__file__).parents[2]
WORKERS, CALLS_EACH = 6, 3
WORKER = """
import os, sys
from contextlib import closing
from pathlib import Path
from audsync.config.load import load_config
from audsync.services.wiring.runtime import Runtime
import audsync.connectors.snapchat.connector, audsync.services.wiring.gates, audsync.store.migrate

config = load_config(Path(sys.argv[1]), {})
workers, calls = int(sys.argv[2]), int(sys.argv[3])
children = []
for _ in range(workers):
    child = os.fork()
    if child == 0:
        with closing(Runtime(config=config).connect("snapchat-sandbox")) as connector:
            for _ in range(calls):
                connector.find("nobody")
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_six_processes_never_exceed_the_quota_that_they_share(kind: str, tmp_path: Path) -> None:
    with serve() as sandbox, fresh_url(kind, tmp_path) as store:
        connections = connections_to(sandbox.world.platforms, sandbox.url)
        file = tmp_path / "audsync.yaml"
        file.write_text(f'store: {{url: "{store}"}}\n{as_yaml(connections)}', "utf-8")
        arguments = [sys.executable, "-c", WORKER, str(file), str(WORKERS), str(CALLS_EACH)]
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        done = subprocess.run(arguments, check=False, capture_output=True, text=True, env=environ)
        calls = [one for one in sandbox.world.journal.requests() if one["method"] == "GET"]
    assert (done.returncode, done.stderr) == (0, "")
    assert [one["status"] for one in calls] == [200] * WORKERS * CALLS_EACH
    moments = [one["at"] for one in calls]
    # Ten leave in a second; on a busy machine one that was held up may arrive beside the next ones.
    # Without sharing all eighteen would come at once.
    assert max(sum(at <= each < at + 1 for each in moments) for at in moments) <= 12
