"""The one place that speaks Spark Connect: a session, what is sent along, one job, one look.

Spark's own texts may quote what it worked on, so of its errors only their names are told.
"""

import atexit
import importlib.metadata
import json
import shutil
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar

import audsync
from audsync.errors import ConfigError, SourceError
from audsync.sync.spark import bootstrap
from audsync.sync.wanted.parts import Cluster

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Observation, SparkSession

Result = TypeVar("Result")
_LIBRARIES = "audsync-libraries"
_SHIPPED = (
    "annotated-types",
    "duckdb",
    "phonenumbers",
    "polars",
    "polars-runtime-32",
    "pydantic",
    "pydantic-core",
    "typing-extensions",
    "typing-inspection",
)
"""Distributions that `work` needs, but for pyarrow and NumPy: `mapInArrow` has loaded the one
before what is sent can be found, and then it is too late for the other.
"""
_LOOK_S = 0.5
_FAREWELL_S = 3.0
_ROUGHLY = 1
"""Level of compression: the archive is sent once, and packing it must not take long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What is done after an exchange: rows with the same value of a column meet in one task."""

    by: str
    payload: bytes = field(repr=False)
    task: str
    ddl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a table of the cluster's catalog, as a job is given them."""

    table: str
    columns: tuple[str, ...]
    """They come in this order, under other names; after them, which task has the row."""
    where: str | None = field(repr=False)
    """In Spark's SQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Shares to work off, a Spark task each."""

    payload: bytes = field(repr=False)
    """What the tasks are told, pickled."""
    shares: int = 1
    """How many tasks there are, where they are given their numbers, and after an exchange."""
    rows: Rows | None = None
    """What they are given instead; then Spark cuts it."""
    ddl: str
    """Columns of what they make."""
    task: str = "work.work_off"
    """See `bootstrap.on_executor`."""
    then: Then | None = None
    purpose: str = "prepare the segment"
    """For people, in "Spark could not …"."""


class Session:
    """A session on a cluster, to be used from any thread."""

    def __init__(self, spark: "SparkSession", *, ships: bool) -> None:
        self._spark = spark
        self._libraries = _LIBRARIES if ships else None
        self.is_good = True
        """Whether nothing failed on it: servers forget sessions, and who asks anew gets another."""

    def write(self, job: Job, *, folder: Path, watch: Callable[[], None]) -> int | None:
        """Work off a job and write its lines as Parquet.

        Args:
            job: what to do.
            folder: an empty one that all executors see; what is in it counts with `_SUCCESS`.
            watch: called now and then; what it raises ends the job.

        Returns:
            rows of a table that went into the job, as Spark counted them; None where it had none.

        Raises:
            SourceError: the job failed; nothing of the folder may be used.
        """
        from pyspark.sql import Observation  # noqa: PLC0415 - as where we connect

        tag = f"audsync-{token_hex(8)}"
        counted = Observation()

        def run() -> int | None:
            self._spark.addTag(tag)
            self.frame(job, counted).write.mode("append").parquet(folder.as_uri())
            # Spark may know without looking that there is no row; then it counts none.
            return int(counted.get.get("rows", 0)) if job.rows else None

        with ThreadPoolExecutor(1, "audsync-spark") as pool:
            running = pool.submit(run)
            try:
                return _wait(running, watch, purpose=job.purpose)
            except BaseException:
                self.is_good = not running.done()
                if self.is_good:
                    self._spark.interruptTag(tag)
                raise

    def columns(self, rows: Rows) -> list[str]:
        """Every column of the table, in its order.

        Raises:
            SourceError: there is no such table, or `where` makes no sense there.
        """
        try:
            return list(self._of_table(rows).columns)
        except Exception as error:  # noqa: BLE001 - of whatever kind: gRPC, Spark, Python
            failure = _name_of(error)
        self.is_good = False
        raise _failed(f"does not find {rows.table}, or cannot use `where` there", failure)

    def frame(self, job: Job, counted: "Observation | None" = None) -> "DataFrame":
        """The job's lines, as Spark is told to make them."""
        if job.rows is not None:
            given = self._given(job.rows, counted)
        else:
            given = self._spark.range(0, job.shares, 1, job.shares)
        made = given.mapInArrow(
            bootstrap.on_executor(job.payload, self._libraries, job.task), job.ddl
        )
        if job.then is None:
            return made
        return made.repartition(job.shares, job.then.by).mapInArrow(
            bootstrap.on_executor(job.then.payload, self._libraries, job.then.task), job.then.ddl
        )

    def _of_table(self, rows: Rows) -> "DataFrame":
        found = self._spark.table(rows.table)
        return found.where(rows.where) if rows.where else found

    def _given(self, rows: Rows, counted: "Observation | None") -> "DataFrame":
        from pyspark.sql import functions, types  # noqa: PLC0415 - as where we connect

        found = self._of_table(rows)
        kinds = {each.name: each.dataType for each in found.schema.fields}
        cells = []
        for number, name in enumerate(rows.columns):
            cell = functions.col(f"`{name}`")
            if isinstance(kinds[name], types.BinaryType):
                cell = cell.cast("string")  # as Parquet's bytes are taken where a file is read
            # Spark resolves names anew on the way, and takes a dot in one for a way into it.
            cells.append(cell.alias(f"c{number}"))
        given = found.select(*cells, functions.spark_partition_id().alias("part"))
        count = functions.count(functions.lit(1)).alias("rows")
        return given if counted is None else given.observe(counted, count)

    def ask(self, payload: bytes) -> Mapping[str, str]:
        """What one executor says of itself, see `looking.look`."""
        work = bootstrap.asking(payload, self._libraries)
        try:
            found = self._spark.range(0, 1, 1, 1).mapInArrow(work, "answer string").collect()
        except Exception as error:  # noqa: BLE001 - of whatever kind: gRPC, Spark, Python
            failure = _name_of(error)
        else:
            return dict(json.loads(found[0]["answer"]))
        self.is_good = False
        raise _failed("could not run a line of Python on an executor", failure)

    @property
    def version(self) -> str:
        """Of the server."""
        return str(self._spark.version)


