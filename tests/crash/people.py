"""Customers for the crash tests, and an own, tiny model of what an audience of them must hold.

Addresses are lower-case and phones are E.164, so that the model needs no normaliser of ours: a
value's hash is all there is to it.

An identifier is never handed on from one person to a stranger, and a phone that a household
shares never changes: what a platform then does with people whom it ties together by itself only a
later refresh can mend, and is not what a crash is about.
"""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

Identifier = tuple[str, str]
"""As the sandbox shows it: (`EMAIL`, 64 hex digits), (`EXTERN_ID`, raw)."""

COLUMNS = (
    "customer_id",
    "email",
    "work_email",
    "phone",
    "home_phone",
    "crm_id",
    "first_name",
    "last_name",
    "opt_in",
)
_AREAS = (202, 206, 212, 213, 305, 310, 312, 404, 415, 512, 602, 617, 702, 713)
"""Area codes; their 555-0100 to 555-0199 are valid and belong to nobody."""
_NUMBERS_AN_AREA = 100
_PHONES_A_PERSON = 4
_EMAILS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a platform calls the kinds of identifier."""

    email: str
    phone: str
    phone_prefix: str = ""
    """What stands before the digits of a phone number when it is hashed."""
    external_id: str = ""
    """Empty where it takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One profile. Empty text stands for nothing known."""

    number: int
    emails: tuple[str, str]
    phone: str
    home_phone: str
    crm_id: str
    first_name: str
    last_name: str = field(default="Doe")
    opt_in: bool = True

    def row(self) -> tuple[str, ...]:
        """Its line of the source."""
        return (
            f"c{self.number}",
            *self.emails,
            self.phone,
            self.home_phone,
            self.crm_id,
            self.first_name,
            self.last_name,
            "yes" if self.opt_in else "no",
        )

    def identifiers(self, names: Names) -> frozenset[Identifier]:
        """What the platform must hold of it."""
        if not self.opt_in:
            return frozenset()
        emails = [email for email in self.emails if "@" in email]
        phones = [phone for phone in (self.phone, self.home_phone) if phone]
        has_id = bool(self.crm_id and names.external_id)
        return frozenset(
            [(names.email, sha256(email)) for email in emails]
            + [(names.phone, sha256(names.phone_prefix + phone[1:])) for phone in phones]
            + [(names.external_id, self.crm_id)] * has_id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The people of one moment."""

    people: tuple[Person, ...]

    def write(self, path: Path) -> None:
        """Write the source, as an export job would: the old file is there until the new one is."""
        unfinished = path.with_suffix(".new")
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(person.row() for person in self.people)
        unfinished.replace(path)

    def identifiers(self, names: Names) -> frozenset[Identifier]:
        """What the audience must hold, and nothing else."""
        return frozenset().union(*(person.identifiers(names) for person in self.people))


class Town:
    """People who come, go and change, the same way for the same seed."""

    def __init__(self, *, seed: int, size: int = 60) -> None:
        self._random = Random(seed)
        self._people = [self._new(number) for number in range(size)]
        self._inside = set(self._random.sample(range(size), size * 2 // 3))

    def segment(self) -> Segment:
        """Who is in it now."""
        return Segment(people=tuple(self._people[number] for number in sorted(self._inside)))

    def acquaintances(self, names: Names) -> list[list[Identifier]]:
        """For each person all identifiers that may ever be the person's, now or later."""
        return [
            [
                *((names.email, sha256(_email(number, version))) for version in range(_EMAILS)),
                *(
                    (names.phone, sha256(names.phone_prefix + _phone(phone)[1:]))
                    for phone in range(_PHONES_A_PERSON * number, _PHONES_A_PERSON * number + 3)
                ),
            ]
            for number in range(len(self._people))
        ]

    def live(self) -> Segment:
        """Let a day pass: some leave, some come, some change; never half of them at once."""
        outside = set(range(len(self._people))) - self._inside
        leaving = self._some(self._inside, 0.15)
        coming = self._some(outside, 0.35)
        self._inside = (self._inside - leaving) | coming
        for number in self._some(self._inside, 0.15):
            self._people[number] = self._changed(self._people[number])
        return self.segment()

    def _some(self, numbers: set[int], share: float) -> set[int]:
        return set(self._random.sample(sorted(numbers), max(1, int(len(numbers) * share))))

    def _new(self, number: int) -> Person:
        is_known = self._random.random() < 0.9
        return Person(
            number=number,
            emails=(_email(number, 0) if is_known else "nobody", ""),
            phone=_phone(_PHONES_A_PERSON * number) if self._random.random() < 0.7 else "",
            # Two neighbours in three share a phone at home.
            home_phone=_phone(_PHONES_A_PERSON * (number // 2 * 2) + 3) if number % 6 < 4 else "",
            crm_id=f"crm-{number}" if self._random.random() < 0.5 else "",
            first_name="Ada",
            opt_in=self._random.random() < 0.93,
        )

    def _changed(self, person: Person) -> Person:
        """One of a person's facts changes; the others still tell who it is."""
        number, version = person.number, self._random.randrange(4)
        match self._random.randrange(5):
            case 0:
                return replace(person, emails=(_email(number, version), person.emails[1]))
            case 1:
                return replace(person, emails=(person.emails[0], _email(number, 4 + version)))
            case 2:
                number = _PHONES_A_PERSON * number + version % (_PHONES_A_PERSON - 1)
                return replace(person, phone=_phone(number))
            case 3:
                return replace(person, opt_in=not person.opt_in)
            case _:
                return replace(person, first_name=self._random.choice(["Ada", "Grace", "Edith"]))


def sha256(text: str) -> str:
    """Lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def strays(persons: Sequence[Sequence[Sequence[str]]], wanted: frozenset[Identifier]) -> int:
    """How many of the platform's persons nobody in the segment is tied to."""
    return sum(not wanted & {(key, value) for key, value in person} for person in persons)


def _email(number: int, version: int) -> str:
    return f"p{number}.{version}@example.com"


def _phone(number: int) -> str:
    area, line = divmod(number, _NUMBERS_AN_AREA)
    return f"+1{_AREAS[area]}55501{line:02}"
