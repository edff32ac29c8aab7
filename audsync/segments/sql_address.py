"""Where a source database is: the parts of its URL, and what of them may be said aloud."""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from audsync.errors import ConfigError

_POSTGRES = {"postgresql", "postgresql+psycopg"}
_LIBPQ = {
    "application_name": "audsync",
    "connect_timeout": "10",
    # A host that vanished without a word is noticed within about a minute.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


@dataclass(frozen=True, slots=True)
class Address:
    """A database, by its URL."""

    url: URL = field(repr=False)

    @property
    def place(self) -> str:
        """For messages: neither user nor password, nor parameters, which may be secrets too."""
        url = self.url
        where = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
        return f"{url.drivername}://{where}/{url.database or ''}"

    @property
    def dialect(self) -> str:
        """Such as `postgresql`, `sqlite`, `duckdb`."""
        return self.url.get_backend_name()

    @property
    def is_plain_postgres(self) -> bool:
        """Whether any PostgreSQL driver will do."""
        return self.url.drivername in _POSTGRES

    @property
    def libpq(self) -> str:
        """The URL as PostgreSQL's own library has it, password included."""
        url = self.patient.set(drivername="postgresql")
        return url.render_as_string(hide_password=False)

    @property
    def patient(self) -> URL:
        """Of PostgreSQL: the URL with limits to waiting, where it does not set its own."""
        missing = {key: value for key, value in _LIBPQ.items() if key not in self.url.query}
        return self.url.update_query_dict(missing)

    @property
    def file(self) -> Path:
        """Of SQLite and DuckDB.

        Raises:
            ConfigError: the URL names none.
        """
        name = self.url.database
        if not name or name == ":memory:" or name.startswith("file:"):
            raise ConfigError(
                f"The `url` of the source names no file; write {self.dialect}:///FILE",
                details={"key": "source.url"},
            )
        return Path(name)


def address_of(url: str) -> Address:
    """The parts of a URL.

    Raises:
        ConfigError: it is none. What could not be read is not repeated: it may be a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None:
        raise ConfigError(
            "The `url` of the source cannot be read; write dialect://user:password@host/name, with "
            "%40 for an @ in the password",
            details={"key": "source.url"},
        )
    if parsed.drivername == "postgres":
        parsed = parsed.set(drivername="postgresql")
    return Address(parsed)