_lock = threading.Lock()
_open: dict[Cluster, Session] = {}


def connect(cluster: Cluster) -> Session:
    """The process's session on the cluster; a new one where there is none.

    Raises:
        ConfigError: the client is not installed.
        SourceError: nobody answers there, or it will not have us.
    """
    with _lock:
        known = _open.get(cluster)
        if known is None or not known.is_good:
            known = _open[cluster] = _connected(cluster)
        return known


def _connected(cluster: Cluster) -> Session:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas, which is used for nothing here
            from pyspark import cloudpickle  # noqa: PLC0415 - a second, and only for Spark
            from pyspark.sql import SparkSession  # noqa: PLC0415 - as above
    except ImportError:
        raise ConfigError(
            "`engine` says spark, and its client is not installed;"
            " run `pip install 'audsync[spark]'`.",
            details={"key": "engine"},
        ) from None
    cloudpickle.register_pickle_by_value(bootstrap)  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spark = SparkSession.builder.remote(cluster.remote).create()
        _end_with_process(spark)
        if cluster.ships:
            spark.addArtifacts(f"{_archive()}#{_LIBRARIES}", archive=True)
    except Exception as error:  # noqa: BLE001 - of whatever kind: gRPC, Spark, Python
        failure = _name_of(error)
    else:
        return Session(spark, ships=cluster.ships)
    raise _failed("cannot be reached, or refuses us; see `engine.remote`", failure)


def _end_with_process(spark: "SparkSession") -> None:
    """Have the session end with the process, which waits for no server that has gone.

    The client's own farewell tries again for ten minutes (pyspark-client 4.2, read 2026-11-22).
    """
    atexit.unregister(spark.client._on_exit)  # noqa: SLF001 - there is no other way to it

    def leave() -> None:
        thread = threading.Thread(target=_stop, args=(spark,), daemon=True)
        with suppress(RuntimeError):  # too late for a thread: the server forgets us by itself
            thread.start()
            thread.join(_FAREWELL_S)

    atexit.register(leave)


def _stop(spark: "SparkSession") -> None:
    with suppress(Exception):  # nobody is there any more who could be told
        spark.stop()


def _wait(running: "Future[Result]", watch: Callable[[], None], *, purpose: str) -> Result:
    while not wait([running], timeout=_LOOK_S).done:
        watch()
    error = running.exception()
    if isinstance(error, Exception):
        failure = _name_of(error)
        raise _failed(f"could not {purpose}; the cluster's own logs say why", failure)
    return running.result()


def _failed(what: str, failure: str) -> SourceError:
    return SourceError(
        f"Spark {what} ({failure}). Nothing was sent; `audsync doctor` looks closer.",
        details={"engine": "spark", "failure": failure},
    )


def _name_of(error: Exception) -> str:
    """The kind of an error of Spark, and its condition, which is a word of Spark's."""
    condition: Any = getattr(error, "getCondition", lambda: None)()
    return f"{type(error).__name__}{f': {condition}' if condition else ''}"


@lru_cache(maxsize=1)
def _archive() -> Path:
    """The package and the libraries that its kernel needs, packed once a process."""
    folder = Path(tempfile.mkdtemp(prefix="audsync-spark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    packed = folder / f"{_LIBRARIES}.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=_ROUGHLY) as archive:
        for file, name in _files():
            archive.write(file, name)
    return packed


def _files() -> Iterator[tuple[Path, str]]:
    """Every file to send, and its name in the archive."""
    package = Path(audsync.__file__).parent
    for file in sorted(package.rglob("*.py")):
        yield file, str(file.relative_to(package.parent))
    for name in _SHIPPED:
        for listed in importlib.metadata.files(name) or ():
            # What lies beside the libraries are programs and compiled copies, of this machine.
            if not {"..", "__pycache__", "tests"}.intersection(listed.parts):
                yield Path(str(listed.locate())), str(listed)
