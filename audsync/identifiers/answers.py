"""Values asked about one by one, answered by the kernel in as few passes as there are kinds.

For the `hash` command: the same answer that the value would get in a segment, side by side with
the questions.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import pyarrow as pa

from audsync.domain import Kind, Platform
from audsync.identifiers.countries import code_of
from audsync.identifiers.kernel import PhonePolicy, PrepareSpec, examine

EMPTY = "empty"
"""Why a blank value has no answer: in a segment its cell would count as absent."""

_PARTS = ("normalized", "hash", "sent", "rejected")


class Question(NamedTuple):
    """One value, and for whom it is to be read."""

    platform: Platform
    kind: Kind
    text: str
    region: str | None = None
    """The country of a phone, state or zip code; any name that a country column may hold."""
    phone_policy: PhonePolicy = PhonePolicy.VALID


class Answer(NamedTuple):
    """What becomes of a value; see `kernel.examine`. `rejected` is `empty` for a blank one."""

    normalized: str | None = None
    hash: str | None = None
    sent: str | None = None
    rejected: str | None = None


def answer(questions: Sequence[Question]) -> list[Answer]:
    """An answer for each question, in their order."""
    groups: dict[tuple[Platform, Kind, PhonePolicy], list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        groups[question.platform, question.kind, question.phone_policy].append(place)
    answers: list[Answer] = [Answer()] * len(questions)
    for (platform, kind, policy), places in groups.items():
        spec = PrepareSpec(platform=platform, phone_policy=policy)
        asked = [questions[place] for place in places]
        for place, found in zip(places, _examine(asked, kind, spec), strict=True):
            answers[place] = found
    return answers


def _examine(questions: Sequence[Question], kind: Kind, spec: PrepareSpec) -> list[Answer]:
    name = f"{kind.label}.0"
    columns = {name: pa.array([question.text for question in questions], pa.string())}
    if kind is not Kind.COUNTRY:
        regions = [_code(question.region) for question in questions]
        columns["country.0"] = pa.array(regions, pa.string())
    seen = examine(pa.RecordBatch.from_pydict(columns), spec)
    parts = (seen.column(f"{name}.{part}").to_pylist() for part in _PARTS)
    return [
        Answer(rejected=EMPTY) if found[1] is None and found[3] is None else Answer(*found)
        for found in zip(*parts, strict=True)
    ]


@lru_cache(maxsize=1024)
def _code(region: str | None) -> str | None:
    return code_of(region) if region else None
