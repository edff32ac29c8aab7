"""How answers are wrapped: `request_status`, `request_id`, and a status for each element.

What the vendor's own samples do differently from page to page (the case of `success`, the length
of `request_id`) differs here from answer to answer, so that no client comes to count on it.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

import orjson

from audsync.sandbox.contract import Answer
from audsync.sandbox.snapchat.errors import RefusedError, ThrottledError, UnauthorisedError
from audsync.sandbox.snapchat.settings import Settings

JSON_HEADERS = {"Content-Type": "application/json;charset=utf-8"}
_CASES = ("success", "SUCCESS", "Success")
_SHORTEST_ID, _LONGEST_ID = 36, 110


class Envelopes:
    """Wraps one answer after the other."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._numbers = count(1)

    def reply(
        self,
        content: Mapping[str, Any],
        *,
        action: str,
        rows: int = 0,
        effect: Callable[[], None] | None = None,
    ) -> Answer:
        """An answer in which all is well."""
        number = next(self._numbers)
        return _answer(200, self._head(self._case(number), number), content, action, rows, effect)

    def elements(
        self,
        kind: str,
        told: Sequence[Mapping[str, Any] | RefusedError],
        *,
        action: str,
        rows: int = 0,
        effect: Callable[[], None] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Answer:
        """An answer of status 200 about several entities, each done or refused.

        Args:
            kind: what an entity is called: `segment` is told in the list `segments`.
            told: each entity, or why it was refused.
            action: for the request log.
            rows: for the request log.
            effect: see `Answer`.
            extra: further fields beside the list.
        """
        number = next(self._numbers)
        refused = sum(isinstance(each, RefusedError) for each in told)
        status = self._case(number)
        if refused:
            status = "ERROR" if refused == len(told) else self.settings.mixed_status
        listed = [self._element(kind, each, number) for each in told]
        content = {**(extra or {}), f"{kind}s": listed}
        return _answer(200, self._head(status, number), content, action, rows, effect)

    def refused(self, why: RefusedError) -> Answer:
        """An answer that refuses the call as a whole."""
        if why.inside:
            return self.elements(why.inside.removesuffix("s"), [why], action="")
        content = {
            "debug_message": why.message,
            "display_message": why.shown,
            "error_code": self._code(why),
        }
        return _answer(why.status, self._head("ERROR", next(self._numbers)), content)

    def _head(self, status: str, number: int) -> dict[str, str]:
        return {"request_status": status, "request_id": _request_id(number)}

    def _element(
        self, kind: str, told: Mapping[str, Any] | RefusedError, number: int
    ) -> dict[str, Any]:
        if isinstance(told, RefusedError):
            reason = f"Error code: {self._code(told)}, message: {told.message}"
            return {"sub_request_status": "ERROR", "sub_request_error_reason": reason}
        return {"sub_request_status": self._case(number // len(_CASES)), kind: dict(told)}

    def _case(self, number: int) -> str:
        return _CASES[number % len(_CASES)] if self.settings.varies_case else "SUCCESS"

    def _code(self, why: RefusedError) -> str:
        return why.code or self.settings.validation_code


def unauthorised(why: UnauthorisedError) -> Answer:
    """401: the reason is in a header, and the body is no JSON."""
    told = "Bearer"
    if why.description:
        told = f'Bearer error="invalid_token", error_description="{why.description}"'
    headers = {"WWW-Authenticate": told, "Content-Type": "text/plain"}
    return Answer(status=401, body=b"unauthorized", headers=headers)


def throttled(why: ThrottledError) -> Answer:
    """429: no header says how long to wait."""
    return Answer(status=429, body=why.body)


def _answer(
    status: int,
    head: Mapping[str, str],
    content: Mapping[str, Any],
    action: str = "",
    rows: int = 0,
    effect: Callable[[], None] | None = None,
) -> Answer:
    return Answer(
        status=status,
        body=orjson.dumps({**head, **content}),
        headers=JSON_HEADERS,
        action=action,
        rows=rows,
        effect=effect,
    )


def _request_id(number: int) -> str:
    """Opaque text of 36 to 110 characters, the same for the same number."""
    length = _SHORTEST_ID + number * 7 % (_LONGEST_ID - _SHORTEST_ID + 1)
    return (sha256(str(number).encode()).hexdigest() * 2)[:length]
