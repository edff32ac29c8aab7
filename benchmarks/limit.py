"""The limit program: what everything else is a ratio to.

Reads two columns from Parquet, trims, lowers, hashes both with SHA-256 and writes Parquet. It
judges nothing, reads no phone number, knows no yesterday. All of it happens inside DuckDB, the
fastest of our dependencies at this (uncompressed output: Snappy costs an eighth more).
"""

import argparse
import json
from pathlib import Path

import duckdb

from benchmarks import data


def hash_two_columns(source: Path, target: Path) -> None:
    """Write the SHA-256 of e-mails and phones of `source` to `target`."""
    with duckdb.connect(config={"preserve_insertion_order": False}) as con:
        con.execute(
            f"copy (select sha256(lower(trim(email))) as email, sha256(lower(trim(phone))) as phone"
            f" from read_parquet('{source}')) to '{target}' (format parquet,"
            " compression uncompressed)"
        )


def main() -> None:
    """Run once; the caller measures the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    rows = parser.parse_args().rows
    target = data.FOLDER / "limit.parquet"
    hash_two_columns(data.parquet(rows, 1), target)
    target.unlink()
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
