"""A plan that an older version froze and half sent is finished by the version that follows it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session, col, select

from audsync.clock import SystemClock
from audsync.domain import BatchState
from audsync.store import migrate
from audsync.store.database import Database
from audsync.store.tables import Batch, Head
from tests.crash.harness import Project
from tests.crash.people import Town
from tests.crash.test_kill import begin, finish_with_other_people

OLDER = "0009"
"""The store's revision before refused values were kept in it."""
OF_LATER_VERSIONS = ("rejects", "lists")
"""What its plans did not note."""
STEPS = range(24, 120, 6)


def test_a_plan_of_an_older_version_is_finished_after_the_upgrade(any_project: Project) -> None:
    project = any_project
    project.batch_rows = 4
    town = begin(project, seed=8)
    freeze_in_mid_plan(project, town)
    with store_of(project) as database:
        with database.transaction() as session:
            (head,) = session.exec(select(Head)).all()
            kept = {
                name: fact for name, fact in head.facts.items() if name not in OF_LATER_VERSIONS
            }
            head.facts = {**kept, "rules": "as they were"}
            session.add(head)
        migrate.downgrade(database, OLDER)
    finish_with_other_people(project, town, 0)
    with store_of(project) as database:
        assert migrate.current(database) == migrate.head()


def freeze_in_mid_plan(project: Project, town: Town) -> None:
    """Kill syncs at later and later steps until one leaves a plan with something to be sent."""
    project.configure(**project.way.quick)
    for step in STEPS:
        project.write_segment(town.live())
        ended = project.sync(crash_at=step)
        with store_of(project) as database, database.reading() as session:
            if ended.was_killed and is_in_mid_plan(session):
                return
        finish_with_other_people(project, town, step)
    raise AssertionError("no run was killed in the middle of its plan")


def is_in_mid_plan(session: Session) -> bool:
    (head,) = session.exec(select(Head)).all()
    states = session.exec(select(Batch.state).where(col(Batch.job_id) == head.open_job_id)).all()
    return head.open_job_id is not None and any(state is not BatchState.APPLIED for state in states)


@contextmanager
def store_of(project: Project) -> Iterator[Database]:
    """The project's store, seen from this process."""
    database = Database(f"sqlite:///{project.folder}/audsync.db", clock=SystemClock())
    try:
        yield database
    finally:
        database.dispose()
