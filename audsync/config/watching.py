"""Who hears of what happens, and from when on something counts as out of order."""

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from audsync.config.times import Duration
from audsync.config.values import Section, is_loopback

WEB_SCHEMES = frozenset({"http", "https"})
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\x00-\x1f\x7f]+")


class NotifyEvent(StrEnum):
    """What a person may want to hear of."""

    FAILED = "failed"
    PARTIAL = "partial"
    RECOVERED = "recovered"
    STALE = "stale"
    CREDENTIALS_EXPIRED = "credentials_expired"
    CREDENTIALS_EXPIRING = "credentials_expiring"
    GUARD_REFUSED = "guard_refused"
    NAME_CHANGED = "name_changed"
    EMPTY_SEGMENT = "empty_segment"
    LOW_MATCH_RATE = "low_match_rate"
    SIZE_DRIFT = "size_drift"
    CIRCUIT_OPEN = "circuit_open"


def check_address(address: str) -> str:
    """The address of a receiver, as it is: `https://…`, or what the extra `notify` speaks.

    Raises:
        ValueError: it is none, or http:// to another machine, where anybody could read along.
    """
    if _ADDRESS.fullmatch(address) is None:
        raise ValueError("must be an address such as https://… or mailto://…")
    if scheme_of(address) in WEB_SCHEMES:
        _check_web(address)
    return address


def check_web_address(address: str) -> str:
    """The same for an address that is simply called.

    Raises:
        ValueError: it is none that begins with https://, or http:// on this machine.
    """
    if _ADDRESS.fullmatch(address) is None or scheme_of(address) not in WEB_SCHEMES:
        raise ValueError("must be a URL that starts with https://")
    _check_web(address)
    return address


def scheme_of(address: str) -> str:
    """What stands before `://`, in lower case."""
    return address.partition("://")[0].lower()


def masked(address: str) -> str:
    """What may be shown of an address: its scheme, and the host of a web address.

    Elsewhere what looks like the host is often a token, as in `slack://TOKEN/…`.
    """
    scheme = scheme_of(address)
    if scheme not in WEB_SCHEMES:
        return f"{scheme}://…"
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return f"{scheme}://…"
    return f"{scheme}://{parts.hostname}{port}/…"


def _check_web(address: str) -> None:
    try:
        parts = urlsplit(address)
        host = parts.hostname
        _ = parts.port  # urlsplit checks it only when asked
    except ValueError:
        host, parts = None, SplitResult("", "", "", "", "")
    if not host:
        raise ValueError("must be a URL that starts with https://")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must start with https://; http:// is for this machine only")


def _receiver(value: SecretStr) -> SecretStr:
    check_address(value.get_secret_value())
    return value


def _pinged(value: SecretStr) -> SecretStr:
    check_web_address(value.get_secret_value())
    return value


ReceiverUrl = Annotated[SecretStr, Field(min_length=1), AfterValidator(_receiver)]
PingUrl = Annotated[SecretStr, Field(min_length=1), AfterValidator(_pinged)]


class NotifyConfig(Section):
    """A receiver that hears of events."""

    url: ReceiverUrl = Field(
        description="Address of the receiver: https://…, or what the extra `notify` speaks, such"
        " as mailto://…; kept like a password."
    )
    on: tuple[NotifyEvent, ...] = Field(
        default=(
            NotifyEvent.FAILED,
            NotifyEvent.PARTIAL,
            NotifyEvent.RECOVERED,
            NotifyEvent.STALE,
            NotifyEvent.CREDENTIALS_EXPIRED,
            NotifyEvent.CREDENTIALS_EXPIRING,
            NotifyEvent.GUARD_REFUSED,
        ),
        description="What it hears of.",
    )


class HealthConfig(Section):
    """From when on `audsync health` calls something out of order."""

    window: Duration = Field(
        default=86_400, ge=60, description="How far back rates and durations are looked at."
    )
    min_samples: int = Field(
        default=5, ge=1, description="Fewer jobs or requests than these say nothing of a rate."
    )
    max_failure_percent: float = Field(
        default=10.0, ge=0, le=100, description="Percent of the jobs that may fail."
    )
    min_match_percent: float = Field(
        default=50.0, ge=0, le=100, description="Least match rate, on average."
    )
    max_size_drift_percent: float = Field(
        default=10.0,
        ge=0,
        description="Percent that a size may differ from what earlier ones lead to expect.",
    )
    max_sync: Duration = Field(default=300, ge=1, description="Longest time that a job may take.")
    max_latency: Duration = Field(
        default=5, ge=1, description="Longest time that a platform may take to answer, on average."
    )
    max_lateness: Duration = Field(
        default=3600, ge=60, description="How long an audience may be due before it is synced."
    )
    credentials_left: Duration = Field(
        default=604_800, ge=60, description="How long before their end credentials are told of."
    )
    max_circuit_opens: int = Field(
        default=2, ge=0, description="Times an hour that a connection's breaker may open."
    )
    max_token_refusals: int = Field(
        default=0, ge=0, description="Jobs that may end because their credentials were refused."
    )
