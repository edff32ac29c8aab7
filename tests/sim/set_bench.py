"""The set engine with its files, as a history wants them."""

from collections.abc import Callable

from audsync.sync.contract import Engine
from tests.sim.people import Crowd
from tests.sim.set_engine import SetEngine
from tests.sim.set_files import Files
from tests.sim.set_rows import Link


class SetBench:
    """Files in memory; `make` says which engine works on them."""

    def __init__(self, make: Callable[[Files], Engine] = SetEngine) -> None:
        self._files = Files()
        self.engine = make(self._files)
        self._reader = SetEngine(self._files)

    def keep_segment(self, crowd: Crowd) -> tuple[str, str]:
        return (
            self._files.keep(crowd.cells(), "identifiers"),
            self._files.keep(crowd.rows(), "rows"),
        )

    def links(self, name: str | None) -> set[Link]:
        return self._reader.links(name)

    def rounds(self, name: str | None) -> dict[Link, int]:
        """What is to be said again, and how often."""
        return dict(self._reader.echoes(name))

    def sweep(self, live: set[str]) -> None:
        self._files.sweep(live)

    def has(self, name: str) -> bool:
        return self._files.has(name)
