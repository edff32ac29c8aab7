"""Invented customers for the demo: messy cells, and what a platform must make of them.

Nobody is real: addresses end in example.com (RFC 2606), phones are from the block kept for
fiction (555-0100 to 555-0199 of an area code).
"""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from audsync.sandbox.contract import Guide

HEADER = ("customer_id", "first_name", "last_name", "email", "phone", "country", "opt_in")
_FIRST_NAMES = ("Ada", "Bo", "Chloé", "Dev", "Emre", "Fatima", "Grace", "Hiro", "Inés", "Jon")
_LAST_NAMES = ("Ames", "Boyd", "Cruz", "Diaz", "Eng", "Fox", "Gray", "Hall", "Ito")
_AREAS = "202 206 212 213 214 215 303 305 312 313 404 412 415 503 504 512 602 612 617 702 704 713"
_LINES_AN_AREA = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One invented customer; `email` and `phone` in normal form, "" where there is none."""

    number: int
    email: str = field(repr=False)
    phone: str = field(repr=False)
    has_consent: bool = True

    @property
    def row(self) -> tuple[str, ...]:
        """The person as an export of a shop would have it."""
        return (
            f"c-{self.number:05}",
            _FIRST_NAMES[self.number % len(_FIRST_NAMES)],
            _LAST_NAMES[self.number % len(_LAST_NAMES)],
            _messy_email(self.email, self.number),
            _messy_phone(self.phone, self.number),
            "US",
            "yes" if self.has_consent else "no",
        )

    def known_as(self, guide: Guide) -> frozenset[tuple[str, str]]:
        """What a platform must know the person by: its names, and SHA-256 as it hashes."""
        values = {guide.email_key: self.email}
        if self.phone:
            values[guide.phone_key] = guide.phone_prefix + self.phone.removeprefix("+")
        return frozenset(
            (key, hashlib.sha256(value.encode()).hexdigest())
            for key, value in values.items()
            if value
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Everybody in the file, and the addresses of those who opted out."""

    people: Sequence[Person]
    opted_out: frozenset[str] = field(repr=False)

    @property
    def wanted(self) -> tuple[Person, ...]:
        """Who must be in the audience, and nobody else."""
        return tuple(
            person
            for person in self.people
            if person.has_consent
            and (person.email or person.phone)
            and person.email not in self.opted_out
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happened between two days, in people."""

    left: int
    joined: int
    changed_email: int
    withdrew_consent: int
    opted_out: int


def first_day(count: int = 2_000) -> Crowd:
    """The customers on the first day."""
    people = [_person(number) for number in range(count)]
    return Crowd(people=people, opted_out=frozenset(_emails(people[7::200])))


def next_day(crowd: Crowd) -> tuple[Crowd, Changes]:
    """The same shop a day later."""
    stayed = [person for person in crowd.people if not _is_one_in(13, person, at=5)]
    reached = [person for person in crowd.wanted if not _is_one_in(13, person, at=5)]
    renamed = {each.number for each in reached if each.email and _is_one_in(41, each, at=3)}
    withdrew = {each.number for each in reached if _is_one_in(97, each, at=11)}
    first_new = len(crowd.people)
    joined = [_person(number) for number in range(first_new, first_new + 120)]
    people = [
        replace(
            person,
            email=f"new.{person.email}" if person.number in renamed else person.email,
            has_consent=person.has_consent and person.number not in withdrew,
        )
        for person in stayed
    ]
    newly_out = frozenset(_emails(people[19::300])) - crowd.opted_out
    changes = Changes(
        left=len(crowd.people) - len(stayed),
        joined=len(joined),
        changed_email=len(renamed),
        withdrew_consent=len(withdrew),
        opted_out=len(newly_out),
    )
    return Crowd(people=[*people, *joined], opted_out=crowd.opted_out | newly_out), changes


def write(crowd: Crowd, folder: Path) -> None:
    """Write `customers.csv` and `opt_outs.csv`, each at once, as a good export does."""
    _write(folder / "customers.csv", HEADER, (person.row for person in crowd.people))
    _write(folder / "opt_outs.csv", ("email",), ((email,) for email in sorted(crowd.opted_out)))


def _person(number: int) -> Person:
    """Some lack an address, some a phone, a few both; some gave no consent."""
    areas = _AREAS.split()
    area = areas[number // _LINES_AN_AREA % len(areas)]
    line = f"{area}55501{number % _LINES_AN_AREA:02}"
    whole = Person(number=number, email=f"customer{number}@example.com", phone=f"+1{line}")
    return replace(
        whole,
        email="" if _is_one_in(50, whole, at=17) else whole.email,
        phone="" if _is_one_in(30, whole, at=7) else whole.phone,
        has_consent=not _is_one_in(40, whole, at=9),
    )


def _is_one_in(count: int, person: Person, *, at: int) -> bool:
    """Whether it is this person's turn, which comes once in `count`."""
    return person.number % count == at


def _emails(people: Iterable[Person]) -> Iterable[str]:
    return (person.email for person in people if person.email)


def _messy_email(email: str, number: int) -> str:
    if not email:
        return ("", "n/a", "no-address")[number % 3]
    return (email, f"  {email} ", email.upper(), email.replace("customer", "Customer"))[number % 4]


def _messy_phone(phone: str, number: int) -> str:
    if not phone:
        return ("", "unknown")[number % 2]
    area, prefix, line = phone[2:5], phone[5:8], phone[8:]
    spellings = (
        phone,
        f"({area}) {prefix}-{line}",
        f"{area}.{prefix}.{line}",
        f"1 {area} {prefix} {line}",
    )
    return spellings[number % len(spellings)]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    unfinished.replace(path)
