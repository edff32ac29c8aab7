"""A segment from one file to another: ours in each form, drt-core's own way, a plain loop.

All read the same Parquet file and write a profile id, and a hash of e-mail and phone. Ours
normalises and judges both first. drt hashes what stands there, and a loop trims and lowers: what
either writes, no platform matches reliably. They are measured to say what rows cost elsewhere.
"""

import argparse
import csv
import gzip
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from benchmarks import data
from benchmarks.measure import Cost, repeat
from benchmarks.report import table

TIMES = 3
PEER_ROWS = 1_000_000
FORMS = {
    "csv": "csv",
    "csv.gz": "csv",
    "csv.zst": "csv",
    "jsonl.zst": "jsonl",
    "parquet": "parquet",
}
"""What a file's name ends with, and its form."""
LARGE_FORMS = ("csv.gz", "parquet")
_CONFIG = """
store: {{url: "sqlite:///audsync.db"}}
state: {{url: ./state, memory_limit: 1GB}}
segments:
  everybody:
    source: {{type: file, path: "{source}"}}
    columns: {{profile_id: profile_id, email: email, phone: phone, country: country}}
"""
_DRT_SYNC = """
name: people
model: "select profile_id, email, phone from read_parquet('{source}')"
destination: {{type: file, path: out.csv, format: csv}}
sync: {{mode: full, batch_size: 10000, mask: {{email: hash, phone: hash}}}}
"""


def ours(source: Path, folder: Path, ending: str) -> Path:
    """What `audsync export everybody --out people.ENDING` does."""
    from audsync.config.load import load_config
    from audsync.services.exports.export_wish import Wish
    from audsync.services.exports.exporting import export
    from audsync.services.wiring.runtime import Runtime

    (folder / "audsync.yaml").write_text(_CONFIG.format(source=source))
    config = load_config(folder / "audsync.yaml", {"HOME": os.environ["HOME"]})
    out = folder / f"people.{ending}"
    wish = Wish(segment="everybody", out=str(out), format=FORMS[ending])
    export(Runtime(config=config), wish, stdout=BytesIO())
    return out


def drt(source: Path, folder: Path) -> Path:
    """`drt run`: DuckDB reads the file, `mask: hash` hashes, its file destination writes CSV."""
    from drt.cli.main import app

    profiles = folder / ".drt" / "profiles.yml"
    profiles.parent.mkdir()
    profiles.write_text('local: {type: duckdb, database: ":memory:"}\n')
    (folder / "drt_project.yml").write_text('name: people\nversion: "0.1"\nprofile: local\n')
    (folder / "syncs").mkdir()
    (folder / "syncs" / "people.yml").write_text(_DRT_SYNC.format(source=source))
    os.environ |= {"HOME": str(folder), "DO_NOT_TRACK": "1"}
    os.chdir(folder)
    sys.argv = ["drt", "run", "--quiet"]
    app(standalone_mode=False)
    return folder / "out.csv"


def loop(source: Path, folder: Path) -> Path:
    """What one writes in ten minutes: trim, lower, hash, a row at a time, packed by gzip."""
    import pyarrow.parquet as pq

    out = folder / "people.csv.gz"
    with gzip.open(out, "wt", newline="", compresslevel=6) as file:
        writer = csv.writer(file)
        writer.writerow(("profile_id", "email", "phone"))
        for batch in pq.ParquetFile(source).iter_batches(columns=["profile_id", "email", "phone"]):
            for person, *cells in zip(*(column.to_pylist() for column in batch), strict=True):
                texts = [(cell or "").strip().lower() for cell in cells]
                writer.writerow((person, *(_sha(text) if text else "" for text in texts)))
    return out


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def case(way: str, rows: int) -> dict[str, int]:
    """One export, in this process."""
    source = data.parquet(rows, 1)
    folder = Path(tempfile.mkdtemp(prefix="audsync-export-", dir=data.FOLDER))
    ways: dict[str, Callable[[], Path]] = {
        "drt": lambda: drt(source, folder),
        "loop": lambda: loop(source, folder),
    }
    try:
        written = ways[way]() if way in ways else ours(source, folder, way)
        return {"rows": rows, "bytes": written.stat().st_size}
    finally:
        os.chdir(data.FOLDER)
        shutil.rmtree(folder)


def _measured(way: str, rows: int) -> Cost:
    print(f"exports {way} {rows}", file=sys.stderr, flush=True)
    times = TIMES if rows < data.LARGE_ROWS else 1
    return repeat("-m", "benchmarks.exports", way, "--rows", str(rows), times=times)


def compare(rows: int) -> str:
    """A table of what each way costs; ratios to packed CSV of ours."""
    costs = {f"audsync, {form}": _measured(form, rows) for form in FORMS}
    costs["drt-core, csv, hashed as it stands"] = _measured("drt", rows)
    costs["a loop, csv.gz, hashed as it stands"] = _measured("loop", rows)
    return _table(costs, "audsync, csv.gz")


def large(rows: int) -> str:
    """The same at a size where memory would tell, beside a tenth of it."""
    costs = {
        f"{size:,} rows, {form}": _measured(form, size)
        for size in (rows // 10, rows)
        for form in LARGE_FORMS
    }
    return _table(costs, f"{rows // 10:,} rows, csv.gz")


def _table(costs: dict[str, Cost], base: str) -> str:
    head = ["", "wall s", "CPU s", "rows a second", "MB", "CPU a row / ours", "peak MB"]
    unit = costs[base].cpu_s / costs[base].said["rows"]
    rows = [
        [
            name,
            f"{cost.wall_s:.1f}",
            f"{cost.cpu_s:.1f}",
            f"{cost.said['rows'] / cost.wall_s:,.0f}",
            f"{cost.said['bytes'] / 1e6:.0f}",
            f"{cost.cpu_s / cost.said['rows'] / unit:.2f}",
            f"{cost.peak_mb:.0f}",
        ]
        for name, cost in costs.items()
    ]
    return table(head, rows)


def main() -> None:
    """Run one case; prints its rows and bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=[*FORMS, "drt", "loop"])
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    options = parser.parse_args()
    print(json.dumps(case(options.way, options.rows)))


if __name__ == "__main__":
    main()
