"""A real Spark cluster on this machine: a Connect server and two executors, each its own JVM."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("AUDSYNC_SPARK_PYTHON", ROOT / ".spark" / "bin" / "python"))
"""Has pyspark, pyarrow and NumPy, and nothing of ours: `make spark`."""
_STARTED = "Spark Connect server started"
_START_S = 240
_OLDEST_JAVA = 17


def missing() -> str | None:
    """What keeps a cluster from being started here; None for nothing."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return "one cluster is enough, so these run in one process: make spark"
    java = shutil.which("java")
    if java is None:
        return "no Java here: apt-get install openjdk-17-jre-headless"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        return f"Java {_OLDEST_JAVA} or later is needed: apt-get install openjdk-17-jre-headless"
    if not PYTHON.exists():
        return "no Spark server here: make spark"
    return None


@dataclass(kw_only=True)
class Server:
    """A running cluster."""

    folder: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def remote(self) -> str:
        return f"sc://127.0.0.1:{self.port}"

    def executors(self) -> list[int]:
        """Process ids of the executors' JVMs."""
        return [
            int(folder.name)
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit() and self._is_executor(folder)
        ]

    def kill(self, executor: int) -> None:
        """End an executor and its Python workers at once."""
        for pid in [*_children(executor), executor]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def logs(self) -> Iterator[Path]:
        """Everything that driver and executors said."""
        yield self.folder / "driver.log"
        for name in ("stdout", "stderr"):
            yield from self.folder.glob(f"spark/work/*/*/{name}")

    def _is_executor(self, folder: Path) -> bool:
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            return False
        return b"CoarseGrainedExecutorBackend" in words and str(self.folder).encode() in words


def start(folder: Path) -> Server:
    """A cluster whose files and logs are in `folder`."""
    home = folder / "spark"
    home.mkdir()
    for entry in _installed().iterdir():
        if entry.name != "work":
            (home / entry.name).symlink_to(entry)
    conf = folder / "conf"
    conf.mkdir()
    port = _free_port()
    settings = {
        "spark.executor.memory": "900m",
        "spark.connect.grpc.binding.port": port,
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.task.maxFailures": 4,
    }
    words = [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
    process = subprocess.Popen(
        [
            str(home / "bin" / "spark-submit"),
            *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
            *("--master", "local-cluster[2,1,1024]", "--driver-memory", "1g"),
            *words,
            "spark-internal",
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "SPARK_HOME": str(home),
            "SPARK_CONF_DIR": str(conf),
            "SPARK_LOCAL_DIRS": str(folder / "local"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_SCALA_VERSION": "2.13",
            "PYSPARK_PYTHON": str(PYTHON),
        },
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    is_up = threading.Event()
    threading.Thread(target=_follow, args=(process, folder / "driver.log", is_up)).start()
    if not is_up.wait(_START_S):
        stop(Server(folder=folder, port=port, process=process))
        raise RuntimeError((folder / "driver.log").read_text()[-2000:])
    return Server(folder=folder, port=port, process=process)


def stop(server: Server) -> None:
    """End it, and whatever it started."""
    for pid in [*server.executors(), server.process.pid]:
        server.kill(pid)
    server.process.wait()


def _follow(process: "subprocess.Popen[str]", log: Path, is_up: threading.Event) -> None:
    assert process.stdout is not None
    with log.open("w") as file, process.stdout as lines:
        for line in lines:
            file.write(line)
            file.flush()
            if _STARTED in line:
                is_up.set()


def _installed() -> Path:
    told = subprocess.run(
        [PYTHON, "-c", "import pyspark; print(pyspark.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(told.stdout.strip())


def _children(pid: int) -> list[int]:
    """Every process below it, the lowest first."""
    found: list[int] = []
    with suppress(OSError):  # it may end while it is looked at
        for listed in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in listed.read_text().split():
                found += [*_children(int(child)), int(child)]
    return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
