from audsync.store import settings
from audsync.store.database import Database


def test_a_value_is_read_as_it_was_written_last(database: Database) -> None:
    with database.transaction() as session:
        assert settings.read(session, "note") is None
        settings.write(session, "note", "one")
        settings.write(session, "note", "two")
    with database.reading() as session:
        assert settings.read(session, "note") == "two"


def test_what_was_made_up_once_stays(database: Database) -> None:
    with database.transaction() as session:
        assert settings.get_or_create(session, "salt", lambda: "first") == "first"
        assert settings.get_or_create(session, "salt", lambda: "second") == "first"
