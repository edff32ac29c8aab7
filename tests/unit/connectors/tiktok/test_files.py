from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from audsync.connectors.tiktok import files
from audsync.connectors.tiktok.audiences import Told
from audsync.connectors.tiktok.files import Change, State
from audsync.connectors.tiktok.spec import FILE_SPEC, SPEC, spec
from audsync.domain import Action, Kind, RemoteId, SettlementState, UploadBatch
from audsync.errors import ConflictError, OutcomeUnknownError, ValidationError

ID = RemoteId("900000000000000002")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WORDS = "The audience size would be less than 1000."


def told(**changes: object) -> Told:
    values: dict[str, Any] = {
        "id": ID,
        "name": "vip",
        "kind": "Customer File Audience",
        "is_valid": True,
        "is_expiring": False,
        "expires_at": NOW + 300 * DAY,
        "matched": 4200,
        "failure": "",
        "edited_at": NOW - 9 * DAY,
    }
    return Told(**{**values, **changes})


COMPUTING = told(is_valid=False, edited_at=NOW - DAY, matched=0)
TOO_SMALL = told(is_valid=False, edited_at=NOW - DAY, matched=0, failure=WORDS)
NEVER_COUNTED = told(is_valid=False, edited_at=NOW - 3 * DAY, matched=0)
KEPT = told(failure=WORDS)
EXPIRED = told(is_valid=False, expires_at=NOW - DAY)
UNCLEAR = told(is_valid=False, edited_at=None)


def batch(**changes: object) -> UploadBatch:
    values: dict[str, Any] = {
        "audience": ID,
        "action": Action.REPLACE,
        "session": 77,
        "number": 1,
        "is_last": True,
        "rows": 2,
        "session_rows": 2,
        "kinds": (Kind.EMAIL, Kind.PHONE, Kind.MOBILE_ID),
        "members": pa.table(
            {
                "row": pa.array([4, 4, 9], pa.int32()),
                "kind": pa.array([Kind.EMAIL, Kind.MOBILE_ID, Kind.PHONE], pa.uint8()),
                "value": pa.array([b"\x01" * 32, b"\x02" * 32, b"\x03" * 32], pa.binary()),
            }
        ),
    }
    return UploadBatch(**{**values, **changes})


def test_a_file_has_a_field_for_each_kind_of_its_session() -> None:
    assert files.content(batch()).decode().splitlines() == [
        "email_SHA256,phone_SHA256,MAID_SHA256",
        f"{'01' * 32},,{'02' * 32}",
        f",{'03' * 32},",
    ]
    members = batch().members.slice(2)
    only = files.content(batch(kinds=(Kind.PHONE,), members=members))
    assert only.decode() == f"phone_SHA256\n{'03' * 32}\n"


def test_the_largest_file_stays_below_what_every_page_allows() -> None:
    line = 3 * 64 + 3
    assert FILE_SPEC.max_batch_rows * line < 50_000_000


def test_a_file_is_signed() -> None:
    # One row, e-mail address and phone; the digest was made with another tool.
    email = "49eba63ebce70dfd484166b84bf461e919a61b2ac786568e3e17e6d9e0fc9fcb"
    phone = "195563c1d879cb1564e2cdd6d89363ecb1f091ac0eeac094760f06139eae6077"
    file = f"email_SHA256,phone_SHA256,MAID_SHA256\n{email},{phone},\n".encode()
    form = files.upload_form(file)
    assert form["calculate_type"] == "MULTIPLE_TYPES"
    assert form["file_signature"] == "87146131f9bb9d654f6657ffc2223759"


def test_every_order_says_what_it_does() -> None:
    paths = ["a" * 16, "b" * 16]
    assert files.replacement(ID, paths)["action"] == "REPLACE"
    assert files.new_audience("vip", paths) == {
        "custom_audience_name": "vip",
        "file_paths": paths,
        "calculate_type": "MULTIPLE_TYPES",
    }
    assert files.deletion(ID) == {"custom_audience_ids": [ID]}


