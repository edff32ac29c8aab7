"""The filter of a list call: conditions joined by AND, and `IN(field, ...)`.

Source: ListUserLists reference and https://google.aip.dev/160, read 2026-11-22. Nothing else of
that language (OR, NOT, brackets) is said to be supported here.
"""

import re
from collections.abc import Callable
from typing import Any

from audsync.sandbox.google import errors
from audsync.sandbox.google.shapes import snake

Filter = Callable[[dict[str, Any]], bool]

_VALUE = r'"(?:[^"\\]|\\.)*"|[^\s",()]+'
_CONDITION = re.compile(rf"\s*([A-Za-z_.]+)\s*(!=|>=|<=|=|>|<|:)\s*({_VALUE})\s*")
_MEMBERSHIP = re.compile(rf"\s*IN\(\s*([A-Za-z_.]+)((?:\s*,\s*(?:{_VALUE}))+)\s*\)\s*")
_AND = re.compile(r"AND\s")
_FIELDS = {
    "id": "id",
    "display_name": "displayName",
    "description": "description",
    "membership_status": "membershipStatus",
    "integration_code": "integrationCode",
    "access_reason": "accessReason",
    "ingested_user_list_info.upload_key_types": "",
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}


def parse(text: str) -> Filter:
    """What a filter lets through; it looks at lists in their JSON form.

    Raises:
        RefusedError: it cannot be understood, or names an unknown field.
    """
    tests: list[Filter] = []
    at = 0
    while at < len(text) or not tests:
        condition = _CONDITION.match(text, at)
        membership = _MEMBERSHIP.match(text, at)
        match = membership or condition
        if match is None:
            raise _invalid()
        tests.append(_membership(match) if match is membership else _condition(match))
        at = match.end()
        joint = _AND.match(text, at)
        if joint is None and at < len(text):
            raise _invalid()
        at = joint.end() if joint is not None else at
        if joint is not None and at >= len(text):
            raise _invalid()
    return lambda shown: all(test(shown) for test in tests)


def _condition(match: re.Match[str]) -> Filter:
    field, operator, value = _field(match[1]), match[2], _unquoted(match[3])
    if operator in ("=", "!="):
        wanted = operator == "="
        return lambda shown: (value in _values(shown, field)) == wanted
    if operator == ":":
        return lambda shown: any(value in each for each in _values(shown, field))
    compare = _COMPARE[operator]
    return lambda shown: any(compare(*_comparable(each, value)) for each in _values(shown, field))


def _membership(match: re.Match[str]) -> Filter:
    field = _field(match[1])
    wanted = {_unquoted(each) for each in re.findall(_VALUE, match[2])}
    return lambda shown: not wanted.isdisjoint(_values(shown, field))


def _field(name: str) -> str:
    plain = ".".join(snake(part) for part in name.split("."))
    if plain not in _FIELDS:
        raise _invalid()
    return _FIELDS[plain]


def _values(shown: dict[str, Any], field: str) -> list[str]:
    if not field:
        return list(shown["ingestedUserListInfo"]["uploadKeyTypes"])
    return [str(shown.get(field, ""))]


def _comparable(one: str, other: str) -> tuple[Any, Any]:
    is_number = one.isdecimal() and other.isdecimal()
    return (int(one), int(other)) if is_number else (one, other)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _invalid() -> errors.RefusedError:
    return errors.one("filter", "INVALID_FILTER", "The query filter is invalid.")
