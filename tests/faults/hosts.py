"""Two hosts that share a store and a state folder, each with a name and a network of its own.

A host is a process with its own UTS and network namespaces, which forks for each run: to every
other host its processes prove nothing by their ids, and all they hear of the store and of the
platforms comes over one wire that can be cut, just as if they ran on another machine. Where no
network namespaces can be made, hosts have names only. Leases are short, so that a host which is
frozen, dead or cut off is taken over within seconds.
"""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url
from sqlmodel import select

from audsync.clock import SystemClock
from audsync.store.database import Database
from audsync.store.tables import Lease
from tests.crash.forks import Forked, ForkServer, Haste
from tests.crash.harness import Project, Started
from tests.faults import wires
from tests.faults.proxy import Mischief, Proxy
from tests.faults.wires import Wire

LEASE_S = 2.0
REQUEST_TIMEOUT_S = 0.8
_UNHEARD_MS = 1000
"""How long a host of the tests waits for a store that does not even say that it heard."""


def why_not() -> str:
    """Why there can be no hosts on this machine; "" where there can."""
    if shutil.which("unshare") is None:
        return "there is no `unshare`, which gives a process a host name of its own"
    tried = subprocess.run(
        ["unshare", "--uts", "hostname", "a-host"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else "no UTS namespace can be made: run as root"


@dataclass(kw_only=True)
class Host:
    """One of them."""

    name: str
    project: Project
    forks: ForkServer
    proxy: Proxy
    store: Database
    wire: Wire | None = None
    """What it hears all by; None where it has no network of its own."""
    store_url: str = ""
    """How it reaches the store; "" for as everybody."""
    store_proxy: Proxy | None = None
    """On the way to the store, where it has a network of its own."""
    strangers: list[str] = field(default_factory=list)
    """Requests about members that left this host while it did not hold the lease."""
    running: Started | None = None

    def start(self, *arguments: str) -> Started:
        """Start a command; its config differs from the others' by where the platform is."""
        forked: Forked = self.forks.start(
            ("--config", f"{self.name}.yaml", *arguments, "--json"),
            folder=self.project.folder,
            env=self.project.environment(),
            haste=Haste(lease_s=LEASE_S),
        )
        self.running = Started(process=forked)
        return self.running

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to what runs, if anything does."""
        if self.running is not None:
            self.running.send(number)

    def write_config(self) -> None:
        """Write this host's audsync.yaml."""
        project = self.project
        project.write_config()
        text = (project.folder / "audsync.yaml").read_text()
        platform = self.proxy.url
        if self.wire is not None:
            platform = f"http://localhost:{self.proxy.port}"
            text = text.replace(project.store, self.store_url)
        (project.folder / f"{self.name}.yaml").write_text(text.replace(project.sandbox, platform))

    def cut_off(self) -> None:
        """It hears nothing more: by its wire, where it has one, else of the platforms only."""
        if self.wire is None:
            self.proxy.shut()
        else:
            self.wire.cut()

    def connect(self) -> None:
        """It hears everything again."""
        if self.wire is None:
            self.proxy.open()
        else:
            self.wire.mend()

    def watch(self) -> None:
        """From now on, look at each request whether this host may send it."""

        def look() -> None:
            with self.store.reading() as session:
                lease = session.exec(select(Lease)).one()
                if lease.host != self.name or lease.owner is None:
                    self.strangers.append(f"{lease.host} holds it, epoch {lease.epoch}")

        self.proxy.arm(Mischief(about=self.project.way.members_path, times=0, do=look))


@contextmanager
def two_hosts(project: Project) -> Iterator[tuple[Host, Host]]:
    """Two of them, on one project whose store is on PostgreSQL."""
    store = Database(project.store, clock=SystemClock())
    with ExitStack() as stack:
        stack.callback(store.dispose)
        make = _apart if not wires.why_none() else _by_name
        hosts = [make(stack, project, store, name) for name in ("host-a", "host-b")]
        for host in hosts:
            host.write_config()
        yield hosts[0], hosts[1]


def kind() -> str:
    """What the hosts of this machine are."""
    missing = wires.why_none()
    return "network namespaces" if not missing else f"host names only: {missing}"


def _by_name(stack: ExitStack, project: Project, store: Database, name: str) -> Host:
    """A host that has a name of its own, and shares the network."""
    script = f'hostname {name} && exec "$@"'
    forks = ForkServer(("unshare", "--uts", "sh", "-c", script, "sh"))
    stack.callback(forks.close)
    proxy = stack.enter_context(Proxy(project.sandbox))
    return Host(name=name, project=project, forks=forks, proxy=proxy, store=store)


def _apart(stack: ExitStack, project: Project, store: Database, name: str) -> Host:
    """A host that has a network of its own as well."""
    wire = wires.planned()
    forks = ForkServer(wires.entering(wire, name, project.folder))
    stack.callback(forks.close)
    stack.enter_context(wires.laid(wire, forks.pid))
    proxy = stack.enter_context(Proxy(project.sandbox, host=wire.here))
    address = make_url(project.store)
    folder, port = address.query["host"], address.query["port"]
    server = Path(f"{folder}/.s.PGSQL.{port}")
    store_proxy = stack.enter_context(Proxy(server, host=wire.here))
    return Host(
        name=name,
        project=project,
        forks=forks,
        proxy=proxy,
        store=store,
        wire=wire,
        store_proxy=store_proxy,
        store_url=f"postgresql://audsync@{wire.here}:{store_proxy.port}/{address.database}"
        f"?tcp_user_timeout={_UNHEARD_MS}",
    )


def separate_state(host: Host) -> Callable[[], None]:
    """Give a host a state folder that no other host sees; the function takes it away again."""
    file = host.project.folder / f"{host.name}.yaml"
    before = file.read_text()
    own = host.project.folder / f"state-of-{host.name}"
    file.write_text(f"{before}state: {{url: {own}}}\n")

    def undo() -> None:
        file.write_text(before)
        shutil.rmtree(own, ignore_errors=True)

    return undo
