"""Folding, in SQL: what an unfinished plan's batches prove, and what they leave in doubt.

Input: the state files as views `c`, `d`, `u`, `r`, `e`, `f` and `x` (refused, and so not in `c`),
and the plan's rows as `removed` and `added`, each with the state of the batch it went out in.
Nothing here forgets an identifier that may be on the platform: it ends in the confirmed set or in
the uncertain one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from audsync.domain import FIRST_FIELD, Action, BatchState
from audsync.sync.contract import BatchFacts
from audsync.sync.tables import duck, layers
from audsync.sync.tables.layers import NEXT, Layers

_CERTAIN = frozenset(
    {BatchState.PLANNED, BatchState.REFUSED, BatchState.APPLIED, BatchState.LEFT_OUT}
)
_ATTEMPTED = frozenset(
    {BatchState.SENDING, BatchState.UNKNOWN, BatchState.APPLIED, BatchState.ACCEPTED}
)
MAX_ECHO_ROWS = 200_000
"""Above this nothing is said once more: the doubt then comes from a whole unfinished upload."""

_APPLIED_ADDS = "(select distinct kind, value from added where state = 'applied')"
_APPLIED_REMOVES = "(select kind, value from removed where state = 'applied')"
_DOUBTFUL_REMOVES = "(select kind, value from removed where state = 'doubtful')"
_CARRIED = (
    "(select * from c union all select * from u union all select profile, kind, value from e)"
)
_COMPANY = (
    "(select * from c union all select * from u union all select profile, kind, value from e"
    " union all select * from r union all select * from f)"
)
"""What profiles carry, and what is still to be repaired of them: a plan that was never sent may
be the only one that knew two values as one person's."""
_LESS_REFUSED = "anti join z using (kind, value)"
"""What the platform refuses is not there, and not to be said again."""
_IN_DOUBT = f"""union all
          select * from {_CARRIED} semi join z using (kind, value)
            anti join {_APPLIED_REMOVES} using (kind, value)"""
"""What is refused and may be there nevertheless, since it was there before: it is taken out next.
A removal of another of her identifiers may have taken its person along, and nobody can add it."""
_WHOLE = f"""company as (select profile, max(rounds) as rounds from parts group by profile),
        known as (
          select * from parts union all
          select k.*, y.rounds from {_COMPANY} k join company y using (profile)),
        whole as (select profile, kind, value, max(rounds)::utinyint as rounds from (
            select * from known union all
            select f.*, y.rounds from f join
              (select kind, value, max(rounds) as rounds from known group by kind, value) y
              using (kind, value))
          where kind < {FIRST_FIELD} group by profile, kind, value)
        select * from whole {_LESS_REFUSED}
        where (select count(*) from whole) <= {MAX_ECHO_ROWS}"""
"""What is to be said again, with all that its profiles carried: a removal that is said again may
take along whoever shares a value with a profile that nothing else remembers any more."""
ROUNDS = 2
"""How often what was said after an unanswered try is said again: a run may pass before a late
request lands. What was uncertain has been said again once already."""

_FOUND = f"""
    select profile, kind, value from d
    anti join c using (profile, kind, value) anti join u using (profile, kind, value)
    where kind < {FIRST_FIELD} and (
      (kind, value) in (select (kind, value) from {_CARRIED})
      or profile in (select profile from {_CARRIED}))
    """
"""Who belongs together as only the plan that ended knows: by the next run they may have another
profile id, or other values, and a removal of what is there would take them along unseen."""
UNSENT_FORMER = f"select * from f union {_FOUND} order by all"
"""Former links after a plan of which nothing was sent."""
_FORMER = f"select * from f union select * from f_next union {_FOUND} order by all"

UPDATE_PARTS = {
    "former": _FORMER,
    "identifiers": f"""
        with sent as (select distinct profile from added where state = 'applied'),
        kept as (
          select c.* from c anti join {_APPLIED_REMOVES} using (kind, value)
          anti join (select a.profile, k.kind from sent a, (select distinct kind from c
                     where kind >= {FIRST_FIELD}) k) using (profile, kind)),
        news as (select distinct profile, kind, value from added where state = 'applied')
        select profile, kind, value, 0::utinyint as reason from kept
        union all
        select profile, kind, value, 0::utinyint from news
          anti join kept using (profile, kind, value)
        """,
    "uncertain": f"""
        select distinct profile, kind, value from (
          select * from u anti join {_APPLIED_REMOVES} using (kind, value)
            anti join {_APPLIED_ADDS} using (kind, value)
          -- Also what another batch added for certain: this one may land after a later removal.
          union all select profile, kind, value from added where state = 'doubtful'
          union all select * from {_CARRIED} semi join {_DOUBTFUL_REMOVES} using (kind, value)
          {_IN_DOUBT})
        where kind < {FIRST_FIELD}
        """,
    "repair": f"""
        select distinct profile, kind, value from (
          select * from r
          union all select profile, kind, value from added
            where state not in ('applied', 'left_out')
            and exists (select 1 from removed union all select 1 from r)
          -- Whom a removal took along while another of hers was refused: she may be wanted again.
          union all select * from c semi join
            (select distinct profile from c semi join {_APPLIED_REMOVES} using (kind, value))
            using (profile))
        anti join {_APPLIED_ADDS} using (kind, value)
        anti join {_APPLIED_REMOVES} using (kind, value)
        {_LESS_REFUSED} where kind < {FIRST_FIELD}
        """,
    "echo": f"""
        with said as (select * from {_APPLIED_ADDS} union select * from {_APPLIED_REMOVES}),
        parts as (
          select * from e anti join said using (kind, value)
          union all select profile, kind, value, rounds - 1 from e semi join said
            using (kind, value) where rounds > 1
          union all select *, 1 from u semi join said using (kind, value)
          union all select profile, kind, value, {ROUNDS} from added
            where state = 'applied' and unanswered
          union all select *, {ROUNDS} from {_CARRIED} semi join
            (select kind, value from removed where state = 'applied' and unanswered)
            using (kind, value)),
        {_WHOLE}
        """,
}
"""Role -> query: the state after an unfinished update."""

