"""Encrypted state files: who reads them, who does not, and what DuckDB leaves on the disk."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync.errors import StateError
from audsync.segments.engine import open_engine
from audsync.snapshots import cipher, parquet
from audsync.snapshots.folder import SPILL, AudienceFolder
from audsync.sync.tables import duck
from audsync.sync.wanted.known_file import known_file
from audsync.vault.keys import Key, KeyRing

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
ROWS = 250_000
TABLE = pa.table(
    {
        "profile": pa.array(np.arange(ROWS, dtype=np.uint64)),
        "kind": pa.array(np.full(ROWS, 1, dtype=np.uint8)),
        "value": pa.array([b"canary%026d" % number for number in range(ROWS)], pa.binary()),
        "reason": pa.array(np.zeros(ROWS, dtype=np.uint8)),
    }
)
MARK = b"canary00000000000000000000000007"


@pytest.fixture
def folder(tmp_path: Path) -> AudienceFolder:
    cipher.hold(lambda: KeyRing([KEY, OTHER]))
    return AudienceFolder(tmp_path / "state", "vip", key_id=KEY.id)


@pytest.fixture
def work(folder: AudienceFolder) -> Path:
    return folder.open_work()


def written(work: Path) -> Path:
    path = work / "identifiers.parquet"
    with parquet.writer(path, TABLE.schema) as file:
        for batch in TABLE.to_batches(max_chunksize=100_000):
            file.write_batch(batch)
    return path


def test_what_goes_in_comes_out_in_the_same_order(folder: AudienceFolder, work: Path) -> None:
    path = folder.path(folder.keep(written(work), "identifiers"))
    assert MARK not in path.read_bytes()
    assert parquet.rows_in(path) == ROWS
    assert parquet.read(path, TABLE.column_names) == TABLE
    assert pa.Table.from_batches(parquet.batches(path)) == TABLE


def test_duckdb_sees_the_same_rows_numbered_too_and_as_often_as_it_asks(work: Path) -> None:
    path = written(work)
    with duck.session(work, memory_bytes=duck.SMALLEST_BYTES) as con:
        source = duck.source(con, path, is_numbered=True)
        assert duck.count(
            con, f"select count(*) from {source} where profile = file_row_number"
        ) == (ROWS)
        both = f"select count(*) from {source} a join {source} b using (profile)"
        assert duck.count(con, both) == ROWS
        assert duck.count(con, f"select count(*) from {duck.identifiers(con, path)}") == ROWS


def test_what_duckdb_writes_is_encrypted_and_keeps_its_order_and_types(work: Path) -> None:
    path, target = written(work), work / "sorted.parquet"
    with duck.session(work, memory_bytes=duck.SMALLEST_BYTES) as con:
        query = f"select * from {duck.source(con, path)} order by profile desc"
        assert duck.write(con, query, target) == ROWS
        assert duck.write(con, f"{query} limit 0", work / "none.parquet") == 0
    assert MARK not in target.read_bytes()
    found = parquet.read(target, TABLE.column_names)
    assert found.schema.equals(TABLE.schema)
    assert found["profile"][0].as_py() == ROWS - 1


def test_what_is_known_of_rows_is_encrypted_where_memory_does_not_hold_it(work: Path) -> None:
    fingerprints = np.arange(ROWS, dtype=np.uint64) << np.uint64(40)
    columns = {
        "fingerprint": fingerprints,
        "state": np.zeros(ROWS, dtype=np.uint8),
        "is_shared": np.zeros(ROWS, dtype=bool),
    }
    rows = pa.record_batch(columns)
    known = known_file([rows], work, at_most=ROWS, memory_bytes=ROWS * 8)
    assert known is not None
    others = fingerprints[:9] | np.arange(9, dtype=np.uint64)
    assert known.match(others).tolist() == [True, *[False] * 8]
    (path,) = (path for path in work.iterdir() if path.is_file())
    assert fingerprints[1:8].tobytes() not in path.read_bytes()


def test_a_file_does_not_open_with_another_key_or_none(folder: AudienceFolder, work: Path) -> None:
    path = folder.path(folder.keep(written(work), "identifiers"))
    cipher.hold(lambda: KeyRing([OTHER]))
    with pytest.raises(StateError, match=f"encrypted with key {KEY.id}, and the key here is"):
        parquet.opened(path)
    with pytest.raises(StateError, match="AUDSYNC_ENCRYPTION_KEY"):
        folder.verify(path.name)
    other = path.with_name(path.name.replace(KEY.id, OTHER.id))
    path.rename(other)
    with pytest.raises(OSError, match=r"(?i)decrypt|footer|key"):
        parquet.opened(other)
    with pytest.raises(OSError, match="encrypted"):
        pq.ParquetFile(other)


def test_the_key_of_files_is_not_the_key_of_credentials(work: Path) -> None:
    derived = cipher.key_of(work / "x.parquet")
    assert derived is not None
    assert derived != KEY.material
    assert derived == Key(KEY.material).derived(b"audsync state files 1")
    assert derived != OTHER.derived(b"audsync state files 1")


def test_what_does_not_fit_into_memory_is_encrypted_on_its_way(work: Path, tmp_path: Path) -> None:
    assert spilled(work) == (True, False)
    plain = AudienceFolder(tmp_path / "plain", "vip").open_work()
    assert spilled(plain) == (True, True), "else the line above could not fail"


def spilled(work: Path) -> tuple[bool, bool]:
    """Whether anything was spilled, and whether it can be read."""
    with duck.session(work, memory_bytes=duck.SMALLEST_BYTES) as con:
        con.execute("set threads = 1")
        con.execute("set memory_limit = '20MB'")
        con.execute(
            "create temp table big as select (md5(range::varchar) || 'canary' || range)::blob as v"
            " from range(300_000) order by v"
        ).fetchall()
        files = [path for path in (work / SPILL).rglob("*") if path.is_file()]
        content = b"".join(path.read_bytes() for path in files)
    return bool(content), b"canary" in content


def test_rows_of_a_source_are_never_spilled_readably(tmp_path: Path) -> None:
    con = open_engine([], memory_bytes=1 << 27, spill=tmp_path, in_order=True)
    query = "select current_setting('temp_file_encryption'), current_setting('lock_configuration')"
    assert con.sql(query).fetchall() == [(True, True)]
    con.close()
