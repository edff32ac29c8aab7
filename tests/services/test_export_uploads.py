import csv
import gc
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.errors import SourceError, UsageError
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import export
from audsync.services.wiring.runtime import Runtime
from audsync.sync.exports.pages import PAGES
from audsync.sync.exports.people import Admission, Rows

CONFIG = """
segments:
  vip:
    source: {type: file, path: vip.csv}
    columns:
      profile_id: id
      email: [email, work, home, other]
      phone: phone
      mobile_id: idfa
      external_id: crm
      first_name: fn
      last_name: ln
      zip_code: zip
      country: country
      date_of_birth: dob
      gender: sex
      consent: ok
    region: GB
    traits: [ltv]
suppress:
  - {type: file, path: gone.csv, columns: {email: email}}
"""
HEADER = (
    *("id", "email", "work", "home", "other", "phone", "idfa", "crm", "fn", "ln", "zip"),
    *("country", "dob", "sex", "ok", "ltv"),
)
ANN = {
    "id": "1",
    "email": "a.nn@gmail.com",
    "phone": "020 7183 8750",
    "idfa": "AEBE52E7-03EE-455A-B3C4-E57283966239",
    "crm": "c-1",
    "fn": "Ann",
    "ln": "O'Connor",
    "zip": "SW1A 1AA",
    "country": "gb",
    "dob": "1984-07-09",
    "sex": "f",
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Shop:
    """A segment, and what `export` makes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "audsync.yaml").write_text(CONFIG, encoding="utf-8")
        (folder / "gone.csv").write_text("email\n", encoding="utf-8")

    def people(self, *people: dict[str, str]) -> None:
        with (self.folder / "vip.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, HEADER, restval="")
            writer.writeheader()
            writer.writerows({"ok": "yes", **person} for person in people)

    def export(
        self,
        name: str = "up.csv",
        **wish: Any,  # noqa: ANN401 - fields of a wish
    ) -> dict[str, Any]:
        runtime = Runtime(config=load_config(self.folder / "audsync.yaml", {}))
        out = name if name == "-" else str(self.folder / name)
        wish = {"segment": "vip", "out": out, "format": "csv", **wish}
        return export(runtime, Wish(**wish), stdout=io.BytesIO()).report

    def rows(self, name: str = "up.csv") -> list[list[str]]:
        with (self.folder / name).open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.people(ANN)
    return made


def test_meta_s_file_has_its_headers_in_its_order_and_hashes(shop: Shop) -> None:
    report = shop.export(platform=Platform.META)
    assert set(report) == {
        "download_url",
        "expires_at",
        "profile_count",
        "file_size_bytes",
        "format",
    }
    header, ann = shop.rows()
    assert header == [
        *("email", "email", "email", "phone", "madid", "fn", "ln", "zip", "country", "doby", "gen")
    ]
    assert ann == [
        sha("a.nn@gmail.com"),
        "",
        "",
        sha("442071838750"),
        "aebe52e7-03ee-455a-b3c4-e57283966239",
        sha("ann"),
        sha("oconnor"),
        sha("sw1a1aa"),
        sha("gb"),
        sha("1984"),
        sha("f"),
    ]


def test_plain_text_for_meta_is_left_to_its_page_to_hash(shop: Shop) -> None:
    shop.export(platform=Platform.META, is_hashed=False, identifiers=("email", "date_of_birth"))
    assert shop.rows() == [["email"] * 3 + ["dob"], ["a.nn@gmail.com", "", "", "19840709"]]


def test_google_has_a_file_for_contacts_one_for_phones_and_one_for_its_user_ids(
    shop: Shop,
) -> None:
    report = shop.export(platform=Platform.GOOGLE)
    assert [Path(file["download_url"]).name for file in report["files"]] == [
        "up-email-phone.csv",
        "up-mobile_id.csv",
        "up-external_id.csv",
    ]
    assert report["download_url"] == report["files"][0]["download_url"]
    assert report["profile_count"] == 1
    sizes = [path.stat().st_size for path in shop.folder.glob("up-*.csv")]
    assert report["file_size_bytes"] == sum(sizes)
    header, ann = shop.rows("up-email-phone.csv")
    assert header == [*["Email"] * 3, "Phone", "First Name", "Last Name", "Country", "Zip"]
    assert ann == [
        sha("ann@gmail.com"),
        "",
        "",
        sha("+442071838750"),
        sha("ann"),
        sha("o'connor"),
        "GB",
        "SW1A 1AA",
    ]
    assert shop.rows("up-mobile_id.csv") == [["Mobile Device ID"], [ANN["idfa"]]]
    assert shop.rows("up-external_id.csv") == [["User ID"], ["c-1"]]


def test_tiktok_s_headers_say_what_is_hashed(shop: Shop) -> None:
    shop.export(platform=Platform.TIKTOK)
    header, ann = shop.rows()
    assert header == ["Email_SHA256"] * 3 + ["Phone_SHA256", "MAID_SHA256"]
    assert ann[-1] == sha("aebe52e7-03ee-455a-b3c4-e57283966239")
    shop.export(platform=Platform.TIKTOK, is_hashed=False)
    assert shop.rows()[0] == ["Email"] * 3 + ["Phone", "MAID"]


def test_snapchat_wants_one_type_a_file_and_no_header(shop: Shop) -> None:
    shop.export(platform=Platform.SNAPCHAT)
    assert shop.rows("up-email.csv") == [[sha("a.nn@gmail.com")]]
    assert shop.rows("up-phone.csv") == [[sha("442071838750")]]
    shop.export(platform=Platform.SNAPCHAT, identifiers=("phone",))
    assert shop.rows() == [[sha("442071838750")]]


def test_nobody_s_fourth_address_is_lost(shop: Shop) -> None:
    bob = {"id": "2", "email": "b1@x.co", "work": "b2@x.co", "home": "B1@x.co", "other": "b3@x.co"}
    cy = {"id": "3", "email": "c1@x.co", "work": "c2@x.co", "home": "c3@x.co", "other": "c4@x.co"}
    shop.people(bob, {**cy, "fn": "Cy"}, {"id": "4", "fn": "Nobody"})
    chosen = ("email", "first_name")
    report = shop.export(platform=Platform.META, identifiers=chosen, is_hashed=False)
    assert shop.rows()[1:] == [
        ["b1@x.co", "b2@x.co", "b3@x.co", ""],
        ["c1@x.co", "c2@x.co", "c3@x.co", "cy"],
        ["c4@x.co", "", "", "cy"],
    ]
    assert report["profile_count"] == 2
    shop.export(platform=Platform.SNAPCHAT, identifiers=("email",), is_hashed=False)
    assert [row[0][:2] for row in shop.rows()] == ["b1", "b2", "b3", "c1", "c2", "c3", "c4"]


@pytest.mark.parametrize("platform", list(Platform))
def test_consent_and_suppression_hold_in_every_upload(shop: Shop, platform: Platform) -> None:
    gone = {"id": "2", "email": "gone@x.co"}
    shop.people({**gone, "home": "h@x.co"}, {"id": "3", "email": "no@x.co", "ok": "no"}, ANN)
    (shop.folder / "gone.csv").write_text("email\nGONE@x.co\n", encoding="utf-8")
    shop.export(platform=platform, identifiers=("email",), is_hashed=False)
    text = (shop.folder / "up.csv").read_text()
    assert "@gmail.com" in text
    assert "@x.co" not in text


def test_a_full_file_is_followed_by_numbered_ones(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audsync.services.exports.exporting.BATCH_ROWS", 10)
    shop.people(*({"id": str(n), "email": f"u{n:03}@x.co"} for n in range(35)))
    monkeypatch.setattr(
        "audsync.services.exports.exporting.PAGES",
        {Platform.TIKTOK: replace(PAGES[Platform.TIKTOK], full_at_bytes=15 * 65)},
    )
    report = shop.export(platform=Platform.TIKTOK, identifiers=("email",))
    names = [Path(file["download_url"]).name for file in report["files"]]
    assert names == ["up-001.csv", "up-002.csv"]
    assert [file["rows"] for file in report["files"]] == [20, 15]
    first, second = (shop.rows(name) for name in names)
    assert first[0] == second[0] == ["Email_SHA256"] * 3
    written = [row[0] for row in first[1:] + second[1:]]
    assert written == [sha(f"u{n:03}@x.co") for n in range(35)]
    assert not (shop.folder / "up.csv").exists()


def test_an_empty_segment_is_a_file_with_headers(shop: Shop) -> None:
    shop.people()
    assert shop.export(platform=Platform.TIKTOK)["profile_count"] == 0
    assert shop.rows() == [["Email_SHA256"] * 3 + ["Phone_SHA256", "MAID_SHA256"]]


def test_several_files_do_not_go_to_stdout(shop: Shop) -> None:
    with pytest.raises(UsageError, match="email, phone, mobile_id"):
        shop.export("-", platform=Platform.SNAPCHAT)


@pytest.mark.parametrize(
    "wish",
    [
        {"platform": Platform.META, "identifiers": ("external_id",)},
        {"platform": Platform.TIKTOK, "identifiers": ("first_name",)},
        {"platform": Platform.META, "identifiers": ("first_name",)},
    ],
)
def test_what_a_page_cannot_use_is_refused(shop: Shop, wish: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        shop.export(**wish)
    assert not (shop.folder / "up.csv").exists()


def test_several_values_are_a_list_where_the_form_has_lists(shop: Shop) -> None:
    shop.people({"id": "1", "email": "a@x.co", "home": "h@x.co"})
    shop.export("out.jsonl", format="jsonl", is_hashed=False, with_traits=False)
    assert (shop.folder / "out.jsonl").read_text() == (
        '{"profile_id":"1","email":["a@x.co","h@x.co"],"phone":null}\n'
    )
    shop.export("out.csv", is_hashed=False, with_traits=False)
    assert shop.rows("out.csv") == [
        ["profile_id", "email", "email_2", "email_3", "email_4", "phone"],
        ["1", "a@x.co", "", "h@x.co", "", ""],
    ]


def test_nested_values_and_lists_of_a_file_are_all_written(shop: Shop) -> None:
    (shop.folder / "vip.jsonl").write_text(
        '{"id": 1, "contact": {"email": "a@x.co"}, "mails": ["b@x.co", "c@x.co", "a@x.co"]}\n'
        '{"id": 2, "contact": {"email": "d@x.co"}, "mails": []}\n'
    )
    text = """
segments:
  vip:
    source: {type: file, path: vip.jsonl}
    columns: {profile_id: id, email: [$.contact.email, "mails[*]"]}
"""
    (shop.folder / "audsync.yaml").write_text(text, encoding="utf-8")
    shop.export("out.json", format="json", is_hashed=False)
    rows = json.loads((shop.folder / "out.json").read_text())
    assert [sorted(row["email"]) for row in rows] == [["a@x.co", "b@x.co", "c@x.co"], ["d@x.co"]]
    shop.export("out.csv", is_hashed=False)
    header, *_ = shop.rows("out.csv")
    assert len(header) == 21


def test_a_file_that_is_given_up_leaves_no_noise(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    honest = Admission.rows

    def rows(self: Admission) -> Iterator[Rows]:
        yield from honest(self)
        raise SourceError("torn")

    monkeypatch.setattr(Admission, "rows", rows)
    for ending in ("csv.gz", "csv.zst"):
        with pytest.raises(SourceError):
            shop.export(f"up.{ending}")
    gc.collect()
    assert capfd.readouterr() == ("", "")
    assert list(shop.folder.glob("*up*")) == []
