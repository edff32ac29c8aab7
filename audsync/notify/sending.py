"""One message to one receiver, whatever kind it is of."""

from urllib.parse import urlsplit

from audsync.notify import kinds, web
from audsync.notify.message import Message

TIMEOUT_S = 5.0
"""A receiver that takes longer is tried again later."""
_WEB = frozenset({"http", "https"})


def send(address: str, message: Message, *, timeout_s: float = TIMEOUT_S) -> str:
    """Hand it over.

    Returns:
        "" once it was taken, else why not, without the address, which is a secret.
    """
    way = web.post if urlsplit(address).scheme in _WEB else kinds.send
    return way(address, message, timeout_s=timeout_s)


def problem_with(address: str) -> str:
    """Why nothing can ever be sent to the address from here; "" where something can."""
    return "" if urlsplit(address).scheme in _WEB else kinds.problem_with(address)
