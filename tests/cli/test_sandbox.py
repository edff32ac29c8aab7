"""`sandbox` says how to reach every platform that it serves, and what it says is true."""

from contextlib import closing
from pathlib import Path

import pytest

from audsync.cli import show_setup
from audsync.cli.globals import Globals
from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.sandbox.platforms import build
from audsync.sandbox.serve import serve
from audsync.services.connections.sandbox_access import connections_to, name_of
from audsync.services.wiring.runtime import Runtime

EVERY_PLATFORM = sorted(build(lambda _kind, _facts: None))


def test_every_platform_is_simulated() -> None:
    assert sorted(platform.value for platform in Platform) == EVERY_PLATFORM


def test_what_it_prints_opens_every_platform(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve() as running:
        connections = connections_to(running.world.platforms, running.url)
        show_setup.sandbox(running.url, connections, Globals(is_plain=True))
        told = capsys.readouterr().out
        file = tmp_path / "audsync.yaml"
        file.write_text(told[told.index("connections:") :], "utf-8")
        runtime = Runtime(config=load_config(file, {}))
        assert set(runtime.config.connections) == {name_of(name) for name in EVERY_PLATFORM}
        for name in EVERY_PLATFORM:
            with closing(runtime.connect(name_of(name))) as connector:
                connector.check_access()
                audience = connector.create("by hand", "")
            (remote,) = running.world.remotes(name)
            assert (remote.id, remote.name) == (audience, "by hand")
        assert list(running.world.journal.violations) == []
