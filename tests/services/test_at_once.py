"""Requests that are under way together: as many as a platform lets, and exact all the same."""

import re
import threading
from pathlib import Path

import httpx
import pytest

from audsync.config.load import load_config
from audsync.connectors import registry
from audsync.domain import Platform
from audsync.sandbox.faults import FaultKind, Rule
from audsync.sandbox.transport import SandboxTransport
from audsync.services.wiring.runtime import Runtime
from tests.services.test_platforms import CASES, Shop, crowd, written

_PATHS = ("audienceMembers:", "segment/mapping", "/users")
_UPLOADS = re.compile("|".join(_PATHS))
_TOGETHER = ("google", "snapchat", "tiktok")


class Meeting:
    """Lets uploads pass only when so many of them have come; the first one passes alone."""

    def __init__(self, shop: Shop, width: int) -> None:
        self.most = 0
        self._world = shop.world
        self._barrier = threading.Barrier(width)
        self._lock = threading.Lock()
        self._seen = 0
        self._inside = 0

    def transport(self) -> httpx.BaseTransport:
        """For one connector."""
        inner = SandboxTransport(self._world)

        def answer(request: httpx.Request) -> httpx.Response:
            if not _UPLOADS.search(request.url.path):
                return self._passed(inner, request)
            with self._lock:
                self._seen += 1
                self._inside += 1
                self.most = max(self.most, self._inside)
                is_first = self._seen == 1
            try:
                if not is_first:
                    self._barrier.wait(timeout=30)
                return self._passed(inner, request)
            finally:
                with self._lock:
                    self._inside -= 1

        return httpx.MockTransport(answer)

    def _passed(self, inner: SandboxTransport, request: httpx.Request) -> httpx.Response:
        with self._lock:
            return inner.handle_request(request)


def opened(case: str, folder: Path, *, limits: str = "") -> Shop:
    """A shop whose requests hold two rows each."""
    shop = Shop(CASES[case], folder)
    with (folder / "audsync.yaml").open("a", encoding="utf-8") as file:
        file.write(f"limits: {{max_batch_size: 2{limits}}}\n")
    shop.restart()
    return shop


def meet(shop: Shop, width: int) -> Meeting:
    meeting = Meeting(shop, width)
    config = load_config(shop.folder / "audsync.yaml", {})
    shop.runtime = Runtime(config=config, clock=shop.clock, transport=meeting.transport)
    return meeting


@pytest.mark.parametrize("case", _TOGETHER)
def test_after_the_first_as_many_are_under_way_as_the_platform_lets(
    case: str, tmp_path: Path
) -> None:
    width = registry.spec_of(Platform(case), {}).requests_at_once
    assert width > 1
    shop = opened(case, tmp_path)
    # One alone, then twice as many as there are lanes; a request holds one kind.
    shop.segment([(person, email, "") for person, email, _ in crowd(1, 3 + 4 * width)])
    meeting = meet(shop, width)
    report = shop.create()
    assert report.exit_code == 0, report.job["error"]
    assert meeting.most == width
    calls = [one["path"] for one in shop.world.journal.requests()]
    assert sum("token" in path for path in calls) <= 1, "one token serves all lanes"
    shop.restart()
    shop.until_done(shop.sync)
    assert shop.is_exact()


@pytest.mark.parametrize(
    ("case", "limits"), [("meta", ""), ("google", ", max_requests_at_once: 1")]
)
def test_one_at_a_time_where_the_platform_or_a_person_says_so(
    case: str, limits: str, tmp_path: Path
) -> None:
    shop = opened(case, tmp_path, limits=limits)
    written(shop, crowd(1, 12))
    meeting = meet(shop, 1)
    report = shop.create()
    assert report.exit_code == 0, report.job["error"]
    assert meeting.most == 1


@pytest.mark.parametrize("case", _TOGETHER)
@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HANG, FaultKind.STATUS])
def test_what_fails_among_others_is_sent_again(case: str, kind: FaultKind, tmp_path: Path) -> None:
    shop = opened(case, tmp_path)
    written(shop, crowd(1, 30))
    shop.create()
    shop.until_done(shop.sync)
    shop.world.faults.arm([Rule(kind=kind, path=path, nth=3, times=6) for path in _PATHS])
    written(shop, crowd(7, 40))
    shop.sync()
    assert sum(rule["struck"] for rule in shop.world.faults.as_json()) == 6
    shop.world.faults.disarm()
    shop.clock.advance(3600)
    shop.until_done(shop.sync)
    assert shop.is_exact()
