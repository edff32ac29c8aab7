"""Segments made of others: exactly the people of the sets, whatever the parts are made of."""

import csv
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pytest

from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.errors import ConfigError
from audsync.sandbox.world import World
from audsync.segments.contract import Query
from audsync.segments.reading import read
from audsync.services import audiences
from audsync.services.doctor.checkup import examine
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import export
from audsync.services.jobs.planning import plan
from audsync.services.jobs.sync_audience import Report
from audsync.services.segments.checking import check
from audsync.sync.wanted import membership
from tests.databases import SetClock
from tests.services.conftest import CONFIG, Project, closes, email, phone

Row = dict[str, str]
SETS = """
  a:
    source: {type: file, path: a.csv}
    columns: {profile_id: id, email: email, phone: phone, consent: ok}
    region: GB
  b:
    source: {type: file, path: b.jsonl}
    columns: {profile_id: id, email: [mail, other]}
  c:
    source: {type: file, path: c.csv}
    columns: {profile_id: id, email: email, phone: phone, consent: ok}
  both: {include: [a, b]}
  less: {include: [a, b], exclude: [c]}
  less-any: {include: [a, b], exclude: [c], by: identifier}
  nested: {include: [less, d]}
  d:
    source: {type: file, path: d.csv}
    columns: {profile_id: id, email: email}
"""


class Sets(Project):
    """Four segments, and what is made of them."""

    def configure(self, sets: str = SETS, extra: str = "") -> None:
        text = CONFIG.replace("suppress:", f"{sets.lstrip(chr(10))}suppress:") + extra
        (self.folder / "audsync.yaml").write_text(text)
        self.restart()

    def rows(self, name: str, rows: list[Row]) -> None:
        if name == "b":
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (self.folder / "b.jsonl").write_text(text or "")
            return
        with (self.folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ("id", "email", "phone", "ok"), restval="")
            writer.writeheader()
            writer.writerows({"ok": "yes", **row} for row in rows)

    def make(self, segment: str) -> Report:
        new = audiences.NewAudience(segment=segment, connection="meta-main", slug="a")
        report = audiences.create(self.runtime, new)
        assert report.exit_code == 0, report.job["error"]
        assert closes(report.job)
        return report


@pytest.fixture
def sets(tmp_path: Path) -> Sets:
    clock = SetClock()
    sets = Sets(tmp_path, World(clock=clock), clock)
    sets.configure()
    sets.rows("a", [{"id": "1", "email": "ann@x.co", "phone": "020 7183 8750"}, _row("2", "bob")])
    sets.rows("b", [{"id": "2", "mail": "bob@x.co", "other": "b.ob@x.co"}, _json("3", "cara")])
    sets.rows("c", [{"id": "3", "email": "nobody@x.co"}, _row("9", "ann")])
    sets.rows("d", [_row("3", "cara"), _row("4", "dan")])
    return sets


def _row(profile: str, name: str) -> Row:
    return {"id": profile, "email": f"{name}@x.co"}


def _json(profile: str, name: str) -> Row:
    return {"id": profile, "mail": f"{name}@x.co"}


def _mails(*names: str) -> set[tuple[str, str]]:
    return {email(f"{name}@x.co") for name in names}


ANNS_PHONE = phone("442071838750")


def test_a_union_has_everybody_once_each_as_their_own_segment_reads_them(sets: Sets) -> None:
    job = sets.make("both").job
    assert sets.held() == _mails("ann", "bob", "b.ob", "cara") | {ANNS_PHONE}
    assert (job["profiles_read"], job["profiles_sent"]) == (4, 3)
    assert job["profiles_skipped"]["duplicate"] == 1


def test_a_difference_by_profile_id(sets: Sets) -> None:
    job = sets.make("less").job
    assert sets.held() == _mails("ann", "bob", "b.ob") | {ANNS_PHONE}
    assert job["profiles_read"] == 4
    assert job["profiles_skipped"]["suppressed"] == 1, "excluded people are skipped as suppressed"


def test_a_difference_by_any_identifier_takes_the_whole_person(sets: Sets) -> None:
    sets.rows("c", [{"id": "77", "phone": "+44 20 7183 8750"}, _row("9", "b.ob")])
    sets.make("less-any")
    # Profile 2 of `a` is not profile 2 of `b`: nothing says that their ids are the same.
    assert sets.held() == _mails("bob", "cara")


