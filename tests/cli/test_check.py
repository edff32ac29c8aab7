import csv
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Project

SECRETS = ("ann", "7183", "secret")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def column(found: dict[str, Any], name: str) -> dict[str, Any]:
    one: dict[str, Any]
    (one,) = [each for each in found["columns"] if each["column"] == name]
    return one


def codes(found: dict[str, Any]) -> list[str]:
    return [each["code"] for each in found["advice"]]


def test_it_counts_what_each_column_holds(project: Project) -> None:
    project.write(
        [
            {"id": "1", "email": "ann@gmail.com", "phone": "020 7183 8750"},
            {"id": "2", "email": " ANN@gmail.com", "phone": "not set"},
            {"id": "3", "email": "secret-nobody", "phone": "+44 20 7183 8751"},
            {"id": "4", "email": "", "phone": "secret"},
            {"id": "5", "email": sha("cy@example.com"), "phone": ""},
        ]
    )
    project.segment["traits"] = []
    project.save()
    shown = project.run("check", "vip", "--json")
    assert shown.exit_code == 0
    found = shown.json
    assert (found["segment"], found["rows"], found["profiles"]) == ("vip", 5, 5)
    email = column(found, "email")
    assert (email["filled"], email["empty"], email["valid"]) == (4, 1, 3)
    assert (email["distinct"], email["duplicates"]) == (2, 1)
    assert (email["already_hashed"], email["is_mixed"]) == (1, True)
    assert email["invalid"] == {"invalid_format": 1}
    assert email["samples"] == {"invalid_format": ["s***"]}
    assert column(found, "phone")["invalid"] == {"placeholder": 1, "not_a_number": 1}
    assert {one["platform"]: one["sendable"] for one in found["platforms"]} == dict.fromkeys(
        ("meta", "google", "tiktok", "snapchat"), 4
    )
    assert {"INVALID_VALUES", "MIXED_HASHES", "MIXED_PHONE_FORMATS"} <= set(codes(found))


def test_no_value_is_ever_shown(project: Project) -> None:
    project.write([{"id": "secret-id", "email": "secret.ann", "phone": "secret", "ltv": "1"}])
    for arguments in (["check", "vip"], ["check", "vip", "--json"], ["check", "vip", "--verbose"]):
        shown = project.run(*arguments)
        assert shown.exit_code == 0
        assert not [each for each in SECRETS if each in shown.stdout + shown.stderr]


def test_what_it_promises_is_what_a_create_sends(project: Project) -> None:
    rows = [
        {"id": "1", "email": "ann@example.com", "phone": "", "ok": "yes"},
        {"id": "1", "email": "", "phone": "020 7183 8750", "ok": "yes"},
        {"id": "2", "email": "bob@example.com", "phone": "", "ok": "no"},
        {"id": "3", "email": "wrong", "phone": "", "ok": "yes"},
        {"id": "4", "email": "gone@example.com", "phone": "", "ok": "yes"},
        {"id": "4", "email": "still-gone@example.com", "phone": "", "ok": "yes"},
        {"id": "5", "email": "gone@example.com", "phone": "", "ok": "no"},
        {"id": "5", "email": "eve@example.com", "phone": "", "ok": "yes"},
        {"id": "6", "email": "fay@example.com", "phone": "", "ok": "1"},
        {"id": "", "email": "nameless@example.com", "phone": "", "ok": "1"},
    ]
    project.write(rows)
    project.write([{"mail": " GONE@example.com "}], "out.csv")
    project.segment["columns"]["consent"] = "ok"
    project.segment["traits"] = []
    project.save(suppress=[{"path": "out.csv", "columns": {"email": "mail"}}])

    (promised,) = project.run("check", "vip", "--for", "meta", "--json").json["platforms"]
    created = project.run("create", "vip", "--connection", "meta-main", "--json")
    assert created.exit_code == 0, created
    job = created.json

    assert promised["sendable"] == job["profiles_sent"] == 4
    assert promised["skipped"] == job["profiles_skipped"]
    assert job["profiles_read"] == len(rows)


