import hashlib
import io
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from audsync.cli import app
from audsync.services.segments.hashing import Defaults, hash_lines
from tests.cli.conftest import Project

FIELDS = ("normalized", "hash", "sent", "rejected")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def answers(*lines: object, **defaults: str) -> list[dict[str, Any]]:
    """The answers to JSON lines; text goes in as it is."""
    raw = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    stream = io.BytesIO("\n".join(raw).encode())
    out = b"".join(
        hash_lines(stream, Defaults(kind=defaults.get("kind"), region=defaults.get("region")))
    )
    return [json.loads(line) for line in out.splitlines()]


def test_a_value_is_shown_for_every_platform(project: Project) -> None:
    shown = project.run("hash", "Jane.Doe@gmail.com", "--json")
    assert shown.exit_code == 0
    by_platform = {one["platform"]: one for one in shown.json["values"]}
    assert list(by_platform) == ["meta", "google", "tiktok", "snapchat"]
    assert by_platform["meta"]["sent"] == sha("jane.doe@gmail.com")
    assert by_platform["google"]["normalized"] == "janedoe@gmail.com"


def test_people_get_a_table_without_colours_in_a_pipe(project: Project) -> None:
    shown = project.run("hash", "--platform", "meta", "ann@example.com", "[red]@")
    assert sha("ann@example.com") in shown.stdout
    assert "[red]@" in shown.stdout
    assert "rejected: invalid_format" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_it_needs_neither_config_nor_store(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path_factory.mktemp("nothing")
    monkeypatch.chdir(folder)
    assert app.run(["hash", "ann@example.com"]) == 0
    assert capsys.readouterr().err == ""
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ann@example.com", "email"),
        ("+44 20 7183 8750", "phone"),
        ("AEBE52E7-03EE-455A-B3C4-E57283966239", "mobile_id"),
    ],
)
def test_the_type_is_told_by_its_looks(project: Project, value: str, kind: str) -> None:
    shown = project.run("hash", value, "--platform", "meta", "--json")
    assert shown.json["values"][0]["type"] == kind


@pytest.mark.parametrize(
    "arguments",
    [
        ["somebody"],
        ["a\udcff@b.co"],
        ["ann@example.com", "--type", "shoe"],
        ["a@b.co", "--platform", "myspace"],
    ],
)
def test_what_cannot_be_asked_is_a_usage_error_without_the_value(
    project: Project, arguments: list[str]
) -> None:
    shown = project.run("hash", *arguments, "--json")
    assert shown.exit_code == 2
    assert shown.json["error"]["code"] == "USAGE_ERROR"
    assert arguments[0] not in shown.stdout


def test_an_unknown_type_for_all_lines_is_a_usage_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"value": "x"}\n')))
    assert project.run("hash", "--type", "shoe").exit_code == 2


def test_lines_are_answered_in_order_with_all_that_they_held() -> None:
    first, second = answers(
        {"platform": "google", "type": "phone", "value": "020 7183 8750", "region": "GB", "id": 7},
        {"platform": "meta", "type": "phone", "value": "020 7183 8750", "region": "GB"},
    )
    assert first == {
        "platform": "google",
        "type": "phone",
        "value": "020 7183 8750",
        "region": "GB",
        "id": 7,
        "normalized": "+442071838750",
        "hash": sha("+442071838750"),
        "sent": sha("+442071838750"),
        "rejected": None,
    }
    assert second["normalized"] == "442071838750"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "invalid_json"),
        ("", "invalid_json"),
        ("[1]", "invalid_json"),
        ({"type": "shoe", "value": "x"}, "unknown_type"),
        ({"type": ["email"], "value": "x"}, "unknown_type"),
        ({"value": "x"}, "unknown_type"),
        ({"platform": "myspace", "type": "email", "value": "a@b.co"}, "unknown_platform"),
        ({"type": "phone", "value": "1", "phone_policy": "any"}, "unknown_phone_policy"),
        ({"type": "email", "value": None}, "empty"),
        ({"type": "email"}, "empty"),
        ({"type": "email", "value": "  "}, "empty"),
        ({"type": "email", "value": True}, "invalid_value"),
        ({"type": "email", "value": ["a@b.co"]}, "invalid_value"),
        ({"type": "email", "value": "nobody"}, "invalid_format"),
        ({"type": "phone", "value": "020 7183 8750"}, "no_region"),
        ({"type": "email", "value": sha("")}, "empty_hash"),
    ],
)
def test_a_bad_line_has_an_answer_that_says_why(line: object, reason: str) -> None:
    good = {"type": "email", "value": "a@b.co"}
    before, bad, after = answers(good, line, good)
    assert [bad[name] for name in FIELDS] == [None, None, None, reason]
    assert before["hash"] == after["hash"] == sha("a@b.co")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("442071838750", "442071838750"),
        ("442071838750.0", "442071838750"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1.50", "1.50"),
    ],
)
def test_a_number_counts_as_its_text(number: str, text: str) -> None:
    (found,) = answers(f'{{"type": "external_id", "value": {number}}}')
    assert found["normalized"] == text


def test_raw_and_hashed_and_not_taken_are_told_apart() -> None:
    device, hashed, gender = answers(
        {"type": "mobile_id", "value": "AEBE52E7-03EE-455A-B3C4-E57283966239"},
        {"type": "email", "value": sha("a@b.co").upper()},
        {"platform": "tiktok", "type": "gender", "value": "Female"},
    )
    assert device["sent"] == "aebe52e7-03ee-455a-b3c4-e57283966239"
    assert [hashed[name] for name in FIELDS] == [None, sha("a@b.co"), sha("a@b.co"), None]
    assert [gender[name] for name in FIELDS] == ["f", sha("f"), None, None]


def test_options_hold_for_lines_that_do_not_say() -> None:
    (found,) = answers({"value": "020 7183 8750"}, kind="phone", region="GB")
    assert (found["platform"], found["type"], found["region"]) == ("meta", "phone", "GB")
    assert found["normalized"] == "442071838750"


def test_a_possible_number_is_kept_when_the_line_says_so() -> None:
    line = {"type": "phone", "value": "+1 202 155 0100"}
    strict, lenient = answers(line, {**line, "phone_policy": "possible"})
    assert strict["rejected"] == "invalid_phone"
    assert lenient["normalized"] == "12021550100"


def test_many_lines_keep_their_order() -> None:
    lines = [
        {"platform": ("meta", "google")[n % 2], "type": "email", "value": f"u{n}@example.com"}
        for n in range(45_000)
    ]
    found = answers(*lines)
    assert [one["value"] for one in found] == [one["value"] for one in lines]
    assert all(one["hash"] == sha(one["value"]) for one in found[::977])


def test_a_program_on_a_pipe_gets_each_answer_while_it_waits() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "audsync", "hash", "--type", "email", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin
    assert process.stdout
    with process:
        for value in ("a@b.co", "c@d.co"):
            process.stdin.write(json.dumps({"value": value}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["hash"] == sha(value)
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0
