"""A difference in which everybody changed stays within the memory that it is given."""

from pathlib import Path

from audsync.sync.change import delta
from audsync.sync.change.sides import Both, Sides
from audsync.sync.tables import duck
from audsync.sync.tables.layers import Layers

PROFILES = 200_000


def _links(path: Path, addresses: str) -> Layers:
    """Two values a profile, of which the first is an address of that sort."""
    with duck.session(path.parent, memory_bytes=1 << 30) as con:
        duck.write(
            con,
            f"""select profile::ubigint as profile, kind::utinyint as kind,
                  unhex(sha256(kind || if(kind = 1, '{addresses}', '') || profile)) as value,
                  0::utinyint as reason
                from range({PROFILES}) p(profile), (values (1), (2)) k(kind)
                order by all""",
            path,
        )
    return Layers(identifiers=path)


def test_everybody_has_another_address(tmp_path: Path) -> None:
    confirmed = _links(tmp_path / "c.parquet", "old")
    wanted = _links(tmp_path / "d.parquet", "new")
    with duck.session(tmp_path, memory_bytes=duck.SMALLEST_BYTES) as con:
        sides = Sides(con, Both(confirmed=confirmed, wanted=wanted))
        for name in ("u", "r", "e", "f", "masked"):
            con.execute(f"create temp view {name} as {duck.EMPTY_LINKS}")
        con.execute("create temp view rows as select 0::ubigint as profile, 0 as state where false")
        for side in ("c", "d"):
            con.execute(f"create temp view {side}_near as select * from {side}")
        delta.compute(con, sides)
        found = {
            table: duck.count(con, f"select count(*) from {table}")
            for table in ("removal", "appears", "sent", "refreshed")
        }
    assert found == {
        "removal": PROFILES,
        "appears": PROFILES,
        "sent": PROFILES,
        "refreshed": 0,
    }
