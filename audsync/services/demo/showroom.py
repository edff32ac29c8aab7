"""Where the demo takes place: a folder, the simulated platforms, and time that runs ahead."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audsync.clock import SystemClock
from audsync.config.load import FILE_NAME, load_config
from audsync.errors import StateError, UsageError
from audsync.sandbox.serve import serve
from audsync.sandbox.world import World
from audsync.services.connections.sandbox_access import as_yaml, connections_to
from audsync.services.wiring.runtime import Runtime

SEGMENT = "customers"
_URL_VARIABLE = "DEMO_SANDBOX_URL"
_USUAL_URL = "http://127.0.0.1:8787"
_SEGMENTS = """\

segments:
  customers:
    source: {type: file, path: data/customers.csv}
    columns:
      profile_id: customer_id
      email: email
      phone: phone
      first_name: first_name
      last_name: last_name
      country: country
      consent: opt_in
    region: US

suppress:
  - {type: file, path: data/opt_outs.csv, columns: {email: email}}
"""
_BEGAN_EARLIER_S = 28 * 3600
"""The story begins so long ago, so that none of what it leaves is from the future."""


class StoryClock:
    """Our own time. What we wait for a platform passes at once, and far quicker for it."""

    RUSH = 120
    """Seconds of the platforms' time in a second that we wait."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._machine = SystemClock()
        self._waited_s = 0.0
        self.catch_up()

    def now(self) -> datetime:
        """The current time of the story, aware, in UTC."""
        return datetime.fromtimestamp(self._machine.now().timestamp() + self._offset_s, UTC)

    def monotonic(self) -> float:
        """Seconds since some moment; never steps back."""
        return self._machine.monotonic() + self._waited_s

    def sleep(self, seconds: float) -> None:
        """Let it pass at once; our own `now` stays behind until `catch_up`, for locks' sake."""
        self._waited_s += seconds
        self._world.advance(seconds * self.RUSH)

    def catch_up(self) -> None:
        """Go by the platforms' time; only between commands, since locks run out."""
        self._offset_s = self._world.clock.offset_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Showroom:
    """The place, while it is open."""

    runtime: Runtime
    world: World
    url: str
    clock: StoryClock

    @property
    def data(self) -> Path:
        """Where the shop's files are."""
        return self.runtime.config.folder / "data"

    def let_pass(self, *, hours: float) -> None:
        """So much time passes."""
        self.world.advance(hours * 3600)
        self.clock.catch_up()


@contextmanager
def opened(keep: Path | None) -> Iterator[Showroom]:
    """A folder with a configuration, and the platforms that it leads to.

    Args:
        keep: a folder that is not there yet or empty, to leave at the end; None for one that is
            gone then.

    Raises:
        UsageError: there is something in `keep`.
        StateError: it cannot be made.
    """
    with _folder(keep) as folder, serve() as running:
        world = running.world
        world.clock.advance(-_BEGAN_EARLIER_S)
        (folder / "data").mkdir()
        file = folder / FILE_NAME
        file.write_text(_config(world), encoding="utf-8")
        clock = StoryClock(world)
        config = load_config(file, {_URL_VARIABLE: running.url})
        runtime = Runtime(config=config, clock=clock)
        try:
            with runtime.stop.on_signals():
                yield Showroom(runtime=runtime, world=world, url=running.url, clock=clock)
        finally:
            runtime.database.dispose()


def _config(world: World) -> str:
    url = f"${{{_URL_VARIABLE}:-{_USUAL_URL}}}"
    connections = as_yaml(connections_to(world.platforms, url))
    told = "# Written by `audsync demo`. To go on: run `audsync sandbox` in another terminal.\n"
    return told + connections + _SEGMENTS


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="audsync-demo-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_taken = any(keep.iterdir())
    except OSError as error:
        raise StateError(
            f"{keep} cannot be used: {error.strerror}. Name another folder with --keep.",
            details={"folder": str(keep)},
        ) from error
    if is_taken:
        raise UsageError(
            f"There is something in {keep} already: name a new folder with --keep.",
            details={"folder": str(keep)},
        )
    yield keep.absolute()
