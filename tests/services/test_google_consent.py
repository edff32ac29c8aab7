"""Google hears of each person what that person agreed to, and hears it again when it changes."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from audsync.domain import Platform
from audsync.services import audiences
from audsync.services.jobs.planning import plan
from audsync.services.jobs.sync_audience import Report
from audsync.services.segments.checking import check
from tests.services.conftest import closes
from tests.services.test_platforms import CASES, Shop

GRANTED, DENIED = "CONSENT_GRANTED", "CONSENT_DENIED"
COLUMNS = "{profile_id: id, email: email, ad_user_data: data, ad_personalization: ads}"

Row = tuple[str, str, str]
"""Profile, and its two cells."""


class Consents(Shop):
    """A shop with the two columns; what Google holds is looked at by person."""

    def __init__(self, folder: Path, platform: str = "google", columns: str = COLUMNS) -> None:
        super().__init__(CASES[platform], folder)
        path = folder / "audsync.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("{profile_id: id, email: email, phone: phone}", columns))
        self.restart()

    def write(self, rows: Sequence[Row]) -> None:
        with (self.folder / "vip.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "email", "data", "ads"])
            writer.writerows([name, f"{name}@example.com", *cells] for name, *cells in rows)

    def bring_in_step(self) -> Report:
        return self.until_done(self.sync)

    def consents(self) -> dict[tuple[str, str], int]:
        (remote,) = self.remotes()
        return {
            (entry["adUserData"], entry["adPersonalization"]): entry["identifiers"]
            for entry in remote.facts["consents"]
        }

    def sent_since(self, count: int) -> list[dict[str, Any]]:
        return [
            {"action": one["action"], "rows": one["rows"]}
            for one in self.world.journal.requests()[count:]
            if one["action"] in ("ingest", "remove")
        ]


@pytest.fixture
def shop(tmp_path: Path) -> Consents:
    return Consents(tmp_path)


def test_everybody_speaks_for_themselves_and_the_silent_leave_it_to_the_connection(
    shop: Consents,
) -> None:
    shop.write([("a", "yes", "no"), ("b", "1", "TRUE"), ("c", "", ""), ("d", "no", "")])
    created = shop.create()
    assert created.exit_code == 0, created.job["error"]
    shop.bring_in_step()
    assert shop.consents() == {
        (GRANTED, DENIED): 1,
        (GRANTED, GRANTED): 2,
        (DENIED, GRANTED): 1,
    }


def test_a_changed_mind_is_sent_alone_and_once(shop: Consents) -> None:
    people = [(name, "yes", "yes") for name in "abcdef"]
    shop.write(people)
    shop.create()
    shop.bring_in_step()
    shop.write([("a", "yes", "no"), *people[1:]])
    drafted = plan(shop.runtime, "a")
    assert drafted["identifiers"]["email"] == {"adds": 0, "removes": 0, "unchanged": 6}
    before = len(shop.world.journal.requests())
    report = shop.bring_in_step()
    assert closes(report.job)
    assert shop.sent_since(before) == [{"action": "ingest", "rows": 1}]
    assert shop.consents() == {(GRANTED, GRANTED): 5, (GRANTED, DENIED): 1}
    assert shop.sync().job["total_batches"] == 0, "a request of nothing but a no is not lost"
    shop.write(people)
    shop.bring_in_step()
    assert shop.consents() == {(GRANTED, GRANTED): 6}


@pytest.mark.parametrize("cells", [("yes", "no"), ("no", "yes")])
def test_of_two_rows_of_a_profile_the_no_counts(shop: Consents, cells: tuple[str, str]) -> None:
    shop.write([("a", cells[0], "yes"), ("b", "yes", "yes"), ("a", cells[1], "yes")])
    shop.create()
    shop.bring_in_step()
    assert shop.consents() == {(GRANTED, GRANTED): 1, (DENIED, GRANTED): 1}


def test_a_replace_says_it_of_everybody_again(shop: Consents) -> None:
    shop.write([("a", "yes", "yes"), ("b", "yes", "yes")])
    shop.create()
    shop.bring_in_step()
    shop.write([("a", "yes", "yes"), ("b", "yes", "off")])
    shop.until_done(lambda: audiences.replace(shop.runtime, "a", allow_shrink=True))
    assert shop.consents() == {(GRANTED, GRANTED): 1, (GRANTED, DENIED): 1}


def test_other_platforms_neither_hear_of_it_nor_send_anybody_again(tmp_path: Path) -> None:
    shop = Consents(tmp_path, "meta")
    shop.write([("a", "yes", "yes"), ("b", "yes", "yes")])
    assert shop.create().exit_code == 0
    shop.write([("a", "no", "no"), ("b", "yes", "yes")])
    before = len(shop.world.journal.requests())
    assert shop.sync().exit_code == 0
    assert [one for one in shop.world.journal.requests()[before:] if one["method"] != "GET"] == []


def test_a_look_at_the_segment_shows_no_consent_as_an_identifier(shop: Consents) -> None:
    shop.write([("a", "yes", "no"), ("b", "", "")])
    found = check(shop.runtime, "vip", [Platform.GOOGLE])
    assert [column["type"] for column in found["columns"]] == ["email"]
    assert found["platforms"][0]["sendable"] == 2
