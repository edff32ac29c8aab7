"""All platforms, listed by hand: adding one is one folder and one line in each half.

`SPECS` is light; the HTTP client and the data plane are loaded when a connection is made.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from audsync.clock import Clock
from audsync.connectors.contract import Access, Connector, HttpLimits, Spec
from audsync.connectors.meta.spec import SPEC as META
from audsync.domain import Platform
from audsync.errors import ConfigError

if TYPE_CHECKING:
    import httpx

SPECS: Mapping[Platform, Spec] = {Platform.META: META}
"""What each platform that audsync can reach takes; a platform that is not here cannot be used."""


def connect(
    platform: Platform,
    access: Access,
    *,
    clock: Clock,
    limits: HttpLimits,
    transport: "httpx.BaseTransport | None" = None,
) -> Connector:
    """A connector for one account. Opens no connection yet; `close` it at the end.

    Args:
        platform: one of `SPECS`.
        access: the account, its address and its secrets.
        clock: reads the time and waits.
        limits: how long a call may take.
        transport: instead of the network, such as the sandbox's.

    Raises:
        ConfigError: the platform cannot be reached yet, or `access` cannot be right.
    """
    match platform:
        case Platform.META:
            from audsync.connectors.meta.connector import (  # noqa: PLC0415 - loads httpx, polars
                MetaConnector,
            )

            return MetaConnector(access, clock=clock, limits=limits, transport=transport)
        case _:
            raise ConfigError(f"audsync cannot reach {platform} yet. Use: {', '.join(SPECS)}.")
