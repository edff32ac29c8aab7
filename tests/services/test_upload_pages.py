"""Files that a person uploads by hand, held against what each platform's page said on 2026-11-22.

The rules stand here once more, in the pages' own words and not by way of `sync.exports.pages`:
whoever changes a header or a limit there has to look at the page again.
"""

import csv
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audsync.config.load import load_config
from audsync.domain import Platform
from audsync.errors import UsageError
from audsync.services.exports.export_wish import Wish
from audsync.services.exports.exporting import Done, export
from audsync.services.wiring.runtime import Runtime
from audsync.sync.exports.pages import PAGES

COLUMNS = {
    "profile_id": "id",
    "email": ["email", "work", "home", "other"],
    "phone": ["phone", "mobile"],
    "mobile_id": "idfa",
    "external_id": "crm",
    "first_name": "fn",
    "last_name": "ln",
    "city": "ct",
    "state": "st",
    "zip_code": "zip",
    "country": "country",
    "date_of_birth": "dob",
    "gender": "sex",
}
ANN = {
    "id": "1",
    "email": " Ann.Lee+News@Example.com ",
    "work": "ann@work.example",
    "home": "ann@home.example",
    "other": "ann@fourth.example",
    "phone": "020 7183 8750",
    "mobile": "+49 (0)1511 2345678",
    "idfa": "AEBE52E7-03EE-455A-B3C4-E57283966239",
    "crm": "c-1",
    "fn": " Ann ",
    "ln": "Lee",
    "ct": "London",
    "st": "",
    "zip": "SW1A 1AA",
    "country": "GB",
    "dob": "1984-07-09",
    "sex": "F",
}
HEX = re.compile(r"[0-9a-f]{64}")
MAID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a page says of one kind of file."""

    headers: tuple[str, ...]
    """All that it knows, in our order; () for files without any."""
    repeats: int
    """How often one may stand there."""
    raw: Mapping[str, re.Pattern[str]]
    """What stands in the open, and how."""


META = Rules(
    headers=("email", "phone", "madid", "fn", "ln", "zip", "ct", "st", "country", "doby", "gen"),
    repeats=3,
    raw={"madid": MAID},
)
TIKTOK = Rules(headers=("Email_SHA256", "Phone_SHA256", "MAID_SHA256"), repeats=3, raw={})
GOOGLE_CONTACTS = Rules(
    headers=("Email", "Phone", "First Name", "Last Name", "Country", "Zip"),
    repeats=3,
    raw={"Country": re.compile("[A-Z]{2}"), "Zip": re.compile(".+")},
)
GOOGLE_PHONES = Rules(headers=("Mobile Device ID",), repeats=1, raw={"Mobile Device ID": MAID})
GOOGLE_IDS = Rules(headers=("User ID",), repeats=1, raw={"User ID": re.compile(".+")})
SNAPCHAT = Rules(headers=(), repeats=1, raw={})
FILES: dict[Platform, dict[str, Rules]] = {
    Platform.META: {"up.csv": META},
    Platform.GOOGLE: {
        "up-email-phone.csv": GOOGLE_CONTACTS,
        "up-mobile_id.csv": GOOGLE_PHONES,
        "up-external_id.csv": GOOGLE_IDS,
    },
    Platform.TIKTOK: {"up.csv": TIKTOK},
    Platform.SNAPCHAT: {
        "up-email.csv": SNAPCHAT,
        "up-phone.csv": SNAPCHAT,
        "up-mobile_id.csv": SNAPCHAT,
    },
}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _export(
    folder: Path,
    platform: Platform,
    columns: Mapping[str, object] = COLUMNS,
    **wish: Any,  # noqa: ANN401 - fields of a wish
) -> Done:
    with (folder / "vip.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, tuple(ANN))
        writer.writeheader()
        writer.writerow(ANN)
    text = f"""
segments:
  vip:
    source: {{type: file, path: vip.csv}}
    region: GB
    columns: {columns}
