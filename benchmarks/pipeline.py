"""From a file to a durable plan, in one fresh process, by the services that the CLI calls.

`first` creates the audience; `settle` marks that plan's batches as applied, as a platform that
took everything would have, and puts the state aside. From that state `churn` syncs day 2, `same`
day 1 again, and `other` a file of another name that holds day 1. Each run stops where its plan is
committed and the first request would leave; it includes what a real one does before: proving the
old files by their hash, lease, job.
"""

import argparse
import json
import os
import resource
import shutil
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import data

if TYPE_CHECKING:
    from audsync.services.wiring.runtime import Runtime

SLUG = "everybody"
_CONFIG = """
store: {{url: "sqlite:///audsync.db"}}
state: {{url: ./state, memory_limit: {memory}}}
connections:
  sink:
    platform: meta
    account: act_1001
    base_url: {url}
    credentials: {{access_token: sandbox-meta-token}}
segments:
  everybody:
    source: {{type: file, path: "{source}"}}
    columns:
      profile_id: profile_id
      email: email
      phone: phone
      mobile_id: mobile_id
      country: country
"""


class PlanIsDurableError(BaseException):
    """The measured part is over: the plan is committed and nothing was sent."""


class Stopwatch:
    """Progress that notes when each phase began: seconds of wall and CPU since the process did."""

    def __init__(self, *, stops_at_send: bool) -> None:
        self.marks: list[tuple[str, float, float, int]] = []
        self._stops_at_send = stops_at_send
        self._began_s = time.perf_counter()
        self.phase("start", None)

    def phase(self, name: str, total: int | None) -> None:  # noqa: ARG002 - the port's shape
        self.marks.append((name, self.wall_s(), time.process_time(), peak_bytes()))
        if name == "send" and self._stops_at_send:
            raise PlanIsDurableError

    def advance(self, amount: int) -> None:
        """Rows are of no interest here."""

    def wall_s(self) -> float:
        """Since the watch was started."""
        return time.perf_counter() - self._began_s

    def phases(self) -> dict[str, dict[str, float]]:
        """What each phase took, and the process's peak memory at its end."""
        self.phase("end", None)
        return {
            name: {
                "wall_s": round(after[1] - wall, 2),
                "cpu_s": round(after[2] - cpu, 2),
                "peak_mb": after[3] // 10**6,
            }
            for (name, wall, cpu, _), after in zip(self.marks, self.marks[1:], strict=False)
        }


def peak_bytes() -> int:
    """The most memory this process ever had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def runtime_for(
    folder: Path, source: Path, *, url: str, watch: Stopwatch, memory: str = "1GB"
) -> "Runtime":
    """A real runtime on `folder` whose segment is `source`; with no `url` the sink is in here."""
    from audsync.config.load import load_config
    from audsync.services.wiring.runtime import Runtime

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "audsync.yaml"
    text = _CONFIG.format(source=source, url=url or "https://sink/meta", memory=memory)
    path.write_text(text)
    return Runtime(
        config=load_config(path, {"HOME": os.environ["HOME"]}),
        progress=watch,
        transport=None if url else _in_process,
    )


def create(runtime: "Runtime") -> int:
    """Create the audience and upload the segment; returns the exit code."""
    from audsync.services import audiences

    new = audiences.NewAudience(segment="everybody", connection="sink", slug=SLUG)
    return audiences.create(runtime, new).exit_code


def sync(runtime: "Runtime") -> int:
    """Send the difference; returns the exit code."""
    from audsync.services import audiences

    return audiences.sync(runtime, SLUG).exit_code


def settle(folder: Path) -> dict[str, int]:
    """Mark every batch of the open plan as applied, and keep the state; tells how large it is."""
    with sqlite3.connect(folder / "audsync.db") as store:
        count = store.execute("update batch set state = 'applied'").rowcount
    _copy(folder, _settled(folder))
    return {"batches": count, **_size_of(folder / "state")}


def _size_of(state: Path) -> dict[str, int]:
    import duckdb

    from audsync.domain import FIRST_FIELD

    files = list(state.rglob("*.parquet"))
    (lines,) = (file for file in files if file.name.startswith("identifiers-"))
    wanted = f"from '{lines}' where kind < {FIRST_FIELD} and reason = 0"
    counted = duckdb.connect().execute(f"select count(*) {wanted}").fetchall()
    return {"bytes": sum(file.stat().st_size for file in files), "identifiers": counted[0][0]}


def restore(folder: Path) -> None:
    """Put the state of the settled first run back."""
    _copy(_settled(folder), folder)


def _settled(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-settled")


def _copy(folder: Path, to: Path) -> None:
    """State files never change, so a second name for each is a copy; the store is really copied."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _in_process() -> object:
    import httpx

    from benchmarks import sink

    def handle(request: httpx.Request) -> httpx.Response:
        said = sink.answer(method=request.method, path=request.url.path, body=request.read())
        return httpx.Response(200, stream=httpx.ByteStream(said))

    return httpx.MockTransport(handle)


def main() -> None:
    """One run; prints its phases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", choices=["first", "settle", "churn", "same", "other"])
    parser.add_argument("--rows", type=int, default=data.SMALL_ROWS)
    parser.add_argument("--csv", action="store_true")
    parser.add_argument("--memory", default="1GB")
    options = parser.parse_args()
    folder = data.FOLDER / f"pipeline-{options.rows}{'-csv' if options.csv else ''}"
    if options.run == "settle":
        print(json.dumps(settle(folder)))
        return
    if options.run == "first":
        shutil.rmtree(folder, ignore_errors=True)
    else:
        restore(folder)
    file_of = data.csv if options.csv else data.parquet
    source = file_of(options.rows, 2 if options.run == "churn" else 1)
    if options.run == "other":
        other = source.with_stem(f"{source.stem}-other")
        other.unlink(missing_ok=True)
        os.link(source, other)
        source = other
    watch = Stopwatch(stops_at_send=True)
    runtime = runtime_for(folder, source, url="", watch=watch, memory=options.memory)
    try:
        code = create(runtime) if options.run == "first" else sync(runtime)
    except PlanIsDurableError:
        code = 0
    print(json.dumps({"phases": watch.phases(), "rows": options.rows}))
    sys.exit(code)


if __name__ == "__main__":
    main()
