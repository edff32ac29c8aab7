"""The synthetic segment that everything here is measured on, and the same one a day later.

Every cell is a function of the row's number alone, through DuckDB's own hash: the same DuckDB
makes the same files. The numbers are of no real person: names are drawn at random.
"""

# ruff: noqa: SIM905 - a split text is a list of words that one can read
import argparse
import time
from pathlib import Path

import duckdb

FOLDER = Path(__file__).parent / "data"
SMALL_ROWS = 1_000_000
LARGE_ROWS = 10_000_000
XL_ROWS = 100_000_000
CSV_ROWS = 1_000_000
"""CSV is made up to this size only: what it costs more than Parquet does not depend on the size."""

_FIRST = (
    "james mary robert linda david sarah daniel karen paul emma laura kevin amy eric helen luca"
    " petra hans yuki joao ana pedro lucia chidi amara priya rahul sofia noah zoe"
).split()
_LAST = (
    "smith jones garcia miller davis lopez wilson taylor moore lee white clark young king nguyen"
    " mueller schmidt weber silva santos costa dupont moreau tanaka sato okafor sharma rossi"
).split()
_DOMAINS = (
    ["gmail.com"] * 45
    + ["yahoo.com"] * 10
    + ["hotmail.com"] * 8
    + ["outlook.com"] * 8
    + ["icloud.com"] * 7
    + ["googlemail.com"]
    + "web.de gmx.de orange.fr uol.com.br yahoo.co.jp bigpond.com rediffmail.com proton.me".split()
    + "aol.com live.com example-corp.com contoso.co.uk initech.example globex.org".split()
)
_AREAS = "202 206 212 213 305 312 404 415 503 512 602 617 702 713 773 808 904 917".split()
_US = [f"{area}{lead}" for area in _AREAS for lead in range(2, 10)]
_BR = [f"{area}9{lead}" for area in (11, 21, 31, 41, 51, 61, 71, 81) for lead in range(6, 10)]
# Weight, calling code, digits dialled before a call abroad and before a national number, how many
# digits the national number has, and how it begins.
_COUNTRIES = {
    "US": (33, "1", "011", "", 10, _US),
    "IN": (12, "91", "00", "0", 10, "99 98 97 96 95 94 90 88 87 80 79 78 70".split()),
    "GB": (10, "44", "00", "0", 10, "74 75 77 78 79".split()),
    "DE": (10, "49", "00", "0", 11, "1511 1512 1515 1520 1522 1525 1573 1575 1577 1590".split()),
    "BR": (8, "55", "00", "", 11, _BR),
    "FR": (8, "33", "00", "0", 9, "6 6 6 75 76 77 78".split()),
    "AU": (5, "61", "0011", "0", 9, ["4"]),
    "JP": (5, "81", "010", "0", 10, "70 80 90".split()),
    "MX": (5, "52", "00", "", 10, "55 33 81 222 442 477 664 998".split()),
    "NG": (4, "234", "009", "0", 10, "803 805 806 813 703 706 802 901 903".split()),
}
_JUNK = ["n/a", "-", "123", "0000000000", "+99912345678", "unknown", "+1 555", "call me", "55512"]
_BAD_EMAILS = ("'n/a'", "who(i, s)", "who(i, s) || '@'", "who(i, s) || '@@' || host(i, s)")

# `s` makes other values for the same row: those of people who changed them.
_MACROS = f"""
    create macro h(i, k) as hash(i * 128 + k);
    create macro pick(i, k, l) as l[(h(i, k) % len(l) + 1)::int];
    create macro digits(i, k) as lpad((h(i, k) % 1000000000000)::varchar, 12, '0');
    create macro who(i, s) as
        pick(i, 1 + s, {_FIRST}) || pick(i, 2 + s, ['.', '.', '', '_']) || pick(i, 3 + s, {_LAST})
        || (i + s * 7)::varchar;
    create macro host(i, s) as pick(i, 4 + s, {_DOMAINS});
    create macro plain(i, s) as
        who(i, s) || case when h(i, 5 + s) % 100 < 2 then '+news' else '' end || '@' || host(i, s);
    create macro good_email(i, s) as case
        when h(i, 6 + s) % 100 < 15 then upper(plain(i, s)[1]) || plain(i, s)[2:]
        when h(i, 6 + s) % 100 < 19 then upper(plain(i, s))
        when h(i, 6 + s) % 100 < 22 then ' ' || plain(i, s) || ' '
        else plain(i, s) end;
    create macro bad_email(i, s) as
        case (h(i, 7 + s) % {len(_BAD_EMAILS)})::int
        {" ".join(f"when {at} then {bad}" for at, bad in enumerate(_BAD_EMAILS))} end;
    create macro email(i, s) as case
        when h(i, 8 + s) % 100 < 5 then null
        when h(i, 9 + s) % 100 < 3 then bad_email(i, s)
        else good_email(i, s) end;
    create macro country(i) as
        pick(i, 30, {[code for code, row in _COUNTRIES.items() for _ in range(row[0])]});
    create macro spaced(n) as n[:3] || ' ' || n[4:6] || ' ' || n[7:];
    create macro spelt(i, s, n, code, abroad, trunk) as case
        when h(i, 40 + s) % 100 < 46 then '+' || code || n
        when h(i, 40 + s) % 100 < 56 then '+' || code || ' ' || spaced(n)
        when h(i, 40 + s) % 100 < 75 then trunk || spaced(n)
        when h(i, 40 + s) % 100 < 95 then trunk || n
        else abroad || code || n end;
    create macro bad_phone(i, s) as pick(i, 46 + s, {_JUNK});
    create macro uuid(a, b) as
        a[:8] || '-' || a[9:12] || '-4' || a[13:15] || '-a' || b[:3] || '-' || b[4:15];
    create macro mobile(i) as uuid(lpad(hex(h(i, 60)), 16, '0'), lpad(hex(h(i, 61)), 16, '0'));
    create macro mobile_id(i) as case
        when h(i, 62) % 100 >= 30 then null
        when h(i, 63) % 100 < 2 then '00000000-0000-0000-0000-000000000000'
        when h(i, 63) % 100 < 60 then upper(mobile(i))
        else lower(mobile(i)) end;
"""


