import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.errors import ConfigError, SourceError, UsageError
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import Done, export
from audsync.services.wiring.runtime import Runtime

CONFIG = """
segments:
  vip:
    source: {type: file, path: vip.csv}
    columns: {profile_id: id, email: email, consent: ok}
    events: {source: {type: file, path: orders.csv}, profile_id: customer, at: at, MORE}
"""
PEOPLE = "id,email,ok\n2,b@x.co,yes\n1,a@x.co,yes\n9,n@x.co,no\n3,c@x.co,yes\n1,a2@x.co,yes\n"
ORDERS = """customer,at,product,price,email
1,2026-01-01T10:00:00Z,hat,5,a@x.co
2,2026-01-02 10:00:00,shoe,7.5,b@x.co
1,2026-03-01T10:00:00+02:00,coat,100,a@x.co
1,2026-03-01T08:00:00Z,scarf,9,a@x.co
9,2026-03-02,gloves,9,n@x.co
,2026-03-02,nobody's,9,
1,,lost,9,a@x.co
7,2026-03-02,stranger's,9,s@x.co
"""


class Shop:
    """People and what they bought, and what `export --events` makes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(PEOPLE, "vip.csv")
        self.write(ORDERS, "orders.csv")
        self.events("columns: [product, price]")

    def write(self, text: str, name: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def events(self, more: str) -> None:
        self.write(CONFIG.replace("MORE", more), "audsync.yaml")

    def export(
        self,
        name: str,
        **wish: Any,  # noqa: ANN401 - fields of a wish
    ) -> Done:
        runtime = Runtime(config=load_config(self.folder / "audsync.yaml", {}))
        out = str(self.folder / name)
        made = Wish(
            **{"segment": "vip", "out": out, "format": "jsonl", "with_events": True, **wish}
        )
        return export(runtime, made, stdout=io.BytesIO())

    def rows(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Whose row, and the events in it."""
        self.export("out.jsonl")
        lines = (self.folder / "out.jsonl").read_text().splitlines()
        return [(row["profile_id"], row["events"]) for row in map(json.loads, lines)]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def event(at: str, product: str, price: float) -> dict[str, Any]:
    return {"at": at, "product": product, "price": price}


HAT = event("2026-01-01T10:00:00.000000Z", "hat", 5.0)
SHOE = event("2026-01-02T10:00:00.000000Z", "shoe", 7.5)
COAT = event("2026-03-01T08:00:00.000000Z", "coat", 100.0)
SCARF = event("2026-03-01T08:00:00.000000Z", "scarf", 9.0)


def test_each_row_has_its_person_s_events_newest_first(shop: Shop) -> None:
    assert shop.rows() == [
        ("2", [SHOE]),
        ("1", [SCARF, COAT, HAT]),
        ("3", []),
        ("1", [SCARF, COAT, HAT]),
    ]


def test_only_the_last_few_and_only_since_a_day(shop: Shop) -> None:
    shop.events("columns: [product, price], last: 1")
    assert dict(shop.rows())["1"] == [SCARF]
    shop.events("columns: [product, price], since: 2026-01-02")
    assert [len(events) for _, events in shop.rows()] == [1, 2, 0, 2]
    shop.events("columns: [product, price], since: 2026-01-02, last: 1")
    assert [len(events) for _, events in shop.rows()] == [1, 1, 0, 1]


def test_without_columns_it_is_the_times_and_nothing_more(shop: Shop) -> None:
    shop.events("last: 1")
    assert shop.rows()[0] == ("2", [{"at": SHOE["at"]}])
    assert "@" not in (shop.folder / "out.jsonl").read_text()


def test_a_csv_has_them_as_json_and_parquet_as_lists(shop: Shop) -> None:
    shop.export("out.csv", format="csv")
    with (shop.folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [json.loads(row["events"]) for row in rows] == [events for _, events in shop.rows()]
    shop.export("out.parquet", format="parquet")
    found = pq.read_table(shop.folder / "out.parquet")["events"].to_pylist()
    assert found == [events for _, events in shop.rows()]


def test_no_events_at_all_and_no_people_are_whole_files(shop: Shop) -> None:
    shop.write("customer,at,product,price\n", "orders.csv")
    assert [events for _, events in shop.rows()] == [[]] * 4
    shop.write("id,email,ok\n", "vip.csv")
    for form in ("csv", "json", "parquet"):
        assert shop.export(f"out.{form}", format=form).report["profile_count"] == 0
    assert (shop.folder / "out.csv").read_text() == "profile_id,email,events\n"


def test_many_people_and_events_stay_in_step(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audsync.services.exports.exporting.BATCH_ROWS", 100)
    monkeypatch.setattr("audsync.sync.exports.events._PIECE_ROWS", 64)
    people = "".join(f"p{n},u{n}@x.co,{'no' if n % 7 == 0 else 'yes'}\n" for n in range(2_000))
    orders = "".join(
        f"p{n},2026-01-0{k + 1},thing {n}.{k},{k}\n" for k in range(3) for n in range(0, 2_000, 3)
    )
    shop.write("id,email,ok\n" + people, "vip.csv")
    shop.write("customer,at,product,price\n" + orders, "orders.csv")
    rows = shop.rows()
    assert [whose for whose, _ in rows] == [f"p{n}" for n in range(2_000) if n % 7]
    for whose, events in rows:
        n = int(whose[1:])
        wanted = [f"thing {n}.{k}" for k in (2, 1, 0)] if n % 3 == 0 else []
        assert [each["product"] for each in events] == wanted


def test_what_is_no_time_is_refused_without_a_word_of_it(shop: Shop) -> None:
    shop.write(ORDERS + "1,secret-word,hat,5,a@x.co\n", "orders.csv")
    with pytest.raises(SourceError, match=re.escape("1 events")) as raised:
        shop.export("out.jsonl")
    assert "secret-word" not in str(raised.value)


@pytest.mark.parametrize("more", ["last: 0", "last: 1001", "since: yesterday", "since: 2026-02-30"])
def test_settings_that_make_no_sense_are_told(shop: Shop, more: str) -> None:
    shop.events(more)
    with pytest.raises(ConfigError, match=r"events"):
        shop.export("out.jsonl")


def test_a_column_that_is_not_there_is_told(shop: Shop) -> None:
    shop.events("columns: [colour]")
    with pytest.raises(SourceError, match="colour"):
        shop.export("out.jsonl")


def test_a_segment_without_events_and_an_upload_page_refuse(shop: Shop) -> None:
    with pytest.raises(UsageError, match="takes no events"):
        shop.export("out.csv", format="csv", platform=Platform.META)
    shop.write(re.sub(r"    events.*\n", "", CONFIG), "audsync.yaml")
    with pytest.raises(UsageError, match="no `events`"):
        shop.export("out.jsonl")
