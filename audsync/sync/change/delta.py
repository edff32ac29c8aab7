"""The delta, in SQL: which identifiers go, which people are sent, and why.

The truth is about sets of (kind, value): what anybody wanted still holds is never removed. Links
(profile, kind, value) say who carries what; they find the few values that can have changed, and
whom a removal may take along. Input views: `d` what is wanted, `c` what is confirmed, `u` what is
uncertain, `r` what is still to be repaired, `e` what is to be said once more, `f` who carried
what once; each has profile, kind, value; and `rows`, the wanted source rows. `d_near` and `c_near`
are the parts of the profiles that may differ, or that occur in `u`, `e` or `f`. A look at all
values is what costs, so there is one, for `d_like` and `c_like`: lines of anybody that hold a value
in question. Kinds from 16 on are match fields: a change of them sends the profile again, but they
are not members of the set.
"""

import duckdb

from audsync.domain import FIRST_FIELD
from audsync.sync.change.sides import Sides
from audsync.sync.tables import duck

_FINDING = (
    # Links that came or went.
    """
    create temp table change as
    select coalesce(d.profile, c.profile) as profile, coalesce(d.kind, c.kind) as kind,
           coalesce(d.value, c.value) as value, c.profile is null as is_new
    from d_near d full outer join c_near c
      on d.profile = c.profile and d.kind = c.kind and d.value = c.value
    where d.profile is null or c.profile is null
    """,
    # Values that may have to go: lost a holder, or nobody knows whether they are there.
    """
    create temp table lost as
    select kind, value, bool_or(is_confirmed) as is_confirmed from (
      select kind, value, true as is_confirmed from change where not is_new and kind < {field}
      union all select kind, value, false from u)
    group by kind, value
    """,
    # Every value whose holders matter below: those, and all that a removal may take along. Some
    # stand there twice: to make them different takes more memory than to look them up.
    """
    create temp table candidate as
    select kind, value from lost
    union all select kind, value from u
    union all select kind, value from r
    union all select kind, value from e
    union all select kind, value from f
    union all select kind, value from
      (select * from c_near union all select * from d_near) n semi join
      (select profile from change where not is_new
       union all select profile from u union all select profile from e
       union all select profile from f union all select profile from masked) using (profile)
      where kind < {field}
    """,
    # Values that came to somebody, and may be new.
    """
    create temp table fresh as
    select distinct kind, value from change where is_new and kind < {field}
    """,
)

_JUDGING = (
    "create temp view holder as select profile, kind, value from d_like where kind < {field}",
    """
    create temp table held as
    select distinct kind, value from holder semi join
      (select kind, value from lost union all select kind, value from e) using (kind, value)
    """,
    """
    create temp table removal as
    select kind, value, is_confirmed, false as is_echo from lost anti join held using (kind, value)
    union all
    select distinct kind, value, false, true from e
      anti join held using (kind, value) anti join lost using (kind, value)
    """,
    # Values that appear: nobody confirmed carries them yet.
    """
    create temp table appears as
    select kind, value from fresh anti join
      (select kind, value from c_like where kind < {field}) using (kind, value)
    """,
    # People who came, changed or left.
    "create temp table changed as select distinct profile from change",
    """
    create temp table sent as
    select distinct profile from d_near semi join changed using (profile)
    """,
    """
    create temp table known as
    select distinct profile from change where not is_new and kind < {field}
    union select distinct profile from c_near semi join sent using (profile) where kind < {field}
    """,
    "create temp table departed as select profile from known anti join sent using (profile)",
    # Whom a removal may take along: profiles that carried a removed value, when sent last or once.
    """
    create temp table parted as
    select distinct profile from (
      select profile, kind, value from change where not is_new
      union all select profile, kind, value from u
      union all select profile, kind, value from e
      union all select profile, kind, value from f
      union all select profile, kind, value from masked) semi join removal using (kind, value)
    """,
    """
    create temp table again as
    select kind, value from (
      select n.kind, n.value from c_near n semi join parted using (profile)
      union all select u.kind, u.value from u semi join parted using (profile)
      union all select f.kind, f.value from f semi join parted using (profile)
      union all select n.kind, n.value from d_near n semi join parted using (profile)
      union all select kind, value from u
      union all select kind, value from r
      union all select kind, value from e) where kind < {field}
    """,
    # Who is not sent and holds one of these. Steps of their own: two joins and a grouping at once
    # need more memory than there is where most people changed.
    """
    create temp table bystander as
    select profile, kind, value from holder
      semi join again using (kind, value) anti join sent using (profile)
    """,
    # One holder of each is enough to bring the person back; people sent anyway need no second row.
    """
    create temp table refreshed as
    select min(profile) as profile from bystander anti join (
      select kind, value from holder semi join bystander using (kind, value)
        semi join sent using (profile)) using (kind, value)
      group by kind, value
    union select profile from aged anti join sent using (profile)
    """,
    # All of d of who is sent: they are near, but for holders from afar, mostly nobody.
    """
    create temp table far as
    select profile from refreshed anti join (select distinct profile from d_near) using (profile)
    """,
    # What became of the people of removed values; who is excluded (4) is not in the segment.
    """
    create temp table fate as
    select rows.profile, max(rows.state) filter (rows.state <> 4) as state,
           bool_or(rows.state <> 4) as is_in
    from rows semi join parted using (profile) group by rows.profile
    """,
    # Values of people who said no: on a list (3), or without consent (2). They go first.
    """
    create temp table asked_for as
    select distinct l.kind, l.value from (
      select profile, kind, value from change where not is_new
      union all select profile, kind, value from u) l
      semi join removal using (kind, value)
      semi join (select profile from fate where state in (2, 3)) using (profile)
    """,
)

