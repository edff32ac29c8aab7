import csv
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audsync import steps
from tests.cli.conftest import Project

ANN = hashlib.sha256(b"ann@example.com").hexdigest()
REPORT = {"download_url", "expires_at", "profile_count", "file_size_bytes", "format"}


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_report_and_the_file(project: Project) -> None:
    (project.folder / "audsync.db").unlink()
    out = project.folder / "vip out.csv"
    shown = project.run("export", "vip", "--out", str(out), "--json")
    assert shown.exit_code == 0
    report = shown.json
    assert set(report) == REPORT
    assert report["download_url"] == out.as_uri()
    assert report["expires_at"] is None
    assert (report["profile_count"], report["format"]) == (3, "csv")
    assert report["file_size_bytes"] == out.stat().st_size
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = table(out.read_text())
    assert list(rows[0]) == ["profile_id", "email", "phone", "ltv"]
    assert [row["profile_id"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["email"] == ANN
    assert rows[0]["phone"] == hashlib.sha256(b"442071838750").hexdigest()
    assert rows[1]["phone"] == ""
    assert [row["ltv"] for row in rows] == ["10.0", "20.5", ""]
    assert not (project.folder / "audsync.db").exists()


def test_every_format_holds_the_same(project: Project) -> None:
    found: dict[str, list[dict[str, Any]]] = {}
    for form in ("csv", "json", "jsonl", "parquet"):
        out = project.folder / f"out.{form}"
        assert project.run("export", "vip", "--format", form, "--out", str(out)).exit_code == 0
        found[form] = _read(out, form)
    assert found["json"] == found["jsonl"] == found["parquet"]
    assert found["json"][1] == {
        "profile_id": "2",
        "email": hashlib.sha256(b"bob@example.com").hexdigest(),
        "phone": None,
        "ltv": 20.5,
    }
    assert [row["email"] for row in found["csv"]] == [row["email"] for row in found["json"]]


def _read(path: Path, form: str) -> list[dict[str, Any]]:
    if form == "parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    if form == "csv":
        return [dict(row) for row in table(path.read_text())]
    if form == "json":
        found: list[dict[str, Any]] = json.loads(path.read_text())
        return found
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(("ending", "packing"), [(".gz", "gzip"), (".zst", "zstd")])
def test_the_name_says_how_it_is_packed(project: Project, ending: str, packing: str) -> None:
    out = project.folder / f"vip.json{ending}"
    assert project.run("export", "vip", "--format", "json", "--out", str(out)).exit_code == 0
    with pa.CompressedInputStream(pa.OSFile(str(out)), packing) as stream:
        assert len(json.loads(stream.read())) == 3


def test_stdout_holds_the_data_and_nothing_else(project: Project) -> None:
    shown = project.run("export", "vip", "--out", "-", "--format", "jsonl", "--json")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [row["profile_id"] for row in rows] == ["1", "2", "3"]
    report = json.loads(shown.stderr)
    assert (report["download_url"], report["file_size_bytes"]) == (None, len(shown.stdout))


def test_parquet_goes_down_a_pipe_too(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "audsync", "export", "vip", "--out", "-", "--format", "parquet"],
        check=True,
        capture_output=True,
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert pq.read_table(io.BytesIO(done.stdout)).num_rows == 3
    assert b"3 profiles" in done.stderr


def test_who_may_not_be_sent_stays_out(project: Project) -> None:
    project.write(
        [
            {"id": "1", "email": "ann@example.com", "ok": "yes"},
            {"id": "2", "email": "bob@example.com", "ok": ""},
            {"id": "3", "email": "cy@example.com", "ok": "yes"},
            {"id": "3", "email": "GONE@example.com", "ok": "yes"},
            {"id": "4", "email": "wrong", "ok": "yes"},
        ]
    )
    project.write([{"mail": "gone@example.com"}], "out.csv")
    project.segment.update(
        columns={"profile_id": "id", "email": "email", "consent": "ok"}, traits=[]
    )
    project.save(suppress=[{"path": "out.csv", "columns": {"email": "mail"}}])
    shown = project.run("export", "vip", "--out", "-")
    assert table(shown.stdout) == [
        {"profile_id": "1", "email": ANN},
        {"profile_id": "4", "email": ""},
    ]
    assert "no consent: 1" in shown.stderr
    assert "suppressed: 2" in shown.stderr


def test_plain_text_only_when_asked_for_and_with_a_warning(project: Project) -> None:
    hashed = hashlib.sha256(b"x@y.co").hexdigest()
    project.write(
        [
            {"id": "1", "email": " Ann@Example.com", "phone": "020 7183 8750", "ltv": "1"},
            {"id": "2", "email": hashed, "phone": "no", "ltv": "2"},
        ]
    )
    asked = ("export", "vip", "--out", "-", "--no-hash", "--no-traits")
    refused = project.run(*asked, "--json")
    assert (refused.json["error"]["code"], refused.exit_code) == ("USAGE_ERROR", 2)
    assert "--yes-plaintext" in refused.json["error"]["message"]
    shown = project.run(*asked, "--yes-plaintext")
    assert table(shown.stdout) == [
        {"profile_id": "1", "email": "ann@example.com", "phone": "442071838750"},
        {"profile_id": "2", "email": hashed, "phone": ""},
    ]
    assert "plain text" in shown.stderr
    assert "ann@example.com" not in project.run("export", "vip", "--out", "-").stdout


def test_a_platform_s_own_form(project: Project) -> None:
    project.write(
        [{"id": "1", "email": "a.nn+x@gmail.com", "idfa": "AEBE52E7-03EE-455A-B3C4-E57283966239"}]
    )
    project.segment.update(
        columns={"profile_id": "id", "email": "email", "mobile_id": "idfa"}, traits=[]
    )
    project.save()
    both = ("--identifiers", "email,mobile_id", "--out", "-")
    as_json = (*both, "--format", "json")
    (google,) = json.loads(project.run("export", "vip", "--for", "google", *as_json).stdout)
    assert google["email"] == hashlib.sha256(b"ann@gmail.com").hexdigest()
    assert google["mobile_id"] == "AEBE52E7-03EE-455A-B3C4-E57283966239"
    (plain,) = table(project.run("export", "vip", *both).stdout)
    assert plain["mobile_id"] == hashlib.sha256(b"aebe52e7-03ee-455a-b3c4-e57283966239").hexdigest()


def test_several_columns_of_a_type_and_traits_of_the_same_name(project: Project) -> None:
    project.write([{"id": "1", "email": "ann@example.com", "work": "b@c.co", "email_2": 'q"\n,'}])
    project.segment.update(
        columns={"profile_id": "id", "email": ["email", "work"]}, traits=["email_2"]
    )
    project.save()
    (row,) = table(project.run("export", "vip", "--out", "-").stdout)
    assert list(row) == ["profile_id", "email", "email_2", "trait_email_2"]
    assert row["trait_email_2"] == 'q"\n,'


@pytest.mark.parametrize(
    ("form", "text"),
    [("csv", "profile_id,email,phone,ltv\n"), ("json", "[]\n"), ("jsonl", "")],
)
def test_an_empty_segment_is_a_whole_document(project: Project, form: str, text: str) -> None:
    project.segment["where"] = "ltv > 1000000"
    project.save()
    shown = project.run("export", "vip", "--out", "-", "--format", form)
    assert (shown.exit_code, shown.stdout) == (0, text)
    out = project.folder / "empty.parquet"
    project.run("export", "vip", "--out", str(out), "--format", "parquet")
    assert pq.read_table(out).num_rows == 0


def test_many_batches_keep_the_order_of_the_source(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audsync.services.exports.exporting.BATCH_ROWS", 100)
    project.write(
        [{"id": str(n), "email": f"u{n}@example.com", "phone": "", "ltv": n} for n in range(5_000)]
    )
    for form in ("csv", "json", "parquet"):
        out = project.folder / f"many.{form}"
        assert project.run("export", "vip", "--format", form, "--out", str(out)).exit_code == 0
        ids = [row["profile_id"] for row in _read(out, form)]
        assert ids == [str(n) for n in range(5_000)]
    first = (project.folder / "many.csv").read_bytes()
    project.run("export", "vip", "--out", "many.csv")
    assert (project.folder / "many.csv").read_bytes() == first


def test_a_failure_leaves_what_was_there(project: Project) -> None:
    out = project.folder / "vip-out.csv"
    out.write_text("before")
    with (project.folder / "vip.csv").open("a") as file:
        file.write('9,"torn')
    shown = project.run("export", "vip", "--out", str(out), "--json")
    assert shown.json["error"]["code"] == "SOURCE_ERROR"
    assert out.read_text() == "before"
    assert [path.name for path in project.folder.glob(".*")] == []


def test_a_power_cut_before_the_rename_leaves_what_was_there(project: Project) -> None:
    out = project.folder / "vip-out.csv"
    out.write_text("before")

    def cut(step: str) -> None:
        if step == "export: before rename":
            raise KeyboardInterrupt

    steps.listen(cut)
    try:
        assert project.run("export", "vip", "--out", str(out)).exit_code == 130
    finally:
        steps.listen(None)
    assert out.read_text() == "before"
    assert list(project.folder.glob(".*.partial")) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--out", "x.csv", "--events"], "USAGE_ERROR"),
        (["--out", "x.csv", "--format", "xml"], "USAGE_ERROR"),
        (["--out", "s3://bucket/"], "USAGE_ERROR"),
        (["--out", "s3://bucket/x.csv", "--expires", "8d"], "USAGE_ERROR"),
        (["--out", "s3://bucket/x.csv", "--expires", "soon"], "USAGE_ERROR"),
        (["--out", "x.csv", "--expires", "1h"], "USAGE_ERROR"),
        (["--out", "ftp://host/x.csv"], "USAGE_ERROR"),
        (["--out", "."], "USAGE_ERROR"),
        (["--out", "/dev/null"], "USAGE_ERROR"),
        (["--out", "no-folder/x.csv"], "USAGE_ERROR"),
        (["--out", "x.parquet.gz", "--format", "parquet"], "USAGE_ERROR"),
        (["--out", "x.csv", "--identifiers", "shoe"], "USAGE_ERROR"),
        (["--out", "x.csv", "--identifiers", "mobile_id"], "USAGE_ERROR"),
        ([], "USAGE_ERROR"),
    ],
)
def test_what_cannot_be_done_says_so_and_writes_nothing(
    project: Project, arguments: list[str], code: str
) -> None:
    before = set(project.folder.iterdir())
    shown = project.run("export", "vip", *arguments, "--json")
    assert (shown.json["error"]["code"], shown.exit_code) == (code, 2)
    assert set(project.folder.iterdir()) == before


def test_a_type_that_the_platform_does_not_take_is_refused(project: Project) -> None:
    project.segment["columns"]["external_id"] = "id"
    project.save()
    arguments = ("--for", "tiktok", "--identifiers", "external_id", "--out", "-", "--json")
    assert "external_id" in project.run("export", "vip", *arguments).json["error"]["message"]


def test_no_events_is_accepted(project: Project) -> None:
    assert project.run("export", "vip", "--out", "-", "--no-events").exit_code == 0


def test_a_feature_flag_switches_it_off(project: Project) -> None:
    project.save(features={"audience_export": False})
    shown = project.run("export", "vip", "--out", "x.csv", "--json")
    assert (shown.json["error"]["code"], shown.exit_code) == ("FEATURE_DISABLED", 2)


def test_a_spreadsheet_sees_no_formula(project: Project) -> None:
    project.write([{"id": "=1+1", "email": "ann@example.com", "phone": "", "ltv": "-5"}])
    shown = project.run("export", "vip", "--out", "-", "--excel-safe")
    (row,) = table(shown.stdout)
    assert (row["profile_id"], row["ltv"]) == ("'=1+1", "-5")
    for more in (["--for", "meta"], ["--format", "json"]):
        refused = project.run("export", "vip", "--out", "-", "--excel-safe", *more, "--json")
        assert refused.json["error"]["code"] == "USAGE_ERROR"


def test_a_change_is_written_from_the_command_line(project: Project) -> None:
    assert project.run("create", "vip", "--connection", "meta-main", "--id", "a").exit_code == 0
    project.write([{"id": "1", "email": "ann@example.com", "phone": "", "ltv": ""}])
    shown = project.run("export", "--delta", "a", "--out", "-")
    rows = table(shown.stdout)
    assert {row["action"] for row in rows} == {"remove", "add"}
    assert "sync would refuse this" in shown.stderr
    for more in (["--for", "meta"], ["--no-hash"], ["--identifiers", "email"], ["--events"]):
        refused = project.run("export", "--delta", "a", "--out", "-", *more, "--json")
        assert refused.json["error"]["code"] == "USAGE_ERROR"
    assert project.run("export", "--out", "-", "--json").json["error"]["code"] == "USAGE_ERROR"


def test_holdout_writes_those_who_are_in_no_platform_and_says_who_is_left_out(
    project: Project,
) -> None:
    project.save(defaults={"holdout": {"percent": 99.999, "name": "all"}})
    shown = project.run("export", "vip", "--holdout", "--out", "-")
    assert shown.exit_code == 0, shown.stderr
    assert [row["profile_id"] for row in table(shown.stdout)] == ["1", "2", "3"]
    others = project.run("export", "vip", "--out", "-")
    assert not table(others.stdout)
    assert "Rows left out, held out: 3" in others.stderr
    found = project.run("check", "vip", "--for", "meta")
    assert "of these held out" in " ".join(found.stdout.split())
    project.save(defaults={})
    refused = project.run("export", "vip", "--holdout", "--out", "-", "--json")
    assert (refused.exit_code, refused.json["error"]["code"]) == (2, "USAGE_ERROR")
