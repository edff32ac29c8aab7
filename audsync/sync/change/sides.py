"""What is confirmed and what is wanted, side by side; a large file they share is read once.

Makes the views `c` (confirmed) and `d` (wanted) of profile, kind, value. Looking a few lines up
among all is what costs in a difference, so both sides are asked in one pass where they share
their large files, as they do from one sync to the next.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from audsync.sync.tables import duck, layers
from audsync.sync.tables.layers import Layers

_LARGE, _CONFIRMED, _WANTED = 0, 1, 2
"""Which file a line is from: the large one they share, or one that belongs to a side alone."""


LOWEST = f"(sum(mark) & {(1 << 64) - 1})::ubigint"
"""SQL for the last 64 bits of a sum of marks: they add up like the marks themselves."""


def marks(links: str, *, is_confirmed: bool) -> str:
    """SQL for profile and mark of each link: a hash of 64 bits, negated on one of the sides."""
    sign = "-" if is_confirmed else ""
    return f"select profile, {sign}(hash(kind, value)::hugeint) as mark from {links}"


def unequal(marked: str) -> str:
    """SQL for the profiles of which both sides do not have the same lines.

    Compared are sums of hashes, which is 16 bytes a profile instead of all its lines: what is
    joined then is a few people, and not both sides. Two sets of lines have the same sum by chance
    once in 2**64.

    Args:
        marked: SQL for the marks of all links of both sides, or for the `LOWEST` of sums of some.
    """
    return f"(select profile from {marked} group by profile having {LOWEST} <> 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """The files of both sides."""

    confirmed: Layers | None
    wanted: Layers
    unconfirmed: Path | None = None
    """Links whose values count as not confirmed."""
    unwanted: Path | None = None
    """The same for what is wanted."""

    @property
    def share_their_base(self) -> bool:
        """Whether the large file of identifiers is one and the same."""
        return bool(self.confirmed and self.confirmed.identifiers == self.wanted.identifiers)


class Sides:
    """The two sets of links of one difference."""

    def __init__(self, con: duckdb.DuckDBPyConnection, both: Both) -> None:
        confirmed, wanted = both.confirmed, both.wanted
        self._con = con
        self._wanted = wanted
        self._outdated = {
            "c": confirmed.outdated if confirmed else None,
            "d": wanted.outdated,
        }
        self._less = {"c": both.unconfirmed, "d": both.unwanted}
        self.share_their_base = both.share_their_base
        for name, side in (("c", confirmed), ("d", wanted)):
            links = layers.accepted(con, side, less=self._less[name])
            con.execute(f"create temp view {name} as select * from {links}")
        if confirmed and self.share_their_base:
            parts = (
                (_LARGE, wanted.identifiers),
                (_CONFIRMED, confirmed.later_identifiers),
                (_WANTED, wanted.later_identifiers),
            )
            lines = " union all ".join(self._lines(part, path) for part, path in parts if path)
            con.execute(f"create temp view lines as {lines}")

    def pick(self, name: str, *, c: str, d: str, by: str) -> None:
        """Make tables `c_name` and `d_name`: lines of each side that are in a relation of its own.

        Args:
            name: what to call the lines.
            c: a relation with the columns `by`, for the confirmed side.
            d: the same for the wanted side.
            by: names of columns.
        """
        if not self.share_their_base:
            for side, wanted in (("c", c), ("d", d)):
                self._con.execute(
                    f"create temp table {side}_{name} as"
                    f" select * from {side} semi join {wanted} using ({by})"
                )
            return
        both = c if c == d else f"(select {by} from {c} union all select {by} from {d})"
        self._con.execute(
            f"create temp table picked as select * from lines semi join {both} using ({by})"
        )
        for side, wanted, own in (("c", c, _CONFIRMED), ("d", d, _WANTED)):
            outdated = layers.profiles(self._con, self._outdated[side])
            links = (
                f"(select profile, kind, value from ("
                f" select * from picked where part = {own} union all"
                f" select * from picked anti join {outdated} using (profile)"
                f" where part = {_LARGE}) semi join {wanted} using ({by}))"
            )
            less = self._less[side]
            links = layers.without(self._con, links, less) if less else links
            self._con.execute(f"create temp table {side}_{name} as select * from {links}")
        self._con.execute("drop table picked")

    def differing(self) -> str:
        """SQL for the profiles that may differ; see `unequal`."""
        both = (marks(links, is_confirmed=links == "c") for links in ("d", "c"))
        return unequal(f"({' union all '.join(both)})")

    def mask(self, refused: Path | None) -> None:
        """Make the table `masked`: wanted links with a value that the platform refuses."""
        links = duck.EMPTY_LINKS
        if refused:
            every = layers.accepted(self._con, self._wanted)
            links = (
                f"select w.* from {every} w"
                f" semi join {duck.links(self._con, refused)} x using (kind, value)"
            )
        self._con.execute(f"create temp table masked as {links}")

    def outdated(self) -> str:
        """SQL for the profiles in which sides that share their large files can differ."""
        one, other = (layers.profiles(self._con, path) for path in self._outdated.values())
        return f"(select profile from {one} union select profile from {other})"

    def _lines(self, part: int, path: Path) -> str:
        return (
            f"select profile, kind, value, {part} as part from {duck.source(self._con, path)}"
            " where reason = 0"
        )