def test_platforms_may_differ(project: Project) -> None:
    project.write(
        [{"id": "1", "email": "an n@example.com", "device": "AEBE52E7-03EE-455A-B3C4-E57283966239"}]
    )
    project.segment.update(
        columns={"profile_id": "id", "email": "email", "external_id": "id"}, traits=[]
    )
    project.save()
    found = project.run("check", "vip", "--json").json
    assert {one["platform"]: one["sendable"] for one in found["platforms"]} == {
        "meta": 1,  # by its external id
        "google": 0,  # a list of contacts holds no external ids
        "tiktok": 1,  # takes white space out of addresses
        "snapchat": 0,
    }
    email = column(found, "email")["platforms"]
    assert email["tiktok"] == {"valid": 1, "invalid": {}}
    assert email["meta"] == {"valid": 0, "invalid": {"invalid_format": 1}}
    assert "snapchat" not in column(found, "id")["platforms"]


def test_a_value_of_many_profiles_is_pointed_out(project: Project) -> None:
    rows = [{"id": str(n), "email": "noreply@corp.example"} for n in range(10)]
    rows += [{"id": "x", "email": "twice@corp.example"}] * 20
    project.write(rows)
    project.segment.update(columns={"profile_id": "id", "email": "email"}, traits=[])
    project.save()
    found = project.run("check", "vip", "--json").json
    email = column(found, "email")
    assert email["shared"] == {"values": 1, "profiles": 10}
    assert (email["distinct"], email["duplicates"]) == (2, 28)
    assert found["repeated_profiles"] == 1
    assert {"SHARED_VALUES", "BUSINESS_EMAILS", "DUPLICATE_PROFILES"} <= set(codes(found))


def test_several_columns_of_a_type_are_told_apart(project: Project) -> None:
    project.write([{"id": "1", "email": "a@b.co", "work": ""}])
    project.segment.update(columns={"profile_id": "id", "email": ["email", "work"]}, traits=[])
    project.save()
    found = project.run("check", "vip", "--json").json
    assert [one["column"] for one in found["columns"]] == ["email", "work"]
    assert "EMPTY_COLUMN" in codes(found)


def test_an_empty_segment_is_no_failure_but_said(project: Project) -> None:
    project.segment["where"] = "ltv > 1000000"
    project.save()
    shown = project.run("check", "vip", "--json")
    assert shown.exit_code == 0
    assert shown.json["rows"] == 0
    assert codes(shown.json) == ["EMPTY_SEGMENT"]
    assert "yields no rows" in project.run("check", "vip").stdout


def test_people_see_tables_and_what_to_do(project: Project) -> None:
    shown = project.run("check", "vip")
    assert shown.exit_code == 0
    assert "sendable" in shown.stdout
    assert "snapchat" in shown.stdout
    assert "country code" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_nothing_is_left_behind_and_no_store_is_made(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = project.folder / "scratch"
    scratch.mkdir()
    (project.folder / "audsync.db").unlink()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    assert project.run("check", "vip").exit_code == 0
    assert list(scratch.iterdir()) == []
    assert not (project.folder / "audsync.db").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["nobody"], "SEGMENT_NOT_FOUND", 2),
        (["vip", "--for", "myspace"], "USAGE_ERROR", 2),
        (["gone"], "SOURCE_ERROR", 1),
    ],
)
def test_what_cannot_be_checked_says_why(
    project: Project, arguments: list[str], code: str, exit_code: int
) -> None:
    project.config["segments"]["gone"] = {
        "source": {"type": "file", "path": "gone.csv"},
        "columns": {"profile_id": "id", "email": "email"},
    }
    project.save()
    shown = project.run("check", *arguments, "--json")
    assert (shown.json["error"]["code"], shown.exit_code) == (code, exit_code)


def test_batches_add_up(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audsync.services.segments.checking.BATCH_ROWS", 100)
    path = Path(project.folder / "vip.csv")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "email", "phone", "ltv"])
        writer.writerows([n, f"u{n % 700}@example.com", "zzz" * (n % 2), n] for n in range(2_100))
    found = project.run("check", "vip", "--for", "google", "--json").json
    email = column(found, "email")
    assert (found["rows"], found["profiles"]) == (2_100, 2_100)
    assert (email["valid"], email["distinct"], email["duplicates"]) == (2_100, 700, 1_400)
    assert column(found, "phone")["invalid"] == {"not_a_number": 1_050}
