"""What a difference starts from: the views and near tables that `delta` reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from audsync.sync.change.sides import Both, Sides
from audsync.sync.tables import duck, layers
from audsync.sync.tables.layers import NEXT, Layers

MakeSides = Callable[[duckdb.DuckDBPyConnection, Both], Sides]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Of one plan."""

    paths: Mapping[str, Path]
    """The files of the state, what is wanted among them, by role."""
    touched: Path | None
    """Profiles that may differ; None when all may."""
    profiles: int
    """How many are wanted."""
    tries_refused: bool
    """What the platform refused is wanted again."""
    make_sides: MakeSides = Sides


def prepare(con: duckdb.DuckDBPyConnection, inputs: Inputs) -> Sides:
    """Make the views and near tables, and what looks further lines up."""
    paths = inputs.paths
    wanted = Layers.of(paths, NEXT)
    assert wanted is not None, "its files were just named"
    views = {
        "u": duck.links(con, paths.get("uncertain")),
        "r": duck.links(con, paths.get("repair")),
        "e": duck.links(con, paths.get("echo")),
        "f": duck.links(con, paths.get("former")),
        "rows": layers.rows(con, wanted),
    }
    for name, source in views.items():
        con.execute(f"create temp view {name} as select * from {source}")
    refused = paths.get("refused")
    both = Both(
        confirmed=Layers.of(paths),
        wanted=wanted,
        unconfirmed=refused,
        unwanted=None if inputs.tries_refused else refused,
    )
    sides = inputs.make_sides(con, both)
    sides.mask(refused)
    is_patch = inputs.touched is not None or both.share_their_base
    if inputs.touched is not None:
        near = duck.source(con, inputs.touched)
    else:
        near = sides.outdated() if is_patch else sides.differing()
    con.execute(
        f"create temp table near as select profile from {near}"
        " union select profile from u union select profile from e"
        " union select profile from f union select profile from masked"
    )
    if is_patch or duck.count(con, "select count(*) from near") < inputs.profiles / 2:
        sides.pick("near", c="near", d="near", by="profile")
        return sides
    # Where most people differ, their lines are better looked at where they are than copied.
    for name in ("d", "c"):
        con.execute(f"create temp view {name}_near as select * from {name}")
    return sides
