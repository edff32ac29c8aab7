"""Every test of the store that asks for `database` runs on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audsync.store.database import Database
from tests.databases import KINDS, SetClock, fresh_database, fresh_url


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def database(kind: str, tmp_path: Path, clock: SetClock) -> Iterator[Database]:
    """A migrated store; its clock is `clock` on SQLite."""
    with fresh_database(kind, tmp_path, clock) as made:
        yield made


@pytest.fixture
def empty_url(kind: str, tmp_path: Path) -> Iterator[str]:
    """The address of a store that has no tables yet."""
    with fresh_url(kind, tmp_path, is_migrated=False) as url:
        yield url
