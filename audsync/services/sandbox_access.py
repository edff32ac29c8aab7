"""What opens the sandbox: names of its own, no secrets."""

from collections.abc import Mapping
from typing import Any

_ACCESS: Mapping[str, Mapping[str, Any]] = {
    "meta": {
        "account": "act_1001",
        "credentials": {"access_token": "sandbox-meta-token"},
    },
}


def connections_to(base_urls: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """A connection for each platform of a sandbox, with the keys of the configuration file.

    Args:
        base_urls: where each platform is, by its name.
    """
    return {
        platform: {"platform": platform, "base_url": base_url, **_ACCESS[platform]}
        for platform, base_url in base_urls.items()
    }