"""
    (folder / "audsync.yaml").write_text(text, encoding="utf-8")
    runtime = Runtime(config=load_config(folder / "audsync.yaml", {}))
    asked = Wish(
        **{
            "segment": "vip",
            "out": str(folder / "up.csv"),
            "format": "csv",
            "platform": platform,
            **wish,
        }
    )
    return export(runtime, asked, stdout=io.BytesIO())


def _cells(path: Path) -> list[list[str]]:
    content = path.read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf"), "a byte order mark becomes part of a header"
    assert b"\r" not in content.replace(b"\r\n", b"\n")
    return list(csv.reader(io.StringIO(content.decode("utf-8"))))


def _check_shape(rows: list[list[str]], rules: Rules) -> None:
    if not rules.headers:
        assert all(len(row) == 1 and HEX.fullmatch(row[0]) for row in rows)
        return
    header = rows[0]
    assert set(header) == set(rules.headers)
    assert [rules.headers.index(name) for name in header] == sorted(
        rules.headers.index(name) for name in header
    )
    assert max(header.count(name) for name in header) <= rules.repeats
    for row in rows[1:]:
        assert len(row) == len(header)
        for name, cell in zip(header, row, strict=True):
            form = rules.raw.get(name, HEX)
            assert not cell or form.fullmatch(cell), name


@pytest.mark.parametrize("platform", list(Platform))
def test_every_file_has_what_its_page_says_and_nothing_else(
    tmp_path: Path, platform: Platform
) -> None:
    _export(tmp_path, platform)
    assert {path.name for path in tmp_path.glob("up*")} == set(FILES[platform])
    for name, rules in FILES[platform].items():
        _check_shape(_cells(tmp_path / name), rules)


MAILS = ("ann@work.example", "ann@home.example", "ann@fourth.example")


@pytest.mark.parametrize(
    ("platform", "first", "plus"),
    [
        (Platform.META, "ann.lee+news@example.com", ""),
        (Platform.GOOGLE, "ann.lee+news@example.com", "+"),
        (Platform.TIKTOK, "ann.lee+news@example.com", "+"),
        (Platform.SNAPCHAT, "ann.lee+news@example.com", ""),
    ],
)
def test_every_address_and_number_is_there_as_the_page_hashes_it(
    tmp_path: Path, platform: Platform, first: str, plus: str
) -> None:
    _export(tmp_path, platform, identifiers=("email", "phone"))
    cells = {cell for path in tmp_path.glob("up*") for row in _cells(path) for cell in row if cell}
    hashes = {cell for cell in cells if HEX.fullmatch(cell)}
    numbers = ("442071838750", "4915112345678")
    assert hashes == {_sha(mail) for mail in (first, *MAILS)} | {
        _sha(plus + number) for number in numbers
    }


def test_google_s_address_needs_all_four_of_its_headers(tmp_path: Path) -> None:
    """Without one of them the page refuses the file: "will probably result in an error"."""
    nameless = {key: value for key, value in COLUMNS.items() if key != "zip_code"}
    done = _export(tmp_path, Platform.GOOGLE, nameless)
    assert set(_cells(tmp_path / "up-email-phone.csv")[0]) == {"Email", "Phone"}
    (note,) = done.notes
    assert "takes first_name, last_name, country only together with zip_code" in note
    with pytest.raises(UsageError, match="leave first_name out of --identifiers, or name all"):
        _export(tmp_path, Platform.GOOGLE, identifiers=("email", "first_name"))
    _export(tmp_path, Platform.META, nameless, identifiers=("email", "first_name"))
    assert set(_cells(tmp_path / "up.csv")[0]) == {"email", "fn"}


def test_who_uploads_a_list_too_short_for_the_page_is_told(tmp_path: Path) -> None:
    assert "wants at least 1,000 people" in " ".join(_export(tmp_path, Platform.TIKTOK).notes)
    assert "wants at least 100 people" in " ".join(_export(tmp_path, Platform.META).notes)
    assert _export(tmp_path, Platform.SNAPCHAT).notes == ()


def test_a_file_for_tiktok_stays_below_its_gigabyte_with_the_largest_batch_on_top() -> None:
    full = PAGES[Platform.TIKTOK].full_at_bytes
    widest_row_bytes = 9 * 65 + 2
    assert full is not None
    assert full + 50_000 * widest_row_bytes < 1_000_000_000
