"""audsync in this process against a platform over sockets, with a proxy in between to hurt them.

The project is that of the crash tests; only where its runs happen differs: as calls of the
services, which see a clock that leaps over every wait. So a fault costs milliseconds, and what is
tested is all of audsync but its command line.
"""

import io
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import update

from audsync import logs
from audsync.clock import Clock
from audsync.config.load import load_config
from audsync.domain import RemoteId
from audsync.errors import AudsyncError
from audsync.sandbox.serve import Running
from audsync.services import audiences
from audsync.services.jobs.sync_audience import Report
from audsync.services.wiring.runtime import Runtime, Silence
from audsync.store.tables import Lease
from tests.crash.harness import Ended, Project, assert_books_close
from tests.crash.people import Town
from tests.crash.ways import SNAPCHAT, WAYS
from tests.databases import copy_migrated
from tests.faults.proxy import Proxy

IS_THOROUGH = bool(os.environ.get("AUDSYNC_CHAOS"))
T = TypeVar("T")
_PLAIN = re.compile(rb"p\d+\.\d@example\.com|\+?1\d{3}55501\d\d(?!\d)")
"""Whom the crash tests' people can be known by: addresses, and numbers nobody has."""
_SECRETS = (b"sandbox-meta-token", b"sandbox-tiktok-token", b"sandbox-client-secret")


