"""Receivers of every other kind (mailto://, slack:// …) through apprise, if installed.

Which addresses there are: https://github.com/caronc/apprise/wiki, read 2026-11-22.
"""

import importlib.util
import logging
from typing import TYPE_CHECKING

from audsync.notify.bounded import bounded
from audsync.notify.message import Message

if TYPE_CHECKING:
    from apprise import Apprise

NOT_INSTALLED = "needs an extra that is not installed: `pip install 'audsync[notify]'`"
UNKNOWN = "is an address of no kind that apprise knows, or lacks a part"


def problem_with(address: str) -> str:
    """Why nothing can be sent to the address; "" where something can."""
    if importlib.util.find_spec("apprise") is None:
        return NOT_INSTALLED
    return "" if _opened(address) is not None else UNKNOWN


def send(address: str, message: Message, *, timeout_s: float) -> str:
    """Hand a message to a receiver.

    Returns:
        "" once it was taken, else why not, without the address.
    """
    problem = problem_with(address)
    return problem or bounded(lambda: _send(address, message), timeout_s=timeout_s)


def _send(address: str, message: Message) -> str:
    receiver = _opened(address)
    kind = "success" if message.is_good_news else "warning"
    try:
        is_sent = receiver is not None and receiver.notify(
            title=message.title, body=message.text, notify_type=kind
        )
    except Exception as error:  # noqa: BLE001 - dozens of plugins, each with failures of its own
        return f"failed ({type(error).__name__})"
    return "" if is_sent else "did not take it"


def _opened(address: str) -> "Apprise | None":
    from apprise import Apprise  # noqa: PLC0415 - an extra; takes half a second

    # It logs addresses, which are secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    receiver = Apprise()
    return receiver if receiver.add(address) else None
