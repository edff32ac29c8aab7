"""A whole sync as the CLI does it, to a sink on loopback: what sending costs beside the rest.

The sink answers at once, so this is our own limit; a real platform takes half a second a call.
"""

import argparse
import json
import shutil
import subprocess
import sys

from benchmarks import data
from benchmarks.measure import ROOT
from benchmarks.pipeline import Stopwatch, create, runtime_for


def main() -> None:
    """Create an audience and upload everybody; prints the phases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    rows = parser.parse_args().rows
    folder = data.FOLDER / f"sync-{rows}"
    shutil.rmtree(folder, ignore_errors=True)
    sink = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sink"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert sink.stdout is not None
        url = sink.stdout.readline().strip()
        watch = Stopwatch(stops_at_send=False)
        code = create(runtime_for(folder, data.parquet(rows, 1), url=url, watch=watch))
        print(json.dumps({"phases": watch.phases(), "rows": rows, "exit_code": code}))
    finally:
        sink.kill()
        sink.wait()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
