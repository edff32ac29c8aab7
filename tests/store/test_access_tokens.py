"""Who asks for a token, as several processes see it."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from audsync.store import access_tokens, processes
from audsync.store.access_tokens import SealedToken
from audsync.store.breakers import Which
from audsync.store.database import Database
from tests.databases import SetClock

ADS = Which(tenant_id=1, connection="ads")
TOKEN = SealedToken(
    credentials="c" * 64, ciphertext=b"sealed", key_id="k1", renew_in_s=3000.0, lasts_s=3600.0
)


@pytest.fixture(autouse=True)
def _both_go_by_the_clock(clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's clock cannot be set: on PostgreSQL the test's stands for it, too."""
    monkeypatch.setattr(access_tokens, "now", lambda _session: clock.now())


def claim(database: Database, which: Which = ADS) -> str | None:
    seen = access_tokens.look(database, which)
    return access_tokens.claim(database, which, seen=seen, lasts_s=60)


def claimed(database: Database) -> str:
    name = claim(database)
    assert name is not None
    return name


def test_nothing_lies_there_at_first(database: Database) -> None:
    assert access_tokens.look(database, ADS) is None


def test_one_asks_and_all_others_wait_for_what_it_brings(
    database: Database, clock: SetClock
) -> None:
    name = claimed(database)
    assert claim(database) is None
    assert claim(database, replace(ADS, connection="other")) is not None
    assert claim(database, replace(ADS, tenant_id=2)) is not None
    access_tokens.put(database, ADS, name, TOKEN)
    clock.advance(10)
    token = access_tokens.look(database, ADS)
    assert token == replace(TOKEN, renew_in_s=2990.0, lasts_s=3590.0)


def test_who_looked_before_another_brought_a_token_looks_again(database: Database) -> None:
    before = access_tokens.look(database, ADS)
    access_tokens.put(database, ADS, claimed(database), TOKEN)
    assert access_tokens.claim(database, ADS, seen=before, lasts_s=60) is None
    assert claim(database) is not None


def test_a_call_that_brought_nothing_leaves_the_place_to_the_next(database: Database) -> None:
    access_tokens.leave(database, ADS, "somebody else's")
    name = claimed(database)
    access_tokens.leave(database, ADS, "somebody else's")
    assert claim(database) is None
    access_tokens.leave(database, ADS, name)
    assert claim(database) is not None


def test_a_call_that_never_ends_holds_nobody_up_for_ever(
    database: Database, clock: SetClock
) -> None:
    late = claimed(database)
    clock.advance(59)
    assert claim(database) is None
    clock.advance(1)
    name = claimed(database)
    access_tokens.put(database, ADS, late, TOKEN)
    assert access_tokens.look(database, ADS) is None
    access_tokens.put(database, ADS, name, TOKEN)
    assert access_tokens.look(database, ADS) is not None


def test_a_process_that_died_as_it_asked_holds_nobody_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        mark = processes.started_mark(other.pid)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: other.pid)
            claimed(database)
        assert mark
        assert claim(database) is None
        other.kill()
    assert claim(database) is not None


def test_what_is_forgotten_is_asked_for(database: Database) -> None:
    access_tokens.put(database, ADS, claimed(database), TOKEN)
    with database.transaction() as session:
        access_tokens.forget(session, ADS)
    assert access_tokens.look(database, ADS) is None
