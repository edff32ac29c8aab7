"""Who may differ between what is confirmed and what is wanted."""

from pathlib import Path

from audsync.sync.change.sides import Both, Sides
from audsync.sync.tables import duck
from audsync.sync.tables.layers import Layers

Lines = dict[int, list[tuple[int, str]]]


def _file(path: Path, people: Lines, *, refused: tuple[str, ...] = ()) -> Layers:
    rows = ", ".join(
        f"({profile}, {kind}, '{value}', {int(value in refused)})"
        for profile, lines in people.items()
        for kind, value in lines
    )
    with duck.session(path.parent, memory_bytes=duck.SMALLEST_BYTES) as con:
        duck.write(
            con,
            "select a::ubigint as profile, b::utinyint as kind, c::blob as value,"
            f" d::utinyint as reason from (values {rows}) v(a, b, c, d)",
            path,
        )
    return Layers(identifiers=path)


def test_only_people_with_other_lines_differ(tmp_path: Path) -> None:
    before: Lines = {number: [(1, f"a{number}"), (2, f"b{number}")] for number in range(1, 9)}
    after: Lines = {
        1: before[1],
        2: before[2][::-1],
        3: [(1, "other"), (2, "b3")],
        4: [(1, "a4")],
        5: [*before[5], (2, "c5")],
        7: [(2, "a7"), (1, "b7")],
        8: [*before[8], (1, "not taken")],
        9: [(1, "a6"), (2, "b6")],
    }
    confirmed = _file(tmp_path / "c.parquet", before)
    wanted = _file(tmp_path / "d.parquet", after, refused=("not taken",))
    with duck.session(tmp_path, memory_bytes=duck.SMALLEST_BYTES) as con:
        sides = Sides(con, Both(confirmed=confirmed, wanted=wanted))
        found = con.execute(f"select profile from {sides.differing()} order by profile").fetchall()
    assert [profile for (profile,) in found] == [3, 4, 5, 6, 7, 9]