def test_whoever_has_several_rows_is_excluded_by_any_of_them(sets: Sets) -> None:
    sets.rows("a", [_row("1", "ann"), {"id": "1", "email": "ann@other.co"}, _row("5", "eve")])
    sets.rows("b", [])
    (sets.folder / "b.jsonl").write_text("")
    sets.rows("c", [{"id": "x", "email": "ann@other.co", "ok": "no"}])
    sets.make("less-any")
    assert sets.held() == _mails("eve"), "and consent does not matter for being excluded"


def test_what_is_excluded_below_may_come_in_from_beside(sets: Sets) -> None:
    sets.make("nested")
    assert sets.held() == _mails("ann", "bob", "b.ob", "cara", "dan") | {ANNS_PHONE}


@pytest.mark.parametrize("segment", ["less", "less-any", "nested"])
def test_a_set_that_changes_moves_only_the_difference(sets: Sets, segment: str) -> None:
    sets.make(segment)
    assert audiences.sync(sets.runtime, "a").job["total_batches"] == 0
    sets.rows("c", [_row("2", "b.ob")])
    planned = plan(sets.runtime, "a")
    assert planned["removal_causes"]["left_segment"] > 0
    assert planned["excluded"] == 1
    done = audiences.sync(sets.runtime, "a", allow_shrink=True)
    assert closes(done.job)
    wanted = {
        "less": _mails("ann", "cara") | {ANNS_PHONE},
        "less-any": _mails("ann", "bob", "cara") | {ANNS_PHONE},
        "nested": _mails("ann", "cara", "dan") | {ANNS_PHONE},
    }[segment]
    assert sets.held() == wanted
    sets.rows("c", [_row("9", "nobody")])
    audiences.sync(sets.runtime, "a")
    assert sets.held() > wanted


def test_check_and_export_see_the_people_of_a_job(sets: Sets) -> None:
    sets.suppress(["bob@x.co"])
    sets.rows("a", [*_people(), {"id": "7", "email": "gil@x.co", "ok": "no"}])
    job = sets.make("less").job
    found = check(sets.runtime, "less", list(Platform))
    for platform in found["platforms"]:
        assert platform["skipped"] == job["profiles_skipped"]
        assert (platform["sendable"], platform["excluded"]) == (job["profiles_sent"], 1)
    assert {column["column"] for column in found["columns"]} == {"email", "other", "phone"}
    out = sets.folder / "out.csv"
    export(sets.runtime, Wish(segment="less", out=str(out), format="csv"), stdout=BytesIO())
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["profile_id"] for row in rows] == ["1"]
    assert list(rows[0]) == ["profile_id", "email", "email_2", "phone"]


def _people() -> list[Row]:
    return [{"id": "1", "email": "ann@x.co", "phone": "020 7183 8750"}, _row("2", "bob")]


TRAITS = """
  a:
    source: {type: file, path: a.csv}
    columns: {profile_id: id, email: email}
    traits: [ltv, plan, score]
  b:
    source: {type: file, path: b.jsonl}
    columns: {profile_id: id, email: mail}
    traits: [ltv, score]
  c:
    source: {type: file, path: c.csv}
    columns: {profile_id: id, email: email}
    traits: [ltv]
  both: {include: [a, b], traits: [plan, ltv, score], events: EVENTS}
  less: {include: [a, b], exclude: [c], by: identifier, traits: [ltv]}
  nested: {include: [less], traits: [plan, score]}
"""
EVENTS = "{source: {type: file, path: orders.csv}, profile_id: who, at: at, columns: [item]}"


def _with_traits(sets: Sets) -> None:
    sets.configure(TRAITS.replace("EVENTS", EVENTS))
    (sets.folder / "a.csv").write_text(
        "id,email,ltv,plan,score\n1,ann@x.co,5,gold,7\n2,bob@x.co,,,high\n"
    )
    (sets.folder / "b.jsonl").write_text('{"id": "3", "mail": "cara@x.co", "ltv": 2.5, "score": 1}')
    (sets.folder / "c.csv").write_text("id,email,ltv\n9,bob@x.co,1\n")
    (sets.folder / "orders.csv").write_text("who,at,item\n3,2026-01-01,hat\n4,2026-01-01,bag\n")


def _exported(sets: Sets, segment: str, *, with_events: bool = False) -> list[dict[str, object]]:
    out = sets.folder / "out.jsonl"
    wish = Wish(
        segment=segment, out=str(out), format="jsonl", is_hashed=False, with_events=with_events
    )
    export(sets.runtime, wish, stdout=BytesIO())
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_an_export_has_the_traits_of_all_parts_and_events(sets: Sets) -> None:
    _with_traits(sets)
    hat = {"at": "2026-01-01T00:00:00.000000Z", "item": "hat"}
    rows = _exported(sets, "both", with_events=True)
    names = ("profile_id", "plan", "ltv", "score", "events")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("1", "gold", 5.0, "7", []),
        ("2", None, None, "high", []),
        ("3", None, 2.5, "1", [hat]),
    ]