def parquet(rows: int, day: int) -> Path:
    """The segment of `rows` profiles on day 1, or day 2 after 1 % of them came or went."""
    return FOLDER / f"segment-{rows}-day{day}.parquet"


def csv(rows: int, day: int) -> Path:
    """The same rows as CSV; only up to `CSV_ROWS`."""
    return parquet(rows, day).with_suffix(".csv")


def make(rows: int) -> None:
    """Make the files of this size that are not there yet."""
    FOLDER.mkdir(exist_ok=True)
    if rows > LARGE_ROWS:
        make(LARGE_ROWS)
    with duckdb.connect() as con:
        con.execute(_MACROS)
        con.execute(_phone_macro())
        for day in (1, 2):
            if parquet(rows, day).exists():
                continue
            began = time.perf_counter()
            query = _segment(rows, day) if rows <= LARGE_ROWS else _variants(rows, day)
            _copy(con, query, parquet(rows, day), "parquet, compression zstd")
            if rows <= CSV_ROWS:
                _copy(con, f"from '{parquet(rows, day)}'", csv(rows, day), "csv, header")
            print(f"{parquet(rows, day).name}: {time.perf_counter() - began:.0f} s", flush=True)


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path, form: str) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    con.execute(f"copy ({query}) to '{unfinished}' (format {form})")
    unfinished.replace(path)


def _phone_macro() -> str:
    cases = " ".join(
        f"when '{country}' then spelt(i, s, (pick(i, 42 + s, {starts}) || digits(i, 43 + s))"
        f"[:{length}], '{code}', '{abroad}', '{trunk}')"
        for country, (_, code, abroad, trunk, length, starts) in _COUNTRIES.items()
    )
    return f"""create macro phone(i, s) as case
        when h(i, 44 + s) % 100 >= 60 then null
        when h(i, 45 + s) % 100 < 4 then bad_phone(i, s)
        else case country(i) {cases} end end"""


def _variants(rows: int, day: int) -> str:
    """So many of the large segment's people, each of them several times under another name.

    Quicker than drawing each anew: another address, another last digit of the phone number, and
    another first one of the mobile id make another person of the same habits.
    """
    copies = rows // LARGE_ROWS
    return f"""
        select profile_id || '-' || v as profile_id,
            replace(email, '@', '.v' || v || '@') as email,
            case when try_cast(phone[-1:] as utinyint) is null then phone
                else phone[:-2] || (phone[-1:]::utinyint + v) % 10 end as phone,
            v || mobile_id[2:] as mobile_id,
            * exclude (profile_id, email, phone, mobile_id)
        from range({copies}) as variants(v), '{parquet(LARGE_ROWS, day)}'
    """


def _segment(rows: int, day: int) -> str:
    """Day 2: of 1000 people 5 left, as many joined, 1 has another address, 1 another phone."""
    changed = "h(i, 99) % 1000" if day == 2 else "999"
    joined = rows // 200 if day == 2 else 0
    return f"""
        select printf('P%010d', i) as profile_id,
            case when {changed} = 6 then email(i, 64) else email(i, 0) end as email,
            case when {changed} = 7 then phone(i, 64) else phone(i, 0) end as phone,
            country(i) as country, mobile_id(i) as mobile_id
        from range({rows + joined}) t(i) where i >= {rows} or {changed} >= 5"""


def main() -> None:
    """Make the segment of one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SMALL_ROWS)
    make(parser.parse_args().rows)


if __name__ == "__main__":
    main()
