"""The end of the time, while a segment is read."""

from audsync.clock import Clock
from audsync.services.stopping import TimeBudget
from tests.databases import SetClock
from tests.services.conftest import Project

ANN, BOB = ({"id": str(n), "email": f"p{n}@example.com"} for n in (1, 2))


class SlowReading:
    """Two minutes pass as a segment is opened."""

    def __init__(self, clock: SetClock) -> None:
        self._clock = clock

    def phase(self, name: str, total: int | None) -> None:
        assert total is None or total > 0
        if name == "read":
            self._clock.advance(120)

    def advance(self, amount: int) -> None:
        assert amount >= 0


def test_it_ends_the_reading_of_a_segment(project: Project) -> None:
    project.segment([ANN])
    project.create()
    project.segment([ANN, BOB])
    clock: Clock = project.clock
    project.runtime.budget = TimeBudget(clock, 60)
    project.runtime.progress = SlowReading(project.clock)
    report = project.sync()
    assert (report.exit_code, report.job["error"]["code"]) == (8, "TIME_BUDGET_ENDED")
    assert report.job["profiles_read"] == 0, "it was not read to its end"
    project.restart()
    assert project.sync().job["profiles_added"] == 1
