"""DuckDB draws a bar on stdout where Python runs without a script: never for ours."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import duckdb
from pathlib import Path
from audsync.identifiers import hashing
from audsync.segments.engine import open_engine
from audsync.sync.tables import duck

ASK = "select current_setting('enable_progress_bar')"
folder = Path({folder!r})
is_drawn = [duckdb.connect().sql(ASK).fetchall()]
with duck.session(folder, memory_bytes=2**27) as one:
    is_drawn.append(one.sql(ASK).fetchall())
two = open_engine([], memory_bytes=2**27, spill=folder, in_order=False)
is_drawn.append(two.sql(ASK).fetchall())
is_drawn.append(hashing._cursor().sql(ASK).fetchall())
print(is_drawn)
"""


def test_no_engine_of_ours_draws_a_bar(tmp_path: Path) -> None:
    program = PROGRAM.format(folder=str(tmp_path))
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
    assert ended.stdout == "[[(True,)], [(False,)], [(False,)], [(False,)]]\n"