REMOVALS = """
    select r.kind, r.value, r.is_echo, r.is_confirmed, coalesce(g.leaving, 0)::uinteger as leaving
    from removal r left join (
      select last.kind as kind, last.value as value, count(*) as leaving from (
        select l.profile,
               max({'is_later': a.kind is null, 'kind': l.kind, 'value': l.value}) as last
        from change l semi join departed using (profile) semi join removal using (kind, value)
          left join asked_for a on l.kind = a.kind and l.value = a.value
        where not l.is_new group by l.profile) group by 1, 2) g
      on r.kind = g.kind and r.value = g.value
      left join asked_for a on r.kind = a.kind and r.value = a.value
    order by a.kind is null, r.kind, r.value
    """
"""Removal rows, those of people who said no first. `leaving`: departed profiles whose last value
this is."""

ADDITIONS = """
    select d.profile, d.kind, d.value, 0::utinyint as reason, s.is_refresh,
           a.kind is not null as is_new
    from (select * from d_near union all select * from d_far) d
      join (select profile, false as is_refresh from sent
            union all select profile, true from refreshed) s using (profile)
      left join appears a on d.kind = a.kind and d.value = a.value
    order by d.profile, d.kind, d.value
    """
"""Rows of everybody who is sent, a profile's together."""

BY_KIND = """
    with value as (select profile, kind, value, is_refresh, is_new from ({additions})
                   where reason = 0 and kind < {field}),
    tail as (select profile, max({'kind': kind, 'value': value}) as last from value
             group by profile)
    select v.profile, v.kind, v.value, 0::utinyint as reason, v.is_refresh, v.is_new,
           row_number() over (partition by v.kind, v.value order by v.profile) = 1 as is_first,
           {'kind': v.kind, 'value': v.value} = t.last as is_last
    from value v join tail t using (profile)
    order by v.kind, v.value, v.profile
    """.replace("{field}", str(FIRST_FIELD))
"""Additions for a platform that takes values of one kind a request; match fields stay behind.
`is_first`: of those with its value, the row that is sent; `is_last`: the last of its profile."""

EVERYTHING = """
    select profile, kind, value, reason, false as is_refresh, true as is_new from {identifiers}
    """
"""A prepared segment as additions."""

FORMER = """
    with gone as (
      select profile, kind, value from change where not is_new and kind < {field}
      union select profile, kind, value from f),
    wanted as (
      select * from gone semi join holder using (kind, value)
      anti join d_near using (profile, kind, value)),
    present as (select distinct profile from d_near)
    select w.* from wanted w left join present p using (profile)
    qualify p.profile is not null or count(*) over (partition by w.profile) > 1
    order by all
    """.replace("{field}", str(FIRST_FIELD))
"""Links that are gone, of values others still carry: while two of a profile's are wanted."""

CAUSES = """
    select cause, count(*) from (
      select l.kind, l.value, case
          when bool_or(p.state = 3) then 'suppressed'
          when bool_or(p.state = 5) then 'held_out'
          when bool_or(p.state = 2) then 'consent_withdrawn'
          when bool_or(p.is_in) then 'identifier_changed'
          else 'left_segment' end as cause
      from (select profile, kind, value from change where not is_new
            union all select profile, kind, value from u) l
        semi join (select kind, value from removal where not is_echo) using (kind, value)
        left join fate p on l.profile = p.profile
      group by l.kind, l.value) group by cause
    """
"""Why removed identifiers go: one cause each."""


_AGED = """
    create temp table aged as
    select distinct profile from d where profile >> 48 >= {first} and profile >> 48 < {stop}
    """
_NOBODY_AGED = "create temp view aged as select profile from d_near where false"


def compute(
    con: duckdb.DuckDBPyConnection, sides: Sides, aged: tuple[int, int] | None = None
) -> None:
    """Make the tables that `REMOVALS`, `ADDITIONS` and `CAUSES` read, from the input views.

    `aged`: who is sent again for her age, see `PlanRequest`.
    """
    con.execute(_NOBODY_AGED if aged is None else _AGED.format(first=aged[0], stop=aged[1]))
    for step in _FINDING:
        con.execute(step.replace("{field}", str(FIRST_FIELD)))
    sides.pick("like", c="fresh", d="candidate", by="kind, value")
    for step in _JUDGING:
        con.execute(step.replace("{field}", str(FIRST_FIELD)))
    if duck.count(con, "select count(*) from far"):
        sides.pick("far", c="far", d="far", by="profile")
    else:
        con.execute("create temp view d_far as select * from d_near where false")
