"""What one run of the program works with, wired once."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from audsync.clock import Clock, SystemClock
from audsync.config.model import Config, ConnectionConfig, SegmentConfig
from audsync.domain import Platform
from audsync.errors import (
    ConfigError,
    ConnectionUnknownError,
    CredentialsError,
    FeatureDisabledError,
    SegmentInactiveError,
    SegmentNotFoundError,
)
from audsync.objects.address import is_object
from audsync.segments import spilling
from audsync.services.nearest import nearest
from audsync.services.stopping import StopSignal, TimeBudget
from audsync.store.glance import is_surely_missing

if TYPE_CHECKING:
    from audsync.config.model import Credentials
    from audsync.connectors.contract import Access, Connector, Spec
    from audsync.connectors.oauth import Shelf
    from audsync.objects.stores import ObjectAccess
    from audsync.services.wiring.gates import SharedGate
    from audsync.services.wiring.known_connections import Known
    from audsync.services.wiring.shared_tokens import SharedTokens
    from audsync.services.wiring.timings import Timings
    from audsync.store.database import Database
    from audsync.sync.ports import Progress
    from audsync.sync.together.companions import Member
    from audsync.vault.keys import KeyRing


def nothing_to_confirm() -> None:
    """What lets a request leave that no lease is needed for."""


class Silence:
    """Progress that nobody watches."""

    def phase(self, name: str, total: int | None) -> None:
        """Ignore it."""

    def advance(self, amount: int) -> None:
        """Ignore it."""


@dataclass(kw_only=True)
class Runtime:
    """Services take this whole; whatever they call takes only the part it needs."""

    config: Config
    clock: Clock = field(default_factory=SystemClock)
    progress: "Progress" = field(default_factory=Silence)
    stop: StopSignal = field(default_factory=StopSignal)
    command: tuple[str, ...] = ()
    """What was typed, for the audit trail."""
    transport: Callable[[], Any] | None = None
    """Makes an httpx transport in place of the network: the in-process sandbox in tests."""
    at_once: int = 1
    """Audiences that are worked on at once, and share the memory."""
    budget: TimeBudget | None = None
    """None: no end."""
    is_scheduled: bool = False
    """Cron asks, not a person: then what rests is left alone."""
    reader: "Member | None" = None
    """What sources are read with, where other audiences of the segment are synced meanwhile."""
    is_apart: bool = False
    """Its calls count against no shared budget and leave no trace in the store."""
    met_failures: set[str] = field(default_factory=set)
    """Connections of which a call failed since the last that did not."""
    asked_for_calm: set[str] = field(default_factory=set)
    """Quotas that asked for calm, and were asked once all the same."""
    told_calm: set[str] = field(default_factory=set)
    """Quotas of which this very program was told to keep calm."""
    behind: dict[str, float] = field(default_factory=dict)
    """Connections whose calls are used up, and until when, by the monotonic clock."""
    _rooms: dict[tuple[str, str], BoundedSemaphore] = field(default_factory=dict)
    _shelves: "dict[tuple[str, str], Shelf]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Tell those whom no configuration reaches."""
        spilling.hold(self.config.state.spill_limit)

    def shared(self, at_once: int, budget: TimeBudget) -> "Runtime":
        """The same for threads of a schedule: one database, one stop signal, no progress."""
        _ = self.database, self.timings  # made before there are threads; the copy has them, too
        shared = copy(self)
        shared.progress = Silence()
        shared.at_once = at_once
        shared.is_scheduled = True
        shared.budget = budget
        return shared

    def connections_behind(self) -> set[str]:
        """Those whose next call would have to wait for its place in the quota."""
        now_s = self.clock.monotonic()
        return {name for name, until_s in list(self.behind.items()) if until_s > now_s}

    def room(self, account: tuple[str, str], most: int) -> BoundedSemaphore:
        """What an account's requests share in this process: so many may be under way."""
        return self._rooms.setdefault(account, BoundedSemaphore(most))

    @cached_property
    def database(self) -> "Database":
        """The store, brought to this version's tables."""
        from audsync.services.actor import this_actor
        from audsync.store import migrate
        from audsync.store.database import Database

        actor = this_actor(self.command)
        database = Database(self.config.store.url, clock=self.clock, actor=actor)
        migrate.ensure(database)
        return database

    @cached_property
    def timings(self) -> "Timings":
        """How long platforms took to answer this process."""
        from audsync.services.wiring.timings import Timings

        return Timings()

    @cached_property
    def state_root(self) -> Path:
        """The state folder of this tenant; its cache where the state is in an object store.

        Raises:
            ConfigError: the cache is to be somewhere else than on this machine.
        """
        state = self.config.state
        is_cache = is_object(state.url)
        place = state.cache if is_cache else state.url
        if is_object(place):
            raise ConfigError(
                "state.cache must be a folder on this machine.", details={"key": "state.cache"}
            )
        return Path(place.removeprefix("file://")) / f"tenant-{self.config.tenant}"

    @cached_property
    def object_access(self) -> "ObjectAccess":
        """The ways into object stores."""
        from audsync.objects.stores import ObjectAccess

        return ObjectAccess(
            entries=self.config.objects,
            request_timeout_s=self.config.limits.request_timeout,
            max_wait_s=self.config.limits.max_wait,
        )

    def segment(self, name: str) -> SegmentConfig:
        """A segment that may be used.

        Raises:
            SegmentNotFoundError, SegmentInactiveError: it may not.
        """
        segment = self.config.segments.get(name)
        if segment is None:
            raise SegmentNotFoundError(
                f"There is no segment `{name}` in the configuration"
                f"{nearest(name, self.config.segments)}. Add it under `segments:`.",
                details={"segment": name},
            )
        if not segment.active:
            raise SegmentInactiveError(
                f"Segment `{name}` is switched off: set `segments.{name}.active: true` to use it.",
                details={"segment": name},
            )
        return segment

    def connection(self, name: str) -> ConnectionConfig:
        """A connection of the file, or else one that `connect` saved, without its credentials.

        Raises:
            ConnectionUnknownError: there is none of that name.
        """
        connection = self.config.connections.get(name)
        return connection if connection is not None else self._known(name).settings

    def connections(self) -> "dict[str, Known]":
        """Every connection, of the file and saved ones, by name; makes no store to find them."""
        from audsync.services.wiring.known_connections import merged
        from audsync.store import connections

        if is_surely_missing(self.config.store.url):
            return merged(self.config.connections, ())
        with self.database.reading() as session:
            records = connections.listed(session, self.config.tenant)
        return merged(self.config.connections, records)

    @cached_property
    def keys(self) -> "KeyRing":
        """The keys of saved credentials.

        Raises:
            ConfigError: a place that is named holds no usable key.
        """
        from audsync.services.keys import ring_of

        return ring_of(self.config)

    def spec_of(self, connection: ConnectionConfig) -> "Spec":
        """The ways and limits of its platform, as its options make them."""
        from audsync.connectors import registry

        return registry.spec_of(connection.platform, _options(connection))

    def require_feature(self, platform: Platform) -> None:
        """Make sure that this platform may be synced.

        Raises:
            FeatureDisabledError: a flag is off.
        """
        if not self.config.features.allows_sync(platform):
            raise FeatureDisabledError(
                f"Syncing to {platform.label} is switched off: set `features.audience_sync` and"
                f" `features.audience_sync_{platform}` to true to use it.",
                details={"platform": platform.value},
            )

    def connect(
        self,
        name: str,
        *,
        asks_anew: bool = False,
        confirm: Callable[[], None] = nothing_to_confirm,
    ) -> "Connector":
        """A connector for a connection; the caller closes it.

        It keeps the credentials that it is made with: those that are put in their place later
        are for the connectors that are made later.

        Args:
            name: of the connection.
            asks_anew: whether it asks for an access token even where a good one lies in the store.
            confirm: called before each request; raises where it may not leave any more.

        Raises:
            ConnectionUnknownError: there is none of that name.
            CredentialsError: it has no credentials.
            ConfigError: the key of its saved credentials is not at hand.
            StateError: its saved credentials were changed outside audsync.
        """
        connection = self.connection(name)
        credentials = connection.credentials or self._saved_credentials(name, connection)
        shelf: Shelf | None = self._shelf(name, connection, credentials, asks_anew=asks_anew)
        if shelf is None and not (asks_anew or self.is_apart):
            shelf = self._shelf_here(name, connection, credentials)
        shared = None if self.is_apart else name
        return self.open(connection, credentials, name=shared, shelf=shelf, confirm=confirm)

    def open(
        self,
        connection: ConnectionConfig,
        credentials: "Credentials",
        *,
        name: str | None = None,
        shelf: "Shelf | None" = None,
        confirm: Callable[[], None] = nothing_to_confirm,
    ) -> "Connector":
        """A connector for a connection with these credentials; the caller closes it.

        Args:
            connection: its settings.
            credentials: its secrets.
            name: under which it shares its budget and its breaker with others; None for a look
                that counts for nobody.
            shelf: where its access tokens lie for all processes.
            confirm: as for `connect`.

        Raises:
            ConfigError: the connection's settings cannot be right.
        """
        from audsync.connectors import registry
        from audsync.connectors.contract import Access, HttpLimits

        access = Access(
            account=connection.account,
            base_url=connection.base_url,
            token_url=connection.token_url,
            api_version=connection.api_version,
            credentials=credentials.reveal(),
            options=_options(connection),
        )
        gate = self._gate(name, connection, access, confirm) if name is not None else None
        limits = HttpLimits(
            request_timeout_s=self.config.limits.request_timeout,
            max_wait_s=self.config.limits.max_wait,
            gate=gate,
            shelf=shelf,
        )
        return registry.connect(
            connection.platform,
            access,
            clock=self.clock,
            limits=limits,
            transport=self.transport() if self.transport else None,
        )

    def _gate(
        self,
        name: str,
        connection: ConnectionConfig,
        access: "Access",
        confirm: Callable[[], None],
    ) -> "SharedGate":
        from audsync.connectors.quotas import quota_of
        from audsync.domain import CallRate
        from audsync.services.wiring.gates import SharedGate

        quota = quota_of(self.spec_of(connection), access)
        if connection.calls_per_minute is not None:
            own = CallRate(name=f"own:{name}", calls=connection.calls_per_minute, window_s=60)
            quota = replace(quota, rates=(*quota.rates, own))
        return SharedGate(
            runtime=self,
            connection=name,
            platform=connection.platform,
            quota=quota,
            confirm=confirm,
        )

    def _shelf_here(
        self, name: str, connection: ConnectionConfig, credentials: "Credentials"
    ) -> "Shelf":
        """Where tokens lie for this process alone, for all its requests at once."""
        from audsync.connectors.oauth import OwnShelf
        from audsync.services.wiring.shared_tokens import hash_of

        whose = (name, hash_of(credentials.reveal(), connection.token_url))
        return self._shelves.setdefault(whose, OwnShelf(self.clock))

    def _shelf(
        self,
        name: str,
        connection: ConnectionConfig,
        credentials: "Credentials",
        *,
        asks_anew: bool,
    ) -> "SharedTokens | None":
        """None where there is no store yet, or no key to seal a token with.

        The system's keyring, which may ask a person, is asked only where saved credentials have
        opened it already.
        """
        from audsync.services.wiring.shared_tokens import SharedTokens, hash_of
        from audsync.store.breakers import Which

        config = self.config
        named_keys = (config.encryption_key, config.encryption_key_file)
        has_key = connection.credentials is None or any(named_keys)
        if not has_key or is_surely_missing(config.store.url):
            return None
        return SharedTokens(
            runtime=self,
            which=Which(tenant_id=self.config.tenant, connection=name),
            credentials=hash_of(credentials.reveal(), connection.token_url),
            asks_anew=asks_anew,
        )

    def _known(self, name: str) -> "Known":
        known = self.connections()
        found = known.get(name)
        if found is None:
            raise ConnectionUnknownError(
                f"There is no connection `{name}`{nearest(name, known)}. Add it under"
                f" `connections:`, or `audsync connect PLATFORM --name {name} --account ID`.",
                details={"connection": name},
            )
        return found

    def _saved_credentials(self, name: str, connection: ConnectionConfig) -> "Credentials":
        from audsync.services.wiring.known_connections import credentials_of

        record = self._known(name).record
        if record is None or record.credentials_ciphertext is None:
            platform = connection.platform.value
            raise CredentialsError(
                f"Connection `{name}` has no credentials: `audsync connect {platform} --name"
                f" {name}` saves them encrypted; or set `connections.{name}.credentials` in the"
                " configuration, with ${NAME} for each secret.",
                details={"connection": name, "platform": platform},
            )
        return credentials_of(record, connection, self.keys)


def _options(connection: ConnectionConfig) -> dict[str, object]:
    return connection.options.model_dump(mode="json", exclude_none=True)
