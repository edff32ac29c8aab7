"""`demo`: the whole story on sample people, against the sandbox over real HTTP."""

from collections.abc import Mapping
from typing import Any

_ACCESS: Mapping[str, Mapping[str, Any]] = {
    "meta": {
        "account": "act_1001",
        "credentials": {"access_token": "sandbox-meta-token"},
    },
}
"""What opens the sandbox, by platform: names of its own, no secrets."""


def connections_to(base_urls: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """A connection for each platform of a sandbox, with the keys of the configuration file."""
    return {
        platform: {"platform": platform, "base_url": base_url, **_ACCESS[platform]}
        for platform, base_url in base_urls.items()
    }
