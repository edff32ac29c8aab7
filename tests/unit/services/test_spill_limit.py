"""The limit of the configuration reaches every DuckDB that is opened from then on."""

from pathlib import Path

import duckdb
import pytest

from audsync.config.load import load_config
from audsync.segments.engine import open_engine
from audsync.services.wiring.runtime import Runtime
from audsync.sync.tables import duck

SETTING = "select current_setting('max_temp_directory_size')"


def asked(con: duckdb.DuckDBPyConnection) -> str:
    found = con.execute(SETTING).fetchone()
    assert found is not None
    return str(found[0])


@pytest.mark.parametrize(
    ("state", "expected"), [("spill_limit: 64MB", "61.0 MiB"), ("url: ./state", "90% of available")]
)
def test_the_limit_reaches_who_spills(tmp_path: Path, state: str, expected: str) -> None:
    path = tmp_path / "audsync.yaml"
    path.write_text(f"state: {{{state}}}\n")
    Runtime(config=load_config(path, {}))
    with duck.session(tmp_path, memory_bytes=duck.SMALLEST_BYTES) as con:
        assert expected in asked(con)
    assert expected in asked(open_engine([], memory_bytes=1 << 27, spill=tmp_path, in_order=False))