@pytest.mark.parametrize("data", [None, [], {}, {"file_path": ""}, {"custom_audience_id": None}])
def test_an_answer_without_a_name_is_unusable(data: object) -> None:
    for read in (files.uploaded, files.created):
        with pytest.raises(OutcomeUnknownError):
            read({"data": data})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (told(), State.READY),
        (KEPT, State.READY),
        (COMPUTING, State.COMPUTING),
        (TOO_SMALL, State.TOO_SMALL),
        (NEVER_COUNTED, State.TOO_SMALL),
        (told(is_valid=False, matched=None), State.TOO_SMALL),
        (EXPIRED, State.EXPIRED),
        (UNCLEAR, State.UNCLEAR),
    ],
)
def test_a_state_is_put_together_from_pieces(found: Told, expected: State) -> None:
    assert files.state(found, NOW) is expected


@pytest.mark.parametrize(
    ("found", "size", "is_usable", "words"),
    [
        (told(), 4200, True, ""),
        (told(is_expiring=True), 4200, True, "unless an ad group uses it"),
        (told(is_expiring=True, expires_at=None), 4200, True, ""),
        (KEPT, 4200, True, "came to nothing"),
        (COMPUTING, None, False, "being computed"),
        (TOO_SMALL, 0, True, WORDS),
        (NEVER_COUNTED, 0, True, "0 matched people"),
        (EXPIRED, 4200, True, "expired on 2026-11-21"),
        (UNCLEAR, 4200, True, "without a reason"),
        (told(kind="Partner"), 4200, False, "takes no files"),
    ],
)
def test_a_state_is_told(found: Told, size: int | None, is_usable: bool, words: str) -> None:
    remote = files.remote_audience(found, NOW)
    assert (remote.size_lower, remote.size_upper) == (size, size)
    assert remote.is_usable is is_usable
    assert words in remote.note
    assert bool(remote.note) is bool(words)


@pytest.mark.parametrize(
    ("found", "rows", "expected"),
    [
        (told(), 1, None),
        (UNCLEAR, 1, None),
        (KEPT, 1_000, None),
        (KEPT, 999, ValidationError),
        (COMPUTING, 5_000, ConflictError),
        (TOO_SMALL, 5_000, ValidationError),
        (NEVER_COUNTED, 5_000, ValidationError),
        (EXPIRED, 5_000, ValidationError),
    ],
)
def test_what_cannot_succeed_is_refused_with_a_way_out(
    found: Told, rows: int, expected: type[Exception] | None
) -> None:
    refused = files.refusal(found, rows=rows, now=NOW)
    assert (type(refused) if refused else None) is expected
    if expected is ValidationError:
        assert refused is not None
        assert "create it anew" in refused.message
        assert found.failure in refused.message


@pytest.mark.parametrize(
    ("found", "minutes", "expected"),
    [
        (told(), 14, SettlementState.PENDING),
        (KEPT, 14, SettlementState.PENDING),
        (told(), 15, SettlementState.CONFIRMED),
        (COMPUTING, 60, SettlementState.PENDING),
        (NEVER_COUNTED, 3_000, SettlementState.PENDING),
        (KEPT, 60, SettlementState.REJECTED),
        (TOO_SMALL, 60, SettlementState.REJECTED),
    ],
)
def test_a_change_is_final_when_tiktok_says_so(
    found: Told, minutes: int, expected: SettlementState
) -> None:
    change = Change(audience=ID, asked_at=NOW - timedelta(minutes=minutes), rows=7)
    settlement = files.settlement(found, change, NOW)
    assert settlement.state is expected
    assert dict(settlement.reasons) == ({WORDS: 7} if expected is SettlementState.REJECTED else {})


def test_a_reference_names_audience_moment_and_size() -> None:
    change = Change(audience=ID, asked_at=NOW, rows=1234)
    assert Change.of(change.reference) == change
    for text in ("", "a1b2c3d4e5f60718", f"{ID}.1", f"{ID}.x.1", f"{change.reference}.1"):
        assert Change.of(text) is None


def test_the_ways_depend_on_the_path() -> None:
    assert spec({}) is spec({"upload": "streaming"}) is SPEC
    ways = spec({"upload": "file"})
    assert ways is FILE_SPEC
    assert ways.changes_by_replace
    assert ways.creates_with_members
    assert ways.settles_within_s == 48 * 3600