REPLACE_PARTS = {
    "former": _FORMER,
    "uncertain": f"""
        select distinct profile, kind, value from
          (select * from {_CARRIED} union all select * from d {_LESS_REFUSED})
        where kind < {FIRST_FIELD}
        """,
    "repair": "select profile, kind, value from r where false",
    "echo": "select profile, kind, value from e where false",
}
"""The same after an unfinished replace: anything of old and new may be there."""

ECHO_OF_CLOSED = f"""
    with parts as (
      select profile, kind, value, rounds - 1 as rounds from e where rounds > 1
      union all select *, 1 from u
      union all select profile, kind, value, {ROUNDS} from added where unanswered
      union all select *, {ROUNDS} from {_CARRIED} semi join
        (select kind, value from removed where unanswered) using (kind, value)),
    {_WHOLE}
    """
"""What a clean run has to say once more: a request that went unanswered may land late."""


REFUSED = "select * from z"
REFUSED_OF_CLOSED = "select z.* from z semi join d using (kind, value)"
"""What is wanted and refused, after an unfinished plan and after one that was carried out."""
UNCERTAIN_OF_CLOSED = f"""
    select distinct profile, kind, value from (select * from c where false {_IN_DOUBT})
    where kind < {FIRST_FIELD}
    """
"""After a plan that was carried out, but for what was left out of it."""
_KNOWN_REFUSED = f"""
    create temp table z as
    with left_out as (
      select profile, kind, value from x
      union select profile, kind, value from added
        where state = 'left_out' and kind < {FIRST_FIELD}),
    sent as (select kind, value from added where state in ('applied', 'doubtful'))
    select * from left_out anti join sent using (kind, value)
    """
"""Refused now or before, and not sent since with another outcome."""


def has_refused(batches: Sequence[BatchFacts], paths: Mapping[str, Path]) -> bool:
    """Whether there may be refused values after this plan."""
    return "refused" in paths or any(one.state is BatchState.LEFT_OUT for one in batches)


def was_attempted(batches: Sequence[BatchFacts]) -> bool:
    """Whether any request of the plan may have had an effect."""
    return any(batch.state in _ATTEMPTED for batch in batches)


def prepare(
    con: duckdb.DuckDBPyConnection,
    batches: Sequence[BatchFacts],
    paths: Mapping[str, Path],
) -> None:
    """Make the views that the queries above read."""
    views = {
        "c": layers.accepted(con, Layers.of(paths), less=paths.get("refused")),
        "d": layers.accepted(con, Layers.of(paths, NEXT)),
        "u": duck.links(con, paths.get("uncertain")),
        "r": duck.links(con, paths.get("repair")),
        "e": duck.echoes(con, paths.get("echo")),
        "f": duck.links(con, paths.get("former")),
        "f_next": duck.links(con, paths.get("next_former")),
        "x": duck.links(con, paths.get("refused")),
    }
    for name, source in views.items():
        con.execute(f"create temp view {name} as select * from {source}")
    con.register("pieces", _pieces(batches))
    _make_rows(con, "removed", paths.get("removals"), columns="kind, value", is_removal=True)
    _make_rows(con, "added", paths.get("additions"), columns="profile, kind, value")
    is_any = has_refused(batches, paths)
    con.execute(_KNOWN_REFUSED if is_any else f"create temp table z as {duck.EMPTY_LINKS}")


def _make_rows(
    con: duckdb.DuckDBPyConnection,
    name: str,
    path: Path | None,
    *,
    columns: str,
    is_removal: bool = False,
) -> None:
    if path is None:
        empty = duck.links(con, None)
        con.execute(
            f"create temp view {name} as select {columns}, '' as state, false as unanswered"
            f" from {empty}"
        )
        return
    accepted = "" if is_removal else " and reason = 0"
    con.execute(
        f"create temp view {name} as select {columns}, p.state, p.unanswered from"
        f" {duck.source(con, path, is_numbered=True)} f asof join"
        f" (select * from pieces where is_removal = {is_removal}) p"
        f" on f.file_row_number >= p.first_row where f.file_row_number < p.stop_row{accepted}"
    )


def _pieces(batches: Sequence[BatchFacts]) -> pa.Table:
    """Where each batch begins and stops in its file, and what is known of it."""
    return pa.table(
        {
            "is_removal": [batch.action is Action.REMOVE for batch in batches],
            "first_row": pa.array([batch.first_row for batch in batches], pa.int64()),
            "stop_row": pa.array([batch.stop_row for batch in batches], pa.int64()),
            "state": [
                batch.state.value if batch.state in _CERTAIN else "doubtful" for batch in batches
            ],
            "unanswered": [batch.unanswered_tries > 0 for batch in batches],
        }
    )
