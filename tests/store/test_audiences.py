from uuid import uuid4

import pytest

from audsync.domain import AudienceState
from audsync.errors import AudienceUnknownError, StoreError, UsageError
from audsync.store import audiences
from audsync.store.database import Database
from audsync.store.tables import PlatformAudience
from tests.databases import SetClock, add_audience


def _add(database: Database, audience: PlatformAudience) -> None:
    with database.transaction() as session:
        audiences.add(session, audience)


def _copy(audience: PlatformAudience, **changes: object) -> PlatformAudience:
    return PlatformAudience(**(audience.model_dump() | {"id": uuid4()} | changes))


def test_a_slug_is_given_once_a_tenant(database: Database) -> None:
    first = add_audience(database, slug="vip-meta")
    with pytest.raises(UsageError, match="`vip-meta` exists already"):
        _add(database, _copy(first))
    _add(database, _copy(first, tenant_id=2))
    _add(database, _copy(first, slug="vip-google"))


def test_the_slug_of_a_retired_audience_is_free_again(database: Database) -> None:
    first = add_audience(database, slug="vip-meta", state=AudienceState.RETIRED)
    second = _copy(first, state=AudienceState.ACTIVE)
    _add(database, second)
    with database.reading() as session:
        assert audiences.by_reference(session, 1, "vip-meta").id == second.id


def test_the_database_itself_keeps_slugs_apart(database: Database) -> None:
    add_audience(database, slug="vip-meta")
    with pytest.raises(StoreError, match="run the command again"):
        add_audience(database, slug="vip-meta")


def test_an_audience_goes_by_slug_or_id(database: Database) -> None:
    audience = add_audience(database, slug="vip-meta")
    retired = add_audience(database, slug="old", state=AudienceState.RETIRED)
    with database.reading() as session:
        for reference in ("vip-meta", str(audience.id), audience.id.hex):
            assert audiences.by_reference(session, 1, reference).id == audience.id
        assert audiences.by_reference(session, 1, str(retired.id)).id == retired.id
        for unknown in ("old", str(uuid4())):
            with pytest.raises(AudienceUnknownError):
                audiences.by_reference(session, 1, unknown)
        for foreign in ("vip-meta", str(audience.id)):
            with pytest.raises(AudienceUnknownError):
                audiences.by_reference(session, 2, foreign)


def test_an_unknown_audience_gets_the_nearest_names(database: Database) -> None:
    add_audience(database, slug="vip-meta")
    add_audience(database, slug="lapsed-google")
    with database.reading() as session:
        with pytest.raises(AudienceUnknownError, match="did you mean `vip-meta`") as caught:
            audiences.by_reference(session, 1, "vip-mtea")
        assert caught.value.details == {
            "where": "store",
            "audience": "vip-mtea",
            "near": ["vip-meta"],
        }
        with pytest.raises(AudienceUnknownError, match="`audsync status` lists them"):
            audiences.by_reference(session, 1, "zzz")


def test_what_is_retired_is_not_listed(database: Database) -> None:
    for slug, segment in (("b", "vip"), ("a", "vip"), ("c", "lapsed")):
        add_audience(database, slug=slug, segment=segment)
    add_audience(database, slug="gone", state=AudienceState.RETIRED)
    add_audience(database, slug="foreign", tenant_id=2)
    with database.reading() as session:
        assert [each.slug for each in audiences.listed(session, 1)] == ["a", "b", "c"]
        assert [each.slug for each in audiences.of_segment(session, 1, "vip")] == ["a", "b"]


def test_changes_are_saved_whichever_session_they_come_from(
    database: Database, clock: SetClock
) -> None:
    audience = add_audience(database)
    audience.match_rate = 0.75
    audience.known_before = ["17", "18"]
    audience.guard = {"max_removed_percent": 30}
    with database.transaction() as session:
        audiences.save(session, audience, now=clock.now())
    with database.reading() as session:
        row = audiences.by_reference(session, 1, audience.slug)
    assert row == audience
    assert row.updated_at == clock.now()
