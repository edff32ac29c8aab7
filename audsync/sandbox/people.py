"""Who is who in an account of an ad platform, as far as its uploads tell.

Identifiers that came in one row belong to one person; a row that shares any identifier with
earlier rows ties their people together. Nothing is ever untied, as on the real platform.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Protocol

HASHED = frozenset(b"\x01\x02")
"""The kinds of key by which a platform finds its own users, unless it says otherwise."""

_MATCHING_NIBBLES = 12


class Follower(Protocol):
    """Somebody who holds numbers of persons."""

    def merged(self, *, gone: int, into: int) -> None:
        """Two persons turned out to be one, which is called `into` from now on."""
        ...


class People:
    """Numbered persons and the keys they are known by.

    A key is one byte for its kind and then the value: 32 bytes of digest, or UTF-8 text.

    Args:
        matching: the kinds of key that can match, see `matched`.
    """

    def __init__(self, matching: Container[int] = HASHED) -> None:
        self._matching = matching
        self._by_key: dict[bytes, int] = {}
        self._parents: list[int] = []
        self._matches = bytearray()
        self._followers: list[Follower] = []

    def follow(self, follower: Follower) -> None:
        """Tell `follower` of merges from now on."""
        self._followers.append(follower)

    def unfollow(self, follower: Follower) -> None:
        """Stop telling."""
        self._followers = [each for each in self._followers if each is not follower]

    def tie(self, keys: Iterable[bytes]) -> int:
        """The one person whom all of `keys` name from now on; at least one key."""
        by_key, parents = self._by_key, self._parents
        person = -1
        unknown = []
        for key in keys:
            found = by_key.get(key)
            if found is None:
                unknown.append(key)
            elif found != person:
                root = found if parents[found] == found else self._root(found)
                person = root if person < 0 else self._merge(person, root)
        if person < 0:
            person = len(self._parents)
            self._parents.append(person)
            self._matches.append(False)
        for key in unknown:
            by_key[key] = person
            if key[0] in self._matching and key[-1] & 15 < _MATCHING_NIBBLES:
                self._matches[person] = True
        return person

    def named(self, key: bytes) -> int | None:
        """The person whom `key` names, if it was ever seen."""
        found = self._by_key.get(key)
        return None if found is None else self._root(found)

    def matched(self, persons: Iterable[int]) -> int:
        """How many of `persons` the platform finds among its own users.

        Made up, but always the same: one with a key of a matching kind whose last hex digit is
        below `c`.
        """
        return sum(self._matches[person] for person in persons)

    def keys_of(self, persons: dict[int, float]) -> Iterator[list[bytes]]:
        """All keys of each of `persons`."""
        keys: dict[int, list[bytes]] = {person: [] for person in persons}
        for key, number in self._by_key.items():
            person = self._root(number)
            if person in keys:
                keys[person].append(key)
        yield from keys.values()

    def _root(self, person: int) -> int:
        parents = self._parents
        while parents[person] != person:
            parents[person] = parents[parents[person]]
            person = parents[person]
        return person

    def _merge(self, one: int, other: int) -> int:
        if one == other:
            return one
        self._parents[other] = one
        self._matches[one] |= self._matches[other]
        for follower in self._followers:
            follower.merged(gone=other, into=one)
        return one
