"""Rules that make a platform misbehave: which calls they strike, and what then happens.

A rule only chooses and describes; `world.py` carries it out. The same rules, calls and seeds
give the same faults again.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from audsync.errors import ConfigError


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    ERROR = "error"
    RATE_LIMIT = "rate_limit"
    NOT_READY = "not_ready"
    REFUSE = "refuse"
    RESET = "reset"
    HANG = "hang"
    SLOW = "slow"
    CUT = "cut"
    BROKEN_JSON = "broken_json"
    EMPTY = "empty"
    HTML = "html"
    MISSING_FIELDS = "missing_fields"
    HUGE = "huge"
    ERROR_IN_200 = "error_in_200"
    LATE = "late"
    REORDER = "reorder"


_AFTER = frozenset(
    {
        FaultKind.RESET,
        FaultKind.HANG,
        FaultKind.SLOW,
        FaultKind.CUT,
        FaultKind.BROKEN_JSON,
        FaultKind.EMPTY,
        FaultKind.HTML,
        FaultKind.MISSING_FIELDS,
        FaultKind.HUGE,
    }
)


class Rule(BaseModel):
    """One fault, and the calls it strikes; docs/sandbox.md lists what each kind looks at."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: FaultKind
    platform: str = ""
    method: str = ""
    path: str = ""
    """A part of the path and query."""
    holds: str = ""
    """A part of the body, such as the hash of a member."""
    nth: Annotated[int, Field(ge=1)] = 1
    """The first of the matching calls that it may strike."""
    times: Annotated[int, Field(ge=0)] = 1
    """How many calls it strikes in all; 0 for no end."""
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: int = 0
    when: Literal["before", "after"] | None = None
    """Whether the call has taken effect by then; None for what is usual for its kind."""
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    code: int | None = None
    subcode: int | None = None
    headers: dict[str, str] = {}
    wait_min: Annotated[int, Field(ge=0)] = 5
    seconds: Annotated[float, Field(ge=0)] = 60.0
    calls: Annotated[int, Field(ge=1)] | None = None
    """late: how many further matching calls it waits for."""
    after_s: Annotated[float, Field(gt=0)] | None = None
    """late: how many virtual seconds it waits."""
    reply: Literal["timeout", "ok", "error"] = "timeout"
    """late: what the client is told meanwhile."""

    @property
    def is_applied(self) -> bool:
        """Whether the platform gets to see the call at all."""
        return self.when == "after" or (self.when is None and self.kind in _AFTER)

    def concerns(self, *, platform: str, method: str, target: str, body: bytes) -> bool:
        """Whether the rule is about such a call at all."""
        return (
            self.platform in ("", platform)
            and self.method.upper() in ("", method)
            and self.path in target
            and self.holds.encode() in body
        )


class ArmedRule:
    """A rule and how far it has come."""

    def __init__(self, number: int, rule: Rule) -> None:
        self.number = number
        self.rule = rule
        self.seen = 0
        self.struck = 0
        self._random = Random(rule.seed)  # noqa: S311 - repeatable on purpose

    def strikes(self) -> bool:
        """Count one call that it concerns; whether this is one to strike."""
        self.seen += 1
        # Drawn for every call, so that `nth` and `times` do not shift the sequence.
        is_drawn = self._random.random() < self.rule.probability
        is_due = self.seen >= self.rule.nth
        is_left = self.rule.times == 0 or self.struck < self.rule.times
        if is_drawn and is_due and is_left:
            self.struck += 1
            return True
        return False

    def as_json(self) -> dict[str, Any]:
        """The rule as it was given, its number and its counts."""
        given = self.rule.model_dump(mode="json", exclude_unset=True)
        return {"id": self.number, **given, "seen": self.seen, "struck": self.struck}


class Faults:
    """All rules that are armed, in the order they came."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._armed: list[ArmedRule] = []
        self._next = 1
        self.arm(rules)

    def arm(self, rules: Sequence[Rule]) -> list[int]:
        """Add rules; their numbers."""
        added = [ArmedRule(self._next + at, rule) for at, rule in enumerate(rules)]
        self._next += len(added)
        self._armed.extend(added)
        return [armed.number for armed in added]

    def disarm(self, number: int | None = None) -> None:
        """Drop one rule, or all."""
        self._armed = [a for a in self._armed if number is not None and a.number != number]

    def pick(self, *, platform: str, method: str, target: str, body: bytes) -> Rule | None:
        """The rule that strikes this call: the first that wants to. The others count it too."""
        wanting = [
            armed.rule
            for armed in self._armed
            if armed.rule.concerns(platform=platform, method=method, target=target, body=body)
            and armed.strikes()
        ]
        return wanting[0] if wanting else None

    def as_json(self) -> list[dict[str, Any]]:
        """Every rule with its counts."""
        return [armed.as_json() for armed in self._armed]


_RULES = TypeAdapter(list[Rule])


def parse(text: bytes, *, origin: str) -> list[Rule]:
    """Rules from JSON: a list of objects, or one object.

    Raises:
        ConfigError: not JSON, or not rules; `origin` is named in the message.
    """
    try:
        document = orjson.loads(text)
        return _RULES.validate_python(document if isinstance(document, list) else [document])
    except orjson.JSONDecodeError as problem:
        message = f"{origin} is not JSON; write a list of fault rules, see docs/sandbox.md"
        raise ConfigError(message) from problem
    except ValidationError as problem:
        raise ConfigError(f"{origin} holds no valid fault rules: {_told(problem)}") from problem


def load(path: Path) -> list[Rule]:
    """Rules from a file.

    Raises:
        ConfigError: it cannot be read, or does not hold rules.
    """
    try:
        text = path.read_bytes()
    except OSError as problem:
        message = f"cannot read the fault rules in {path}: {problem.strerror}"
        raise ConfigError(message) from problem
    return parse(text, origin=str(path))


def _told(problem: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in problem.errors()
    )
