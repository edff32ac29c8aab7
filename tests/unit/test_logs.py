"""Log lines: one line each, whatever is in them, and what they are about."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audsync import logs
from audsync.errors import PartialFailureError, UnavailableError

LOG = logging.getLogger("audsync.somewhere")
NASTY = "x\n2026-01-01T00:00:00.000Z ERROR forged\r\x1b[31m\u2028\u202egpj"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A log file, in force; the handlers are taken away afterwards."""
    path = tmp_path / "audsync.log"
    yield path
    root = logging.getLogger()
    for one in [one for one in root.handlers if getattr(one, "is_ours", False)]:
        root.removeHandler(one)
        one.close()
    root.setLevel(logging.WARNING)


def set_up(file: Path | None, *, is_json: bool = False, level: int = logging.WARNING) -> None:
    logs.set_up(level=level, file=file, is_json=is_json, run_id="run1")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("is_json", [False, True])
def test_no_value_can_forge_a_line(file: Path, *, is_json: bool) -> None:
    set_up(file, is_json=is_json)
    with logs.about(audience=NASTY, connection=NASTY):
        LOG.warning("%s", NASTY, extra={"code": NASTY, "request_id": NASTY})
    text = file.read_text("utf-8")
    assert len(text.splitlines()) == 1
    assert text.removesuffix("\n").isprintable()


def test_a_line_says_what_it_is_about(file: Path) -> None:
    set_up(file, is_json=True)
    LOG.info("before")
    with logs.about(audience="a", connection="c"):
        logs.also(job_id="j")
        LOG.info("within")
        with logs.about(audience="b"):
            LOG.info("deeper")
    LOG.info("after")
    logs.also(job_id="nobody's")
    LOG.info("later")
    told = [(line["message"], line.get("audience"), line.get("job_id")) for line in lines(file)]
    assert told == [
        ("before", None, None),
        ("within", "a", "j"),
        ("deeper", "b", "j"),
        ("after", None, None),
        ("later", None, None),
    ]
    assert {line["run_id"] for line in lines(file)} == {"run1"}


def test_threads_do_not_mix(file: Path) -> None:
    set_up(file, is_json=True)
    both = threading.Barrier(2)

    def work(name: str) -> None:
        with logs.about(audience=name):
            both.wait()
            LOG.info("%s", name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(line["message"] == line["audience"] for line in lines(file))
    assert len(lines(file)) == 2


def test_an_error_brings_its_code_and_the_platforms_request_id(file: Path) -> None:
    set_up(file, is_json=True)
    cause = UnavailableError("no", details={"trace_id": "T1"})
    LOG.warning("one", extra=logs.of(cause))
    partial = PartialFailureError("some", details={"cause": cause.as_json()})
    LOG.warning("two", extra=logs.of(partial.as_json()))
    LOG.warning("three", extra=logs.of(UnavailableError("no")))
    told = [(line["code"], line.get("request_id")) for line in lines(file)]
    assert told == [
        ("PLATFORM_UNAVAILABLE", "T1"),
        ("PARTIAL_FAILURE", "T1"),
        ("PLATFORM_UNAVAILABLE", None),
    ]


@pytest.mark.parametrize("is_json", [False, True])
def test_of_an_exception_its_place_is_written_and_never_its_text(
    file: Path, *, is_json: bool
) -> None:
    set_up(file, is_json=is_json)
    try:
        try:
            int("ann@example.com")
        except ValueError as error:
            raise KeyError("bob@example.com") from error
    except KeyError:
        LOG.info("a bug", exc_info=True)
    text = file.read_text("utf-8")
    assert "example.com" not in text
    assert "ValueError" in text
    assert "KeyError" in text
    assert "test_logs.py:" in text


def test_the_file_is_its_owners_alone_is_appended_to_and_may_be_rotated(file: Path) -> None:
    set_up(file)
    LOG.info("one")
    assert file.stat().st_mode & 0o777 == 0o600
    set_up(file)
    LOG.info("two")
    assert len(file.read_text().splitlines()) == 2
    file.rename(file.with_suffix(".1"))
    LOG.info("three")
    assert len(file.read_text().splitlines()) == 1
    assert file.stat().st_mode & 0o777 == 0o600


def test_other_libraries_are_heard_of_from_warnings_on(file: Path) -> None:
    set_up(file)
    logging.getLogger("somebody.else").info("no")
    logging.getLogger("audsyncer").info("no")
    logging.getLogger("somebody.else").warning("yes")
    assert len(file.read_text().splitlines()) == 1


@pytest.mark.usefixtures("file")
def test_stderr_is_told_what_the_command_does_not_say_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = UnavailableError("away")
    set_up(None)
    LOG.error("said", extra=logs.of(error, is_told=True))
    LOG.error("unsaid", extra=logs.of(error))
    LOG.info("too little")
    assert [line.split(": ")[1].split(" ")[0] for line in _err(capsys)] == ["unsaid"]
    set_up(None, is_json=True)
    LOG.error("said", extra=logs.of(error, is_told=True))
    assert [json.loads(line)["message"] for line in _err(capsys)] == ["said"]


def _err(capsys: pytest.CaptureFixture[str]) -> list[str]:
    sys.stderr.flush()
    return capsys.readouterr().err.splitlines()