def test_a_trait_is_a_column_even_where_no_source_with_it_has_rows(sets: Sets) -> None:
    _with_traits(sets)
    (sets.folder / "a.csv").write_text("id,email,ltv,plan,score\n")
    assert [(row["plan"], row["score"]) for row in _exported(sets, "nested")] == [(None, 1)]


def test_a_set_by_identifier_has_traits_and_reads_no_more_than_it_must_to_know_whom(
    sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_traits(sets)
    asked: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def noted(query: Query) -> Iterator[pa.RecordBatch]:
        asked.append((tuple(query.columns), query.traits))
        yield from read(query)

    monkeypatch.setattr(membership, "read", noted)
    rows = _exported(sets, "less")
    assert [(row["profile_id"], row["ltv"]) for row in rows] == [("1", 5.0), ("3", 2.5)]
    assert [traits for _, traits in asked] == [(), (), (), ("ltv",), ("ltv",)]


def test_traits_and_events_that_a_set_cannot_have_are_refused(sets: Sets) -> None:
    odd = TRAITS.replace("traits: [plan, score]", f"traits: [nothing], events: {EVENTS}")
    text = CONFIG.replace("suppress:", odd.replace("EVENTS", EVENTS) + "suppress:")
    (sets.folder / "audsync.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(sets.folder / "audsync.yaml", {})
    assert "segments.nested.traits.0: is a trait of none of the segments" in caught.value.message
    assert "segments.nested.events: must not be there with `by: identifier`" in caught.value.message


def test_whom_a_part_holds_out_is_held_out_of_the_whole(sets: Sets) -> None:
    sets.rows("a", [_row(str(n), f"p{n}") for n in range(100)])
    sets.configure(SETS.replace("    region: GB", "    holdout: {percent: 50, name: q4}"))
    sets.make("a")
    alone = sets.held()
    assert 20 < len(alone) < 80
    new = audiences.NewAudience(segment="both", connection="meta-main", slug="both", name="x")
    audiences.create(sets.runtime, new)
    (_, remote) = sorted(sets.world.remotes("meta"), key=lambda each: each.name == "x")
    mails = {email(f"p{n}@x.co") for n in range(100)}
    assert set(remote.identifiers) & mails == alone


def test_an_excluded_segment_that_becomes_empty_is_refused(sets: Sets) -> None:
    sets.make("less")
    held = sets.held()
    sets.rows("c", [])
    done = audiences.sync(sets.runtime, "a")
    assert done.job["error"]["details"]["guards"] == ["emptied_list"]
    assert "exclude c names nobody, where it named 2" in done.job["error"]["message"]
    assert sets.held() == held
    assert audiences.sync(sets.runtime, "a", allow_shrink=True).exit_code == 0
    assert sets.held() == held | _mails("cara")


def test_with_a_part_that_cannot_be_read_nothing_is_sent(sets: Sets) -> None:
    sets.make("less")
    held = sets.held()
    (sets.folder / "c.csv").unlink()
    done = audiences.sync(sets.runtime, "a", allow_shrink=True)
    assert done.job["error"]["code"] == "SOURCE_ERROR"
    assert sets.held() == held
    assert "source less" not in {one.name for one in examine(sets.runtime)}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x: {include: [aa]}", "segments.x.include.0: names no segment of this file; did you mean"),
        ("x: {include: [a], exclude: [bott]}", "segments.x.exclude.0: names no segment"),
        ("x: {include: [x]}", "segments.x.include.0: makes x a part of itself"),
        ("x: {include: [y]}\n  y: {include: [a], exclude: [x]}", "segments.y.exclude.0: makes y"),
        ("x: {exclude: [a]}", "segments.x: must have either source or include"),
        ("x: {include: [a], region: GB}", "segments.x: must not have region beside include"),
        ("x: {include: [a], by: email}", "segments.x.by: must be one of profile_id, identifier"),
        ("x: {source: {type: file, path: a.csv}}", "segments.x: must have columns"),
    ],
)
def test_sets_that_cannot_be_meant_are_refused(sets: Sets, line: str, said: str) -> None:
    text = CONFIG.replace("suppress:", f"{SETS.lstrip(chr(10))}  {line}\nsuppress:")
    (sets.folder / "audsync.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(sets.folder / "audsync.yaml", {})
    assert said in caught.value.message
