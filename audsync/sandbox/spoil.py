"""What a struck call's answer turns into: one small function a kind of fault."""

from collections.abc import Callable
from dataclasses import replace

from audsync.sandbox.contract import Answer, Ending, Simulated
from audsync.sandbox.faults import FaultKind, Rule

HUGE_BYTES = 4 * 1024 * 1024
HTML = (
    b"<!DOCTYPE html><html><head><title>Error</title></head>"
    b"<body><h1>Sorry, something went wrong.</h1></body></html>"
)
HTML_HEADERS = {"Content-Type": "text/html; charset=utf-8"}

Spoiler = Callable[[Rule, Simulated, Answer, float], Answer]


def spoil(rule: Rule, platform: Simulated, real: Answer, now: float) -> Answer:
    """The answer the client gets instead of `real`, which is empty if nothing was applied."""
    spoilt = _SPOILERS[rule.kind](rule, platform, real, now)
    headers = {**spoilt.headers, **rule.headers}
    return replace(spoilt, headers=headers, action=real.action, rows=real.rows)


def page(status: int) -> Answer:
    """An error page from something in front of the platform."""
    return Answer(status=status, body=HTML, headers=HTML_HEADERS)


def _status(rule: Rule, platform: Simulated, _real: Answer, _now: float) -> Answer:
    status = rule.status or 500
    if rule.code is None:
        return page(status)
    return platform.refusal(status=status, code=rule.code, subcode=rule.subcode)


def _error(rule: Rule, platform: Simulated, _real: Answer, _now: float) -> Answer:
    return platform.refusal(status=rule.status or 400, code=rule.code or 1, subcode=rule.subcode)


def _error_in_200(rule: Rule, platform: Simulated, _real: Answer, _now: float) -> Answer:
    return platform.refusal(status=200, code=rule.code or 2, subcode=rule.subcode)


def _rate_limit(rule: Rule, platform: Simulated, _real: Answer, now: float) -> Answer:
    answer = platform.throttled(now, wait_min=rule.wait_min)
    return answer if rule.status is None else replace(answer, status=rule.status)


def _not_ready(_rule: Rule, platform: Simulated, _real: Answer, _now: float) -> Answer:
    return platform.not_ready()


def _slow(rule: Rule, _platform: Simulated, real: Answer, _now: float) -> Answer:
    return replace(real, delay_s=rule.seconds)


def _hang(rule: Rule, _platform: Simulated, real: Answer, _now: float) -> Answer:
    return replace(real, ending=Ending.SILENCE, delay_s=rule.seconds)


def _ends(ending: Ending) -> Spoiler:
    return lambda _rule, _platform, real, _now: replace(real, ending=ending)


def _broken_json(_rule: Rule, _platform: Simulated, real: Answer, _now: float) -> Answer:
    # Cut inside the text but with a matching Content-Length: only a JSON parser can tell.
    return replace(real, status=200, body=real.body[: len(real.body) // 2] or b'{"id":')


def _body(body: bytes) -> Spoiler:
    return lambda _rule, _platform, real, _now: replace(real, status=200, body=body)


def _html(_rule: Rule, _platform: Simulated, _real: Answer, _now: float) -> Answer:
    return page(200)


def _huge(_rule: Rule, _platform: Simulated, real: Answer, _now: float) -> Answer:
    return replace(real, body=real.body + b" " * HUGE_BYTES)


_SPOILERS: dict[FaultKind, Spoiler] = {
    FaultKind.STATUS: _status,
    FaultKind.ERROR: _error,
    FaultKind.ERROR_IN_200: _error_in_200,
    FaultKind.RATE_LIMIT: _rate_limit,
    FaultKind.NOT_READY: _not_ready,
    FaultKind.REFUSE: _ends(Ending.REFUSED),
    FaultKind.RESET: _ends(Ending.RESET),
    FaultKind.CUT: _ends(Ending.CUT),
    FaultKind.HANG: _hang,
    FaultKind.SLOW: _slow,
    FaultKind.BROKEN_JSON: _broken_json,
    FaultKind.EMPTY: _body(b""),
    FaultKind.MISSING_FIELDS: _body(b"{}"),
    FaultKind.HTML: _html,
    FaultKind.HUGE: _huge,
}