class LeapingClock:
    """The machine's time, but that every wait is over at once."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.wrong_by_s = 0.0
        """How wrong the host's date is, and nobody else's."""

    def now(self) -> datetime:
        return self.true_now() + timedelta(seconds=self.wrong_by_s)

    def true_now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s

    def sleep(self, seconds: float) -> None:
        self.ahead_s += max(seconds, 0.0)


class PlatformClock:
    """The same time as the platform sees it: right, whatever the host believes."""

    def __init__(self, clock: LeapingClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.true_now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class _Watching(Silence):
    """Progress that tells a scene when rows have been read."""

    def __init__(self, scene: "Scene") -> None:
        self._scene = scene

    def advance(self, amount: int) -> None:
        do, self._scene.on_rows = self._scene.on_rows, None
        if do is not None and amount:
            do()


def nothing_more(_runtime: Runtime) -> None:
    """What happens to most runs before they begin."""


@dataclass(kw_only=True)
class Scene(Project):
    """One audience in step on one platform, over a wire that a test may cut."""

    running: Running
    proxy: Proxy
    clock: LeapingClock = field(default_factory=LeapingClock)
    base_url: str = ""
    """Where the platform is said to be; "" for behind the proxy."""
    town: Town = field(default_factory=lambda: Town(seed=1))
    told: io.StringIO = field(default_factory=io.StringIO)
    """Every log line so far."""
    on_runtime: Callable[[Runtime], None] = nothing_more
    """Called with the runtime of each run before it begins."""
    on_rows: Callable[[], None] | None = None
    """Called once when the first rows of the segment were read."""
    is_healed: bool = False
    """Whether the last run left it in step."""

    def write_config(self) -> None:
        """Write audsync.yaml, with the proxy where the platform is."""
        direct, self.sandbox = self.sandbox, self.base_url or self.proxy.url
        try:
            super().write_config()
        finally:
            self.sandbox = direct

    def pass_time(self, seconds: float = 3600) -> None:
        """Let time pass, here and on the platform."""
        self.clock.sleep(seconds)
        self.running.world.advance(0)

    def sync(self, *, crash_at: int | None = None, kill_after: float | None = None) -> Ended:
        assert crash_at is kill_after is None, "a process of its own can be killed, not this one"
        return self.call(lambda runtime: audiences.sync(runtime, self.slug, allow_shrink=True))

    def create(self, *, crash_at: int | None = None, kill_after: float | None = None) -> Ended:
        assert crash_at is kill_after is None, "a process of its own can be killed, not this one"
        new = audiences.NewAudience(
            segment="vip", connection=self.way.connection, slug=self.slug, name=self.slug
        )
        return self.call(lambda runtime: audiences.create(runtime, new))

    def sync_guarded(self) -> Ended:
        """`sync` as it is when nobody lifts the guards."""
        return self.call(lambda runtime: audiences.sync(runtime, self.slug))

    def release_by_time(self) -> None:
        """A lease that could not be given back ends by itself; the server's clock is not ours."""
        runtime = self.runtime()
        with runtime.database.transaction() as session:
            session.execute(update(Lease).values(expires_at=runtime.database.now(session)))
        runtime.database.dispose()

    def replace(self) -> Ended:
        return self.call(lambda runtime: audiences.replace(runtime, self.slug, allow_shrink=True))

    def resume(self) -> None:
        """What a person does after something was mended."""
        runtime = self.runtime()
        audiences.schedule(runtime, self.slug, auto_sync=True)
        runtime.database.dispose()

    def delete_remotely(self, remote: str) -> None:
        """Somebody else deletes an audience on the platform."""
        text = (self.folder / "audsync.yaml").read_text().replace(self.proxy.url, self.sandbox)
        elsewhere = self.folder.parent / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        (elsewhere / "audsync.yaml").write_text(text)
        config = load_config(elsewhere / "audsync.yaml", {})
        connector = Runtime(config=config, clock=self.clock, is_apart=True).connect(
            self.way.connection
        )
        connector.delete(RemoteId(remote))
        connector.close()

    def runtime(self) -> Runtime:
        """What one run works with."""
        environ = {"AUDIENCE_SYNC_MAX_BATCH_SIZE": str(self.batch_rows)}
        clock: Clock = self.clock
        return Runtime(config=load_config(self.folder / "audsync.yaml", environ), clock=clock)

    def call(self, work: Callable[[Runtime], Report]) -> Ended:
        """Do it, and see it end as the command line would."""
        with self._logged():
            try:
                runtime = self.runtime()
                self.on_runtime(runtime)
                runtime.progress = _Watching(self)
                try:
                    report = work(runtime)
                finally:
                    runtime.database.dispose()
            except AudsyncError as error:
                document: dict[str, Any] = {"error": error.as_json()}
                return Ended(code=error.exit_code, out=json.dumps(document), err="")
        return Ended(code=report.exit_code, out=json.dumps(report.job), err="")

    def begin(self) -> None:
        """Make the audience, and have it in step."""
        self.configure(**self.way.sandbox, **self.way.quick)
        if self.way is SNAPCHAT:  # uploads tell the others who is who
            self.configure(people=self.town.acquaintances(self.way.names))
        self.write_config()
        if self.store.startswith("sqlite:"):
            copy_migrated(self.folder / "audsync.db")
        self.write_segment(self.town.segment())
        self.assert_clean_run(self.create(), "create")

    def hurt(self) -> Ended:
        """A run on other people under what the test has set up; its books close in any case."""
        self.write_segment(self.town.live())
        ended = self.sync()
        if "job_id" in ended.json:
            assert_books_close(ended.json, str(ended))
        return ended

    def heal(self, note: str = "") -> None:
        """All is well again: one clean run, on other people again, makes it exact."""
        self.proxy.arm()
        self.calm()
        self.base_url, self.request_timeout, self.max_wait = "", 20.0, 20.0
        self.write_config()
        self.pass_time()
        self.write_segment(self.town.live())
        self.bring_in_step(note)
        self.assert_untold()
        self.is_healed = True

    def assert_untold(self) -> None:
        """Nobody is named, and no secret is told, in any file, log line or job."""
        places = {"logs": self.told.getvalue().encode()}
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name not in ("audsync.yaml", "people.csv"):
                places[str(path.relative_to(self.folder))] = path.read_bytes()
        hashes = [value.encode() for _, value in self.segment.identifiers(self.way.names)]
        for place, text in places.items():
            assert not _PLAIN.search(text), f"somebody is named in {place}"
            assert not any(secret in text for secret in _SECRETS), f"a secret is in {place}"
            if "audsync-state" not in place:
                assert not any(value in text for value in hashes), f"a hash is in {place}"

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """Have every line written down, as a file of logs would hold it."""
        handler = logging.StreamHandler(self.told)
        handler.setFormatter(logs.TextLines("run"))
        logger = logging.getLogger(logs.OURS)
        before = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)


def some_of(table: Mapping[str, T], scene: Scene) -> dict[str, T]:
    """All of them with AUDSYNC_CHAOS=1; else one, another one on each platform."""
    if IS_THOROUGH:
        return dict(table)
    name = sorted(table)[WAYS.index(scene.way) % len(table)]
    return {name: table[name]}


def folder_of(scene: Scene) -> Path:
    """The audience's part of the state folder."""
    (found,) = (scene.folder / "audsync-state").glob("tenant-*/*")
    return found
