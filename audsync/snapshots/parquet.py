"""State files as Parquet: the one place that opens and writes them, encrypted or not.

Encrypted ones follow Parquet's own modular encryption, with one key for footer and columns
(AES-GCM with 256 bits, https://github.com/apache/parquet-format/blob/master/Encryption.md, read
2026-11-22), by Arrow on both sides. DuckDB 2.0 reads such files ten times as slowly, not at all
where it skips pages, and writes them only with an extension from the network.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from audsync.snapshots import cipher

ROW_NUMBER = "file_row_number"
_FEW_VALUES = ("kind", "reason", "state")


def opened(path: Path) -> pq.ParquetFile:
    """The file, to be read in parts. Arrow would read it ahead: 300 MB for ten million rows.

    Raises:
        StateError: it is encrypted, and its key is not at hand.
    """
    key = cipher.key_of(path)
    return pq.ParquetFile(
        path,
        pre_buffer=False,
        decryption_properties=pe.create_decryption_properties(key) if key else None,
    )


def read(path: Path, columns: Sequence[str]) -> pa.Table:
    """These columns of the whole file."""
    return opened(path).read(columns=list(columns))


def rows_in(path: Path) -> int:
    """How many rows it has."""
    rows: int = opened(path).metadata.num_rows
    return rows


def batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The file's rows, of all columns or these, a row group at a time."""
    file = opened(path)
    for group in range(file.num_row_groups):
        yield from file.read_row_group(group, columns=columns).to_batches()


def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer of a new file: digests neither compress nor repeat, what stands beside them does.

    So a file is smaller by three tenths, which is as quick: it is hashed whenever it is used.

    Raises:
        StateError: it is to be encrypted, and its key is not at hand.
    """
    key = cipher.key_of(path)
    has_lines = "kind" in schema.names  # then a profile stands in several lines that follow
    return pq.ParquetWriter(
        path,
        schema,
        compression={"profile": "lz4"} if has_lines and "profile" in schema.names else "none",
        use_dictionary=[name for name in _FEW_VALUES if name in schema.names],
        # The lengths of values, nearly all of them 32, apart from these.
        column_encoding={"value": "DELTA_LENGTH_BYTE_ARRAY"} if "value" in schema.names else None,
        encryption_properties=pe.create_encryption_properties(key) if key else None,
    )


def copy(old: Path, new: Path) -> None:
    """Write the rows of a file into another, which may have another key or none."""
    file = opened(old)
    with writer(new, file.schema_arrow) as target:
        for group in range(file.num_row_groups):
            target.write_table(file.read_row_group(group))


class Rows:
    """A file as a stream of Arrow batches, which DuckDB scans as often as its queries want it."""

    def __init__(self, path: Path, *, is_numbered: bool = False) -> None:
        """`is_numbered` adds `file_row_number`, from 0 on, as DuckDB's own reader does."""
        self._path = path
        self._is_numbered = is_numbered
        self._schema = opened(path).schema_arrow
        if is_numbered:
            self._schema = self._schema.append(pa.field(ROW_NUMBER, pa.int64()))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The file from its beginning, by https://arrow.apache.org/docs/format/CDataInterface."""
        found = pa.RecordBatchReader.from_batches(self._schema, self._batches())
        return found.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in batches(self._path):
            if self._is_numbered:
                numbers = pa.array(np.arange(start, start + batch.num_rows))
                yield batch.append_column(self._schema.field(ROW_NUMBER), numbers)
            else:
                yield batch
            start += batch.num_rows
