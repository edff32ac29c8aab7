"""What time it is on the other side, for telling a clock that is wrong. Sends no secret."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

PATIENCE_S = 10.0


def server_time(url: str, *, transport: httpx.BaseTransport | None = None) -> datetime | None:
    """The `Date` of whatever a server answers at `url`, aware UTC, to the second.

    Args:
        url: its address; what it says to a plain HEAD does not matter.
        transport: instead of the network, such as the sandbox's.

    Returns:
        None where nobody answers, or without a date that can be read.
    """
    try:
        with httpx.Client(transport=transport, timeout=PATIENCE_S) as http:
            answer = http.head(url)
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (httpx.HTTPError, ValueError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
