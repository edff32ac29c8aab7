"""All platforms, listed by hand: adding one is one folder and one line in each half.

Specs are light; the HTTP client and the data plane are loaded when a connection is made.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from audsync.clock import Clock
from audsync.connectors.contract import Access, Connector, HttpLimits, Spec
from audsync.connectors.google import spec as google
from audsync.connectors.meta import spec as meta
from audsync.connectors.snapchat import spec as snapchat
from audsync.connectors.tiktok import spec as tiktok
from audsync.domain import Platform

if TYPE_CHECKING:
    import httpx

_SPECS: Mapping[Platform, Callable[[Mapping[str, object]], Spec]] = {
    Platform.GOOGLE: google.spec,
    Platform.META: meta.spec,
    Platform.SNAPCHAT: snapchat.spec,
    Platform.TIKTOK: tiktok.spec,
}
"""What each platform takes, by a connection's options. Its folder has the platform's name, and in
it `connector.connect` makes the connector."""


def spec_of(platform: Platform, options: Mapping[str, object]) -> Spec:
    """A platform's ways and limits for a connection with these options."""
    return _SPECS[platform](options)


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
        platform: where the account is.
        access: the account, its address and its secrets.
        clock: reads the time and waits.
        limits: how long a call may take.
        transport: instead of the network, such as the sandbox's.

    Raises:
        ConfigError: `access` cannot be right.
    """
    # Loaded by name and only now: each of them loads the HTTP client and the data plane.
    module = importlib.import_module(f"audsync.connectors.{platform.value}.connector")
    connector: Connector = module.connect(access, clock=clock, limits=limits, transport=transport)
    return connector
