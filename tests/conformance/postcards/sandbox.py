"""The sandbox of a platform that does not exist: lists of people who get postcards.

As small as a platform can be, and written as the others are: no look at the connector.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson

from audsync.sandbox.contract import Answer, Call, Guide, Remote, Report
from audsync.sandbox.members import Members, Row
from audsync.sandbox.people import People

NAME = "postcards"
GUIDE = Guide(
    account="office-1",
    credentials={"key": "sandbox-postcards-key"},
    email_key="email",
    phone_key="phone",
    phone_prefix="+",
)
MAX_ROWS = 1_000
_KINDS = {"email": b"\x01", "phone": b"\x02"}
_NAMES = {code[0]: name for name, code in _KINDS.items()}
_LIST = re.compile(r"/lists/([0-9]+)(/members)?")


class _RefusedError(Exception):
    """`args`: HTTP status and the platform's word for what is wrong."""


@dataclass
class _List:
    id: str
    name: str
    members: Members


@dataclass
class PostcardsSandbox:
    """One office with its lists, as `Simulated` wants them."""

    report: Report
    key: str = GUIDE.credentials["key"]
    people: People = field(default_factory=People)
    lists: dict[str, _List] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    guide = GUIDE

    def answer(self, call: Call, now: float) -> Answer:
        if call.headers.get("x-key") != self.key:
            return _json(401, {"error": "key"})
        try:
            return self._lists(call) if call.path == "/lists" else self._list(call, now)
        except _RefusedError as refused:
            return _json(refused.args[0], {"error": refused.args[1]})

    def throttled(self, now: float, *, wait_min: int) -> Answer:
        del now
        return Answer(status=429, headers={"Retry-After": str(60 * wait_min)})

    def not_ready(self) -> Answer:
        return _json(404, {"error": "gone"})

    def refusal(self, *, status: int, code: int, subcode: int | None) -> Answer:
        del subcode
        return _json(status, {"error": f"simulated_{code}"})

    def remotes(self, now: float, *, with_persons: bool) -> list[Remote]:
        del now
        return [_remote(one, with_persons=with_persons) for one in self.lists.values()]

    def settings(self) -> dict[str, Any]:
        return {"key": self.key}

    def configure(self, changes: Mapping[str, Any]) -> None:
        self.key = changes["key"]

    def _lists(self, call: Call) -> Answer:
        if call.method == "GET":
            return _json(200, {"lists": [_shown(one) for one in self.lists.values()]})
        name = orjson.loads(call.body)["name"]
        new = _List(str(next(self.numbers)), name, Members(self.people))
        return _json(201, _shown(new), effect=lambda: self.lists.update({new.id: new}))

    def _list(self, call: Call, now: float) -> Answer:
        found = _LIST.fullmatch(call.path)
        one = self.lists.get(found[1]) if found else None
        if found is None or one is None:
            raise _RefusedError(404, "gone")
        if found[2]:
            return self._members(call, one.members, now)
        if call.method == "DELETE":
            return _json(200, {"done": True}, effect=lambda: _drop(self.lists, one.id))
        return _json(200, _shown(one))

    def _members(self, call: Call, members: Members, now: float) -> Answer:
        rows = [_row(person) for person in orjson.loads(call.body)["rows"]]
        if len(rows) > MAX_ROWS:
            raise _RefusedError(422, "too_many")

        def effect() -> None:
            if call.method == "DELETE":
                members.remove(rows)
            else:
                members.add(rows, now)

        return _json(200, {"taken": len(rows)}, effect=effect)


def _row(person: Mapping[str, str]) -> Row:
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in person.values()):
        raise _RefusedError(422, "invalid")
    return tuple(_KINDS[name] + bytes.fromhex(digest) for name, digest in person.items())


def _drop(lists: dict[str, _List], number: str) -> None:
    lists.pop(number).members.forget()


def _shown(one: _List) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "size": one.members.matched()}


def _pairs(keys: Sequence[bytes]) -> frozenset[tuple[str, str]]:
    return frozenset((_NAMES[key[0]], key[1:].hex()) for key in keys)


def _remote(one: _List, *, with_persons: bool) -> Remote:
    persons = map(_pairs, one.members.keys_of_persons()) if with_persons else ()
    return Remote(
        id=one.id,
        name=one.name,
        account=GUIDE.account,
        identifiers=_pairs(list(one.members.identifiers)),
        persons=frozenset(persons),
        person_count=len(one.members.persons),
        facts={},
    )


def _json(status: int, value: object, effect: Callable[[], None] | None = None) -> Answer:
    headers = {"Content-Type": "application/json"}
    return Answer(status=status, body=orjson.dumps(value), headers=headers, effect=effect)
