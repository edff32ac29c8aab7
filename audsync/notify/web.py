"""Webhooks and heartbeats over HTTP. Never an exception, never more than a short wait."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from audsync import __version__
from audsync.notify import shapes
from audsync.notify.bounded import bounded
from audsync.notify.message import Message

_HEADERS = {"User-Agent": f"audsync/{__version__}"}
_OK = range(200, 300)


def post(address: str, message: Message, *, timeout_s: float) -> str:
    """Hand a message to a webhook.

    Args:
        address: https://…, or http:// on this machine.
        message: what it hears, in the form that its host takes.
        timeout_s: seconds until it is given up.

    Returns:
        "" once the receiver took it, else why not, without the address.
    """
    body = shapes.body_for(urlsplit(address).hostname or "", message)
    return bounded(
        lambda: _call("POST", address, timeout_s=timeout_s, json=body), timeout_s=timeout_s
    )


def ping(address: str, suffix: str, *, timeout_s: float) -> str:
    """Call a heartbeat's URL, with `suffix` such as /start behind its path.

    Returns:
        "" once it was heard, else why not, without the address.
    """
    parts = urlsplit(address)
    path = parts.path.rstrip("/") + suffix
    whole = urlunsplit(parts._replace(path=path)) if suffix else address
    return bounded(lambda: _call("GET", whole, timeout_s=timeout_s), timeout_s=timeout_s)


def _call(method: str, url: str, *, timeout_s: float, json: dict[str, Any] | None = None) -> str:
    try:
        with (
            httpx.Client(timeout=timeout_s, follow_redirects=False) as http,
            # The answer's body is nothing to us: however long it is, it is not read.
            http.stream(method, url, json=json, headers=_HEADERS) as answer,
        ):
            return "" if answer.status_code in _OK else f"answered {answer.status_code}"
    except httpx.TimeoutException:
        return f"did not answer within {timeout_s:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return f"cannot be reached ({type(error).__name__})"
