"""Several `run-due` at once share out what is due."""

from typing import Any

import pytest

from audsync.services import audiences
from audsync.services.cron import run_due
from audsync.services.cron.crew import Ended
from audsync.services.cron.run_due import Pace
from audsync.services.jobs import sync_audience
from audsync.services.wiring.runtime import Runtime
from audsync.store import leases
from tests.services.conftest import Project

DAY_S = 24 * 3600
ANN = {"id": "1", "email": "ann@example.com"}
BOB = {"id": "2", "email": "bob@example.com"}


@pytest.fixture
def three(project: Project) -> Project:
    """Three audiences in step, due a day later; then the segment changes."""
    project.segment([ANN])
    for slug in ("a", "b", "c"):
        new = audiences.NewAudience(segment="vip", connection="meta-main", slug=slug, name=slug)
        assert audiences.create(project.runtime, new).exit_code == 0
    project.segment([ANN, BOB])
    return project


def test_what_other_runs_did_meanwhile_is_not_even_tried(
    three: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.clock.advance(DAY_S)
    tried: list[str] = []
    real = sync_audience.bring_in_step

    def noted(runtime: Any, audience: Any, wish: Any) -> Any:  # noqa: ANN401 - as it is
        tried.append(audience.slug)
        return real(runtime, audience, wish)

    monkeypatch.setattr("audsync.services.cron.run_due.bring_in_step", noted)
    other = Runtime(
        config=three.runtime.config, clock=three.clock, transport=three.runtime.transport
    )

    def and_another_run(_ended: object) -> None:
        run_due.run_due(other, Pace())

    run_due.run_due(three.runtime, Pace(max_concurrent=1), told=and_another_run)
    assert sorted(tried) == ["a", "b", "c"]


def test_what_somebody_is_at_comes_last(three: Project) -> None:
    three.clock.advance(DAY_S)
    database = three.runtime.database
    lease = leases.claim(
        database,
        audiences.find(three.runtime, "a").id,
        owner=leases.this_process(),
        ttl_s=10 * DAY_S,
    )
    told: list[str] = []

    def and_let_go(ended: Ended) -> None:
        told.append(ended.audience)
        if len(told) == 2:
            leases.release(database, lease)

    run_due.run_due(three.runtime, Pace(max_concurrent=1), told=and_let_go)
    assert sorted(told[:2]) == ["b", "c"]
    assert told[2:] == ["a"]
