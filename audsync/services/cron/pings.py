"""Signs of life of `run-due` for a monitor that misses them: `heartbeat_url`.

Called as healthchecks.io has it (https://healthchecks.io/docs/signaling_failures/, read
2026-11-22): /start as a run begins, the URL as it stands after one that ended with exit code 0, and
/fail after any other. A monitor that cannot be reached is a line in the log, and nothing else.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from audsync.config.watching import masked
from audsync.services.wiring.runtime import Runtime

TIMEOUT_S = 5.0
START, WELL, BADLY = "/start", "", "/fail"

_log = logging.getLogger(__name__)


@contextmanager
def around(runtime: Runtime) -> Iterator[Callable[[int], None]]:
    """Call at the beginning and the end of the block; it says its exit code to what is yielded.

    A block that raises, or says nothing, ended badly.
    """
    codes: list[int] = []
    _call(runtime, START)
    try:
        yield codes.append
    finally:
        _call(runtime, WELL if codes == [0] else BADLY)


def _call(runtime: Runtime, suffix: str) -> None:
    url = runtime.config.heartbeat_url
    if url is None:
        return
    from audsync.notify import web

    address = url.get_secret_value()
    problem = web.ping(address, suffix, timeout_s=TIMEOUT_S)
    if problem:
        _log.warning("the heartbeat's monitor (%s) %s", masked(address), problem)
