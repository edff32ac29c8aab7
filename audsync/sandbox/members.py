"""Who is in one audience, kept in two ways at once.

Identifiers: every cell of every added row less every removed cell. Persons: whoever was brought
in by any key and not taken out by any key since. A sync is right only if it is right in both.
"""

from collections.abc import Iterable, Sequence

from audsync.sandbox.people import People

Row = tuple[bytes, ...]
"""The identifying keys of one row."""


class Members:
    """The members of one audience; times are those of the latest upload, in epoch seconds."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.identifiers: dict[bytes, float] = {}
        self.persons: dict[int, float] = {}
        people.follow(self)

    def add(self, rows: Iterable[Row], now: float) -> None:
        """Bring in each row's person, with all cells; a later upload keeps its own time."""
        identifiers, persons, tie = self.identifiers, self.persons, self._people.tie
        for row in rows:
            if row:
                person = tie(row)
                persons[person] = max(now, persons.get(person, now))
                for key in row:
                    identifiers[key] = max(now, identifiers.get(key, now))

    def remove(self, rows: Iterable[Row]) -> None:
        """Take out each row's cells, and every person whom one of them names."""
        for row in rows:
            for key in row:
                self.identifiers.pop(key, None)
                person = self._people.named(key)
                if person is not None:
                    self.persons.pop(person, None)

    def expire(self, before: float) -> None:
        """Drop whoever was last uploaded earlier than `before`."""
        self.identifiers = {k: at for k, at in self.identifiers.items() if at >= before}
        self.persons = {person: at for person, at in self.persons.items() if at >= before}

    def matched(self) -> int:
        """How many of its persons the platform knows."""
        return self._people.matched(self.persons)

    def matched_without(self, rows: Sequence[Row]) -> int:
        """`matched` as it would be after `remove(rows)`."""
        named = {self._people.named(key) for row in rows for key in row}
        return self._people.matched(person for person in self.persons if person not in named)

    def keys_of_persons(self) -> Iterable[list[bytes]]:
        """For each of its persons all keys by which the account knows that person."""
        return self._people.keys_of(self.persons)

    def merged(self, *, gone: int, into: int) -> None:
        """Two persons turned out to be one: it is in when either was."""
        at = self.persons.pop(gone, None)
        if at is not None:
            self.persons[into] = max(at, self.persons.get(into, 0.0))

    def forget(self) -> None:
        """The audience is gone."""
        self._people.unfollow(self)
